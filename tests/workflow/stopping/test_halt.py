"""Halting: nothing starts, everything that runs is stopped, whatever is broken; resuming lets experiments start again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from squall.application.stopping.halt_request import NotAHaltError, NotAResumeError
from squall.domain.base.vocabulary import AbortSource, CheckOutcome, Status, Verdict
from squall.domain.run.halt import Lever
from squall.domain.safety.fis_template import CHECKED_TAG
from tests.fakes.world import FakeWorld
from tests.workflow.endings import (
    ID,
    Intercept,
    around,
    ended,
    fail,
    is_settled,
    nothing_is_left,
    once,
    record_of,
    result_of,
    unavailable,
)
from tests.workflow.walk import Walk, walking

HALT = {"action": "halt", "reason": "smoke in the data centre", "requested_by": "ops"}
RESUME = {"action": "resume", "reason": "aired", "requested_by": "ops"}
ABORTED = (Status.ABORTED, Verdict.ABORTED, None)
INTO_THE_FAULT = 125
BEFORE = (
    "Discover",
    "CheckSafety",
    "AcquireLock",
    "AcquireSlot",
    "CaptureBaseline",
    "ArmGuards",
    "CreateTemplate",
    "FinalCheck",
    "StartFault",
)


def halt(walk: Walk, **changes: Any) -> dict[str, Any]:
    answer: dict[str, Any] = walk.invoke("Halt", {**HALT, **changes})
    return answer


def quietly(walk: Walk) -> None:
    assert halt(walk)["engaged"]


def halt_in_the_fault(walk: Walk, world: FakeWorld, answers: list[dict[str, Any]], *broken: str) -> None:
    def act() -> None:
        world.failing.update({called: unavailable(called) for called in broken})
        answers.append(halt(walk))
        for called in broken:
            del world.failing[called]

    walk.after["StartFault"] = lambda _: world.clock.after(INTO_THE_FAULT, act)


def halted_abort(world: FakeWorld, execution_id: str = ID) -> None:
    record = ended(world, *ABORTED, execution_id)
    assert record.abort is not None
    assert record.abort.source is AbortSource.HALT, record.abort
    nothing_is_left(world)
    assert result_of(world, execution_id).hypothesis_validated is None


def run_of(world: FakeWorld, name: str, tags: dict[str, str] | None = None) -> None:
    """A FIS experiment that no workflow looks after."""
    tagged = {"squall:stack": "Squall", "squall:execution": name} if tags is None else tags
    wait = {"actionId": "aws:fis:wait", "parameters": {"duration": "PT10M"}}
    world.faults.templates[f"T-{name}"] = {"tags": {**tagged, CHECKED_TAG: "true"}, "actions": {"wait": wait}}
    world.faults.start(f"T-{name}", f"token-{name}", tagged)


def messages(world: FakeWorld, word: str) -> list[str]:
    return [message.body for message in world.notifier.sent if message.subject.startswith(f"Squall: {word}:")]


def test_a_halt_in_the_fault_stops_it_at_once(walk: Walk, world: FakeWorld) -> None:
    stopping: list[float] = []
    answers: list[dict[str, Any]] = []
    world.faults.listeners.append(lambda fis: stopping.append(world.clock.now().timestamp()) if fis.status == "stopping" else None)
    walk.pulse = walk.events = False
    halt_in_the_fault(walk, world, answers)
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    halted_abort(world)
    (answer,) = answers
    assert (answer["engaged"], answer["failed"], answer["aborted"]) == (True, [], [ID])
    assert answer["stopped"] == [{"experiment": next(iter(world.faults.runs)), "execution_id": ID, "status": "stopping"}]
    started = record_of(world).fault_started_at
    assert started is not None
    assert stopping[0] - started.timestamp() <= INTO_THE_FAULT + 1
    (body,) = messages(world, "HALTED")
    assert "smoke in the data centre" in body
    assert answer["stopped"][0]["experiment"] in body
    assert "halted by ops: smoke" in result_of(world).reason


def test_halted_nothing_starts_until_resumed(walk: Walk, world: FakeWorld) -> None:
    assert halt(walk)["stopped"] == []
    walk.run({"experiment": "seed"})
    ended(world, Status.REJECTED, None, None)
    checks = {check.name: check for check in result_of(world).safety_checks}
    assert checks["not_halted"].outcome is CheckOutcome.FAILED
    assert "smoke in the data centre" in checks["not_halted"].detail
    assert len(checks) > 5, "the others were evaluated too"
    result = result_of(world)
    assert [finding.kind for finding in result.findings if finding.evidence.mechanism == "not_halted"] == [], "a halt is no flaw"
    assert any("not_halted" in issue for issue in result.issues_discovered), "the reason is told all the same"
    assert world.faults.templates == {}
    nothing_is_left(world)
    answer = walk.invoke("Resume", RESUME)
    assert (answer["engaged"], answer["failed"]) == (False, [])
    assert "smoke in the data centre" in answer["before"]
    assert messages(world, "RESUMED")
    walk.run({"experiment": "seed"}, "again")
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True, "again")


@pytest.mark.parametrize("state", BEFORE)
def test_a_halt_before_the_fault_injects_nothing(walk: Walk, world: FakeWorld, state: str) -> None:
    walk.before[state] = lambda _: quietly(walk)
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    assert world.faults.runs == {}
    halted_abort(world)
    is_settled(world)


@pytest.mark.parametrize("state", BEFORE)
def test_a_halt_that_can_write_to_no_record_lets_nothing_start(walk: Walk, world: FakeWorld, state: str) -> None:
    def flag_alone(_: object) -> None:
        world.halt_flag.engage("smoke", "ops", world.clock.now())

    walk.before[state] = flag_alone
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    assert world.faults.runs == {}
    record = record_of(world)
    if state == "StartFault":
        halted_abort(world)
    else:
        ended(world, Status.REJECTED, None, None)
    assert "smoke" in record.reason
    nothing_is_left(world)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_halt_while_the_fault_is_starting_stops_it(walk: Walk, world: FakeWorld, moment: str) -> None:
    """Between the flag's read and StartExperiment, or right after: Halt lists it, or StartFault reads the flag."""
    walk.before["StartFault"] = lambda _: around(world, "faults.start", **{moment: once(lambda: halt(walk))})
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    assert len(world.faults.runs) == 1
    halted_abort(world)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_flag_set_while_the_fault_is_starting_is_seen_by_who_started_it(walk: Walk, world: FakeWorld, moment: str) -> None:
    """The halt listed FIS before the experiment was there, and reached nothing else."""
    walk.pulse = walk.events = False
    lasted: list[float] = []
    world.faults.listeners.append(lambda fis: lasted.append(world.clock.now().timestamp()))

    def flag_alone() -> None:
        world.halt_flag.engage("smoke", "ops", world.clock.now())

    walk.before["StartFault"] = lambda _: around(world, "faults.start", **{moment: once(flag_alone)})
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    (run,) = world.faults.runs.values()
    assert run.experiment.status == "stopped"
    assert max(lasted) - min(lasted) <= world.faults.stop_seconds + 1
    halted_abort(world)


