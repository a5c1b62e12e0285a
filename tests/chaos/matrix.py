"""Everything that can go wrong, at every Task of the state machine. Each cell is run, broken, repaired, and watched
until nothing is wrong.

The states are read from the ASL, the services from the wiring's ports, so a new one is in the matrix as soon as it
exists. `python -m tests.chaos.matrix` runs all cells and prints their number, which failed, and how long the slowest of
each mode took.
"""

from __future__ import annotations

import logging
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from typing import Any

from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.run.fis_state import FisExperiment
from tests.chaos.actions import ACTIONS, shaped
from tests.chaos.modes import FREEZES, MODES, STATES, Mode, Trial, calls, frozen_at, function_of
from tests.fakes.world import FakeWorld
from tests.workflow.course.test_again import variables
from tests.workflow.driver import execution_event
from tests.workflow.endings import ID, is_settled, nothing_runs, once, record_of, result_of, rolled_back
from tests.workflow.rig import EVERY_SHAPE, ONE_FAULT, arranged
from tests.workflow.supervision.test_deaths import WHERE
from tests.workflow.voting import approval_for
from tests.workflow.walk import Walked

BOUND_SECONDS = 300
"""The longest time from the end of the execution, or of what was broken, until the last trace is gone: five pulses."""
FROZEN_BOUND_SECONDS = 1200
"""The same for a function that woke up when everything was over: the sweep removes what is older than 10 minutes, after
two sightings."""


def mode_of(name: str) -> Mode:
    return partial(frozen_at, call=int(name.removeprefix(FREEZES))) if name.startswith(FREEZES) else MODES[name]


@dataclass(frozen=True)
class Cell:
    state: str
    mode: str
    shape: str = ONE_FAULT

    def __str__(self) -> str:
        return f"{self.state}: {self.mode}" + (f", {self.shape}" if self.shape != ONE_FAULT else "")


@dataclass(frozen=True)
class Found:
    """The outcome of one cell: the seconds until the last trace was gone, or what is wrong."""

    cell: Cell
    seconds: float
    wrong: str = ""


STATES_OF_ACTIONS = (
    "FinalCheck", "StartFault", "WatchFault", "ObserveFault", "StopFault", "RunRollback", "VerifyRollback", "WatchRecovery", "Release",
)  # fmt: skip
"""Where a FIS action by its id differs from another: it is compared once more before its start, started, watched, stopped, and what it
left is looked for. Who closes an execution that was stopped there, the watchdog or the pulse, looks for it, too. Before, and in what
is made of the result afterwards, no function knows more of an action than of any fault."""
PLACES = [(shape, state) for shape in EVERY_SHAPE for state in STATES]
PLACES_OF_ACTIONS = [(shape, state) for shape in ACTIONS for state in STATES_OF_ACTIONS]


def cells() -> list[Cell]:
    return [Cell(state, mode, shape) for shape, state in (*PLACES, *PLACES_OF_ACTIONS) for mode in MODES]


def freezing(state: str, shape: str = ONE_FAULT) -> list[Cell]:
    """The cells in which the function of the state freezes before each of its calls."""
    return [Cell(state, f"{FREEZES}{call}", shape) for call in range(1, calls(shape)[function_of(state)] + 1)]


def sample(seed: int, of_each: int = 1) -> list[Cell]:
    """Cells in which each state and each mode occurs at least `of_each` times, and of which an equal part has each shape and each FIS
    action. The seed decides the combinations."""
    dice = random.Random(seed)
    longest = max(len(STATES), len(MODES)) * of_each
    names = zip(_shuffled(STATES, longest, dice), _shuffled(MODES, longest, dice), cycle((*EVERY_SHAPE, *ACTIONS)), strict=False)
    return [Cell(state, mode, shape) for state, mode, shape in names]


def _shuffled(names: dict[str, Any], count: int, dice: random.Random) -> list[str]:
    shuffled: list[str] = []
    while len(shuffled) < count:
        shuffled += dice.sample(sorted(names), len(names))
    return shuffled[:count]


def run(cell: Cell) -> Found:
    calls(cell.shape)  # a run of its own: not while another is wired
    with arranged(shaped(cell.shape)) as (walk, world):
        trial = Trial(walk, world, cell.state, cell.shape)
        world.faults.listeners.append(lambda _: trial.at_once.append(len(world.faults.active())))
        if arrange := WHERE.get(cell.state):
            arrange(walk, world)
        approval_for(cell.state, walk, world)
        entered = []

        def enter() -> None:
            entered.append(1)
            mode_of(cell.mode)(trial)

        walk.enter[cell.state] = once(enter)
        try:
            _drive(trial, walk.run({"experiment": "seed"}))
            assert entered, "never entered"
            return Found(cell, *until_over(trial, over))
        finally:
            for frozen in trial.frozen:
                frozen.go_on()


