"""Closes a campaign whose execution ended without FinishCampaign: stopped in the console, timed out, or failed.

The watchdog begins this within seconds. When the campaign's execution is stopped, Step Functions stops the executions that
it waits for, as far as it can, and each of them has its own watchdog and pulse. What still runs is aborted here as well,
because nobody waits for its answer. The pulse repeats all of it until the campaign has ended.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from squall.application.admission.execution_ids import START_TOLERANCE, list_candidate_ids
from squall.application.campaign.finish import end_campaign
from squall.application.campaign.outcomes import Patience, read_steps
from squall.application.stopping.abort_campaign import abort_steps
from squall.application.stopping.abort_members import require_reached
from squall.domain.base.vocabulary import AbortSource, Status
from squall.domain.campaign.record import CampaignRecord
from squall.domain.run.record import Abort
from squall.wiring import Wiring


def close_ended_campaign(w: Wiring, detail: Mapping[str, Any]) -> dict[str, Any]:
    """Close the campaign of a Step Functions status change event (`detail` of the event). Raises Unavailable or Refused if
    something of it could not be done."""
    arn, name, status = detail["executionArn"], detail["name"], detail["status"]
    started_at = datetime.fromtimestamp(detail["startDate"] / 1000, tz=UTC)
    record = _find_record(w, arn, name, started_at) or _record_unadmitted(w, arn, name, started_at)
    reason = f"the campaign's execution is {status}" + (f": {detail['error']}" if detail.get("error") else "")
    return {"campaign_id": record.id, "done": close_campaign(w, record, reason, failed=status != "ABORTED", by="the watchdog")}


def close_campaign(w: Wiring, record: CampaignRecord, reason: str, *, failed: bool, by: str) -> str:
    """Start no further step, abort those that may run, and end the campaign once none does. Returns what was done.

    `failed`: whether Squall itself failed, rather than somebody stopping the execution. Raises Unavailable or Refused,
    after everything else was tried.
    """
    # The reason is written first: a step that is about to start reads it when it is admitted.
    w.campaigns.request_abort(record.id, Abort(AbortSource.OUTSIDE, reason, w.clock.now()))
    record = w.campaigns.get(record.id) or record
    readings = [] if record.final else read_steps(w, None, record.running, patience=Patience.of(record))
    live = [reading.run for reading in readings if reading.live]
    if live:
        require_reached(abort_steps(w, record, live, AbortSource.OUTSIDE, reason, by))
        return f"aborted {', '.join(run.execution_id for run in live)}; the campaign ends when they have ended"
    outside = record.abort if record.abort and record.abort.source is AbortSource.OUTSIDE else None
    end_campaign(w, record, failure=(outside.reason if outside else reason) if failed else "")
    return "closed"


def _find_record(w: Wiring, arn: str, name: str, started_at: datetime) -> CampaignRecord | None:
    records = (w.campaigns.get(campaign_id) for campaign_id in list_candidate_ids(name, started_at))
    return next((found for found in records if found and _belongs(found, arn, started_at)), None)


def _belongs(record: CampaignRecord, arn: str, started_at: datetime) -> bool:
    return record.execution_arn == arn and abs(record.started_at - started_at) < START_TOLERANCE


def _record_unadmitted(w: Wiring, arn: str, name: str, started_at: datetime) -> CampaignRecord:
    """Write a record for an execution that ended before it was admitted. It started nothing, but people must be told."""
    for campaign_id in list_candidate_ids(name, started_at):
        record = CampaignRecord(id=campaign_id, execution_arn=arn, started_at=started_at, status=Status.RUNNING)
        if w.campaigns.create(record):
            return record
    raise RuntimeError(f"the records of {name} belong to other executions, or AdmitCampaign has just written the record of this one")
