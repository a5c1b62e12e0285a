"""A guard aborts a fault; and each way to abort one does it alone, with all others switched off."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.deployed.rig import ALONE, ENDED, TRIPPED, Execution, Rig, latency
from tests.patience import LONGEST_TEST, stretched, until

pytestmark = [pytest.mark.deployed, pytest.mark.xdist_group("deployed"), pytest.mark.timeout(LONGEST_TEST)]

SOON_SECONDS = 15.0
"""From an alarm to FIS's stop: two seconds on an idle machine."""
Property = Callable[[str, object], None]
Only = Callable[..., None]


@pytest.fixture(params=["ideal", pytest.param("pessimistic", marks=pytest.mark.soak)])
def only(rig: Rig, request: pytest.FixtureRequest) -> Only:
    """Switches off every way to stop a fault but those given, in an account that behaves well or badly.

    Badly: late, slow, repeating; what is to arrive alone does arrive, or there would be nothing to see.
    """

    def switch(**ways: object) -> None:
        rig.profile(name=request.param)
        rig.profile(**{**ALONE, "drop_event_rate": {}, **ways})

    return switch


@pytest.mark.usefixtures("calm")
def test_a_guard_that_fires_ends_the_fault_and_the_delay_is_gone(rig: Rig, target: str, record_property: Property) -> None:
    run = rig.run(latency(target, **TRIPPED))
    run.until("fault_started")  # not `watched`: on a busy machine the guard may have ended the fault by then
    experiment = run.record["fis_experiment_id"]
    rig.wait_until_slow(target)
    record = run.done()
    rig.wait_until_quick(target)
    assert (record["status"], record["verdict"], record["hypothesis_validated"]) == ("aborted", "aborted", False)
    assert record["abort"]["source"] == "guard"
    assert run.status == "SUCCEEDED"
    fault = rig.fault(experiment)
    assert fault["state"]["status"] == "stopped"
    alarm = fired_at(rig, run)
    record_property("alarm_to_stopped_seconds", round((fault["endTime"] - alarm).total_seconds(), 1))
    assert timedelta(0) <= fault["endTime"] - alarm < timedelta(seconds=stretched(SOON_SECONDS))
    record_property("alarm_to_recorded_seconds", round((run.at("abort_requested") - alarm).total_seconds(), 1))
    assert run.at("abort_requested") - alarm < timedelta(seconds=stretched(SOON_SECONDS))
    assert run.result["rollback"]["outcome"] == "restored"
    assert run.message()["MessageAttributes"]["verdict"]["Value"] == "aborted"
    assert rig.left() == []


@pytest.mark.usefixtures("calm")
def test_fis_stop_condition_alone_stops_the_fault(rig: Rig, target: str, only: Only) -> None:
    run = rig.run(latency(target, **TRIPPED))
    run.until("template_created")
    only(disable_stop_conditions=False)  # before the guard can fire: no delivery of its alarm may be on the way
    run.until("fault_started")
    fault = stopped(rig, run.record["fis_experiment_id"])
    assert fault["state"]["reason"] == "Experiment halted by stop condition."
    assert run.saw("abort_requested") is None
    aborted_by_guard(rig, run)


def test_alarm_action_alone_stops_the_fault(rig: Rig, target: str, only: Only) -> None:
    run = rig.run(latency(target))
    experiment = run.watched()
    only(disable_alarm_actions=False)
    trip(rig, run)
    fault = stopped(rig, experiment)
    assert fault["state"]["reason"] == "Experiment was stopped by a user."
    aborted_by_guard(rig, run)


def test_eventbridge_alone_stops_the_fault(rig: Rig, target: str, only: Only) -> None:
    run = rig.run(latency(target))
    experiment = run.watched()
    only(drop_all_events=["aws.fis", "aws.states"])
    trip(rig, run)
    fault = stopped(rig, experiment)
    assert fault["state"]["reason"] == "Experiment was stopped by a user."
    aborted_by_guard(rig, run)


