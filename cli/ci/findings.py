"""Findings for issue trackers: SARIF 2.1.0, and JSON lines. A finding has the same id in every run, so a tracker updates
the issue that it has."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from squall.domain.documents.finding import FindingStatus, Severity
from squall.version import VERSION

if TYPE_CHECKING:
    from squall.domain.documents.finding import Finding
    from squall.domain.documents.result import Result

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
FINGERPRINT = "squallFindingId/v1"
_LEVELS = {Severity.CRITICAL: "error", Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "note"}


def render_sarif(result: Result, definition: str) -> str:
    """The open findings as a SARIF log. `definition` is the file that the findings are shown at, or the experiment's name."""
    findings = _list_open(result)
    rules = {finding.kind: _make_rule(finding) for finding in findings}
    driver = {"name": "Squall", "version": VERSION, "rules": [rules[kind] for kind in sorted(rules)]}
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"{result.experiment_name}/{result.execution_id}"},
        "results": [_make_result(finding, definition) for finding in findings],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def render_lines(result: Result) -> str:
    """Each finding as a line of JSON, the closed ones of earlier runs too, with the run that showed it."""
    run = {"execution_id": result.execution_id, "experiment": result.experiment_name, "environment": result.environment}
    return "".join(json.dumps(finding.model_dump(mode="json") | run) + "\n" for finding in result.findings)


def _list_open(result: Result) -> list[Finding]:
    return [finding for finding in result.findings if finding.status is FindingStatus.OPEN]


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