@pytest.mark.parametrize("called", ["halt_flag.get", "halt_copy.get"])
@pytest.mark.parametrize("handler", ["CheckSafety", "FinalCheck", "StartFault"])
def test_a_flag_that_cannot_be_read_counts_as_halted(walk: Walk, world: FakeWorld, handler: str, called: str) -> None:
    world.failing = Intercept(lambda now: fail(now) if walk.running[-1:] == [handler] and now == called else None)
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    assert world.faults.runs == {}
    assert "counts as halted" in record_of(world).reason
    assert record_of(world).status is (Status.ABORTED if handler == "StartFault" else Status.REJECTED)
    nothing_is_left(world)


def test_a_flag_that_can_no_longer_be_read_after_the_start_stops_the_fault(walk: Walk, world: FakeWorld) -> None:
    def break_it() -> None:
        world.failing["halt_flag.get"] = unavailable("halt_flag.get")

    walk.before["StartFault"] = lambda _: around(world, "faults.start", after=break_it)
    walk.run({"experiment": "seed"})
    (run,) = world.faults.runs.values()
    assert run.experiment.status == "stopped"
    halted_abort(world)


def test_garbage_in_the_flag_counts_as_halted(walk: Walk, world: FakeWorld) -> None:
    world.halt_flag.value = "off"
    walk.run({"experiment": "seed"})
    ended(world, Status.REJECTED, None, None)
    nothing_is_left(world)


TABLE = ("records.get", "records.open_ids", "records.request_abort", "records.append", "records.update", "halt_copy.engage")


@pytest.mark.parametrize(
    "broken",
    [
        TABLE,
        (*TABLE, "workflow.wake", "notifier.publish", "faults.active"),
        (*TABLE, "faults.own_templates"),
        ("faults.active", "faults.own_templates"),
        ("faults.of_template",),
        ("halt_flag.engage",),
        ("notifier.publish",),
        ("workflow.wake",),
    ],
    ids=lambda broken: " ".join(broken)[:60],
)
def test_a_halt_stops_the_fault_whatever_is_broken_and_names_it(walk: Walk, world: FakeWorld, broken: tuple[str, ...]) -> None:
    answers: list[dict[str, Any]] = []
    halt_in_the_fault(walk, world, answers, *broken)
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    (answer,) = answers
    assert answer["engaged"]
    assert [entry["execution_id"] for entry in answer["stopped"]] == [ID]
    assert answer["failed"]
    assert all(item["what"] and item["error"] and item["command"] for item in answer["failed"])
    ended(world, *ABORTED)
    nothing_is_left(world)
    walk.run({"experiment": "seed"}, "next")
    ended(world, Status.REJECTED, None, None, "next")


