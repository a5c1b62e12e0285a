"""Everything that can go wrong with a campaign: at every Task of its state machine, and while a step of it has its fault.

Each cell is a campaign of two real runs that is run, broken, repaired, and watched until nothing is wrong, like a cell of
`tests.chaos.matrix`. `python -m tests.chaos.campaign_matrix` runs all cells and prints their number and which failed.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.campaign.outcome import StepOutcome, classify_run
from squall.domain.campaign.record import CampaignRecord
from squall.domain.campaign.result import CampaignResult
from squall.domain.documents.run import Run
from tests.chaos import campaign_members, modes
from tests.chaos.matrix import heard, true, until_over
from tests.chaos.modes import SERVICE, LambdaError, Mode, Trial, answers_lost, broken, count_calls
from tests.fakes.world import FakeWorld
from tests.workflow.campaign.rig import CAMPAIGN_MACHINE, campaign_asl, run_campaign
from tests.workflow.driver import execution_event
from tests.workflow.endings import Intercept, is_settled, nothing_runs, once, record_of, rolled_back, unavailable
from tests.workflow.rig import arranged
from tests.workflow.walk import Walk, Walked, every_state

ID = "c"
STATES = {name: state for name, state in every_state(campaign_asl()["States"]).items() if state["Type"] == "Task"}
CAMPAIGN: dict[str, Any] = {
    "name": "Two",
    "description": "Two runs, one after the other, whatever comes of the first one.",
    "kind": "suite",
    "pause": "5m",
    "stop_on": "never",
    "steps": [{"experiment": "seed"}, {"experiment": "other"}],
}


DAY: dict[str, Any] = {
    **{key: value for key, value in CAMPAIGN.items() if key != "pause"},
    "name": "Day",
    "kind": "gameday",
    "steps": [
        {"experiment": "seed"},
        {"name": "seen", "prompt": "What did you see?", "wait": "10m", "unanswered": "continue"},
        {"experiment": "other"},
    ],
}
CAMPAIGNS = {"two": CAMPAIGN, "day": DAY, "away": campaign_members.CAMPAIGN}


@dataclass(frozen=True)
class Place:
    """Where in the campaign something breaks."""

    state: str
    """The state whose entering breaks it: of the campaign machine, or of the experiment machine while a step runs."""
    entered: int = 1
    """The visit of the state."""
    campaign: str = "two"


PLACES = {
    "AdmitCampaign": Place("AdmitCampaign"),
    "ChooseSteps": Place("ChooseSteps"),
    "ChooseSteps after a step": Place("ChooseSteps", 2),
    "RunStep": Place("RunStep"),
    "RunStep of the last step": Place("RunStep", 2),
    "AskPeople": Place("AskPeople", campaign="day"),
    "RunInMember": Place("RunInMember", campaign="away"),
    "ChooseSteps after a step in a member": Place("ChooseSteps", 2, campaign="away"),
    "FinishCampaign": Place("FinishCampaign"),
    "the fault of a step": Place("WatchFault"),
    "the recovery of a step": Place("WatchRecovery"),
}


def stop_campaign(trial: Trial, *, status: str = "ABORTED", step_too: bool = True, told: bool = True) -> None:
    """The campaign's execution ends from outside. Step Functions stops the step that it waits for, if it can."""
    walk = trial.walk
    trial.heard = told
    event = walk.death(status, at=0)
    walk.kill(status, at=0)
    if step_too and walk.depth > 1:
        walk.kill()
    elif told:
        trial.world.clock.after(2, lambda: walk.quietly("Watchdog", event))


def stop_step(trial: Trial, *, told: bool = True) -> None:
    """The step's execution is stopped in the console, and the campaign's goes on."""
    trial.heard = told
    if trial.walk.depth > 1:
        event = trial.walk.death()
        trial.walk.kill()
        if told:
            trial.world.clock.after(2, lambda: trial.walk.quietly("Watchdog", event))


