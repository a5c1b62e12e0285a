"""Measures an experiment of three faults beside one of one fault, both of the local catalogue, in real seconds: the time from
the start to the fault, and the transitions of the whole execution."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from bench.account import Bench, MeasurementError
from bench.overhead import QUIET_SECONDS
from bench.running import delete_metrics, wait_until_healthy
from bench.tables import Spread, Table, describe_load, read_load
from squall.domain.run.timeline import EventName

ONE, THREE = "ec2-instance-termination", "zone-loss"
"""Both last 45 s. The scenario terminates an instance, too, beside a zone without capacity and a subnet that is cut off."""


@dataclass(frozen=True)
class Timed:
    """One finished execution."""

    to_fault: float
    """Seconds from StartExecution to the fault, or the first of several."""
    transitions: int
    """The number of states entered plus the retries."""
    verdict: str


@dataclass(frozen=True)
class Compared:
    one: tuple[Timed, ...]
    three: tuple[Timed, ...]
    load: str


def measure_scenarios(bench: Bench, runs: int = 3, tick: Callable[[str], None] = lambda _: None) -> Compared:
    """Runs both experiments in turn, so that both have the same conditions. The first run of each warms the functions up and
    is not counted."""
    at_start = read_load()
    timed: dict[str, list[Timed]] = {ONE: [], THREE: []}
    for number in range(runs + 1):
        for experiment, counted in timed.items():
            run = _run(bench, experiment)
            tick(f"{experiment}: {run.to_fault:.1f} s to the fault, {run.transitions} transitions, {run.verdict}")
            if number:
                counted.append(run)
    return Compared(tuple(timed[ONE]), tuple(timed[THREE]), describe_load(at_start))


def _run(bench: Bench, experiment: str) -> Timed:
    wait_until_healthy(bench)
    delete_metrics(bench)  # what the last fault disturbed is in no baseline
    time.sleep(QUIET_SECONDS)
    run = bench.run({"experiment": experiment})
    started = run.at(EventName.FAULT_STARTED)
    if started is None:
        raise MeasurementError(f"{run.id} of {experiment} had no fault: {run.result['status']}: {run.result['reason']}")
    return Timed(started - run.began, _count_transitions(bench, run.id), run.result["verdict"])


def _count_transitions(bench: Bench, execution_id: str) -> int:
    """What Step Functions bills: the states that were entered, and the retries."""
    execution_arn = f"{bench.account.outputs['ExperimentStateMachineArn'].replace(':stateMachine:', ':execution:')}:{execution_id}"
    pages = bench.workflow.get_paginator("get_execution_history").paginate(executionArn=execution_arn, includeExecutionData=False)
    kinds: list[str] = [event["type"] for page in pages for event in page["events"]]
    entered = sum(kind.endswith("StateEntered") for kind in kinds)
    return entered + kinds.count("TaskScheduled") - kinds.count("TaskStateEntered")


def make_table(result: Compared) -> Table:
    """A row for each experiment, and the ratio of both."""
    columns = ("experiment", "faults", "runs", "start to fault, s", "transitions", "verdict")
    rows = (
        _make_row(ONE, "1", result.one),
        _make_row(THREE, "3", result.three),
        ("three faults ÷ one", "", "", _divide(result, _read_seconds), _divide(result, _read_transitions), ""),
    )
    note = (
        "Both experiments of `local/experiments` in turn on the same account, functions warm, median (min to max), "
        f"{result.load}. Start to fault is from StartExecution to the event `fault_started` of the timeline. Transitions are those "
        "of the whole execution: states entered plus retries. Before each run the workload is whole and left alone for "
        f"{QUIET_SECONDS:.0f} s, so that no run waits for a baseline."
    )
    return Table("Three faults beside one, in real seconds", columns, rows, (note,))


def _make_row(name: str, faults: str, timed: Sequence[Timed]) -> tuple[str, ...]:
    seconds, transitions = Spread(_read_seconds(timed)), Spread(_read_transitions(timed), digits=0)
    return (name, faults, str(len(timed)), str(seconds), str(transitions), "; ".join(sorted({run.verdict for run in timed})))


def _divide(result: Compared, read: Callable[[Sequence[Timed]], tuple[float, ...]]) -> str:
    return f"{median(read(result.three)) / median(read(result.one)):.2f}"


def _read_seconds(timed: Sequence[Timed]) -> tuple[float, ...]:
    return tuple(run.to_fault for run in timed)


def _read_transitions(timed: Sequence[Timed]) -> tuple[float, ...]:
    return tuple(float(run.transitions) for run in timed)
