"""The barrier of a run over several Regions: every interleaving, and broken rules that the exploration finds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from squall.domain.regions.barrier import START_WITHIN, Decision, Move, PartState, Sight, await_start, watch_peers
from tests.chaos.together.barrier import CASES, SHORT_FAULT, Rules, explore

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


def test_no_fault_runs_alone_for_more_than_two_minutes_while_records_can_be_read() -> None:
    explored = explore(Rules(), reads_fail=False, fault=SHORT_FAULT)
    assert explored.states > 100_000, explored
    assert explored.started, "no run got through the barrier"
    assert explored.kept, "every run started"


@pytest.mark.parametrize("clocks", [(0, 0, 0), (0, 0, 0, 0)])
def test_all_or_none_is_certain_where_nothing_goes_wrong(clocks: tuple[int, ...]) -> None:
    explored = explore(Rules(), clocks, reads_fail=False, fault=SHORT_FAULT, mishaps=0)
    assert explored.states > 1000, explored
    assert explored.started, "no run got through the barrier"
    assert explored.kept, "nobody is ever too late"


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("clocks", "options"), CASES)
def test_no_interleaving_comes_to_what_must_not_be(clocks: tuple[int, ...], options: dict[str, Any]) -> None:
    explored = explore(Rules(), clocks, **options)
    print(clocks, options, explored)
    assert explored.states > 100_000, explored
    assert explored.started, "no run got through the barrier"
    assert explored.kept, "every run started"


def _start_anyway(_decision: Decision | None, _peers: Sequence[Sight], now: datetime, start_by: datetime) -> tuple[Move, str]:
    return (Move.START if now >= start_by else Move.WAIT), ""


def _start_hastily(parts: Sequence[Sight], now: datetime, _start_by: datetime) -> Decision | None:
    ready = any(part.state is PartState.READY for part in parts)
    return Decision(start=True, reason="", until=now + START_WITHIN) if ready else None


def _wait_for_ever(decision: Decision | None, peers: Sequence[Sight], now: datetime, start_by: datetime) -> tuple[Move, str]:
    return await_start(decision, peers, now, start_by) if decision else (Move.WAIT, "")


def _watch_all_but(state: PartState | None, peers: Sequence[Sight], now: datetime, started_at: datetime, read_at: datetime) -> str:
    return watch_peers([peer for peer in peers if peer.state is not state], now, started_at, read_at)


BROKEN = {
    "it starts, and home has not decided so": Rules(await_start=_start_anyway),
    "home starts what is not ready": Rules(decide_start=_start_hastily),
    "it waits beyond the last start": Rules(await_start=_wait_for_ever),
    "it starts after the last start": Rules(asks_again=False),
    "a fault runs alone for 5 ticks": Rules(watch_peers=lambda *_: ""),
}


@pytest.mark.parametrize("found", BROKEN)
def test_a_broken_rule_is_found(found: str) -> None:
    with pytest.raises(AssertionError, match=found):
        explore(BROKEN[found], reads_fail=False, fault=SHORT_FAULT)


def test_a_peer_that_cannot_be_read_and_is_borne_with_for_ever_is_found() -> None:
    with pytest.raises(AssertionError, match=r"a fault runs alone for [79] ticks"):
        explore(Rules(watch_peers=lambda *asked: _watch_all_but(None, *asked)))


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_peer_whose_stack_is_dead_and_is_borne_with_for_ever_is_found() -> None:
    with pytest.raises(AssertionError, match="a fault runs alone for 9 ticks"):
        explore(Rules(watch_peers=lambda *asked: _watch_all_but(PartState.RUNNING, *asked)), reads_fail=False)
