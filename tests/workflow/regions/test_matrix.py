"""The matrix of a run over two Regions: each state of the part in the other Region × each way to break."""

from __future__ import annotations

from typing import Any

import pytest

from squall.domain.base.vocabulary import Verdict
from squall.errors import Unavailable
from tests.workflow.regions.rig import AWAY, RUN, Together
from tests.workflow.regions.test_parts import VALIDATED, ending, is_quiet

MISHAPS = ("killed", "fails", "gone", "no pulse")
STATES = ("Discover", "AcquireLock", "FinalCheck", "AwaitPeers", "StartFault", "WatchFault", "StopFault", "Judge", "Release")


@pytest.mark.parametrize("mishap", MISHAPS)
@pytest.mark.parametrize("state", STATES)
def test_whatever_breaks_in_one_region_nothing_is_left_and_nobody_is_told_more_than_is_true(two: Together, state: str, mishap: str) -> None:

    def break_away(_: dict[str, Any]) -> None:
        if mishap == "killed":
            two.away.kill(f"{RUN}-{AWAY}")
        elif mishap == "gone":
            two.away.leave()
        elif mishap == "no pulse":
            two.away.pulse = False
        else:
            raise Unavailable("test", state, "ThrottlingException", "broken by the test", retryable=True)

    two.away.before[state] = break_away
    two.begin("10m")
    two.run()
    two.away.pulse = not two.away.gone
    two.turns.minutes(4)
    is_quiet(*(stack for stack in two.stacks if not stack.gone))
    assert [stack.world.faults.active() for stack in two.stacks] == [[], []]
    assert two.whole.final
    if two.whole.verdict is Verdict.VALIDATED:
        assert [ending(stack) for stack in two.stacks] == [VALIDATED, VALIDATED]
    nobody_ran_alone(two)


def nobody_ran_alone(two: Together) -> None:
    """A fault that ran was decided on, and was stopped if the other one never started."""
    parts = [stack.world.records.items.get(f"{RUN}-{stack.region}") for stack in two.stacks]
    started = [part for part in parts if part and part.fault_started_at]
    if started:
        assert two.decision
        assert two.decision.start
    if len(started) == 1:
        assert started[0].abort, "it ran alone to its end"
