"""Findings: the same promises from the fake and the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from squall.adapters.dynamodb.findings import DynamoFindings
from squall.domain.documents.finding import Finding, FindingEvidence, Severity, StoredFinding
from tests.adapters.conftest import MINUTES, NOW, client_of

if TYPE_CHECKING:
    from squall.ports.records import Findings
    from tests.fakes.world import FakeWorld


@pytest.fixture
def findings(kind: str, world: FakeWorld, request: pytest.FixtureRequest) -> Findings:
    return world.findings if kind == "fake" else DynamoFindings(client_of("dynamodb"), request.getfixturevalue("table"))


def finding(name: str = "degraded-1", detail: str = "slow") -> Finding:
    finding_evidence = FindingEvidence(metric="response_time", value=3.5, unit="seconds", at=NOW, target="i-1")
    return Finding(
        id=name, kind="degraded", title="t", detail=detail, severity=Severity.LOW, practice="REL05-BP01 x", evidence=finding_evidence
    )


def test_what_was_never_saved_is_not_there(findings: Findings) -> None:
    assert findings.of("shop") == []


def test_a_finding_is_kept_whole_and_by_experiment(findings: Findings) -> None:
    assert findings.save("shop", finding(), "run-1", NOW)
    assert findings.save("other", finding(), "run-9", NOW)
    assert findings.of("shop") == [StoredFinding(finding=finding(), last_execution="run-1")]


def test_the_newest_run_has_the_word_and_may_repeat_it(findings: Findings) -> None:
    assert findings.save("shop", finding(), "run-2", NOW + MINUTES)
    assert findings.save("shop", finding(detail="slower"), "run-2", NOW + MINUTES)
    assert not findings.save("shop", finding(detail="old"), "run-1", NOW)
    assert [statement.finding.detail for statement in findings.of("shop")] == ["slower"]
