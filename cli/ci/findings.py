"""Findings for issue trackers: SARIF 2.1.0, and JSON lines. A finding has the same id in every run, so a tracker updates
the issue that it has."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from squall.domain.documents.finding import FindingStatus, Severity
from squall.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from squall.domain.campaign.result import CampaignResult
    from squall.domain.documents.finding import Finding
    from squall.domain.documents.result import Result

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
FINGERPRINT = "squallFindingId/v1"
_LEVELS = {Severity.CRITICAL: "error", Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "note"}


@dataclass(frozen=True)
class Found:
    """Findings, and what showed them: a run of an experiment, or a campaign."""

    execution_id: str
    name: str
    environment: str | None
    findings: Sequence[Finding]

    @classmethod
    def of_run(cls, result: Result) -> Found:
        return cls(result.execution_id, result.experiment_name or "", result.environment, result.findings)

    @classmethod
    def of_campaign(cls, result: CampaignResult) -> Found:
        environments = sorted({step.environment for step in result.steps})
        return cls(result.campaign_id, result.name, ", ".join(environments) or None, result.findings)


def render_sarif(found: Found, definition: str) -> str:
    """The open findings as a SARIF log. `definition` is the file that the findings are shown at, or the name of the experiment
    or campaign."""
    findings = [finding for finding in found.findings if finding.status is FindingStatus.OPEN]
    rules = {finding.kind: _make_rule(finding) for finding in findings}
    driver = {"name": "Squall", "version": VERSION, "rules": [rules[kind] for kind in sorted(rules)]}
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"{found.name}/{found.execution_id}"},
        "results": [_make_result(finding, definition) for finding in findings],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def render_lines(found: Found) -> str:
    """Each finding as a line of JSON, the closed ones of earlier runs too, with what showed it."""
    shown_by = {"execution_id": found.execution_id, "experiment": found.name, "environment": found.environment}
    return "".join(json.dumps(finding.model_dump(mode="json") | shown_by) + "\n" for finding in found.findings)


def _make_rule(finding: Finding) -> dict[str, Any]:
    return {"id": finding.kind, "shortDescription": {"text": finding.kind.replace("_", " ")}, "help": {"text": finding.practice}}


def _make_result(finding: Finding, definition: str) -> dict[str, Any]:
    advice = f" What to do: {'; '.join(finding.improvements)}" if finding.improvements else ""
    location = {"physicalLocation": {"artifactLocation": {"uri": definition}, "region": {"startLine": 1}}}
    return {
        "ruleId": finding.kind,
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{finding.title}: {finding.detail}{advice}"},
        "locations": [location],
        "partialFingerprints": {FINGERPRINT: finding.id},
    }
