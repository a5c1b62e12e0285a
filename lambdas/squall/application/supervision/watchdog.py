"""The watchdog closes a run whose execution ended without its last states: stopped in the console, timed out, or
failed."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from squall.application.admission.execution_ids import START_TOLERANCE, belongs_to_execution, list_candidate_ids
from squall.application.campaign.close import close_ended_campaign
from squall.application.supervision.by_tags import stop_by_tags
from squall.application.supervision.close import FIS_STOPS_WITHIN_SECONDS, close_run
from squall.domain.base.vocabulary import Status
from squall.domain.run.record import Event, ExecutionRecord
from squall.domain.run.timeline import EventName
from squall.errors import Refused, Unavailable
from squall.wiring import Wiring


def close_ended_execution(w: Wiring, detail: Mapping[str, Any]) -> dict[str, Any]:
    """Close the run, or the campaign, of a Step Functions status change event (`detail` of the event). Raises
    Unavailable or Refused if it could not be closed."""
    if detail["stateMachineArn"] == w.settings.campaign_machine_arn:
        return close_ended_campaign(w, detail)
    return close_ended_run(w, detail)


def close_ended_run(w: Wiring, detail: Mapping[str, Any]) -> dict[str, Any]:
    """Close the run of a Step Functions status change event (`detail` of the event).

    Raises Unavailable or Refused if the run could not be closed. Its faults are stopped all the same: the event says
    that the execution has ended, and FIS's tags say which faults belong to it.
    """
    try:
        return _close_run(w, detail)
    except (Unavailable, Refused):
        started_at = _started_at(detail)
        leftovers = stop_by_tags(w, frozenset(list_candidate_ids(detail["name"], started_at)), started_at - START_TOLERANCE)
        w.logger.exception("not closed", extra={"execution": detail["executionArn"], "leftovers": [str(left) for left in leftovers]})
        raise  # Lambda tries again, and the function's own alarm tells people


def _close_run(w: Wiring, detail: Mapping[str, Any]) -> dict[str, Any]:
    arn, name, started_at, status = detail["executionArn"], detail["name"], _started_at(detail), detail["status"]
    record = _find_record(w, arn, name, started_at) or _record_unadmitted(w, arn, name, started_at)
    reason = f"the execution is {status}" + (f": {detail['error']}" if detail.get("error") else "")
    failed = status != "ABORTED"
    leftovers = close_run(w, record.id, by="watchdog", reason=reason, failed=failed, wait_seconds=FIS_STOPS_WITHIN_SECONDS)
    return {"execution_id": record.id, "leftovers": [str(leftover) for leftover in leftovers]}


def _started_at(detail: Mapping[str, Any]) -> datetime:
    return datetime.fromtimestamp(detail["startDate"] / 1000, tz=UTC)


def _find_record(w: Wiring, arn: str, name: str, started_at: datetime) -> ExecutionRecord | None:
    records = (w.records.get(execution_id) for execution_id in list_candidate_ids(name, started_at))
    return next((record for record in records if record and belongs_to_execution(record, arn, started_at)), None)


def _record_unadmitted(w: Wiring, arn: str, name: str, started_at: datetime) -> ExecutionRecord:
    """Write a record for an execution that ended before Admit wrote one. Nothing of it can be running, but people must
    be notified.
    """
    now = w.clock.now()
    for execution_id in list_candidate_ids(name, started_at):
        record = ExecutionRecord(
            id=execution_id,
            execution_arn=arn,
            started_at=started_at,
            status=Status.RUNNING,
            phase="Admit",
            phase_since=now,
            events=(Event(now, EventName.UNRECORDED, "the execution ended before it was admitted"),),
        )
        if w.records.create(record):
            return record
    raise RuntimeError(f"the records of {name} belong to other executions, or Admit has just written the record of this one")
