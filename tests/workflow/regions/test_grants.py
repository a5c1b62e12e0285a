"""What AwaitPeers and Decide may do is missed where it is denied: the scenes of `tests/chaos/grants.py` are of one Region."""

from __future__ import annotations

from datetime import timedelta

import pytest

from squall.errors import Unavailable
from tests.workflow.endings import Intercept
from tests.workflow.regions.rig import HOME, RUN, Stack, Two
from tests.workflow.regions.test_parts import VALIDATED, ending, is_quiet


def deny(stack: Stack, function: str, called: str) -> None:
    """This function of the stack may not make this call."""

    def refuse(now: str) -> None:
        running = {name for walk in (stack.host, *stack.walks.values()) for name in walk.running[-1:]}
        if now == called and function in running:
            raise Unavailable("test", called, "AccessDenied", f"{function} may not", retryable=False)

    stack.world.failing = Intercept(refuse)


@pytest.mark.parametrize(
    ("function", "called"),
    [
        ("AwaitPeers", "records.get"),
        ("AwaitPeers", "records.store_token"),
        ("AwaitPeers", "regions.read_decision"),
        ("Decide", "campaigns.get"),
        ("Decide", "regions.read_part"),
        ("Decide", "regions.decide"),
        ("Decide", "regions.wake_part"),
    ],
)
def test_without_a_call_the_run_does_not_go_as_it_should_and_nothing_is_left(two: Two, function: str, called: str) -> None:
    deny(two.home, function, called)
    two.begin("5m")
    two.run()
    as_it_should = [ending(stack) for stack in two.stacks] == [VALIDATED, VALIDATED] and was_quick(two)
    assert not as_it_should or (function, called) in COVERED
    is_quiet(*two.stacks)
    assert two.whole.final


COVERED = {("AwaitPeers", "regions.read_decision")}
"""Home decided after the token was stored, so the second look was not needed: it is there for the other order."""


def was_quick(two: Two) -> bool:
    """Whether the faults began as soon as everybody was ready."""
    record = two.home.world.records.items[f"{RUN}-{HOME}"]
    assert record.fault_started_at
    assert record.ready_at
    return record.fault_started_at - record.ready_at <= timedelta(seconds=30)
