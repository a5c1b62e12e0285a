"""A guard that fires because its metric fell silent aborts the run, and nobody is told that the workload failed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from squall.domain.base.vocabulary import AbortSource, Status, Verdict
from tests.fakes.world import FakeWorld
from tests.workflow.driver import alarm_action, alarm_event
from tests.workflow.endings import GUARD, around, ended, nothing_is_left, once, record_of, result_of
from tests.workflow.stopping.test_aborts import deafen_fis, in_the_fault
from tests.workflow.walk import Walk

SILENT = "Threshold Crossed: no datapoints were received for 3 periods and 3 missing datapoints were treated as [Breaching]."
MEASURED = "Threshold Crossed: 2 out of the last 3 datapoints [12.0, 51.0] were less than the threshold (95.0)."


def by_action(walk: Walk, world: FakeWorld) -> None:
    walk.quietly("Abort", alarm_action(world.alarms.alarms[GUARD]))


def by_event(walk: Walk, world: FakeWorld) -> None:
    walk.quietly("Abort", alarm_event(world.alarms.alarms[GUARD]))


def by_pulse(walk: Walk, _: FakeWorld) -> None:
    walk.quietly("Pulse", {})


def by_stop_condition(_: Walk, __: FakeWorld) -> None:
    """FIS alone stops the experiment, and StopFault finds the cause in the alarm's history."""


WAYS = {"alarm action": by_action, "EventBridge": by_event, "pulse": by_pulse, "stop condition": by_stop_condition}


def abort_in_the_fault(walk: Walk, world: FakeWorld, way: Callable[[Walk, FakeWorld], None], reason: str) -> None:
    if way is not by_stop_condition:
        deafen_fis(world)
    walk.pulse = walk.events = False

    def fire() -> None:
        world.alarms.set_state(GUARD, "ALARM", reason)
        way(walk, world)

    in_the_fault(walk, world, fire)
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_guard_that_fired_on_missing_data_says_nothing_about_the_hypothesis(
    walk: Walk, world: FakeWorld, way: Callable[[Walk, FakeWorld], None]
) -> None:
    abort_in_the_fault(walk, world, way, SILENT)
    record = ended(world, Status.ABORTED, Verdict.ABORTED, None)
    assert record.abort is not None
    assert record.abort.source is AbortSource.BLIND_GUARD
    assert "had no data" in record.reason
    result = result_of(world)
    assert [finding.kind for finding in result.findings if finding.kind.startswith("guard_")] == ["guard_blind"]
    assert "had no data" in world.notifier.sent[-1].body
    assert "did not hold" not in world.notifier.sent[-1].body
    nothing_is_left(world)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_guard_that_fired_on_what_it_measured_refutes(walk: Walk, world: FakeWorld, way: Callable[[Walk, FakeWorld], None]) -> None:
    abort_in_the_fault(walk, world, way, MEASURED)
    assert ended(world, Status.ABORTED, Verdict.ABORTED, False).abort is not None
    assert record_of(world).abort.source is AbortSource.GUARD  # type: ignore[union-attr]
    nothing_is_left(world)


def test_the_pulse_that_sees_no_data_itself_says_so(walk: Walk, world: FakeWorld) -> None:
    """The alarm stays OK, as if CloudWatch did not evaluate it: the pulse reads the metric."""
    deafen_fis(world)
    walk.pulse, walk.events = True, False

    def fall_silent() -> None:
        since = world.clock.now().timestamp()
        world.metrics.set("TargetResponseTime", lambda at: None if at >= since - 60 else 0.05)
        world.metrics.set("RequestCount", lambda at: None if at >= since - 60 else 3000.0)

    in_the_fault(walk, world, fall_silent)
    walk.run({"experiment": "seed"})
    record = ended(world, Status.ABORTED, Verdict.ABORTED, None)
    assert record.abort is not None
    assert (record.abort.source, "no data" in record.reason) == (AbortSource.BLIND_GUARD, True), record.reason


@pytest.mark.parametrize(
    ("act", "expected_text"),
    [
        (lambda world: world.alarms.delete([GUARD]), "was deleted"),
        (lambda world: setattr(world.alarms.alarms[GUARD], "actions_enabled", False), "the actions of the guard"),
        (lambda world: world.alarms.set_state(GUARD, "INSUFFICIENT_DATA"), "has no data"),
    ],
    ids=["deleted", "disabled", "insufficient data"],
)
def test_a_guard_that_did_not_fire_is_not_said_to_have_fired(
    walk: Walk, world: FakeWorld, act: Callable[[FakeWorld], None], expected_text: str
) -> None:
    deafen_fis(world)
    walk.pulse, walk.events = True, False
    in_the_fault(walk, world, lambda: act(world))
    walk.run({"experiment": "seed"})
    reason = ended(world, Status.ABORTED, Verdict.ABORTED, None).reason
    assert expected_text in reason
    assert "fired" not in reason
    assert "the guard '" in reason, "people know a guard by its sentence"


def test_a_guard_that_is_deleted_between_two_looks_of_the_pulse_is_said_to_be_deleted(walk: Walk, world: FakeWorld) -> None:
    """The first look asks for its state, the second compares its settings: what is gone is not called changed."""
    deafen_fis(world)
    walk.pulse, walk.events = True, False
    delete = once(lambda: world.alarms.delete([GUARD]))
    prepare = once(lambda: around(world, "alarms.states", after=delete))
    in_the_fault(walk, world, lambda: walk.before.update(Pulse=lambda _: prepare()))
    walk.run({"experiment": "seed"})
    reason = ended(world, Status.ABORTED, Verdict.ABORTED, None).reason
    assert "was deleted" in reason
    assert "was changed" not in reason
