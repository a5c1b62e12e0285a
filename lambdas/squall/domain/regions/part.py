"""What the record of a part tells its peers and home. Plain dataclasses: the abort path imports this module."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from squall.domain.base.vocabulary import FaultType
from squall.domain.regions.barrier import PartState, Sight
from squall.domain.run.record import ExecutionRecord

EARLY = timedelta(seconds=10)
"""A fault that ends so much earlier than planned has still ended as planned: both times are FIS's own, which says nothing
of how exact they are."""


@dataclass(frozen=True)
class FaultElsewhere:
    """The fault of a peer, as a Region that carries its load reads it afterwards."""

    region: str
    started_at: datetime | None = None
    ended_at: datetime | None = None
    """When it was over: at its planned length, or when FIS ended it earlier. None: it still ran, or that is not known."""
    doubt: str = ""
    """Why nobody can tell when it was in effect; empty if its times are known."""


def see_fault(region: str, run: str, record: ExecutionRecord | None) -> FaultElsewhere | None:
    """When the fault of the run's part in that Region was in effect; None if that part injects nothing by intention."""
    if record is None or record.part is None or (record.part.run, record.part.region) != (run, region):
        return FaultElsewhere(region, doubt="it has no record of this run")
    if record.fault_type == FaultType.NO_FAULT:
        return None
    if record.fault_started_at is None:
        return FaultElsewhere(region, doubt="its fault has not started")
    if record.fault_ended_at is None:
        return FaultElsewhere(region, record.begins_at, doubt="its fault had not ended when this Region was measured")
    if record.ended_in_lead:
        return FaultElsewhere(region, doubt="its fault was ended before it began")
    began = record.begins_at or record.fault_started_at
    return FaultElsewhere(region, began, min(began + timedelta(seconds=record.fault_seconds), record.fault_ended_at))


def see_part(region: str, run: str, record: ExecutionRecord | None) -> Sight:
    """What a reader of the record sees. A record of another run is no record of this part.

    A reader may come between two writes of one ending. So a fault counts as ended as planned only by its times.
    """
    if record is None:
        return Sight(region, PartState.PREPARING, "it has no record yet")
    if record.part is None or (record.part.run, record.part.region) != (run, region):
        return Sight(region, None, f"{record.id} is no part of this run")
    return _see_end(region, record) or _see_course(region, record)


def _see_end(region: str, record: ExecutionRecord) -> Sight | None:
    if record.abort is not None:
        return Sight(region, PartState.ENDED, record.abort.reason)
    if record.fault_ended_at is not None:
        return _see_ended_fault(region, record)
    if record.final or record.decided_status is not None:
        return Sight(region, PartState.ENDED, f"{record.decided_status or record.status}: {record.reason}".removesuffix(": "))
    return None


def _see_course(region: str, record: ExecutionRecord) -> Sight:
    if record.fault_started_at is not None:
        return Sight(region, PartState.RUNNING, peers_read_at=record.peers_read_at)
    return Sight(region, PartState.PREPARING if record.ready_at is None else PartState.READY)


def _see_ended_fault(region: str, record: ExecutionRecord) -> Sight:
    lasted = record.fault_ended_at - record.begins_at if record.fault_ended_at and record.begins_at else timedelta(0)
    planned = timedelta(seconds=record.fault_seconds)
    if record.fault_seconds and lasted >= planned - EARLY:
        return Sight(region, PartState.DONE)
    return Sight(region, PartState.ENDED, f"its fault lasted {lasted.total_seconds():.0f} s of {record.fault_seconds} s")
