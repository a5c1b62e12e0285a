"""Measures the time beyond the fault, for Squall and for Chaos Toolkit with the same FIS template and endpoint."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from bench.account import ROOT, Bench, MeasurementError, Run
from bench.tables import Spread, Table, describe_load, read_load
from squall.domain.run.timeline import EventName

EXPERIMENT = "network-latency"
FAULT_SECONDS = 30
PEER = Path(__file__).parent / "peer" / "experiment.json"
PEER_SECONDS = 180
QUIET_SECONDS = 45.0
"""How long the workload is left alone before a run: longer than the shortest baseline, which leaves out what an earlier
fault disturbed (local/environments/staging.yaml). A run that had to wait for its baseline would measure that fault."""

FAULT = "fault"
FIS_AFTER = "until the fault is seen to be over and FIS has ended"
# The parts of a Squall run, each with the timeline events that can end it.
STAGES = (
    ("validates, discovers targets and metrics, checks safety", (EventName.SAFETY_CHECKED,)),
    ("locks the failure domain, takes a slot", (EventName.SLOT_TAKEN,)),
    ("baseline from history, steady state must hold", (EventName.BASELINE_CAPTURED,)),
    ("arms the guard alarms until each is OK", (EventName.GUARDS_ARMED,)),
    ("own FIS template, every check again", (EventName.FINALLY_SAFE,)),
    ("starts the fault", (EventName.FAULT_STARTED,)),
    (FIS_AFTER, (EventName.FIS_COMPLETED, EventName.FIS_STOPPED, EventName.FIS_FAILED, EventName.FIS_CANCELLED)),
    ("removes guards, asks what the fault did and whether it is gone", (EventName.ROLLBACK_VERIFIED,)),
    ("watches recovery, waits for late metrics", (EventName.RECOVERED, EventName.NOT_RECOVERED)),
    ("judges every criterion", (EventName.JUDGED,)),
)
LAST_STAGE = "records, notifies, releases"
PEER_STAGES = (
    "interpreter and imports",
    "steady state, one reading",
    "starts the fault",
    FAULT,
    "steady state, one more reading",
    "stops by tag",
    "end",
)


@dataclass(frozen=True)
class Timed:
    """One experiment from its request to its end; times in seconds."""

    wall: float
    stages: dict[str, float]
    outcome: str

    @property
    def overhead(self) -> float:
        return self.wall - FAULT_SECONDS


@dataclass(frozen=True)
class Overhead:
    squall: tuple[Timed, ...]
    squall_cold: Timed
    """The first run after the deployment, in which every function has a cold start."""
    peer: tuple[Timed, ...]
    peer_versions: str
    load: str


def measure_overhead(bench: Bench, runs: int = 3, tick: Callable[[str], None] = lambda _: None) -> Overhead:
    """Runs both tools in turn, so that both have the same conditions. Chaos Toolkit's template is made beforehand and
    not counted."""
    at_start = read_load()
    cold, squall, peer = _run_squall(bench)[1], [], []
    tick(f"Squall, first run: {cold.overhead:.1f} s beyond the fault")
    for _ in range(runs):
        run, timed = _run_squall(bench)
        squall.append(timed)
        tick(f"Squall: {timed.overhead:.1f} s beyond the fault")
        other = _run_peer(bench, bench.document(run.id, "template")["body"])
        peer.append(other)
        tick(f"Chaos Toolkit: {other.overhead:.1f} s beyond the fault")
    return Overhead(tuple(squall), cold, tuple(peer), _read_versions(), describe_load(at_start))


def _run_squall(bench: Bench) -> tuple[Run, Timed]:
    time.sleep(QUIET_SECONDS)
    run = bench.run({"definition": _make_definition()})
    if run.result["status"] != "completed":
        raise MeasurementError(f"{run.id} is {run.result['status']}: {run.result['reason']}")
    stages: dict[str, float] = {}
    before = run.began
    for name, events in STAGES:
        at = run.at(*events)
        if at is None:
            raise MeasurementError(f"{run.id} has no {events[0]} in its timeline")
        if name == FIS_AFTER:
            stages[FAULT] = float(FAULT_SECONDS)
            before += FAULT_SECONDS
        stages[name], before = at - before, at
    stages[LAST_STAGE] = run.ended - before
    return run, Timed(run.wall, stages, run.result["verdict"])


def _make_definition() -> dict[str, Any]:
    """The catalogue's experiment with this duration, with criteria on averages only, as in Chaos Toolkit's
    experiment."""
    experiment: dict[str, Any] = yaml.safe_load((ROOT / "local" / "experiments" / f"{EXPERIMENT}.yaml").read_text())
    criteria = ["System availability >= 99 %", "Response time < 250 ms", "System recovers within 1 minute"]
    return {**experiment, "duration": f"PT{FAULT_SECONDS}S", "success_criteria": criteria}


def _run_peer(bench: Bench, body: Mapping[str, Any]) -> Timed:
    # The guards of the run that the template comes from are deleted, and Chaos Toolkit has none of its own.
    copied = {**body, "stopConditions": [{"source": "none"}], "tags": {"Name": "bench"}}
    template = bench.fis.create_experiment_template(**copied)["experimentTemplate"]["id"]
    run = template.lower()
    dimensions = bench.account.workload["dimensions"]
    environment = {
        **os.environ,
        **bench.account.environment(),
        "BENCH_TEMPLATE_ID": template,
        "BENCH_LOAD_BALANCER": dimensions["LoadBalancer"],
        "BENCH_TARGET_GROUP": dimensions["TargetGroup"],
        "BENCH_FAULT_SECONDS": str(FAULT_SECONDS),
        "BENCH_RUN": run,
    }
    try:
        with tempfile.TemporaryDirectory() as folder:
            journal = Path(folder) / "journal.json"
            command = [sys.executable, "-m", "bench.peer", str(PEER), str(journal)]
            began = time.time()
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PEER_SECONDS, check=False)
            ended = time.time()
            if not journal.exists():
                raise MeasurementError(f"Chaos Toolkit ended with {done.returncode}:\n{done.stderr[-2000:]}")
            written = json.loads(journal.read_text())
    finally:
        bench.fis.delete_experiment_template(id=template)
    fis = bench.experiment(bench=run)
    if fis["state"]["status"] not in ("completed", "stopped"):
        raise MeasurementError(f"FIS ended Chaos Toolkit's experiment {fis['state']}")
    outcome = f"{written['status']}, deviated: {'yes' if written.get('deviated') else 'no'}, FIS: {fis['state']['status']}"
    return Timed(ended - began, _peer_stages(written, began, ended), outcome)


def _peer_stages(journal: Mapping[str, Any], began: float, ended: float) -> dict[str, float]:
    states = journal["steady_states"]
    action, rollback = journal["run"][0], journal["rollbacks"][0]
    if action["status"] != "succeeded":
        raise MeasurementError(f"Chaos Toolkit could not start the fault: {action.get('exception')}")
    first, last = states["before"]["probes"][0], states["after"]["probes"][0]
    marks = [
        began,
        *(_parse_epoch(at) for at in (first["start"], first["end"], action["end"], last["start"], last["end"], rollback["end"])),
        ended,
    ]
    return {name: after - before for name, (before, after) in zip(PEER_STAGES, pairwise(marks), strict=True)}


def _parse_epoch(text: str) -> float:
    """The epoch seconds of a time in the journal, which is UTC with or without an offset."""
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _read_versions() -> str:
    from importlib.metadata import version  # noqa: PLC0415

    return f"chaostoolkit-lib {version('chaostoolkit-lib')}, chaostoolkit-aws {version('chaostoolkit-aws')}"


def make_tables(result: Overhead) -> list[Table]:
    """A table of both tools, then one table per tool with the parts of its time."""
    rows = (
        _make_row("Squall", result.squall),
        _make_row("Squall, first run on a fresh account", (result.squall_cold,)),
        _make_row("Chaos Toolkit", result.peer),
    )
    notes = (
        (
            f"`{EXPERIMENT}` for {FAULT_SECONDS} s, the same FIS template body through the same endpoint, in turn; seconds, median (min to "
            f"max), {result.load}; {result.peer_versions}. Squall's figures reach from StartExecution to the end of the execution; Chaos "
            "Toolkit's from starting the interpreter to its exit, with the template made beforehand (Squall makes and removes its own "
            f"within its time). Before each run of Squall the workload is left alone for {QUIET_SECONDS:.0f} s, so that it has a baseline."
        ),
        "chaostoolkit-aws has nothing that waits for FIS to finish: its experiment pauses as long as the fault is to last.",
    )
    both = Table("Overhead of an execution beyond its fault", ("tool", "runs", "wall clock", "beyond the fault", "outcome"), rows, notes)
    squall = Table(
        "What Squall does meanwhile",
        ("part", "median, s"),
        _list_medians(result.squall),
        (
            (
                "The delay itself lasts as long as was asked for; its FIS action is allowed a minute more, for dispatch and what the "
                "document installs. Squall asks Systems Manager after the fault's time, as soon as `poll_seconds` says, whether the delay "
                "has ended, and stops FIS when it has; what recovers in these seconds is not waited for again. Chaos Toolkit stops FIS "
                "right after its pause."
            ),
            (
                "A workload counts as recovered after three whole metric periods in which every threshold holds "
                "(`guard_evaluation_periods`). Here these are periods of 5 s, which appear 2 s late: from the end of the fault to "
                "the end of the recovery, 17 to 22 s are this evidence, whatever the functions do."
            ),
        ),
    )
    peer = Table(
        "What Chaos Toolkit does meanwhile",
        ("part", "median, s"),
        _list_medians(result.peer),
        (
            (
                "It compares one reading of one metric with a range, before and after. No baseline, no guard that stops the fault, no "
                "check of the target's tag or capacity, no lock, no proof that the fault took effect, no look at whether it is gone, no "
                "recovery. A metric without data reads as 0 in chaosaws, which is within the range."
            ),
        ),
    )
    return [both, squall, peer]


def _make_row(name: str, timed: tuple[Timed, ...]) -> tuple[str, ...]:
    walls, beyond = Spread(tuple(run.wall for run in timed)), Spread(tuple(run.overhead for run in timed))
    return (name, str(len(timed)), str(walls), str(beyond), "; ".join(sorted({run.outcome for run in timed})))


def _list_medians(timed: tuple[Timed, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((stage, f"{median(run.stages[stage] for run in timed):.1f}") for stage in timed[0].stages)