def _drive(trial: Trial, done: Walked) -> None:
    """Plays what follows the last state of an execution: its event, pulses, a redrive. What is broken stays broken
    until the end."""
    walk, world = trial.walk, trial.world
    if done.status != "SUCCEEDED" and trial.heard:
        walk.quietly("Watchdog", execution_event(done.arn, done.status, done.started_ms))
    if trial.redriven and done.status != "SUCCEEDED":
        trial.repair()
        walk.redrive_count = 1
        known = {} if trial.state == "Admit" and ID not in world.records.items else variables(world)
        again = walk.run({"experiment": "seed"}, start_at=trial.state, variables=known)
        if again.status != "SUCCEEDED":
            walk.quietly("Watchdog", execution_event(again.arn, again.status, again.started_ms))
    walk.pulses(3)
    while any(frozen.stands for frozen in trial.frozen):
        walk.pulses(1)
    trial.repair()


def until_over(trial: Trial, over: Callable[[Trial], None]) -> tuple[float, str]:
    """The seconds until the last trace is gone, and what is still wrong when the bound has passed (empty if nothing
    is). `over` asserts that nothing is left."""
    began = trial.world.clock.now()
    bound = FROZEN_BOUND_SECONDS if trial.frozen else BOUND_SECONDS
    while True:
        seconds = (trial.world.clock.now() - began).total_seconds()
        wrong = _find_wrong(trial, over)
        if not wrong or seconds >= bound:
            return seconds, wrong
        trial.walk.pulses(1)


def _find_wrong(trial: Trial, over: Callable[[Trial], None]) -> str:
    try:
        over(trial)
    except AssertionError as wrong:
        return f"{wrong}".partition("\n")[0] or "assertion"
    return ""


def over(trial: Trial) -> None:
    """Nothing runs or is left. Each record is final and true, and people and machines were notified of what it says."""
    world = trial.world
    assert max(trial.at_once, default=0) <= 1, "two faults in one failure domain"
    nothing_runs(world)
    alarmed = "raised:Watchdog:Unavailable" in world.calls  # its own alarm on errors tells a person, when there is no table to ask
    assert ID in world.records.items or alarmed or not trial.heard, "nobody knows of the execution"
    for execution_id in world.records.items:
        record = record_of(world, execution_id)
        assert record.final, f"{record.status} for ever"
        true(world, execution_id)
        rolled_back(world, execution_id)
        heard(world, execution_id)
    is_settled(world)


def true(world: FakeWorld, execution_id: str) -> None:
    """The record says neither more nor less than FIS knows."""
    record = record_of(world, execution_id)
    faults = [run.experiment for run in world.faults.runs.values() if run.experiment.tags.get("squall:execution") == execution_id]
    assert len(faults) <= 1, "injected twice"
    assert not (faults and record.status is Status.REJECTED), "rejected, but injected"
    validated = record.verdict is Verdict.VALIDATED
    assert not validated or [whole(fault, record.observed_seconds) for fault in faults] == [True], "validated without a whole fault"
    for fault in faults:
        assert fault.ended_at is not None
        assert fault.started_at is not None
        longest = max(record.observed_seconds, 600) + 2 * BOUND_SECONDS
        assert (fault.ended_at - fault.started_at).total_seconds() <= longest, "the fault went on and on"


def whole(fault: FisExperiment, seconds: float) -> bool:
    """Whether the faults, and their observation, had their whole time. They had, even if FIS failed in its last second, or if
    Squall stopped what FIS only kept in reserve."""
    lasted = (fault.ended_at - fault.started_at).total_seconds() if fault.ended_at and fault.started_at else 0.0
    return fault.status == "completed" or (fault.status in {"failed", "stopped"} and lasted >= seconds)


def heard(world: FakeWorld, execution_id: str) -> None:
    """People and machines were notified at least once, and always of what the record says."""
    record, result = record_of(world, execution_id), result_of(world, execution_id)
    assert (result.status, result.verdict, result.hypothesis_validated) == (record.status, record.verdict, record.hypothesis_validated)
    of_run = [message for message in world.notifier.sent if f"execution {execution_id}\n" in f"{message.body}\n"]
    assert of_run, "nobody was told"
    word = (record.verdict or record.status).value
    assert all(word in message.subject and message.attributes["status"] == record.status.value for message in of_run), (
        "people were told something else"
    )
    final = {event.status for event, _ in world.lifecycle.events if event.id == execution_id and event.final}
    assert final == {record.status}, "machines were told something else"


def summary(results: list[Found]) -> str:
    """The size of the matrix, the cells that failed, and the slowest cell of each mode, in words."""
    survivors = [result for result in results if result.wrong]
    size = f"{len(PLACES)} states of {len(EVERY_SHAPE)} shapes and {len(PLACES_OF_ACTIONS)} of {len(ACTIONS)} actions, x {len(MODES)} modes"
    lines = [f"{size} = {len(cells())} cells; {len(results)} run, {len(survivors)} survivors"]
    lines += [f"  {result.cell}: {result.wrong}" for result in survivors]
    for mode in dict.fromkeys(result.cell.mode for result in results):
        slowest = max(result.seconds for result in results if result.cell.mode == mode)
        lines.append(f"  {slowest:5.0f} s  {mode}")
    return "\n".join(lines)


def main() -> int:
    logging.disable(logging.CRITICAL)
    began = time.process_time()
    results = [run(cell) for cell in cells()]
    print(summary(results))
    print(f"{time.process_time() - began:.0f} s of one core")
    return 1 if any(result.wrong for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
