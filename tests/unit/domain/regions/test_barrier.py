"""The rules of the barrier, one sentence each. What they come to together is explored in tests/chaos/together/barrier.py."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.domain.regions.barrier import (
    PEERS_START_WITHIN,
    SILENT_FOR,
    START_WITHIN,
    UNREADABLE_FOR,
    Decision,
    Move,
    PartState,
    Sight,
    await_start,
    decide_start,
    last_start,
    note_reading,
    watch_peers,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SOON, MINUTE = NOW + timedelta(minutes=5), timedelta(minutes=1)
HERE, THERE = "eu-west-1", "eu-central-1"
GO = Decision(start=True, reason="every Region is ready", until=NOW + START_WITHIN)
NO = Decision(start=False, reason=f"{THERE} is not ready", until=NOW)


def see(state: PartState | None, region: str = THERE, reason: str = "", read_at: datetime = NOW) -> Sight:
    return Sight(region, state, reason, read_at if state is PartState.RUNNING else None)


SIGHTS = st.builds(see, st.sampled_from([None, *PartState]), st.sampled_from([HERE, THERE, "us-east-1"]))
TIMES = st.integers(-3600, 3600).map(lambda seconds: NOW + timedelta(seconds=seconds))
DECISIONS = st.none() | st.builds(Decision, st.booleans(), st.just("said"), TIMES)


def test_home_waits_until_every_part_is_ready() -> None:
    assert decide_start([see(PartState.READY, HERE), see(PartState.PREPARING)], NOW, SOON) is None
    assert decide_start([see(PartState.READY, HERE), see(None)], NOW, SOON) is None
    assert decide_start([see(PartState.READY, HERE), see(PartState.READY)], NOW, SOON) == GO


def test_home_says_which_part_was_not_ready_in_time() -> None:
    decision = decide_start([see(PartState.READY, HERE), see(None, reason="AccessDenied")], SOON, SOON)
    assert decision is not None
    assert not decision.start
    assert decision.reason == f"not every Region was ready by 12:05:00 UTC: {THERE} could not be read: AccessDenied"


def test_home_decides_at_once_when_a_part_has_ended() -> None:
    decision = decide_start([see(PartState.PREPARING, HERE), see(PartState.ENDED, reason="rejected: no target")], NOW, SOON)
    assert decision is not None
    assert (decision.start, decision.reason) == (False, f"{THERE} has ended: rejected: no target")


def test_readiness_after_the_deadline_starts_nothing() -> None:
    decision = decide_start([see(PartState.READY, HERE), see(PartState.READY)], SOON, SOON)
    assert decision is not None
    assert not decision.start
    assert "home looked too late" in decision.reason


@given(st.lists(SIGHTS, max_size=4), TIMES)
def test_home_starts_only_what_is_ready_and_in_time(parts: list[Sight], now: datetime) -> None:
    decision = decide_start(parts, now, NOW)
    if decision is not None and decision.start:
        assert parts
        assert all(part.state is PartState.READY for part in parts)
        assert now < NOW
        assert decision.until <= last_start(NOW)
    assert decision is not None or now < NOW, "home waits beyond its deadline"


def test_a_part_starts_when_home_says_so_and_its_peers_are_at_the_barrier() -> None:
    assert await_start(GO, [see(PartState.READY)], NOW, SOON) == (Move.START, GO.reason)
    assert await_start(GO, [see(PartState.RUNNING)], NOW, SOON) == (Move.START, GO.reason)


def test_a_part_waits_for_a_decision_until_the_last_start() -> None:
    peers = [see(PartState.READY)]
    assert await_start(None, peers, SOON, SOON)[0] is Move.WAIT
    assert await_start(None, peers, last_start(SOON), SOON) == (Move.STOP, "home's decision could not be read in time")


def test_a_part_that_learns_the_decision_too_late_does_not_start() -> None:
    move, reason = await_start(GO, [see(PartState.RUNNING)], GO.until, SOON)
    assert move is Move.STOP
    assert reason == "it is too late to start with the other Regions, whose last start was 12:00:30 UTC"


@pytest.mark.parametrize("decision", [None, GO])
@pytest.mark.parametrize("state", [PartState.ENDED, PartState.DONE])
def test_a_part_does_not_start_without_a_peer(state: PartState, decision: Decision | None) -> None:
    move, reason = await_start(decision, [see(state, reason="aborted: a guard fired")], NOW, SOON)
    assert move is Move.STOP
    assert THERE in reason
    assert "a guard fired" in reason


def test_a_part_does_not_start_while_it_cannot_read_a_peer() -> None:
    assert await_start(GO, [see(None)], NOW, SOON) == (Move.WAIT, f"{THERE} could not be read")


@given(DECISIONS, st.lists(SIGHTS, max_size=3), TIMES)
def test_a_part_starts_only_by_homes_decision_with_every_peer_and_waits_for_a_bounded_time(
    decision: Decision | None, peers: list[Sight], now: datetime
) -> None:
    move, reason = await_start(decision, peers, now, NOW)
    if move is Move.START:
        assert decision is not None
        assert decision.start
        assert now < decision.until
        assert all(peer.state in {PartState.READY, PartState.RUNNING} for peer in peers)
    if move is Move.WAIT:
        assert now < last_start(NOW)
    assert reason or move is Move.WAIT


def test_a_part_goes_on_beside_peers_that_run_or_have_ended_as_planned() -> None:
    peers = [see(PartState.RUNNING), see(PartState.DONE)]
    assert watch_peers(peers, NOW + MINUTE, NOW, NOW) == ""


def test_a_part_aborts_when_a_peer_has_ended_early() -> None:
    why = watch_peers([see(PartState.RUNNING, HERE), see(PartState.ENDED, reason="guard latency fired")], NOW, NOW, NOW)
    assert why == f"{THERE} has ended: guard latency fired"


@pytest.mark.parametrize("state", [PartState.READY, PartState.PREPARING])
def test_a_peer_has_a_minute_to_start(state: PartState) -> None:
    just_before = NOW + PEERS_START_WITHIN - timedelta(seconds=1)
    assert watch_peers([see(state)], just_before, NOW, NOW) == ""
    assert watch_peers([see(state)], NOW + PEERS_START_WITHIN, NOW, NOW) == f"{THERE} has not started its fault after 60 s"


def test_one_failed_reading_is_borne_and_a_second_one_is_not() -> None:
    peers = [see(None, reason="timed out")]
    assert watch_peers(peers, NOW + MINUTE, NOW - MINUTE, NOW) == ""
    assert watch_peers(peers, NOW + 2 * MINUTE, NOW, NOW) == f"{THERE} could not be read: timed out, for 120 s"
    assert watch_peers(peers, NOW + UNREADABLE_FOR, NOW, NOW)


def test_a_peer_whose_pulse_is_dead_is_not_relied_on() -> None:
    peers = [see(PartState.RUNNING)]
    assert watch_peers(peers, NOW + 2 * MINUTE, NOW, NOW + 2 * MINUTE) == ""
    assert watch_peers(peers, NOW + SILENT_FOR, NOW, NOW + SILENT_FOR) == f"{THERE} has looked after nothing for 150 s"


def test_a_reading_counts_only_if_every_peer_was_read() -> None:
    assert note_reading([see(PartState.RUNNING)], NOW + MINUTE, NOW) == NOW + MINUTE
    assert note_reading([see(PartState.RUNNING), see(None)], NOW + MINUTE, NOW) == NOW