def abort(trial: Trial) -> None:
    trial.walk.quietly("Abort", {"campaign_id": ID, "reason": "the matrix", "requested_by": "ada"})


def halt(trial: Trial, *, resumed: bool = False) -> None:
    trial.walk.quietly("Halt", {"reason": "the matrix"})
    if resumed:
        trial.world.clock.after(30, lambda: trial.walk.quietly("Resume", {"reason": "over"}))


def name_campaign(world: FakeWorld) -> str:
    """The name of the campaign of the trial; one that was not admitted is the first one."""
    return world.campaigns.items[ID].campaign if ID in world.campaigns.items else "two"


def start_again(trial: Trial) -> None:
    """Somebody starts the same campaign a second time."""
    run_campaign(trial.walk, {"campaign": name_campaign(trial.world)}, "again")


def answer(trial: Trial, *, after: float = 60, stops: bool = False, times: int = 1, unheard: bool = False) -> None:
    """Somebody answers the prompt. `unheard`: Step Functions can't be told of it."""
    payload = {"campaign_id": ID, "text": "it was slow", "requested_by": "ada", "answers": "seen", "stops": stops}

    def say() -> None:
        if unheard:
            trial.world.failing["workflow.wake"] = unavailable()
        for _ in range(times):
            trial.walk.quietly("Note", payload)
        trial.world.failing.clear()

    trial.world.clock.after(after, say)


def refuse_start(trial: Trial, *, error: str) -> None:
    def answer(_: dict[str, Any]) -> None:
        raise LambdaError(error)

    trial.walk.before["StartExecution"] = answer


def lose_end(trial: Trial) -> None:
    """The step ran, and Step Functions lost its end."""
    trial.walk.after["StartExecution"] = lambda _: refuse("StepFunctions.SdkClientException")


def refuse(error: str) -> None:
    raise LambdaError(error)


OF_FUNCTIONS: dict[str, Mode] = {name: mode for name, mode in modes.MODES.items() if name != "overtaken after its lease"}
OF_STEPS: dict[str, Mode] = {
    "the campaign is stopped": stop_campaign,
    "the campaign is stopped, unheard": partial(stop_campaign, told=False),
    "the campaign times out": partial(stop_campaign, status="TIMED_OUT"),
    "the campaign is stopped, its step goes on": partial(stop_campaign, step_too=False),
    "the campaign is stopped, its step goes on, unheard": partial(stop_campaign, step_too=False, told=False),
    "the campaign fails, its step goes on": partial(stop_campaign, status="FAILED", step_too=False),
    "the step is stopped": stop_step,
    "the step is stopped, unheard": partial(stop_step, told=False),
    "the start is refused": partial(refuse_start, error="StepFunctions.AccessDeniedException"),
    "the start is throttled for ever": partial(refuse_start, error="StepFunctions.ExecutionLimitExceededException"),
    "the end of the step is lost": lose_end,
    **{f"{service} fails": partial(broken, service=service, chance=1.0) for service in SERVICE},
    **{f"{service} throttles": partial(broken, service=service, chance=0.5) for service in SERVICE},
    **{f"{service}'s answers are lost": partial(answers_lost, service=service) for service in SERVICE},
}
BY_PEOPLE: dict[str, Mode] = {
    "somebody aborts the campaign": abort,
    "somebody halts": halt,
    "somebody halts and resumes": partial(halt, resumed=True),
    "somebody starts it again": start_again,
}
OF_PROMPTS: dict[str, Mode] = {
    "nobody answers": lambda _: None,
    "somebody answers": answer,
    "somebody answers before the token is stored": partial(answer, after=0),
    "somebody answers stop": partial(answer, stops=True),
    "somebody answers three times": partial(answer, times=3),
    "an answer that Step Functions does not hear of": partial(answer, unheard=True),
    "an answer at the last moment": partial(answer, after=600),
    "an answer after the wait": partial(answer, after=700),
}