def test_what_could_not_be_stopped_is_returned_and_told_with_its_command(walk: Walk, world: FakeWorld) -> None:
    answers: list[dict[str, Any]] = []
    halt_in_the_fault(walk, world, answers, "faults.stop")
    walk.run({"experiment": "seed"})
    (answer,) = answers
    experiment_id = next(iter(world.faults.runs))
    assert answer["stopped"] == []
    assert f"aws fis stop-experiment --id {experiment_id}" in [entry["command"] for entry in answer["failed"]]
    assert f"aws fis stop-experiment --id {experiment_id}" in messages(world, "HALTED")[0]
    halted_abort(world)  # by the abort that was written: the workflow stops it itself


def test_fis_failing_for_one_experiment_does_not_save_the_others(walk: Walk, world: FakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        run_of(world, f"dead-{number}")
    first = next(iter(world.faults.runs))
    real = world.faults.stop

    def stop(experiment_id: str) -> bool:
        if experiment_id == first:
            fail("faults.stop")
        return real(experiment_id)

    monkeypatch.setattr(world.faults, "stop", stop)
    answer = halt(walk)
    assert [entry["execution_id"] for entry in answer["stopped"]] == ["dead-1", "dead-2"]
    assert [item["what"] for item in answer["failed"]] == [f"FIS experiment {first}"]


def test_a_stop_that_fails_once_is_tried_again(walk: Walk, world: FakeWorld) -> None:
    tries: list[str] = []

    def flaky(called: str) -> None:
        if called == "faults.stop":
            tries.append(called)
            if len(tries) == 1:
                fail(called)

    run_of(world, "dead")
    world.failing = Intercept(flaky)
    answer = halt(walk)
    assert ([entry["execution_id"] for entry in answer["stopped"]], answer["failed"]) == (["dead"], [])


def test_an_experiment_that_fis_lists_late_is_found_by_the_second_look(walk: Walk, world: FakeWorld) -> None:
    world.clock.after(1, lambda: run_of(world, "late"))
    assert [entry["execution_id"] for entry in halt(walk)["stopped"]] == ["late"]


def test_other_peoples_experiments_are_let_be(walk: Walk, world: FakeWorld) -> None:
    run_of(world, "untagged", {})
    run_of(world, "other", {"squall:stack": "Other", "squall:execution": "other"})
    answer = halt(walk)
    assert (answer["stopped"], answer["failed"]) == ([], [])
    assert len(world.faults.active()) == 2


def test_a_run_whose_fault_is_over_is_let_finish(walk: Walk, world: FakeWorld) -> None:
    walk.before["WatchRecovery"] = lambda _: quietly(walk)
    walk.run({"experiment": "seed"})
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)


@pytest.mark.parametrize("broken", ["halt_flag.release", "halt_copy.release"])
def test_a_resume_that_reaches_one_of_both_leaves_it_halted_and_says_the_command(walk: Walk, world: FakeWorld, broken: str) -> None:
    halt(walk)
    world.failing[broken] = unavailable(broken)
    answer = walk.invoke("Resume", RESUME)
    del world.failing[broken]
    assert answer["engaged"] is True
    assert answer["failed"][0]["command"].startswith("aws ")
    assert messages(world, "NOT RESUMED")
    walk.run({"experiment": "seed"})
    ended(world, Status.REJECTED, None, None)


def test_neither_flag_nor_copy_written_is_said(walk: Walk, world: FakeWorld) -> None:
    world.failing.update({called: unavailable(called) for called in ("halt_flag.engage", "halt_copy.engage")})
    answer = halt(walk)
    assert answer["engaged"] is False
    assert "aws ssm put-parameter --name /squall/Squall/halt" in answer["failed"][0]["command"]
    assert messages(world, "NOT HALTED")


def test_the_console_halts_with_nothing_said(walk: Walk, world: FakeWorld) -> None:
    assert walk.invoke("Halt", {})["engaged"] is True
    assert world.halt_flag.get().engaged


@pytest.mark.parametrize("event", [{"action": "resume"}, {"action": "stop"}, {"action": None}, {"action": ["halt"]}])
def test_what_is_not_understood_changes_nothing(walk: Walk, world: FakeWorld, event: dict[str, Any]) -> None:
    with pytest.raises(NotAHaltError):
        walk.invoke("Halt", event)
    assert world.halt_flag.value is None


