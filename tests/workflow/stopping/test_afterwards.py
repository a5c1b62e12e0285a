"""What AWS does after it said it was done: agents that ignore the cancel, FIS that never stops, CloudWatch that can't be asked."""

from __future__ import annotations

from typing import Any

import pytest

from squall.domain.base.vocabulary import AbortSource, RollbackOutcome, Status, Verdict
from squall.domain.documents.rollback import RollbackReport
from squall.domain.run.timeline import EventName
from squall.errors import Refused, Unavailable
from tests.fakes.world import FakeWorld
from tests.workflow.driver import execution_event
from tests.workflow.endings import GUARD, ID, nothing_is_left, record_of, result_of
from tests.workflow.walk import Walk

LATENCY: dict[str, Any] = {
    "name": "Slow network",
    "type": "network_latency",
    "parameters": {"latency_ms": 200},
    "success_criteria": ["System availability > 99%", "Response time < 2 seconds"],
}


@pytest.fixture
def latency(experiment: dict[str, Any]) -> dict[str, Any]:
    return {**experiment, **LATENCY}


@pytest.fixture
def walk_(walk: Walk, world: FakeWorld) -> Walk:
    world.faults.start_seconds = 20
    return walk


def test_a_latency_fault_that_starts_late_is_let_to_its_end(walk_: Walk, world: FakeWorld, latency: dict[str, Any]) -> None:
    done = walk_.run({"definition": latency})
    assert done.status == "SUCCEEDED"
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.VALIDATED), result.reason
    assert record_of(world).abort is None
    nothing_is_left(world)


def test_an_overdue_fault_is_stopped_without_blaming_anybody(walk_: Walk, world: FakeWorld, latency: dict[str, Any]) -> None:
    world.faults.start_seconds = 400  # FIS takes its time to initiate: the fault would last beyond its hour
    done = walk_.run({"definition": latency})
    assert done.status == "SUCCEEDED"
    assert record_of(world).abort is None
    assert [event.event for event in record_of(world).events].count(EventName.STOP_REQUESTED) == 1
    nothing_is_left(world)


def test_an_agent_that_ignores_the_cancel_keeps_the_lock_and_people_are_told(
    walk_: Walk, world: FakeWorld, latency: dict[str, Any]
) -> None:
    world.faults.lingering_commands = True

    def fire(_: Any) -> None:
        world.clock.after(120, lambda: world.alarms.set_state(GUARD, "ALARM"))

    walk_.after["StartFault"] = fire
    walk_.run({"definition": {**latency, "duration_minutes": 60}})  # longer than recovery is watched
    assert record_of(world).status is Status.ABORTED
    rollback = world.documents.get(ID, RollbackReport)
    assert rollback is not None
    assert rollback.outcome is RollbackOutcome.NOT_RESTORED
    assert world.locks.leases, "the next experiment could start on targets that are still faulty"
    alerts = [message for message in world.notifier.sent if "aws ssm cancel-command" in message.body]
    assert len(alerts) == 1
    for command in list(world.commands.invocations):
        world.commands.end(command.id, "Cancelled")
    walk_.pass_time(200)
    nothing_is_left(world, twice=True)


def test_a_users_stop_alarm_is_named_as_the_cause(walk_: Walk, world: FakeWorld, latency: dict[str, Any]) -> None:
    from tests.fakes.monitoring import FakeAlarm  # noqa: PLC0415

    world.alarms.alarms["checkout-errors"] = FakeAlarm("checkout-errors", state="OK", updated_at=world.clock.now())
    arn = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:checkout-errors"

    def fire(_: Any) -> None:
        world.clock.after(200, lambda: world.alarms.set_state("checkout-errors", "ALARM"))

    walk_.after["StartFault"] = fire
    walk_.run({"definition": {**latency, "stop_alarms": [arn]}})
    abort = record_of(world).abort
    assert abort is not None
    assert (abort.source, abort.by) == (AbortSource.GUARD, "checkout-errors")
    assert record_of(world).hypothesis_validated is False
    assert list(world.alarms.alarms) == ["checkout-errors"], "a user's own alarm is not ours to delete"


def test_fis_that_never_stops_is_not_judged_and_keeps_guards_and_lock(walk_: Walk, world: FakeWorld, latency: dict[str, Any]) -> None:
    world.faults.stop_seconds = 100_000

    def fire(_: Any) -> None:
        world.clock.after(120, lambda: world.alarms.set_state(GUARD, "ALARM"))

    walk_.after["StartFault"] = fire
    walk_.run({"definition": latency})
    record = record_of(world)
    assert record.status is Status.FAILED
    assert "stopping" in record.reason
    assert world.locks.leases
    assert GUARD in world.alarms.alarms
    assert any("aws fis stop-experiment" in message.body for message in world.notifier.sent)