@pytest.mark.usefixtures("calm")
def test_the_pulse_alone_sees_that_a_guard_was_loosened(rig: Rig, target: str, only: Only) -> None:
    """Availability is never below -1 %: it would stay OK, whatever happens."""
    run = rig.run(latency(target))
    experiment = run.watched()
    only()
    (guard,) = (alarm for alarm in rig.guards() if alarm["AlarmName"] in run.guard_names)
    kept = ("AlarmName", "AlarmDescription", "Metrics", "ComparisonOperator", "EvaluationPeriods", "DatapointsToAlarm")
    same = {key: guard[key] for key in kept if key in guard}
    rig.client("cloudwatch").put_metric_alarm(**same, Threshold=-1.0, AlarmActions=guard["AlarmActions"], TreatMissingData="notBreaching")
    rig.pulse()
    stopped(rig, experiment)
    record = run.done()
    assert (record["status"], record["abort"]["source"]) == ("aborted", "blind_guard")
    assert "was changed" in record["abort"]["reason"]
    assert rig.left() == []


def test_the_pulse_alone_takes_a_deleted_guard_for_blind(rig: Rig, target: str, only: Only) -> None:
    run = rig.run(latency(target))
    experiment = run.watched()
    until(lambda: rig.fault(experiment)["state"]["status"] == "running", "FIS, which looks for the alarm at its start, has started")
    only()
    rig.client("cloudwatch").delete_alarms(AlarmNames=run.guard_names[:1])
    rig.pulse()
    stopped(rig, experiment)
    record = run.done()
    assert (record["status"], record["abort"]["source"]) == ("aborted", "blind_guard")
    assert "was deleted" in record["abort"]["reason"]
    assert "A guard went blind" in " ".join(run.result["issues_discovered"])
    assert rig.left() == []


def test_an_operator_alone_stops_the_fault(rig: Rig, target: str, only: Only) -> None:
    run = rig.run(latency(target))
    experiment = run.watched()
    only()
    answer = rig.client("lambda").invoke(
        FunctionName=rig.account.outputs["AbortFunctionName"],
        Payload=f'{{"execution_id": "{run.id}", "reason": "lunch", "requested_by": "maria"}}',
    )
    assert "FunctionError" not in answer
    stopped(rig, experiment)
    record = run.done()
    assert (record["status"], record["verdict"], record.get("hypothesis_validated")) == ("aborted", "aborted", None)
    assert (record["abort"]["source"], record["abort"]["by"]) == ("operator", "maria")
    assert "lunch" in run.message()["Message"]
    assert rig.left() == []


def fired_at(rig: Rig, run: Execution) -> datetime:
    """When the guard itself fired: by CloudWatch's history, which outlives the alarm."""
    changes = rig.client("cloudwatch").describe_alarm_history(AlarmName=run.guard_names[0], HistoryItemType="StateUpdate")
    fired = [item["Timestamp"] for item in changes["AlarmHistoryItems"] if item["HistorySummary"].endswith("to ALARM")]
    return datetime.fromisoformat(str(min(fired)))


def trip(rig: Rig, run: Execution) -> None:
    """As the guard would by itself: state change, event and action are CloudWatch's own."""
    rig.client("cloudwatch").set_alarm_state(AlarmName=run.guard_names[0], StateValue="ALARM", StateReason="tripped by a test")


def stopped(rig: Rig, experiment: str) -> dict[str, Any]:
    """FIS has ended the fault early: at the end of its two minutes it would be `completed`."""
    until(lambda: rig.fault(experiment)["state"]["status"] in ENDED, "FIS is through with the experiment")
    fault = rig.fault(experiment)
    assert fault["state"]["status"] == "stopped", fault["state"]
    return fault


def aborted_by_guard(rig: Rig, run: Execution) -> None:
    """The run ends as aborted by its guard, also where nobody was left to tell the workflow before its pulse."""
    rig.pulse()
    record = run.done()
    assert (record["status"], record["verdict"], record["hypothesis_validated"]) == ("aborted", "aborted", False)
    assert record["abort"]["source"] == "guard"
    assert rig.left() == []
