"""The barrier of a run over several Regions: every part starts its fault, or none does.

A part is the execution of the experiment in one Region, in that Region's own stack. The other parts are its peers. Home
is the Region in which the run was started. Home decides once, by what it reads of the parts' records, and its decision
never changes; what it does after that, or whether it still exists, is of no importance.

No protocol makes "all or none" certain over a network that may fail: the message that says `start` may reach one part
and not the other. So a part that runs while a peer does not is stopped (`watch_peers`), by what its own Region reads
once a minute. Nothing here needs home.

A part compares its clock with times of another Region in three places only: `start_by`, `until` and a peer's
`peers_read_at`. A clock that is wrong there starts too little or stops too early.

Plain dataclasses, not pydantic, because the abort path must start fast.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

START_WITHIN = timedelta(seconds=30)
"""How long after home's decision a part may still start its fault."""
PEERS_START_WITHIN = timedelta(seconds=60)
"""How long a part lets its own fault run until every peer's runs: `START_WITHIN`, and as long for FIS to start and the
record to say so."""
UNREADABLE_FOR = timedelta(seconds=90)
"""How long a running part bears that a peer's record can't be read: one reading of the pulse may fail, a second one may
not. What can't be read protects nobody, like a guard without data."""
SILENT_FOR = timedelta(seconds=150)
"""How long a running part bears that a peer has not read its own peers, which its pulse does once a minute. A Region
whose pulse is dead can't tell anybody that its guard has fired."""


class PartState(StrEnum):
    """What the record of a part says about its fault."""

    PREPARING = "preparing"
    READY = "ready"
    """It has passed FinalCheck and waits at the barrier."""
    RUNNING = "running"
    DONE = "done"
    """Its fault has ended as planned."""
    ENDED = "ended"
    """It was ended early, or will never start: rejected, aborted, invalid before the fault, or failed."""


@dataclass(frozen=True)
class Sight:
    """What was read of the record of a part."""

    region: str
    state: PartState | None
    """None: the record could not be read, or is not one that this version knows to be a part of this run."""
    reason: str = ""
    """Why the part has ended, or why its record could not be read."""
    peers_read_at: datetime | None = None
    """When the part itself last read the records of all of its peers."""


@dataclass(frozen=True)
class Decision:
    """Home's decision. It is written once, and never changes."""

    start: bool
    reason: str
    until: datetime
    """The time at which a part may no longer start, by the clock of home."""


class Move(StrEnum):
    WAIT = "wait"
    START = "start"
    STOP = "stop"


def decide_start(parts: Sequence[Sight], now: datetime, start_by: datetime) -> Decision | None:
    """Home's decision by what it has read of all parts; None while it has to wait. Write it only if none is written.

    `start_by` is the same for home and every part, from the moment the run was started on.
    """
    gone = [part for part in parts if part.state in {PartState.ENDED, PartState.DONE, PartState.RUNNING}]
    if gone:
        return Decision(start=False, reason="; ".join(_explain(part) for part in gone), until=now)
    late = [part for part in parts if part.state is not PartState.READY]
    if now >= start_by:
        why = "; ".join(_explain(part) for part in late) or "home looked too late"
        return Decision(start=False, reason=f"not every Region was ready by {start_by:%H:%M:%S} UTC: {why}", until=now)
    if late or not parts:
        return None
    return Decision(start=True, reason="every Region is ready", until=now + START_WITHIN)


def await_start(decision: Decision | None, peers: Sequence[Sight], now: datetime, start_by: datetime) -> tuple[Move, str]:
    """What a part does that is ready, and why. It asks when it waits at the barrier, and again right before it calls FIS.

    `decision` is None if home has not decided, or could not be read. From `last_start` on, the answer is `stop`.
    """
    if decision is not None and not decision.start:
        return Move.STOP, decision.reason
    over = [peer for peer in peers if peer.state in {PartState.ENDED, PartState.DONE}]
    if over:
        return Move.STOP, "; ".join(_explain(peer) for peer in over)
    until = last_start(start_by) if decision is None else min(decision.until, last_start(start_by))
    if decision is None:
        return (Move.WAIT, "") if now < until else (Move.STOP, "home's decision could not be read in time")
    if now >= until:
        return Move.STOP, f"it is too late to start with the other Regions, whose last start was {until:%H:%M:%S} UTC"
    unseen = [peer for peer in peers if peer.state not in {PartState.READY, PartState.RUNNING}]
    return (Move.WAIT, "; ".join(_explain(peer) for peer in unseen)) if unseen else (Move.START, decision.reason)


def last_start(start_by: datetime) -> datetime:
    """The time from which no part of the run starts any more, whatever it reads."""
    return start_by + START_WITHIN


def watch_peers(peers: Sequence[Sight], now: datetime, started_at: datetime, read_at: datetime) -> str:
    """Why a part whose fault runs has to abort it; empty if it goes on.

    `started_at` is when its fault started; `read_at` is when it last read the records of all peers, at the latest now
    (`note_reading`).
    """
    reasons = [_explain(peer) for peer in peers if peer.state is PartState.ENDED]
    for peer in peers:
        if peer.state is None and now - read_at >= UNREADABLE_FOR:
            reasons.append(f"{_explain(peer)}, for {_seconds(now - read_at)}")
        elif peer.state in {PartState.PREPARING, PartState.READY} and now - started_at >= PEERS_START_WITHIN:
            reasons.append(f"{peer.region} has not started its fault after {_seconds(now - started_at)}")
        elif peer.state is PartState.RUNNING and now - (peer.peers_read_at or started_at) >= SILENT_FOR:
            reasons.append(f"{peer.region} has looked after nothing for {_seconds(now - (peer.peers_read_at or started_at))}")
    return "; ".join(reasons)


def note_reading(peers: Sequence[Sight], now: datetime, read_at: datetime) -> datetime:
    """When the records of all peers were last read, after this reading."""
    return read_at if any(peer.state is None for peer in peers) else now


def _explain(part: Sight) -> str:
    words = _WORDS[part.state]
    return f"{part.region} {words}: {part.reason}" if part.reason else f"{part.region} {words}"


def _seconds(length: timedelta) -> str:
    return f"{length.total_seconds():.0f} s"


_WORDS = {
    None: "could not be read",
    PartState.PREPARING: "is not ready",
    PartState.READY: "is ready",
    PartState.RUNNING: "runs already",
    PartState.DONE: "has ended its fault already",
    PartState.ENDED: "has ended",
}
