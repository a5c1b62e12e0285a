"""The experiment's own rollback document: run after every fault, however it ended, once; reported as it went; never without a fault."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from squall.domain.base.vocabulary import RollbackOutcome, Status, Verdict
from squall.domain.documents.rollback import AutomationRun
from squall.domain.run.timeline import EventName
from squall.errors import Refused
from tests.fakes.world import FakeWorld
from tests.workflow.driver import execution_event
from tests.workflow.endings import GUARD, ID, fail, is_settled, nothing_is_left, once, record_of, result_of, unavailable
from tests.workflow.rig import ROLLBACK
from tests.workflow.walk import Walk

INTO_THE_FAULT = 125
LATENCY: dict[str, Any] = {"type": "network_latency", "success_criteria": ["System availability > 99%"]}


def automation(world: FakeWorld) -> AutomationRun:
    rollback = result_of(world).rollback
    assert rollback is not None
    assert rollback.automation is not None
    return rollback.automation


def bodies(world: FakeWorld) -> list[str]:
    return [message.body for message in world.notifier.endings]


def test_it_runs_after_the_fault_as_the_policy_s_role_with_what_is_known_only_then(walk: Walk, world: FakeWorld) -> None:
    active = []
    world.automations.listeners.append(lambda _: active.append(len(world.faults.active())))
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    (ran,) = world.automations.executions.values()
    (fis,) = world.faults.runs.values()
    target = fis.body["targets"]["Instances"]["resourceArns"][0].rpartition("/")[2]
    assert (ran.document, ran.version) == ("Restore-Web", "3")
    role = (ROLLBACK["assume_role"],)
    assert ran.parameters == {"InstanceIds": (target,), "Why": (ID,), "AutomationAssumeRole": role}
    assert active == [0], "the fault was not over"
    assert (automation(world).status, result_of(world).verdict) == ("Success", Verdict.VALIDATED)
    assert "rollback document restore-web (automation-1): Success" in bodies(world)[0]
    nothing_is_left(world)
    is_settled(world)


@pytest.mark.parametrize("how", ["guard", "operator", "halt", "console"])
def test_it_runs_after_an_abort(walk: Walk, world: FakeWorld, how: str) -> None:
    acts: dict[str, Callable[[], object]] = {
        "guard": lambda: world.alarms.set_state(GUARD, "ALARM"),
        "operator": lambda: walk.quietly("Abort", {"execution_id": ID}),
        "halt": lambda: walk.quietly("Halt", {"reason": "enough"}),
        "console": lambda: world.faults.stop(next(iter(world.faults.runs))),
    }

    def abort() -> None:
        acts[how]()

    walk.after["StartFault"] = lambda _: world.clock.after(INTO_THE_FAULT, abort)
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    assert record_of(world).status is Status.ABORTED
    assert automation(world).succeeded
    nothing_is_left(world)


def test_it_does_not_run_where_nothing_was_injected(walk: Walk, world: FakeWorld, experiment: dict[str, Any]) -> None:
    walk.run({"experiment": "seed", "mode": "plan"})
    nothing_is_left(world)
    experiment["target_resources"] = ["i-0000000000prod00"]
    walk.run({"experiment": "seed"}, "run-2")
    nothing_is_left(world, "run-2")
    assert world.automations.executions == {}


def test_one_that_fails_leaves_the_workload_not_restored_and_people_with_the_command(
    walk: Walk, world: FakeWorld, experiment: dict[str, Any]
) -> None:
    world.automations.ends = ("Failed", "Step restore timed out")
    assert walk.run({"definition": {**experiment, **LATENCY}}).status == "SUCCEEDED"
    result = result_of(world)
    assert result.rollback is not None
    assert result.rollback.outcome is RollbackOutcome.NOT_RESTORED
    assert "rollback document restore-web (automation-1): Failed: Step restore timed out" in result.rollback.differences
    assert result.verdict is Verdict.VALIDATED, "the workload bore the fault"
    assert "not restored: rollback document restore-web" in result.reason
    (body,) = bodies(world)
    assert f"again, by hand: {record_of(world).rollback_command}" in body
    command = "aws ssm start-automation-execution --region eu-west-1 --document-name Restore-Web --document-version 3 --parameters '{\"A"
    assert record_of(world).rollback_command.startswith(command)
    nothing_is_left(world)
    is_settled(world)


def test_one_that_systems_manager_refuses_is_said_to_have_been_refused(walk: Walk, world: FakeWorld) -> None:
    world.automations.refuse = Refused("ssm", "StartAutomationExecution", "AccessDeniedException", "not authorized to pass the role")
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    assert (automation(world).status, automation(world).execution_id) == ("Refused", None)
    assert "Refused: AccessDeniedException: not authorized to pass the role" in bodies(world)[0]
    assert "again, by hand: aws ssm start-automation-execution" in bodies(world)[0]
    walk.pulses(3)
    is_settled(world)


def test_one_that_lasts_is_waited_for_within_the_bound_in_few_turns(walk: Walk, world: FakeWorld) -> None:
    world.automations.seconds = 580
    done = walk.run({"experiment": "seed"})
    assert automation(world).succeeded
    assert done.handlers.count("RunRollback") < 50
    nothing_is_left(world)


def test_one_that_outlasts_the_bound_is_said_keeps_the_locks_and_is_watched_to_its_end(walk: Walk, world: FakeWorld) -> None:
    world.automations.seconds = 4000
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    assert "rollback_overdue" in [event.event for event in record_of(world).events]
    assert automation(world).status == "InProgress"
    answer, alert = world.notifier.endings
    assert "rollback document restore-web (automation-1): InProgress" in answer.body
    assert "NOT CLEANED UP" in alert.subject
    assert "get-automation-execution --automation-execution-id automation-1" in alert.body
    assert world.locks.leases
    walk.pulses(60)
    assert automation(world).succeeded, "the result is not what became of it"
    assert result_of(world).verdict is record_of(world).verdict
    nothing_is_left(world)
    is_settled(world)


def test_one_that_fails_after_everything_was_told_is_told_once(walk: Walk, world: FakeWorld) -> None:
    world.automations.seconds, world.automations.ends = 4000, ("TimedOut", "")
    walk.run({"experiment": "seed"})
    world.failing["notifier.publish"] = unavailable("notifier.publish")
    walk.pulses(55)
    assert EventName.ROLLBACK_ENDED not in [event.event for event in record_of(world).events], "nobody would ever hear of it"
    world.failing.clear()
    walk.pulses(5)
    (late,) = (message for message in world.notifier.sent if "ROLLBACK FAILED" in message.subject)
    assert "TimedOut" in late.body
    assert record_of(world).rollback_command in late.body
    assert automation(world).status == "TimedOut"
    is_settled(world)


def test_without_automation_the_run_goes_on_and_it_is_run_when_it_can_be(walk: Walk, world: FakeWorld) -> None:
    world.failing["automations.start"] = unavailable("automations.start")
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    result = result_of(world)
    assert result.rollback is not None
    assert result.rollback.outcome is RollbackOutcome.NOT_RESTORED
    assert "rollback document restore-web: Starting" in result.rollback.differences
    (alert,) = (message for message in world.notifier.sent if "NOT CLEANED UP" in message.subject)
    assert f"{record_of(world).rollback_command} --client-token " in alert.body
    world.failing.clear()
    walk.pulses(4)
    assert automation(world).succeeded
    nothing_is_left(world)
    is_settled(world)


def test_the_command_by_hand_and_the_pulse_start_it_once(walk: Walk, world: FakeWorld) -> None:
    """Somebody follows the message; then Squall can start it again, and finds theirs."""
    world.failing["automations.start"] = unavailable("automations.start")
    walk.run({"experiment": "seed"})
    (alert,) = (message for message in world.notifier.sent if "NOT CLEANED UP" in message.subject)
    token = alert.body.rpartition("--client-token ")[2].split()[0]
    intended = world.documents.get(ID, AutomationRun)
    assert intended is not None
    world.automations.start(intended.document, intended.version, intended.parameters, token)
    world.failing.clear()
    walk.pulses(3)
    assert len(world.automations.executions) == 1
    is_settled(world)


def test_a_death_in_the_fault_is_rolled_back_by_the_watchdog_once_the_fault_is_over(walk: Walk, world: FakeWorld) -> None:
    active = []
    world.automations.listeners.append(lambda _: active.append(len(world.faults.active())))
    walk.enter["WatchFault"] = once(walk.kill)
    done = walk.run({"experiment": "seed"})
    walk.invoke("Watchdog", execution_event(done.arn, "ABORTED", done.started_ms))
    assert active == [0]
    assert automation(world).succeeded
    nothing_is_left(world)


@pytest.mark.parametrize("broken", ["documents.get", "documents.put", "automations.get", "automations.start"])
def test_a_death_with_something_broken_tells_the_exact_command_and_rolls_back_later(walk: Walk, world: FakeWorld, broken: str) -> None:
    walk.enter["WatchFault"] = once(walk.kill)
    done = walk.run({"experiment": "seed"})
    world.failing[broken] = unavailable(broken)
    walk.quietly("Watchdog", execution_event(done.arn, "ABORTED", done.started_ms))
    assert any(record_of(world).rollback_command in body for body in bodies(world)), bodies(world)
    world.failing.clear()
    walk.pulses(4)
    nothing_is_left(world)
    is_settled(world)


def test_an_undoing_that_fails_everywhere_still_gets_its_rollback(walk: Walk, world: FakeWorld) -> None:
    for name in ("StopFault", "RunRollback", "VerifyRollback", "Judge"):
        walk.before[name] = lambda _: fail()
    walk.run({"experiment": "seed"})
    walk.pulses(3)
    nothing_is_left(world)
    is_settled(world)


def test_what_was_declared_without_a_rollback_is_not_asked_about(walk: Walk, world: FakeWorld, experiment: dict[str, Any]) -> None:
    del experiment["rollback"]
    walk.run({"experiment": "seed"})
    assert not [called for called in world.calls if called.startswith("automations.")]
    assert record_of(world).rollback_command == ""
    nothing_is_left(world)