STOPS_AWAY = campaign_members.make_stops(stop_campaign, partial(stop_campaign, told=False), abort, halt)


def modes_of(place: str) -> dict[str, Mode]:
    if PLACES[place].campaign == "day":
        return {**OF_STEPS, **{name: mode for name, mode in BY_PEOPLE.items() if mode is not start_again}, **OF_PROMPTS}
    away = {**campaign_members.OF_MEMBERS, **STOPS_AWAY} if PLACES[place].state == "RunInMember" else {}
    is_function = "FunctionName" in STATES.get(PLACES[place].state, {}).get("Arguments", {})
    return {**(OF_FUNCTIONS if is_function else OF_STEPS), **BY_PEOPLE, **away}


@dataclass(frozen=True)
class Cell:
    place: str
    mode: str

    def __str__(self) -> str:
        return f"{self.place}: {self.mode}"


@dataclass(frozen=True)
class Found:
    """The outcome of one cell: the seconds until the last trace was gone, or what is wrong."""

    cell: Cell
    seconds: float
    wrong: str = ""


def cells(place: str | None = None) -> list[Cell]:
    return [Cell(name, mode) for name in PLACES if place in {None, name} for mode in modes_of(name)]


def good_campaign(note: Callable[[Walk, str], None]) -> Walked:
    """A campaign that goes well; `note` is told of every call of a port."""
    with arranged(campaigns={"two": CAMPAIGN}) as (walk, world):
        world.failing = Intercept(lambda called: note(walk, called))
        return run_campaign(walk, {"campaign": "two"})


@cache
def calls() -> dict[str, int]:
    return count_calls(good_campaign)


def run(cell: Cell) -> Found:
    calls()  # a campaign of its own: not while another is wired
    with arranged(campaigns=CAMPAIGNS) as (walk, world), campaign_members.fleet_of_one(world):
        place = PLACES[cell.place]
        trial = Trial(walk, world, place.state, states=STATES, count=calls)
        world.faults.listeners.append(lambda _: trial.at_once.append(len(world.faults.active())))
        entered = []

        def enter() -> None:
            entered.append(1)
            modes_of(cell.place)[cell.mode](trial)

        walk.enter[place.state] = once(enter, at=place.entered)
        try:
            run_campaign(walk, {"campaign": place.campaign})
            assert entered, "never entered"
            _drive(trial)
            return Found(cell, *until_over(trial, over))
        finally:
            for frozen in trial.frozen:
                frozen.go_on()


def _drive(trial: Trial) -> None:
    """What follows the last state of an execution: its event, pulses, a redrive. What is broken stays broken until the
    end."""
    walk = trial.walk
    _deliver_deaths(trial)
    if trial.redriven:
        trial.repair()
        walk.redrive_count = 1
        variables = _variables(trial.world)
        walk.run(
            {"campaign": name_campaign(trial.world)},
            ID,
            start_at=trial.state,
            variables=variables,
            machine=campaign_asl(),
            machine_arn=CAMPAIGN_MACHINE,
        )
        _deliver_deaths(trial)
    walk.pulses(3)
    while any(frozen.stands for frozen in trial.frozen):
        walk.pulses(1)
    trial.repair()


def _deliver_deaths(trial: Trial) -> None:
    """The events of the executions that did not end by their last states, if the watchdog hears of them."""
    if trial.heard:
        for walked in list(trial.walk.walked):
            if walked.status != "SUCCEEDED":
                trial.walk.quietly("Watchdog", execution_event(walked.arn, walked.status, walked.started_ms))


def _variables(world: FakeWorld) -> dict[str, Any]:
    record = world.campaigns.items.get(ID)
    if record is None:
        return {}
    run = Run(id=record.id, execution_arn=record.execution_arn, started_at=record.started_at)
    ended = len(record.runs) - len(record.running)
    return {"run": run.model_dump(mode="json"), "round": ended, "offered": ended, "failure": ""}


