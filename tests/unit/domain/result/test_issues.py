"""Findings come from evidence, keep their id from run to run, and are closed only by a run that looked and found it right."""

from datetime import timedelta
from typing import Any

import pytest

from squall.domain.base.vocabulary import AbortSource, CriterionOutcome, RollbackOutcome, Status, Verdict
from squall.domain.documents.evidence import Evidence
from squall.domain.documents.finding import Finding, FindingStatus, Severity, StoredFinding
from squall.domain.documents.judgement import CriterionResult, Judgement
from squall.domain.documents.recovery import Recovery, RunningMembers
from squall.domain.documents.rollback import RollbackReport
from squall.domain.judging.verdict import make_decision
from squall.domain.result.finding_history import merge_findings
from squall.domain.result.finding_kinds import AUTO_SCALING, GUARD, KINDS, MONITORING, REDUNDANCY, RESPONSE, SHUTDOWN
from squall.domain.result.finding_rules import inspect_run, list_disproved, list_findings
from squall.domain.run.record import Abort
from squall.faults.plan import traits_of
from tests.unit.builders import NOW, definition, discovery, experiment, record

MET, NOT_MET, UNKNOWN = CriterionOutcome.MET, CriterionOutcome.NOT_MET, CriterionOutcome.CANNOT_TELL
REFUTED = make_decision(Status.COMPLETED, Verdict.REFUTED, "r")
VALIDATED = make_decision(Status.COMPLETED, Verdict.VALIDATED, "r")
WELL = Recovery(recovered=True, replaced_at=NOW + timedelta(minutes=3), replacement_ids=("i-new",))
SENTENCES = ["System availability > 99%", "alarm pager fires within 3 minutes", "recovers within 5 minutes"]


def looked_at(
    *outcomes: CriterionOutcome, sentences: list[str] | None = None, **changes: Any
) -> tuple[tuple[Finding, ...], frozenset[str]]:
    texts = sentences or SENTENCES
    criteria = tuple(
        CriterionResult(
            text=text,
            kind="threshold" if "%" in text else "other",
            critical=False,
            outcome=outcome,
            measured=97.0,
            threshold=99.0,
            comparator=">",
            unit="percent",
            metric="availability" if "availability" in text else None,
            points=((int(NOW.timestamp()), 100.0), (int(NOW.timestamp()) + 60, 94.0)),
            reason="because",
        )
        for text, outcome in zip(texts, outcomes, strict=True)
    )
    decision = changes.pop("decision", REFUTED if NOT_MET in outcomes else VALIDATED)
    known = record(abort=changes.pop("abort", None))
    asked = definition(experiment(success_criteria=texts))
    evidence = Evidence(
        definition=asked,
        traits=traits_of(asked),
        discovery=discovery(),
        recovery=changes.pop("recovery", WELL),
        judgement=Judgement(
            at=NOW, criteria=criteria, status=decision.status, verdict=decision.verdict, hypothesis_validated=None, reason="r"
        ),
        **changes,
    )
    inspections = inspect_run(known, decision, evidence)
    return list_findings(inspections, "experiment"), list_disproved(inspections, "experiment")


def kinds(result: tuple[Finding, ...]) -> list[str]:
    return [finding.kind for finding in result]


def test_a_good_run_has_no_finding_and_disproves_what_it_looked_at() -> None:
    result, right = looked_at(MET, MET, MET)
    assert result == ()
    assert {name.rpartition("-")[0] for name in right} == {
        "unmeasured", "availability_lost", "not_detected", "slow_recovery", "not_recovered", "not_replaced"
    }  # fmt: skip


def test_a_finding_names_metric_value_moment_target_and_practice() -> None:
    ((lost,), _) = looked_at(NOT_MET, MET, MET)
    assert lost.kind == "availability_lost"
    assert lost.practice.startswith("REL11-BP02")
    assert lost.severity is Severity.HIGH
    observed = lost.evidence
    assert (observed.metric, observed.value, observed.threshold, observed.unit, observed.target) == (
        "availability", 97.0, 99.0, "percent", "i-1234567890abcdef0"
    )  # fmt: skip
    assert observed.at == NOW + timedelta(minutes=1), "the first period that broke the criterion"
    assert {REDUNDANCY, SHUTDOWN} <= set(lost.improvements)


def test_its_id_is_of_what_it_is_about_never_of_values() -> None:
    ((first,), _) = looked_at(NOT_MET, MET, MET)
    ((stricter,), _) = looked_at(NOT_MET, MET, MET, sentences=["System availability > 99.9%", *SENTENCES[1:]])
    ((other,), _) = looked_at(NOT_MET, MET, MET, sentences=["Error rate < 1%", *SENTENCES[1:]])
    assert first.id == stricter.id
    assert first.id != other.id


