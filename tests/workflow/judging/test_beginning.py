"""An outage that is over within the metric period in which the fault began."""

from __future__ import annotations

from squall.domain.base.vocabulary import CriterionOutcome, Verdict
from tests.fakes.world import FakeWorld
from tests.workflow.endings import nothing_is_left, result_of
from tests.workflow.walk import Walk

PERIOD = 60


def fail_in_the_first_period(walk: Walk, world: FakeWorld) -> None:
    """From the start of the fault to the end of its period, half of a minute's requests fail."""

    def begin() -> None:
        began = world.clock.now().timestamp() // PERIOD * PERIOD
        world.metrics.set("HTTPCode_Target_5XX_Count", lambda at: 300.0 if at == began else 0.0)

    walk.after["StartFault"] = lambda _: begin()


def test_it_refutes_the_hypothesis(walk: Walk, world: FakeWorld) -> None:
    world.metrics.set("RequestCount", 600.0)
    fail_in_the_first_period(walk, world)
    walk.run({"experiment": "seed"})
    result = result_of(world)
    assert (result.verdict, result.hypothesis_validated) == (Verdict.REFUTED, False), result.reason
    (availability,) = [criterion for criterion in result.criteria if criterion.metric == "availability"]
    assert availability.outcome is CriterionOutcome.NOT_MET
    assert "with the 60 s in which the fault began (50)" in availability.reason
    nothing_is_left(world)
