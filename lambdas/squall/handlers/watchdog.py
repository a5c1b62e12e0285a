"""Watchdog: an execution ended without its last states (stopped in the console, timed out, failed). Close its run."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from squall.application.admission.execution_ids import SAME_MOMENT, candidate_ids, is_of
from squall.application.supervision import by_tags, close
from squall.domain.run.record import Event, ExecutionRecord
from squall.domain.vocabulary import Status
from squall.errors import Refused, Unavailable
from squall.wiring import Wiring, wire

FIS_STOPS_WITHIN = 40
"""Seconds to wait for `stopped` here (about 30 s on AWS); the pulse goes on after that."""


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    w = wire()
    detail = event["detail"]
    try:
        done = _close(w, detail)
    except (Unavailable, Refused):
        # The table may be the broken part: that the execution is dead stands in the event, and whose a fault is in FIS's tags.
        started_at = _started_at(detail)
        left = by_tags.stop_by_tags(w, frozenset(candidate_ids(detail["name"], started_at)), started_at - SAME_MOMENT)
        w.logger.exception("not closed", extra={"execution": detail["executionArn"], "leftovers": [str(leftover) for leftover in left]})
        raise  # Lambda tries again, and the function's own alarm tells people
    w.logger.info("watchdog", extra=done)
    return done


def _close(w: Wiring, detail: Mapping[str, Any]) -> dict[str, Any]:
    started_at = _started_at(detail)
    record = _find(w, detail["executionArn"], detail["name"], started_at)
    reason = f"the execution is {detail['status']}" + (f": {detail['error']}" if detail.get("error") else "")
    if record is None:
        record = _unrecorded(w, detail["executionArn"], detail["name"], started_at)
    left = close.close(w, record.id, by="watchdog", reason=reason, failed=detail["status"] != "ABORTED", wait_seconds=FIS_STOPS_WITHIN)
    return {"execution_id": record.id, "leftovers": [str(leftover) for leftover in left]}


def _started_at(detail: Mapping[str, Any]) -> datetime:
    return datetime.fromtimestamp(detail["startDate"] / 1000, tz=UTC)


def _find(w: Wiring, arn: str, name: str, started_at: datetime) -> ExecutionRecord | None:
    found = (w.records.get(execution_id) for execution_id in candidate_ids(name, started_at))
    return next((record for record in found if record and is_of(record, arn, started_at)), None)


def _unrecorded(w: Wiring, arn: str, name: str, started_at: datetime) -> ExecutionRecord:
    """It died before Admit wrote anything: nothing can run, but somebody has to hear of it."""
    now = w.clock.now()
    for execution_id in candidate_ids(name, started_at):
        record = ExecutionRecord(
            id=execution_id,
            execution_arn=arn,
            started_at=started_at,
            status=Status.RUNNING,
            phase="Admit",
            phase_since=now,
            events=(Event(now, "unrecorded", "the execution died before it was admitted"),),
        )
        if w.records.create(record):
            return record
    raise RuntimeError(f"the records of {name} belong to other executions, or Admit has just written this one's")