@pytest.mark.parametrize(
    ("outcomes", "changes", "kind", "improvement", "mechanism"),
    [
        ((MET, NOT_MET, MET), {}, "not_detected", MONITORING, "alarm pager"),
        ((MET, MET, NOT_MET), {}, "slow_recovery", RESPONSE, "recovery"),
        ((UNKNOWN, MET, MET), {}, "unmeasured", MONITORING, "monitoring"),
        ((MET, MET, MET), {"recovery": Recovery(recovered=False, replaced_at=NOW)}, "not_recovered", RESPONSE, "recovery"),
        ((MET, MET, MET), {"recovery": Recovery(recovered=True)}, "not_replaced", AUTO_SCALING, "Auto Scaling group shop"),
        (
            (MET, MET, MET),
            {"rollback": RollbackReport(at=NOW, proofs=(), outcome=RollbackOutcome.NOT_RESTORED, differences=("a command runs",))},
            "not_restored", RESPONSE, "rollback",
        ),
        ((MET, MET, MET), {"abort": Abort(AbortSource.BLIND_GUARD, "no data", NOW)}, "guard_blind", GUARD, None),
        ((MET, MET, MET), {"abort": Abort(AbortSource.GUARD, "fired", NOW, "g-1")}, "guard_fired", RESPONSE, "g-1"),
    ],
)  # fmt: skip
def test_each_recommendation_has_its_evidence(
    outcomes: tuple[CriterionOutcome, ...], changes: dict[str, Any], kind: str, improvement: str, mechanism: str | None
) -> None:
    result, right = looked_at(*outcomes, **changes)
    assert kinds(result) == [kind]
    assert improvement in result[0].improvements
    assert result[0].evidence.mechanism == mechanism
    assert result[0].id not in right


@pytest.mark.parametrize(
    ("running", "kind"),
    [
        (RunningMembers(group="Auto Scaling group shop", count=1), "capacity_lost"),
        (RunningMembers(group="Auto Scaling group shop", count=2, since=NOW + timedelta(minutes=9)), "slow_recovery"),
    ],
)
def test_too_few_members_are_lost_capacity_and_late_ones_a_slow_recovery(running: RunningMembers, kind: str) -> None:
    text = "2 instances run within 5 minutes"
    seen = WELL.model_copy(update={"running": {text: running}})
    found, _ = looked_at(NOT_MET, sentences=[text], recovery=seen)
    assert kinds(found) == [kind]
    _, right = looked_at(MET, sentences=[text], recovery=seen)
    assert found[0].id in right, "a run in which enough of them ran in time closes it"


def test_who_stops_a_run_finds_nothing_out_about_the_workload() -> None:
    result, _ = looked_at(MET, MET, MET, abort=Abort(AbortSource.OPERATOR, "enough", NOW, "me"))
    assert result == ()


def test_every_kind_points_at_a_best_practice_of_the_reliability_pillar() -> None:
    assert all(kind.practice.startswith("REL") and " " in kind.practice for kind in KINDS.values())


def test_a_finding_of_an_earlier_run_is_recognised_counted_and_closed_by_the_run_that_disproves_it() -> None:
    observed, _ = looked_at(NOT_MET, MET, MET)
    first = merge_findings(observed, (), [], "run-1", NOW)
    assert (first[0].first_seen, first[0].seen_count) == (NOW, 1)
    later = NOW + timedelta(days=1)
    known = [StoredFinding(finding=first[0], last_execution="run-1")]
    again = merge_findings(observed, (), known, "run-2", later)
    assert (again[0].first_seen, again[0].seen_count, again[0].status) == (NOW, 2, FindingStatus.OPEN)
    assert merge_findings(observed, (), [StoredFinding(finding=again[0], last_execution="run-2")], "run-2", later) == again, (
        "a repeated Record"
    )
    _, right = looked_at(MET, MET, MET)
    (closed,) = merge_findings((), right, [StoredFinding(finding=again[0], last_execution="run-2")], "run-3", later)
    assert (closed.status, closed.closed_by, closed.seen_count) == (FindingStatus.CLOSED, "run-3", 2)
    stored = StoredFinding(finding=closed, last_execution="run-3")
    assert merge_findings((), right, [stored], "run-3", later) == (closed,), "a repeated Record"
    assert merge_findings((), right, [stored], "run-4", later) == ()
    (back,) = merge_findings(observed, (), [stored], "run-5", later)
    assert (back.status, back.closed_by, back.seen_count) == (FindingStatus.OPEN, None, 3)


def test_what_was_not_looked_at_stays_open_and_unread_history_is_not_invented() -> None:
    observed, _ = looked_at(NOT_MET, MET, MET)
    (first,) = merge_findings(observed, (), [], "run-1", NOW)
    assert merge_findings((), (), [StoredFinding(finding=first, last_execution="run-1")], "run-2", NOW) == ()
    (unknown,) = merge_findings(observed, (), None, "run-2", NOW)
    assert (unknown.first_seen, unknown.seen_count) == (None, None)