def test_who_may_only_halt_cannot_resume(walk: Walk, world: FakeWorld) -> None:
    """Lambda authorizes the invocation of a function, not what its payload asks for."""
    halt(walk)
    before = world.halt_flag.value, world.halt_copy.value
    with pytest.raises(NotAHaltError, match="ResumeFunctionName"):
        walk.invoke("Halt", RESUME)
    assert (world.halt_flag.value, world.halt_copy.value) == before
    assert not messages(world, "RESUMED")


@pytest.mark.parametrize("event", [{}, {"reason": " "}, {"action": "halt", "reason": "fire"}, {"action": None, "reason": "fire"}])
def test_what_asks_for_no_resume_leaves_the_stack_halted(walk: Walk, world: FakeWorld, event: dict[str, Any]) -> None:
    halt(walk)
    with pytest.raises(NotAResumeError):
        walk.invoke("Resume", event)
    assert world.halt_flag.get().engaged
    assert world.halt_copy.get().engaged


@pytest.fixture
def lever_walk(world: FakeWorld, known: Any) -> Iterator[Walk]:
    """As `walk`, in a stack whose halts engage FIS's safety lever."""
    world.faults.stop_seconds = 20
    with walking(world, SQUALL_SAFETY_LEVER="true") as running:
        yield running


def test_a_halt_leaves_everybodys_lever_alone_unless_told(walk: Walk, world: FakeWorld) -> None:
    run_of(world, "other", {"squall:stack": "Other", "squall:execution": "other"})
    assert halt(walk)["lever"] == "not asked for"
    assert not world.lever.state.engaged
    assert not [called for called in world.calls if called.startswith("lever.")]
    assert len(world.faults.active()) == 1


def test_a_halt_engages_the_lever_where_the_stack_says_so_and_a_resume_disengages_it(lever_walk: Walk, world: FakeWorld) -> None:
    run_of(world, "other", {"squall:stack": "Other", "squall:execution": "other"})
    answer = halt(lever_walk)
    assert (answer["lever"], answer["failed"]) == ("engaged", [])
    assert world.lever.state.engaged
    assert world.lever.state.reason == "Squall Squall halted by ops: smoke in the data centre"
    assert "FIS's safety lever: engaged" in messages(world, "HALTED")[0]
    world.clock.advance(30)
    assert world.faults.active() == []
    answer = lever_walk.invoke("Resume", RESUME)
    assert (answer["lever"], answer["failed"], world.lever.state.engaged) == ("disengaged", [], False)


@pytest.mark.parametrize("reason", ["frozen for the holidays", "Squall Other halted by ops: fire", ""])
def test_a_lever_that_somebody_else_engaged_stays_engaged(lever_walk: Walk, world: FakeWorld, reason: str) -> None:
    world.lever.set(Lever(True, reason))
    assert halt(lever_walk)["lever"] == "was engaged before"
    answer = lever_walk.invoke("Resume", RESUME)
    assert answer["lever"] == f"left engaged, it is not ours: {reason}"
    assert (answer["engaged"], answer["failed"]) == (False, [])
    assert world.lever.state == Lever(True, reason)


@pytest.mark.parametrize(
    ("broken", "event", "expected_text"),
    [
        ("lever.set", HALT, "could not be engaged"),
        ("lever.get", RESUME, "could not be read"),
        ("lever.set", RESUME, "could not be disengaged"),
    ],
)
def test_a_lever_that_cannot_be_moved_is_told_with_its_command_and_the_rest_goes_on(
    lever_walk: Walk, world: FakeWorld, broken: str, event: dict[str, str], expected_text: str
) -> None:
    run_of(world, "dead")
    if event is RESUME:
        halt(lever_walk)
    world.failing[broken] = unavailable(broken)
    answer = lever_walk.invoke("Halt" if event is HALT else "Resume", event)
    assert answer["lever"] == expected_text
    assert answer["engaged"] is (event is HALT)
    (failed,) = answer["failed"]
    assert failed["command"].startswith("aws fis update-safety-lever-state --id default --state 'status=")
    assert failed["command"] in messages(world, "HALTED" if event is HALT else "RESUMED")[0]
    world.clock.advance(30)
    assert world.faults.active() == []


def test_a_lever_engaged_while_a_run_prepares_cancels_its_fault(walk: Walk, world: FakeWorld) -> None:
    """By whomever, and without a word to Squall."""

    def engage(_: object) -> None:
        world.lever.set(Lever(True, "by hand"))

    walk.before["StartFault"] = engage
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    (run,) = world.faults.runs.values()
    assert run.experiment.status == "cancelled"
    record = record_of(world)
    assert record.abort is not None
    assert (record.status, record.abort.by) == (Status.ABORTED, "safety lever")
    nothing_is_left(world)
