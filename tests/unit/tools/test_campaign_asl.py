"""The campaign machine as a graph: whatever happens, no step is started twice, and the campaign is finished or told."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.unit.tools.test_asl import CONDITION, REDRIVE, TRANSIENT, ends, reaches, successors

ROOT = Path(__file__).parents[3]


@cache
def machine() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((ROOT / "statemachines" / "campaign.asl.json").read_text())
    return loaded


STATES: dict[str, dict[str, Any]] = machine()["States"]
STEP: dict[str, dict[str, Any]] = STATES["RunSteps"]["ItemProcessor"]["States"]
HANDLED = {name: state for name, state in STATES.items() if state["Type"] == "Task"}


@pytest.mark.parametrize("name", HANDLED)
def test_every_handler_is_bounded_retried_and_caught(name: str) -> None:
    task = HANDLED[name]
    assert task["TimeoutSeconds"]
    assert task["Arguments"]["FunctionName"] == f"${{{'ChooseSteps' if name == 'AskPeople' else name}FunctionArn}}"
    assert task["Arguments"]["Payload"]["redrive_count"] == REDRIVE
    assert set(task["Retry"][0]["ErrorEquals"]) == TRANSIENT
    caught = [entry["ErrorEquals"] for entry in task["Catch"]]
    assert caught[-1] == ["States.ALL"]
    assert caught[:-1] == ([["States.Timeout"]] if name == "AskPeople" else []), "nobody who answers in time is no failure"


def test_waiting_for_people_is_one_state_whose_end_is_bounded() -> None:
    ask = STATES["AskPeople"]
    assert ask["Resource"].endswith(".waitForTaskToken")
    assert ask["TimeoutSeconds"] == "{% $states.input.seconds %}"
    assert [(entry["ErrorEquals"], entry["Next"]) for entry in ask["Catch"]] == [
        (["States.Timeout"], "ChooseSteps"),
        (["States.ALL"], "FinishCampaign"),
    ]
    assert all("States.Timeout" not in retry["ErrorEquals"] for retry in ask["Retry"])


def test_every_state_is_reached_and_all_end_by_finishing() -> None:
    for name, state in STATES.items():
        assert set(successors(state)) <= set(STATES)
        assert reaches(STATES, machine()["StartAt"], name), name
    assert ends(STATES, machine()["StartAt"], without="FinishCampaign") == {"NotRecorded"}


def test_choices_only_compare_an_outcome_with_a_literal() -> None:
    for state in STATES.values():
        if state["Type"] == "Choice":
            assert state["Default"] == "FinishCampaign"
            assert all(CONDITION.fullmatch(choice["Condition"]) for choice in state["Choices"])


def test_a_step_is_started_and_waited_for_by_step_functions_under_a_name_that_is_chosen_for_it() -> None:
    run = STEP["RunStep"]
    assert run["Resource"] == "arn:${Partition}:states:::states:startExecution.sync:2"
    assert run["Arguments"]["Name"] == "{% $states.input.name %}"
    assert run["Arguments"]["StateMachineArn"] == "${ExperimentStateMachineArn}"


def test_only_a_start_that_step_functions_refused_for_now_is_repeated() -> None:
    """A repeated start of an execution that ended would be refused anyway: its name is used."""
    named = {error for retry in STEP["RunStep"]["Retry"] for error in retry["ErrorEquals"]}
    assert named == {"StepFunctions.ExecutionLimitExceededException", "StepFunctions.SdkClientException"}


def test_however_a_step_ends_the_next_one_is_chosen_from_its_record() -> None:
    run, steps = STEP["RunStep"], STATES["RunSteps"]
    assert [entry["ErrorEquals"] for entry in (*run["Catch"], *steps["Catch"])] == [["States.ALL"], ["States.ALL"]]
    assert set(successors(steps)) == {"ChooseSteps"}
    assert steps["Catch"][0]["Assign"] == steps["Assign"], "the machine counts an execution as seen however it ended"


def test_a_step_may_last_as_long_as_the_experiment_machine_lets_it() -> None:
    experiment = json.loads((ROOT / "statemachines" / "experiment.asl.json").read_text())
    assert STEP["RunStep"]["TimeoutSeconds"] > experiment["TimeoutSeconds"]
    assert machine()["TimeoutSeconds"] <= 365 * 86_400


def test_a_step_in_a_member_is_waited_for_by_a_token_and_nobody_asks_in_a_loop() -> None:
    run = STEP["RunInMember"]
    assert run["Resource"].endswith(".waitForTaskToken")
    assert run["Arguments"]["FunctionName"] == "${ChooseStepsFunctionArn}"
    assert run["Arguments"]["Payload"]["redrive_count"] == REDRIVE
    assert set(run["Retry"][0]["ErrorEquals"]) == TRANSIENT
    assert all("States.Timeout" not in retry["ErrorEquals"] for retry in run["Retry"])
    assert [(entry["ErrorEquals"], entry["Next"]) for entry in run["Catch"]] == [(["States.ALL"], "StepEnded")]
    assert [(choice["Condition"], choice["Next"]) for choice in STEP["Place"]["Choices"]] == [
        ("{% $exists($states.input.member) %}", "RunInMember")
    ]
    assert STEP["Place"]["Default"] == "RunStep"
