"""A run in short as Markdown, for the summary of a CI job. Texts from outside stay text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squall.domain.base.vocabulary import CriterionOutcome
from squall.reporting.markdown import escape_text

if TYPE_CHECKING:
    from squall.domain.documents.result import Result

_MARKS = {CriterionOutcome.MET: "✅ met", CriterionOutcome.NOT_MET: "❌ not met", CriterionOutcome.CANNOT_TELL: "❔ can't tell"}


def render_summary(result: Result, report: str) -> str:
    """Verdict, criteria, open findings, and where the report is."""
    word = (result.verdict or result.status).value
    place = f" in {escape_text(result.environment)}" if result.environment else ""
    lines = [
        f"## Squall: {escape_text(result.experiment_name or result.execution_id)}{place}: {word}",
        "",
        escape_text(result.reason),
        "",
    ]
    if result.criteria:
        lines += ["| criterion | outcome | measured |", "|---|---|---|"]
        lines += [
            f"| {escape_text(criterion.text)} | {_MARKS[criterion.outcome]} | {escape_text(criterion.reason)} |"
            for criterion in result.criteria
        ]
        lines.append("")
    if findings := [finding for finding in result.findings if finding.closed_by is None]:
        lines += [f"- {finding.severity.value}: {escape_text(finding.title)} (`{finding.id}`)" for finding in findings] + [""]
    lines += [f"Execution {escape_text(result.execution_id)}; report: `{report}`", ""]
    return "\n".join(lines)
