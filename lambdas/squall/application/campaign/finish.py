"""Ends a campaign: makes its record final, writes its result, and tells people and machines. FinishCampaign uses this,
and so do the watchdog and the pulse for a campaign whose execution died.

A final record promises that nothing of the campaign runs: no execution without an outcome is live, and Admit rejects one
that is admitted later.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from squall.application.campaign.compare import compare_with_last
from squall.application.campaign.outcomes import Patience, read_steps
from squall.application.campaign.plan import find_plan
from squall.application.messages import send_message
from squall.application.step import NEXT, Outcome, UnrecordedError
from squall.domain.base.vocabulary import AbortSource, Status, Verdict
from squall.domain.campaign.plan import CampaignPlan, choose_steps
from squall.domain.campaign.record import CampaignRecord
from squall.domain.campaign.regions import combine_parts
from squall.domain.campaign.result import build_campaign_result
from squall.domain.messages.campaign_ended import make_message
from squall.domain.run.record import Abort
from squall.errors import Refused, Unavailable
from squall.wiring import Wiring


class StepRunningError(Exception):
    """A step of the campaign may still run, so the campaign can't end yet."""


def finish_campaign(w: Wiring, event: Mapping[str, Any]) -> Outcome:
    """Make the record final, once, and tell how the campaign ended. Raises StepRunningError if a step may still run; the
    watchdog then aborts it."""
    end_campaign(w, _get_record(w, event["run"]["id"]), failure=str(event.get("failure") or ""))
    return NEXT


def end_campaign(w: Wiring, record: CampaignRecord, *, failure: str = "") -> None:
    """Make the record final, write `campaign_result.json`, and notify. Each is done once; a repeated call does what is
    missing. `failure`: what failed of Squall itself; empty if nothing did.

    Raises StepRunningError if a step may still run, and Unavailable or Refused if something could not be read or written
    or nobody could be told.
    """
    plan = find_plan(w, record)
    while not record.final:
        readings = read_steps(w, plan, record.running, patience=Patience.of(record))
        if live := [reading.run.execution_id for reading in readings if reading.live]:
            raise StepRunningError(f"{', '.join(live)} may still run")
        settled = record.with_runs(*(reading.run for reading in readings)).settle_prompt(w.clock.now(), over=True)
        w.campaigns.save(_decide(settled, plan, failure, w))
        record = _get_record(w, record.id)  # an abort that came meanwhile changes the ending
    result = build_campaign_result(record, plan, compare_with_last(w, record, plan))
    w.documents.put(record.id, result)
    if record.told:
        return
    w.campaign_events.emit(record)
    send_message(w, make_message(result, record, w.settings.bucket))
    with suppress(Unavailable, Refused):  # telling twice is better than failing after everything was done
        w.campaigns.mark_told(record.id)


def _get_record(w: Wiring, campaign_id: str) -> CampaignRecord:
    record = w.campaigns.get(campaign_id)
    if record is None:
        raise UnrecordedError(campaign_id)
    return record


def _decide(record: CampaignRecord, plan: CampaignPlan | None, failure: str, w: Wiring) -> CampaignRecord:
    """The record as it ends: what stopped the campaign first, then what its steps say."""
    status, verdict, reason = _choose_ending(record, plan, failure)
    return replace(
        record, status=status, verdict=verdict, reason=reason, ended_at=w.clock.now(), resume_at=None, waiting_since=None, task_token=""
    )


def _choose_ending(record: CampaignRecord, plan: CampaignPlan | None, failure: str) -> tuple[Status, Verdict | None, str]:
    if not record.plan_hash and record.reason:
        return Status.REJECTED, None, record.reason
    whole = _combine_regions(record, plan)
    if whole is not None and not failure:
        return whole
    died = failure and record.abort is not None and record.abort.source is AbortSource.OUTSIDE
    if record.abort is not None and not died:
        return Status.ABORTED, Verdict.ABORTED, describe_abort(record.abort) + _count_not_started(record)
    if failure:
        return Status.FAILED, None, f"Squall failed: {failure[:700]}{_count_not_started(record)}"
    ending = choose_steps(plan, record.runs, record.prompts).ending if plan and not record.running else None
    if ending is not None:
        return Status.COMPLETED, ending.verdict, ending.reason
    return Status.FAILED, None, _explain_failure(record, plan)


def _combine_regions(record: CampaignRecord, plan: CampaignPlan | None) -> tuple[Status, Verdict | None, str] | None:
    """The ending of a run over several Regions whose parts have all ended, also if it was aborted: they say what became of
    it. None for any other campaign."""
    if plan is None or plan.campaign.kind != "regions" or not record.runs or record.running:
        return None
    whole = combine_parts(record.runs)
    reason = f"{describe_abort(record.abort)}; {whole.reason}" if record.abort else whole.reason
    return whole.status, whole.verdict, reason


def _count_not_started(record: CampaignRecord) -> str:
    count = len(record.running)
    return "" if count == 0 else f"; {count} {'step' if count == 1 else 'steps'} had not started and can't start any more"


def _explain_failure(record: CampaignRecord, plan: CampaignPlan | None) -> str:
    if plan is None:
        return "the plan of the campaign is missing, or is not the one that was admitted"
    return f"the campaign ended before its last step{_count_not_started(record)}"


def describe_abort(abort: Abort) -> str:
    """Why no further step started, for people."""
    if abort.source is AbortSource.HALT:
        return f"no further step was started: {abort.reason}"
    return abort.reason
