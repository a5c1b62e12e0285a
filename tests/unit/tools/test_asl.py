"""The state machine as a graph: whatever happens after the start of a fault leads to its end, its record, and the release."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from squall.domain.approval.standing import MOST_REQUESTS

ROOT = Path(__file__).parents[3]
TRANSIENT = {"Lambda.ServiceException", "Lambda.AWSLambdaException", "Lambda.SdkClientException", "Lambda.TooManyRequestsException"}
CAMPAIGN = {"admit_campaign", "choose_steps", "finish_campaign"}
OUTSIDE = CAMPAIGN | {
    "abort",
    "approve",
    "collect",
    "decide",
    "heartbeat",
    "halt",
    "note",
    "pulse",
    "sentinel",
    "watchdog",
    "report",
    "resume",
    "schedule",
}
CONDITION = re.compile(r"\{% \$states\.input\.outcome = '[a-z]+' %\}")
PLACEHOLDER = re.compile(r"\$\{(\w+)FunctionArn\}")
REDRIVE = "{% $exists($states.context.Execution.RedriveCount) ? $states.context.Execution.RedriveCount : 0 %}"


@cache
def machine() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((ROOT / "statemachines" / "experiment.asl.json").read_text())
    return loaded


def walk(states: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in states.items():
        yield name, state
        for branch in state.get("Branches", ()):
            yield from walk(branch["States"])


STATES = dict(walk(machine()["States"]))
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}
INJECT = machine()["States"]["Inject"]["Branches"][0]["States"]


def successors(state: dict[str, Any]) -> list[str]:
    """Where a state may lead: next, default, choices, catches."""
    named = [state.get("Next"), state.get("Default")]
    named += [entry["Next"] for key in ("Choices", "Catch") for entry in state.get(key, ())]
    return [name for name in named if name]


def reaches(states: dict[str, Any], start: str, goal: str, without: str = "") -> bool:
    observed, waiting = set[str](), [start]
    while waiting:
        name = waiting.pop()
        if name == goal:
            return True
        if name not in observed and name != without:
            observed.add(name)
            waiting += successors(states[name])
    return False


def ends(states: dict[str, Any], start: str, without: str) -> set[str]:
    """States at which one may end from `start` without ever entering `without`."""
    observed, waiting, result = set[str](), [start], set[str]()
    while waiting:
        name = waiting.pop()
        if name in observed or name == without:
            continue
        observed.add(name)
        if not successors(states[name]):
            result.add(name)
        waiting += successors(states[name])
    return result


@pytest.mark.parametrize("name", TASKS)
def test_every_task_is_bounded_and_retried(name: str) -> None:
    task = TASKS[name]
    assert task["TimeoutSeconds"]
    retries = task["Retry"]
    assert any(set(retry["ErrorEquals"]) >= TRANSIENT for retry in retries)
    assert any("States.TaskFailed" in retry["ErrorEquals"] for retry in retries), "its own failures are retried too"
    for index, entry in enumerate(retries):
        if "States.ALL" in entry["ErrorEquals"]:
            assert index == len(retries) - 1
            assert entry["ErrorEquals"] == ["States.ALL"]
        assert entry["MaxAttempts"] <= 5
        assert entry["BackoffRate"] >= 1.5


@pytest.mark.parametrize("name", TASKS)
def test_every_state_runs_the_function_of_its_name(name: str) -> None:
    match = PLACEHOLDER.fullmatch(TASKS[name]["Arguments"]["FunctionName"])
    assert match is not None
    assert match[1] == ("Release" if name == "ReleaseUnrecorded" else name)
    module = importlib.import_module("squall.handlers." + re.sub(r"(?<!^)(?=[A-Z])", "_", match[1]).lower())
    assert callable(module.handler)


def test_every_handler_is_a_state() -> None:
    modules = {path.stem for path in (ROOT / "lambdas" / "squall" / "handlers").glob("*.py")} - {"__init__"} - OUTSIDE
    assert modules == {re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower() for name in TASKS} - {"release_unrecorded"}


@pytest.mark.parametrize("name", [name for name in TASKS if name != "Admit"])
def test_every_state_learns_of_a_redrive_from_the_context_itself(name: str) -> None:
    """A variable keeps the value it had before the redrive."""
    assert TASKS[name]["Arguments"]["Payload"]["redrive_count"] == REDRIVE


@pytest.mark.parametrize("name", [name for name, state in STATES.items() if state["Type"] == "Choice"])
def test_choices_only_compare_an_outcome_with_a_literal(name: str) -> None:
    state = STATES[name]
    assert state["Default"]
    assert all(CONDITION.fullmatch(choice["Condition"]) for choice in state["Choices"])


@pytest.mark.parametrize("name", [name for name, state in STATES.items() if state["Type"] not in {"Task", "Parallel", "Choice"}])
def test_states_without_catch_hold_no_jsonata_that_can_fail(name: str) -> None:
    text = json.dumps({key: value for key, value in STATES[name].items() if key != "Comment"})
    assert set(re.findall(r"\{%.*?%\}", text)) <= {"{% $states.input.seconds %}"}


def test_a_branch_assigns_no_variable_of_the_machine() -> None:
    outer = {variable for state in machine()["States"].values() for variable in state.get("Assign", {})}
    inner = {
        variable
        for state in machine()["States"].values()
        for b in state.get("Branches", ())
        for s in b["States"].values()
        for variable in s.get("Assign", {})
    }
    assert not outer & inner


@pytest.mark.parametrize("name", ["Inject", "Undo"])
def test_a_try_has_one_branch_and_catches_everything(name: str) -> None:
    state = machine()["States"][name]
    assert len(state["Branches"]) == 1
    assert [entry["ErrorEquals"] for entry in state["Catch"]] == [["States.ALL"]]
    assert "failure" in state["Catch"][0]["Assign"]


@pytest.mark.parametrize("name", INJECT)
def test_from_anywhere_in_the_try_the_fault_is_stopped_recorded_told_and_released(name: str) -> None:
    """A branch ends, or fails: both lead to Undo; Undo begins with StopFault; and on to Release, whatever fails."""
    outer = machine()["States"]
    assert all(INJECT[end]["Type"] == "Succeed" for end in ends(INJECT, name, without=""))
    assert set(successors(outer["Inject"])) == {"Undo"}
    assert outer["Undo"]["Branches"][0]["StartAt"] == "StopFault"
    for goal in ("Compare", "Judge", "Record", "Notify"):
        assert ends(outer, "Undo", without=goal) <= {"NotRecorded"}, f"ends well without {goal}"
    released = {"Release", "ReleaseUnrecorded"}
    assert reaches(outer, "Undo", "Release")
    paths = ends({**outer, "ReleaseUnrecorded": {"Next": "Release"}}, "Undo", without="Release")
    assert paths == set(), f"ends without one of {released}"


def test_the_fault_starts_only_after_every_state_before_it() -> None:
    order = ["Discover", "CheckSafety", "AcquireLock", "AcquireSlot", "CaptureBaseline", "ArmGuards", "CreateTemplate", "FinalCheck"]
    for name in order:
        assert not reaches({**INJECT, name: {}}, "Discover", "StartFault"), f"a way round {name}"


def test_only_what_could_not_be_recorded_fails() -> None:
    fails = [name for name, state in STATES.items() if state["Type"] == "Fail"]
    assert fails == ["NotRecorded"]


@pytest.mark.parametrize("name", ["Admit", "Compare", "Judge", "Record", "Notify", "Release", "ReleaseUnrecorded"])
def test_tasks_outside_a_try_catch_everything(name: str) -> None:
    assert [entry["ErrorEquals"] for entry in machine()["States"][name]["Catch"]] == [["States.ALL"]]


def test_every_state_is_reached_and_every_name_exists() -> None:
    def check(states: dict[str, Any], start: str) -> None:
        for name, state in states.items():
            assert set(successors(state)) <= set(states)
            assert reaches(states, start, name), name
            for branch in state.get("Branches", ()):
                check(branch["States"], branch["StartAt"])

    check(machine()["States"], machine()["StartAt"])


def test_the_machine_outlives_the_longest_waits_for_people_and_the_longest_fault() -> None:
    assert machine()["TimeoutSeconds"] >= MOST_REQUESTS * 12 * 3600 + 12 * 3600 + 6 * 3600


def test_after_people_have_approved_everything_is_looked_at_again() -> None:
    assert successors(INJECT["ApprovalObserved"]) == ["Decided", "Discover", "AwaitApproval"]
    assert set(successors(INJECT["AwaitApproval"])) == {"ObserveApproval"}
    assert not reaches({**INJECT, "Asked": {}}, "ObserveApproval", "AcquireLock", without="Safe")


def test_a_part_that_has_waited_for_its_peers_is_checked_again_before_its_fault() -> None:
    assert set(successors(INJECT["AwaitPeers"])) == {"FinalCheck"}
    assert successors(INJECT["FinallySafe"]) == ["Decided", "StartFault", "WaitToStart", "AwaitPeers"]


def test_the_first_state_touches_no_field_of_the_input() -> None:
    """It may legally be 5 or []."""
    assert machine()["StartAt"] == "Admit"
    assert TASKS["Admit"]["Arguments"]["Payload"]["input"] == "{% $states.input %}"
