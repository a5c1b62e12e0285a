"""The result has the keys of REL12-BP05, filled from evidence; the message says what happened and what to do."""

from datetime import timedelta
from typing import Any

import pytest

from squall.adapters.sns import render_text
from squall.domain.base.problems import Problem
from squall.domain.base.vocabulary import AbortSource, CheckOutcome, CriterionOutcome, RollbackOutcome, Status, Verdict
from squall.domain.documents.evidence import Evidence
from squall.domain.documents.fault import FaultReport, FaultTemplate  # fmt: skip
from squall.domain.documents.judgement import CriterionResult, Judgement  # fmt: skip
from squall.domain.documents.recovery import Recovery  # fmt: skip
from squall.domain.documents.refusal import Refusal  # fmt: skip
from squall.domain.documents.result import Result  # fmt: skip
from squall.domain.documents.rollback import Proof, RollbackReport  # fmt: skip
from squall.domain.documents.safety import Safety, SafetyCheck  # fmt: skip
from squall.domain.judging.verdict import Decision, make_decision
from squall.domain.messages.run_ended import make_message
from squall.domain.result.build import build_result
from squall.domain.run.record import Abort, Event
from squall.domain.run.timeline import EventName
from squall.domain.safety.cost import estimate_cost
from squall.faults.plan import traits_of
from tests.unit.builders import ARN, HEALTHY, NOW, baseline, before, definition, discovery, record

END = NOW + timedelta(minutes=20)
REL12_KEYS = {
    "execution_id", "experiment_name", "status", "start_time", "end_time", "hypothesis_validated", "observations", "issues_discovered",
    "improvements_identified", "metrics_collected",
}  # fmt: skip
BODY = {"actions": {"terminate": {"actionId": "x"}, "observe": {"parameters": {"duration": "PT10M"}}}}


def criterion(text: str, outcome: CriterionOutcome = CriterionOutcome.MET, reason: str = "measured 99.9 percent") -> CriterionResult:
    return CriterionResult(text=text, kind="threshold", critical=False, outcome=outcome, measured=99.9, reason=reason)


def evidence(*criteria: CriterionResult, **changes: Any) -> Evidence:
    outcome = discovery()
    verdict = Verdict.REFUTED if any(c.outcome is CriterionOutcome.NOT_MET for c in criteria) else Verdict.VALIDATED
    inputs: dict[str, Any] = {
        "definition": definition(),
        "discovery": outcome,
        "safety": Safety(at=NOW, checks=(SafetyCheck(name="rollback_plan", outcome=CheckOutcome.PASSED, detail="a plan"),)),
        "baseline": baseline(),
        "template": FaultTemplate(body=BODY, before=before(outcome), guards=()),
        "fault": FaultReport(experiment_id="EXP1", status="completed", started_at=NOW, ended_at=NOW + timedelta(minutes=10)),
        "rollback": RollbackReport(
            at=END,
            outcome=RollbackOutcome.RECOVERED,
            differences=(),
            proofs=(Proof(target=outcome.pinned[0].id, proven=True, kind="state", detail=f"{outcome.pinned[0].id} is terminated"),),
        ),
        "recovery": Recovery(
            recovered=True, recovered_at=END, seconds_to_recover=240, replacement_ids=("i-new",), replaced_at=END, detail="ok"
        ),
        "judgement": Judgement(
            at=END,
            criteria=criteria,
            status=Status.COMPLETED,
            verdict=verdict,
            hypothesis_validated=verdict is Verdict.VALIDATED,
            reason="r",
            values={"fault": HEALTHY, "recovery": HEALTHY},
        ),
    }
    inputs["traits"] = traits_of(definition())
    return Evidence(**{**inputs, **changes})


def result(decision: Decision, collected: Evidence, **changes: Any) -> Result:
    return build_result(record(fis_experiment_id="EXP1", fault_started_at=NOW, **changes), decision, collected, END)


STOPPED = make_decision(Status.ABORTED, Verdict.ABORTED, "aborted by squall doctor (operator): nothing is wrong")
VALIDATED = make_decision(Status.COMPLETED, Verdict.VALIDATED, "3 of 3 criteria met")
REFUTED = make_decision(Status.COMPLETED, Verdict.REFUTED, "2 of 3 criteria met")