def test_a_cloudwatch_outage_after_the_stop_does_not_undo_the_ending(walk_: Walk, world: FakeWorld, latency: dict[str, Any]) -> None:
    def outage(_: Any) -> None:
        for call in ("alarms.fired_since", "alarms.delete"):
            world.failing[call] = Unavailable("cloudwatch", call, "ServiceUnavailable", "down", retryable=True)

    walk_.before["StopFault"] = outage
    walk_.before["Judge"] = lambda _: world.failing.clear()
    done = walk_.run({"definition": latency})
    assert done.status == "SUCCEEDED"
    assert record_of(world).status is Status.COMPLETED
    nothing_is_left(world)


def test_an_operators_abort_after_the_end_leaves_the_verdict(walk_: Walk, world: FakeWorld, latency: dict[str, Any]) -> None:
    answers: list[Any] = []
    walk_.after["VerifyRollback"] = lambda _: answers.append(walk_.invoke("Abort", {"execution_id": ID, "reason": "too late"}))
    walk_.run({"definition": latency})
    assert "late" in answers[0]
    assert record_of(world).verdict is Verdict.VALIDATED


def test_a_run_stopped_from_outside_says_what_became_of_its_targets(walk_: Walk, world: FakeWorld, experiment: dict[str, Any]) -> None:
    walk_.after["StartFault"] = lambda _: world.clock.after(100, walk_.kill)
    done = walk_.run({"definition": experiment})
    walk_.invoke("Watchdog", execution_event(done.arn, "ABORTED", done.started_ms))
    result = result_of(world)
    assert result.status is Status.ABORTED
    assert result.rollback is not None
    assert result.rollback.proofs[0].proven
    assert result.cost["total"] > 0 if "total" in result.cost else sum(result.cost.values()) > 0


def test_the_slack_of_a_fis_action_is_not_waited_for(walk_: Walk, world: FakeWorld, latency: dict[str, Any]) -> None:
    world.faults.start_seconds = 0
    began: list[float] = []
    walk_.after["StartFault"] = lambda _: began.append(world.clock.now().timestamp())
    walk_.enter["StopFault"] = lambda: began.append(world.clock.now().timestamp())
    walk_.run({"definition": latency})
    assert 600 <= began[1] - began[0] <= 630, "the command lasts 600 s, FIS's action 660 s"
    assert record_of(world).abort is None
    assert result_of(world).verdict is Verdict.VALIDATED
    nothing_is_left(world)


def test_fis_without_a_free_slot_is_waited_for_and_everything_checked_again(walk_: Walk, world: FakeWorld, latency: dict[str, Any]) -> None:
    world.faults.refuse_start = Refused("fis", "StartExperiment", "ServiceQuotaExceededException", "5 active experiments")
    walk_.after["FinalCheck"] = lambda _: world.clock.after(40, lambda: setattr(world.faults, "refuse_start", None))
    done = walk_.run({"definition": latency})
    assert result_of(world).verdict is Verdict.VALIDATED
    assert done.states.count("FinalCheck") == done.states.count("StartFault") > 1
    nothing_is_left(world)


def test_fis_that_stays_full_ends_the_run_within_the_policys_wait(walk_: Walk, world: FakeWorld, latency: dict[str, Any]) -> None:
    world.faults.refuse_start = Refused("fis", "StartExperiment", "ServiceQuotaExceededException", "5 active experiments")
    before = world.clock.now()
    walk_.run({"definition": latency})
    assert record_of(world).status is Status.FAILED
    assert 1800 <= (world.clock.now() - before).total_seconds() < 3600
    nothing_is_left(world)


def test_guards_that_can_t_be_judged_without_s3_abort_the_fault(walk_: Walk, world: FakeWorld, latency: dict[str, Any]) -> None:
    def outage() -> None:
        world.failing["documents.get"] = Unavailable("s3", "GetObject", "SlowDown", "down", retryable=True)
        walk_.quietly("Pulse", {})
        world.failing.clear()

    walk_.after["StartFault"] = lambda _: world.clock.after(100, outage)
    walk_.run({"definition": latency})
    abort = record_of(world).abort
    assert abort is not None
    assert abort.source is AbortSource.BLIND_GUARD
    nothing_is_left(world)
