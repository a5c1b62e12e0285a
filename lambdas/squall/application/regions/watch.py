"""What the pulse does about the peers of a part whose fault runs."""

from contextlib import suppress
from datetime import datetime

from squall.application.regions.peers import see_peers
from squall.domain.base.vocabulary import AbortSource
from squall.domain.regions.barrier import note_reading, watch_peers
from squall.domain.run.record import Abort, ExecutionRecord
from squall.domain.run.timeline import EventName
from squall.errors import Unavailable
from squall.wiring import Wiring

REASON_CHARACTERS = 2000


def find_lost_peer(w: Wiring, record: ExecutionRecord) -> Abort | None:
    """The reason to abort the fault of a part because of another Region; None if there is none, or if the run has no parts.

    Notes when all peers were last read: they believe that this part is looked after because of it. If that can't be
    written, the fault goes on, and the peers abort theirs when they have waited for it for too long.
    """
    part = record.part
    if part is None:
        return None
    peers = see_peers(w, part)
    now, started_at = w.clock.now(), _find_start(record)
    read_at = note_reading(peers, now, record.peers_read_at or started_at)
    if reason := watch_peers(peers, now, started_at, read_at):
        return Abort(AbortSource.PEER, reason[:REASON_CHARACTERS], now, "pulse")
    if read_at == now:
        with suppress(Unavailable):
            w.records.update(record.id, peers_read_at=now)
    return None


def _find_start(record: ExecutionRecord) -> datetime:
    """When the fault started. StartFault may not have written it yet, or may have died before it could."""
    if record.fault_started_at is not None:
        return record.fault_started_at
    return min((event.at for event in record.happened(EventName.STARTING)), default=record.started_at)
