"""Aborts a campaign: no further step starts, and the running steps are aborted like any other run.

The reason is written into the campaign's record first. A step that is about to start writes its own record, then reads
the campaign's. This function writes the campaign's record, then reads those of its steps. Whatever the order, at least
one of the two sees the other. Imports nothing heavy, because the abort function loads it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from squall.application.stopping.abort import AbortRequest, abort_execution, parse_abort
from squall.application.stopping.abort_members import abort_in_members
from squall.application.stopping.cleanup import Cleanup
from squall.domain.base.printable import one_line
from squall.domain.base.vocabulary import AbortSource
from squall.domain.campaign.record import CampaignRecord, StepRun
from squall.domain.run.commands import shell_command
from squall.domain.run.record import Abort
from squall.wiring import Wiring


def answer_abort(w: Wiring, event: Mapping[str, Any]) -> dict[str, Any]:
    """Abort what the event asks for: a run, a campaign by `campaign_id`, or both if it names both.

    Raises NotAnAbortError if it names neither and is no alarm event. Raises Unavailable or Refused, after everything
    else, if something could not be done.
    """
    campaign_id = event.get("campaign_id")
    if not isinstance(campaign_id, str):
        return _abort_run(w, event)
    by = one_line(str(event.get("requested_by") or ""), 256) or "an operator"
    reason = one_line(str(event.get("reason") or ""), 500) or "no reason given"
    if not isinstance(event.get("execution_id"), str):
        return abort_campaign(w, campaign_id, reason, by)
    work = Cleanup(w)
    run = work.attempt(event["execution_id"], shell_command("squall", "abort", event["execution_id"]), _abort_run, w, event)
    command = shell_command("squall", "campaign", "abort", campaign_id)
    campaign = work.attempt(campaign_id, command, abort_campaign, w, campaign_id, reason, by)
    if work.failures:
        raise work.failures[0]
    return {**(campaign or {}), "run": run}


def _abort_run(w: Wiring, event: Mapping[str, Any]) -> dict[str, Any]:
    request = parse_abort(event, w.settings.stack)
    if request is None:
        return {"ignored": "not one of this stack's guards in ALARM"}
    return abort_execution(w, request)


def abort_campaign(w: Wiring, campaign_id: str, reason: str, by: str) -> dict[str, Any]:
    """Record why no further step starts, then abort the running steps. `recorded` is false if the campaign had ended, or
    had been aborted before. Raises Unavailable or Refused, after everything else, if something could not be done."""
    work = Cleanup(w)
    cause = Abort(AbortSource.OPERATOR, f"aborted by {by}: {reason}", w.clock.now(), by)
    command = shell_command("squall", "campaign", "abort", campaign_id)
    recorded = work.attempt(f"the record of {campaign_id}", command, w.campaigns.request_abort, campaign_id, cause)
    record = w.campaigns.get(campaign_id)
    steps = abort_steps(w, record, record.running, AbortSource.OPERATOR, reason, by) if record else []
    if record is not None and record.open_prompt and record.task_token:  # nobody waits for an answer any more
        work.attempt(f"the wait of {campaign_id} for people", command, w.workflow.wake, record.task_token)
    if work.failures:  # the running steps are aborted, and the next one may start all the same
        raise work.failures[0]
    return {"campaign_id": campaign_id, "known": record is not None, "recorded": bool(recorded), "steps": steps}


def abort_steps(
    w: Wiring, record: CampaignRecord, runs: Iterable[StepRun], source: AbortSource, reason: str, by: str
) -> list[dict[str, Any]]:
    """Abort these executions of the campaign, and return what was done to each. One in another Region or in a member of the fleet
    is aborted by the stack there, of which nothing is known yet; of a member that was not reached, the answer says so and has the command
    that does it by hand. Raises Unavailable or Refused, after all were tried, if another one could not be aborted."""
    work = Cleanup(w)
    why = f"aborted by {by}: campaign {record.id}: {reason}"
    answers: list[dict[str, Any] | None] = []
    asked = list(runs)
    for run in (run for run in asked if not run.member):
        command = shell_command("squall", "abort", run.execution_id)
        if run.region:
            work.attempt(f"{run.execution_id} in {run.region}", command, w.regions.abort_part, run.region, run.execution_id, why, by)
            answers.append({"execution_id": run.execution_id, "region": run.region, "asked": True})
            continue
        request = AbortRequest(run.execution_id, None, source, why, by)
        answers.append(work.attempt(run.execution_id, command, abort_execution, w, request))
    away = [run for run in asked if run.member and run.arn]
    answers += abort_in_members(w, away, f"campaign {record.id}: {reason}", by)
    if work.failures:
        raise work.failures[0]
    return [answer for answer in answers if answer is not None]
