"""A command that reports success while its target does nothing: the mechanism's own metric contradicts it, and the run is invalid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from squall.domain.vocabulary import Verdict
from tests.fakes.world import FakeWorld
from tests.workflow.endings import nothing_is_left, result_of
from tests.workflow.walk import Walk

QUIET = 3.0


@pytest.fixture
def stress(walk: Walk, world: FakeWorld, experiment: dict[str, Any]) -> Callable[..., None]:
    def run(cpu: Callable[[int], float | None], **parameters: int) -> None:
        world.metrics.set("CPUUtilization", cpu)
        criteria = ["System availability > 99%"]
        walk.run({"definition": {**experiment, "type": "cpu_stress", "parameters": parameters, "success_criteria": criteria}})

    return run


def since_the_fault(world: FakeWorld, value: float | None) -> Callable[[int], float | None]:
    """A signal that is `value` from the moment FIS has been told to start."""

    def signal(at: int) -> float | None:
        fis = [world.faults.get(one) for one in world.faults.runs]
        began = [one.started_at.timestamp() for one in fis if one and one.started_at]
        return value if began and at >= min(began) else QUIET

    return signal


def test_a_processor_that_stays_idle_contradicts_its_command(stress: Callable[..., None], world: FakeWorld) -> None:
    stress(lambda _: QUIET)
    result = result_of(world)
    assert (result.verdict, result.hypothesis_validated) == (Verdict.INVALID, None)
    assert "the fault did nothing to i-" in result.reason
    assert "CPUUtilization was 3.0 at most, after 3.0, and should have risen by 20 at least" in result.reason
    nothing_is_left(world)


@pytest.mark.parametrize("reached", [QUIET + 20, 80.0])
def test_a_load_that_is_seen_contradicts_nothing(stress: Callable[..., None], world: FakeWorld, reached: float) -> None:
    stress(since_the_fault(world, reached))
    assert result_of(world).verdict is Verdict.VALIDATED, result_of(world).reason


def test_a_processor_that_was_busy_before_had_no_room_to_rise(stress: Callable[..., None], world: FakeWorld) -> None:
    stress(lambda _: 95.0)
    assert result_of(world).verdict is Verdict.VALIDATED, result_of(world).reason


@pytest.mark.parametrize("cpu", [lambda _: None, lambda at: QUIET if at % 300 == 0 else None], ids=["no metric", "one of five minutes"])
def test_a_metric_that_is_missing_or_sparse_leaves_the_command_its_word(
    stress: Callable[..., None], world: FakeWorld, cpu: Callable[[int], float | None]
) -> None:
    stress(cpu)
    assert result_of(world).verdict is Verdict.VALIDATED, result_of(world).reason


def test_of_single_processors_nothing_is_known(stress: Callable[..., None], world: FakeWorld) -> None:
    stress(lambda _: QUIET, cpus=1)
    assert result_of(world).verdict is Verdict.VALIDATED, result_of(world).reason