def test_the_seeds_keys_are_all_there_and_lists_stay_lists_of_strings() -> None:
    outcome = result(VALIDATED, evidence(criterion("a"))).model_dump(mode="json")
    assert set(outcome) >= REL12_KEYS
    for key in ("observations", "issues_discovered", "improvements_identified"):
        assert all(isinstance(line, str) for line in outcome[key])
    assert (outcome["status"], outcome["hypothesis_validated"]) == ("completed", True)


def test_a_good_run_has_no_issues_and_no_improvements() -> None:
    outcome = result(VALIDATED, evidence(criterion("System availability > 99%")))
    assert outcome.issues_discovered == ()
    assert outcome.improvements_identified == ()
    assert "Hypothesis validated - system behaved as expected" in outcome.observations


def test_a_refuted_run_names_the_criterion_and_gets_the_seeds_recommendations() -> None:
    failed = criterion("Response time < 2 seconds", CriterionOutcome.NOT_MET, "measured 3 seconds")
    outcome = result(REFUTED, evidence(criterion("a"), failed))
    assert outcome.issues_discovered == ("Success criteria not met: Response time < 2 seconds (measured 3 seconds)",)
    assert {"System resilience needs improvement", "Consider additional redundancy", "Test application graceful shutdown"} <= set(
        outcome.improvements_identified
    )
    assert "Verify auto-scaling configuration" not in outcome.improvements_identified  # it did replace the instance


def test_auto_scaling_is_to_be_verified_only_when_it_did_not_replace() -> None:
    outcome = result(REFUTED, evidence(criterion("a", CriterionOutcome.NOT_MET), recovery=Recovery(recovered=False, detail="0 of 1")))
    assert "Verify auto-scaling configuration" in outcome.improvements_identified


def test_metrics_of_every_window_are_collected_with_their_units() -> None:
    collected = result(VALIDATED, evidence(criterion("a"))).metrics_collected
    assert {"baseline", "fault", "recovery", "final", "units"} <= set(collected)
    assert collected["baseline"]["availability"] == 100.0
    assert collected["units"]["response_time"] == "seconds"


def test_targets_come_with_their_proof() -> None:
    (target,) = result(VALIDATED, evidence(criterion("a"))).targets
    assert (target["proven"], target["zone"]) == (True, "eu-west-1a")


def test_the_timeline_is_the_records_events_in_order() -> None:
    events = (Event(END, EventName.RECORDED), Event(NOW, EventName.ADMITTED))
    assert [event.event for event in result(VALIDATED, evidence(), events=events).timeline] == ["admitted", "recorded"]


def test_a_rejected_run_lists_what_refused_it() -> None:
    failure = SafetyCheck(name="closed_hours", outcome=CheckOutcome.NOT_EVALUATED, detail="no zone")
    inputs = Evidence(
        definition=definition(),
        safety=Safety(at=NOW, checks=(failure,)),
        refusal=Refusal(at=NOW, problems=(Problem(path="a", message="b"),)),
    )
    built_result = build_result(record(), make_decision(Status.REJECTED, None, "closed"), inputs, END)
    assert built_result.verdict is None
    assert built_result.issues_discovered == ("Safety check closed_hours not evaluated: no zone", "Refused: a: b")
    assert built_result.cost == {}


def test_a_run_that_was_never_admitted_still_has_a_result() -> None:
    built_result = build_result(record(experiment="x"), make_decision(Status.REJECTED, None, "unknown experiment"), Evidence(), END)
    assert (built_result.experiment_name, built_result.targets, built_result.metrics_collected) == ("x", (), {})


def test_an_abort_is_an_issue_only_when_the_workload_caused_it() -> None:
    decision = make_decision(Status.ABORTED, Verdict.ABORTED, "stopped")
    guard, person = (Abort(source, "why", NOW, "someone") for source in (AbortSource.GUARD, AbortSource.OPERATOR))
    assert any("guard aborted" in issue for issue in result(decision, evidence(), abort=guard).issues_discovered)
    assert result(decision, evidence(), abort=person).issues_discovered == ()


