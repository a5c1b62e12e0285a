"""Whole runs on the fake account, generated: what was said about each, and what was so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from hypothesis import strategies as st

from squall.application.admission import admit, deployed
from squall.application.reports.run import collect_facts
from squall.domain.language import grammar
from squall.reporting.run_facts import Facts
from squall.reporting.story import list_sentences
from squall.reporting.view import Page, build_page
from tests.fakes.world import FakeWorld
from tests.workflow.driver import alarm_action, execution_event
from tests.workflow.endings import GUARD, ID, once, record_of
from tests.workflow.rig import environment, rel12_experiment, tree_read_once, workload
from tests.workflow.walk import Walk, walking

BLIND = "Threshold Crossed: no datapoints were received for 3 periods and 3 missing datapoints were treated as [Breaching]."
BREACHED = "Threshold Crossed: 3 datapoints [9.0, 9.0, 9.0] were greater than the threshold (5.0)."
METRICS = ("RequestCount", "TargetResponseTime")
CRITERIA = (
    "System availability > 99%",
    "Response time < 2 seconds",
    "Response time increases by < 25%",
    "Response time < 2 seconds for 2 minutes",
    "recovers within 5 minutes",
    "Response time recovers within 2 minutes",
)
STATES = ("CheckSafety", "CaptureBaseline", "ArmGuards", "CreateTemplate", "FinalCheck", "StopFault", "VerifyRollback", "Judge")
FAULTS: dict[str, dict[str, Any]] = {
    "termination": {},
    "latency": {"type": "network_latency", "parameters": {"latency_ms": 200}},
}


@dataclass(frozen=True)
class Silence:
    """A metric without data, in seconds from the start of the fault."""

    metric: str
    start: int
    seconds: int


@dataclass(frozen=True)
class Scene:
    """One generated run."""

    fault: str
    criteria: tuple[str, ...]
    ending: str
    """Who ends the fault early; empty: nobody."""
    ending_seconds: float
    """When, in seconds from the start of the fault."""
    abort_in: str
    """A state at whose start an operator aborts; empty: none."""
    silences: tuple[Silence, ...]
    factors: tuple[tuple[str, float], ...]
    """What each metric is multiplied with during the fault."""
    start_seconds: int
    dispatch_seconds: int
    replaces_after: int
    lag_seconds: int


@dataclass(frozen=True)
class Told:
    """What was said of a run, and what was so."""

    facts: Facts
    page: Page
    sentences: tuple[str, ...]
    message: str
    injected: bool
    """Whether FIS ran an experiment of this run."""


def scenes() -> st.SearchStrategy[Scene]:
    silence = st.builds(
        Silence, metric=st.sampled_from(METRICS), start=st.integers(-600, 900), seconds=st.sampled_from((60, 120, 300, 600, 3600))
    )
    return st.builds(
        Scene,
        fault=st.sampled_from(tuple(FAULTS)),
        criteria=st.lists(st.sampled_from(CRITERIA), min_size=1, max_size=4, unique=True).map(tuple),
        ending=st.sampled_from(("", "", "operator", "guard", "blind guard", "guard alone", "console", "lever", "death")),
        ending_seconds=st.one_of(st.integers(1, 700), st.floats(0.1, 30)),
        abort_in=st.sampled_from(("",) * 6 + STATES),
        silences=st.lists(silence, max_size=2).map(tuple),
        factors=st.lists(st.tuples(st.sampled_from(METRICS), st.sampled_from((0.0, 0.5, 0.95, 1.05, 3.0, 60.0))), max_size=2).map(tuple),
        start_seconds=st.sampled_from((0, 2, 30)),
        dispatch_seconds=st.sampled_from((0, 7, 55)),
        replaces_after=st.sampled_from((30, 90, 400)),
        lag_seconds=st.sampled_from((0, 60)),
    )


def play(scene: Scene) -> Told:
    """Run the scene to its end, and read what was said."""
    with _arrange(scene) as (walk, world):
        started: list[float] = []
        _set_metrics(scene, world, started)
        walk.after["StartFault"] = lambda _: _begin(scene, walk, world, started)
        if scene.abort_in:
            walk.enter[scene.abort_in] = once(lambda: _abort(walk))
        done = walk.run({"experiment": "seed"})
        if done.status != "SUCCEEDED":
            walk.invoke("Watchdog", execution_event(done.arn, "ABORTED", done.started_ms))
        walk.pulses(3)
        facts = collect_facts(world.wiring(), record_of(world))
        sent = [message.body for message in world.notifier.endings if "NOT CLEANED UP" not in message.subject]
        return Told(facts, build_page(facts), list_sentences(facts), sent[0], bool(world.faults.runs))


@contextmanager
def _arrange(scene: Scene) -> Iterator[tuple[Walk, FakeWorld]]:
    world = workload()
    experiment = {**rel12_experiment(world), **FAULTS[scene.fault], "success_criteria": list(scene.criteria)}
    known = deployed.DeployedDefinitions(catalogue={"seed": experiment}, environments={"staging": environment("staging")})
    with patch.object(admit, "load_deployed", lambda: known), patch.object(grammar, "parse_tree", tree_read_once), walking(world) as walk:
        world.alarms.arming_seconds = 10
        world.faults.stop_seconds = 20
        world.faults.start_seconds, world.commands.dispatch_seconds = scene.start_seconds, scene.dispatch_seconds
        world.fleet.groups["web"].replaces_after = scene.replaces_after
        world.metrics.lag_seconds = scene.lag_seconds
        yield walk, world


def _set_metrics(scene: Scene, world: FakeWorld, started: list[float]) -> None:
    usual = {"RequestCount": 3000.0, "TargetResponseTime": 0.05}
    factors = dict(scene.factors)

    def signal_of(metric: str) -> Callable[[int], float | None]:
        def value(at: int) -> float | None:
            since = at - started[0] if started else -1e9
            if any(silence.metric == metric and silence.start <= since < silence.start + silence.seconds for silence in scene.silences):
                return None
            wave = 1 + 0.01 * (at // 60 % 5)
            return usual[metric] * wave * (factors.get(metric, 1.0) if 0 <= since < 600 else 1.0)

        return value

    for metric in METRICS:
        world.metrics.set(metric, signal_of(metric))


def _begin(scene: Scene, walk: Walk, world: FakeWorld, started: list[float]) -> None:
    if not started:
        started.append(world.clock.now().timestamp())
        if scene.ending:
            world.clock.after(scene.ending_seconds, lambda: _end(scene, walk, world))


def _end(scene: Scene, walk: Walk, world: FakeWorld) -> None:
    match scene.ending:
        case "operator":
            _abort(walk)
        case "guard" | "guard alone" | "blind guard" if GUARD in world.alarms.alarms:
            _fire(scene, walk, world)
        case "console":
            for run in list(world.faults.runs):
                world.faults.stop(run)
        case "lever":
            for run in list(world.faults.runs):
                world.faults._end(run, "cancelled", {"running"})
        case "death":
            if walk._walking:
                walk.kill()


def _fire(scene: Scene, walk: Walk, world: FakeWorld) -> None:
    world.alarms.set_state(GUARD, "ALARM", BLIND if scene.ending == "blind guard" else BREACHED)
    if scene.ending != "guard alone":
        walk.quietly("Abort", alarm_action(world.alarms.alarms[GUARD]))


def _abort(walk: Walk) -> None:
    walk.quietly("Abort", {"execution_id": ID, "reason": "enough", "requested_by": "ops"})