def over(trial: Trial) -> None:
    """Nothing runs or is left. Each run and each campaign is final and true, and people and machines were notified of what
    its record says."""
    world = trial.world
    assert max(trial.at_once, default=0) <= 1, "two faults in one failure domain"
    nothing_runs(world)
    for execution_id in world.records.items:
        assert record_of(world, execution_id).final, f"{execution_id} runs for ever"
        true(world, execution_id)
        rolled_back(world, execution_id)
        heard(world, execution_id)
    is_settled(world)
    alarmed = "raised:Watchdog:Unavailable" in world.calls
    assert ID in world.campaigns.items or alarmed or not trial.heard, "nobody knows of the campaign"
    for record in world.campaigns.items.values():
        assert record.final, f"campaign {record.id} is {record.status} for ever"
        campaign_is_true(world, record)
        campaign_is_told(world, record)
    assert world.campaigns.list_open() == [], "still in the list of open campaigns"


def campaign_is_true(world: FakeWorld, record: CampaignRecord) -> None:
    """Each step's outcome is that of its run, nothing ran when the campaign had ended, and `validated` means all of it."""
    assert record.ended_at
    assert len(record.runs) <= len(CAMPAIGN["steps"]), "a step was begun twice"
    assert record.open_prompt is None, "somebody is still asked"
    assert record.task_token == "", "a token is left"
    for step in record.runs:
        stored = world.records.items.get(step.execution_id)
        if step.member:
            assert stored is None, "a step of a member ran at home"
        elif stored is None:
            assert step.outcome in {None, StepOutcome.UNKNOWN}, "an outcome without a run"
        elif stored.status is not Status.REJECTED:
            assert step.outcome in {classify_run(stored), StepOutcome.UNKNOWN}, "another outcome than the run's"
            assert stored.ended_at, "a run without an end"
            assert stored.ended_at <= record.ended_at, "a step ran when the campaign had ended"
    campaign_members.members_are_true(world, record)
    known = {step.execution_id for step in record.runs}
    strays = [id_ for id_ in world.records.items if id_.startswith(f"{record.id}-s") and id_ not in known]
    assert strays == [], "a run that the campaign does not know"
    if record.verdict is Verdict.VALIDATED:
        assert [step.outcome for step in record.runs] == [StepOutcome.VALIDATED] * len(CAMPAIGN["steps"]), "validated without its steps"


def campaign_is_told(world: FakeWorld, record: CampaignRecord) -> None:
    result = world.documents.get(record.id, CampaignResult)
    assert result, "no result"
    assert (result.status, result.verdict, result.reason) == (record.status, record.verdict, record.reason), "another result"
    assert record.reason, "no reason"
    word = (record.verdict or record.status).value
    messages = [message for message in world.notifier.sent if f", campaign {record.id}\n" in f"{message.body}\n"]
    assert messages, "nobody was told of the campaign"
    assert all(word in message.subject and message.attributes["status"] == record.status.value for message in messages), (
        "people were told something else"
    )
    final = {event.status for event in world.campaign_events.emitted if event.id == record.id and event.final}
    assert final == {record.status}, "machines were told something else"


def summary(results: list[Found]) -> str:
    """The size of the matrix and the cells that failed, in words."""
    survivors = [result for result in results if result.wrong]
    slowest = max(results, key=lambda result: result.seconds)
    lines = [f"{len(PLACES)} places, {len(cells())} cells; {len(results)} run, {len(survivors)} survivors"]
    lines += [f"  {result.cell}: {result.wrong}" for result in survivors]
    return "\n".join([*lines, f"  slowest: {slowest.seconds:.0f} s, {slowest.cell}"])


def main() -> int:
    logging.disable(logging.CRITICAL)
    began = time.process_time()
    results = [run(cell) for cell in cells()]
    print(summary(results))
    print(f"{time.process_time() - began:.0f} s of one core")
    return 1 if any(result.wrong for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