def test_cost_is_action_minutes_at_ten_cents() -> None:
    assert estimate_cost(BODY)["action_minutes"] == 11
    assert estimate_cost(BODY)["fis_usd"] == pytest.approx(1.10)
    assert estimate_cost(BODY, timedelta(minutes=2))["action_minutes"] == 3
    assert estimate_cost(BODY, alarm_metrics=4)["total_usd"] > 1.10


def test_an_action_that_waits_for_others_is_billed_from_when_it_begins() -> None:
    later = {"parameters": {"duration": "PT40M"}, "startAfter": ["first"]}
    body = {"actions": {"first": {"parameters": {"duration": "PT50M"}}, "later": later}}
    passed = {minutes: estimate_cost(body, timedelta(minutes=minutes))["action_minutes"] for minutes in (8, 52, 120)}
    assert passed == {8: 8, 52: 52, 120: 90}
    one_after_the_other, together = (
        estimate_cost(body, alarm_metrics=10),
        estimate_cost({"actions": {"later": {**later, "startAfter": []}}}, alarm_metrics=10),
    )
    assert one_after_the_other["alarms_usd"] == pytest.approx(2 * together["alarms_usd"], abs=2e-4), "two hours of alarms"


def test_the_message_says_verdict_numbers_reason_and_what_to_do() -> None:
    failed = criterion("Response time < 2 seconds", CriterionOutcome.NOT_MET, "measured 3 seconds over 9 periods, wanted < 2")
    outcome = result(REFUTED, evidence(criterion("System availability > 99%"), failed))
    sent = make_message(outcome, record(fis_experiment_id="EXP1"), "bucket")
    body = render_text(sent)
    assert sent.subject == "Squall: refuted: EC2 Instance Termination Test in staging"
    assert "[NOT MET] Response time < 2 seconds\n      measured 3 seconds over 9 periods, wanted < 2" in body
    assert "2 of 3 criteria met" in body
    assert "What to do next" in body
    assert f"executions/details/{ARN}" in body
    assert "aws fis get-experiment --id EXP1 --region eu-west-1" in body
    assert "s3://bucket/results/run-1/result.json" in body
    assert sent.attributes == {
        "status": "completed",
        "verdict": "refuted",
        "environment": "staging",
        "experiment": "EC2 Instance Termination Test",
    }


def test_what_was_not_restored_comes_first_in_what_to_do() -> None:
    left = RollbackReport(
        at=END, proofs=(), outcome=RollbackOutcome.NOT_RESTORED, differences=("command c is still InProgress",), could_have_lasted_until=END
    )
    body = render_text(make_message(result(REFUTED, evidence(rollback=left)), record(), "bucket"))
    assert "First restore by hand" in body
    assert "command c is still InProgress" in body
    assert "could last until 2026-03-02 20:20:00 UTC" in body


def test_every_ending_has_a_message() -> None:
    for status in Status:
        for verdict in [None, *Verdict]:
            sent = make_message(result(make_decision(status, verdict, "r"), Evidence()), record(), "bucket")
            assert sent.subject
            assert "What to do next" in render_text(sent)


def test_the_message_of_a_trial_of_the_doctor_asks_nobody_to_look_after_a_workload() -> None:
    trial = record(experiment="squall doctor", fault_type="", fis_experiment_id="EXP1")
    body = render_text(make_message(result(STOPPED, evidence()), trial, "bucket"))
    assert "Nothing has to be done: squall doctor tried" in body
    assert "workload is healthy" not in body
    forged = record(experiment="squall doctor", fault_type="cpu_stress", fis_experiment_id="EXP1")
    assert "Check that the workload is healthy" in render_text(make_message(result(STOPPED, evidence()), forged, "bucket"))


def test_a_hypothesis_that_held_hides_no_recovery_that_did_not_happen() -> None:
    not_back = evidence(recovery=Recovery(recovered=False, detail="alarm pager is ALARM"))
    body = render_text(make_message(result(VALIDATED, not_back), record(), "bucket"))
    assert "Nothing has to be done" not in body
