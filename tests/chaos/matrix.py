"""Everything that can go wrong, at every Task of the state machine: run, broken, repaired, and looked at until nothing is wrong.

The states are read from the ASL, the services from the wiring's ports: a new one is in the matrix by existing.
`python -m tests.chaos.matrix` runs all of it and prints its size, what survived, and how long the slowest of each mode took.
"""

from __future__ import annotations

import logging
import random
import sys
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.run.fis_state import FisExperiment
from tests.chaos.modes import FREEZES, MODES, STATES, Mode, Trial, calls, frozen_at, function_of
from tests.fakes.world import FakeWorld
from tests.workflow.course.test_again import variables
from tests.workflow.driver import execution_event
from tests.workflow.endings import ID, is_settled, nothing_runs, once, record_of, result_of, rolled_back
from tests.workflow.rig import arranged
from tests.workflow.supervision.test_deaths import WHERE
from tests.workflow.voting import approval_for
from tests.workflow.walk import Walked

BOUND_SECONDS = 300
"""From the end of the execution, or of what was broken, to the last trace gone: five pulses, on this clock."""
FROZEN_BOUND_SECONDS = 1200
"""After a function that woke up when all was over: the sweep takes what is older than 10 minutes, seen twice."""


def mode_of(name: str) -> Mode:
    return partial(frozen_at, call=int(name.removeprefix(FREEZES))) if name.startswith(FREEZES) else MODES[name]


@dataclass(frozen=True)
class Cell:
    state: str
    mode: str

    def __str__(self) -> str:
        return f"{self.state}: {self.mode}"


@dataclass(frozen=True)
class Found:
    """What became of one cell: seconds to the last trace gone, or what is wrong."""

    cell: Cell
    seconds: float
    wrong: str = ""


def cells() -> list[Cell]:
    return [Cell(state, mode) for state in STATES for mode in MODES]


def freezing(state: str) -> list[Cell]:
    """Frozen in front of each of its calls."""
    return [Cell(state, f"{FREEZES}{call}") for call in range(1, calls()[function_of(state)] + 1)]


def sample(seed: int, of_each: int = 1) -> list[Cell]:
    """Each state and each mode at least so often; which with which, the seed says."""
    dice = random.Random(seed)
    longest = max(len(STATES), len(MODES)) * of_each
    return [Cell(state, mode) for state, mode in zip(_shuffled(STATES, longest, dice), _shuffled(MODES, longest, dice), strict=True)]


def _shuffled(names: dict[str, Any], count: int, dice: random.Random) -> list[str]:
    found: list[str] = []
    while len(found) < count:
        found += dice.sample(sorted(names), len(names))
    return found[:count]


def run(cell: Cell) -> Found:
    calls()  # a run of its own: not while another is wired
    with arranged() as (walk, world):
        trial = Trial(walk, world, cell.state)
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
            return Found(cell, *until_over(trial))
        finally:
            for one in trial.frozen:
                one.go_on()


def _drive(trial: Trial, done: Walked) -> None:
    """What happens to an execution after its last state: its event, pulses, a redrive; all of it still broken."""
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
    while any(one.stands for one in trial.frozen):
        walk.pulses(1)
    trial.repair()


def until_over(trial: Trial) -> tuple[float, str]:
    """Seconds to the last trace gone; and what is wrong when the bound has passed, or nothing."""
    began = trial.world.clock.now()
    bound = FROZEN_BOUND_SECONDS if trial.frozen else BOUND_SECONDS
    while True:
        seconds = (trial.world.clock.now() - began).total_seconds()
        wrong = _wrong(trial)
        if not wrong or seconds >= bound:
            return seconds, wrong
        trial.walk.pulses(1)


def _wrong(trial: Trial) -> str:
    try:
        over(trial)
    except AssertionError as wrong:
        return f"{wrong}".partition("\n")[0] or "assertion"
    return ""


def over(trial: Trial) -> None:
    """Nothing runs or is left; each record is final and true, and people and machines heard what it says."""
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
    """The record doesn't say more, or less, than FIS knows."""
    record = record_of(world, execution_id)
    faults = [run.experiment for run in world.faults.runs.values() if run.experiment.tags.get("squall:execution") == execution_id]
    assert len(faults) <= 1, "injected twice"
    assert not (faults and record.status is Status.REJECTED), "rejected, but injected"
    validated = record.verdict is Verdict.VALIDATED
    assert not validated or [whole(fault, record.fault_seconds) for fault in faults] == [True], "validated without a whole fault"
    for fault in faults:
        assert fault.ended_at is not None
        assert fault.started_at is not None
        longest = max(record.fault_seconds, 600) + 2 * BOUND_SECONDS
        assert (fault.ended_at - fault.started_at).total_seconds() <= longest, "the fault went on and on"


def whole(fault: FisExperiment, seconds: float) -> bool:
    """Whether it had all its time: that FIS failed in its last second takes nothing back."""
    lasted = (fault.ended_at - fault.started_at).total_seconds() if fault.ended_at and fault.started_at else 0.0
    return fault.status == "completed" or (fault.status == "failed" and lasted >= seconds)


def heard(world: FakeWorld, execution_id: str) -> None:
    """At least once, and never anything else than the record says."""
    record, result = record_of(world, execution_id), result_of(world, execution_id)
    assert (result.status, result.verdict, result.hypothesis_validated) == (record.status, record.verdict, record.hypothesis_validated)
    of_run = [one for one in world.notifier.sent if f"execution {execution_id}\n" in f"{one.body}\n"]
    assert of_run, "nobody was told"
    word = (record.verdict or record.status).value
    assert all(word in one.subject and one.attributes["status"] == record.status.value for one in of_run), "people were told something else"
    final = {event.status for event, _ in world.lifecycle.events if event.id == execution_id and event.final}
    assert final == {record.status}, "machines were told something else"


def summary(found: list[Found]) -> str:
    """In words: the size of the matrix, what survived, the slowest of each mode."""
    survivors = [one for one in found if one.wrong]
    lines = [f"{len(STATES)} states x {len(MODES)} modes = {len(cells())} cells; {len(found)} run, {len(survivors)} survivors"]
    lines += [f"  {one.cell}: {one.wrong}" for one in survivors]
    for mode in dict.fromkeys(one.cell.mode for one in found):
        slowest = max(one.seconds for one in found if one.cell.mode == mode)
        lines.append(f"  {slowest:5.0f} s  {mode}")
    return "\n".join(lines)


def main() -> int:
    logging.disable(logging.CRITICAL)
    began = time.process_time()
    found = [run(cell) for cell in cells()]
    print(summary(found))
    print(f"{time.process_time() - began:.0f} s of one core")
    return 1 if any(one.wrong for one in found) else 0


if __name__ == "__main__":
    sys.exit(main())
