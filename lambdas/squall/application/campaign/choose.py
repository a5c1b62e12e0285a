"""Chooses the next steps of a campaign: reads how the last ones ended, and asks the plan.

The state machine calls this when every execution that it was given has ended. The steps are written into the record
before they are given to the state machine, and their names follow from their numbers. So a repeated call gives the same
steps again, and Step Functions starts none of them twice.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from squall.application.campaign.outcomes import StepReading, end_step, read_steps
from squall.application.campaign.plan import read_plan
from squall.application.regions.home import run_parts
from squall.application.step import END, NEXT, Outcome, UnrecordedError, is_redriven, wait_for
from squall.application.stopping.halt_flag import refuse_if_halted
from squall.domain.base.vocabulary import AbortSource
from squall.domain.campaign.outcome import StepOutcome
from squall.domain.campaign.plan import CampaignPlan, choose_steps
from squall.domain.campaign.record import CampaignRecord, PromptRun, StepRun
from squall.domain.run.record import Abort
from squall.wiring import Wiring

PATIENCE = timedelta(minutes=10)
"""How long an execution that has ended may have no record: the watchdog writes one within seconds."""
LONGEST_WAIT = timedelta(minutes=10)
"""The longest time between two looks at a record that is not final yet. The watchdog closes the run within seconds, the pulse
within two minutes; a longer wait enters fewer states."""
_REPEATED = frozenset({AbortSource.GUARD, AbortSource.BLIND_GUARD})
"""A ramp repeats a dose that one of these aborted, if the abort says nothing about the hypothesis."""


def choose_next_steps(w: Wiring, event: Mapping[str, Any]) -> Outcome:
    """`next` with `steps` to start side by side and the `round` that they make, `ask` to wait for people, `wait`, or
    `end`.

    `round` of the event is the number of executions that the state machine has seen the end of.
    """
    record = w.campaigns.get(event["run"]["id"])
    if record is None:
        raise UnrecordedError(event["run"]["id"])
    seen, now = int(event.get("round") or 0), w.clock.now()
    if is_redriven(event):
        cause = Abort(AbortSource.OUTSIDE, "a redriven campaign starts no further step", now)
        w.campaigns.request_abort(record.id, cause)
    if is_redriven(event) or record.final or not record.plan_hash:
        return _answer(END, record)
    plan = read_plan(w, record)
    if plan.campaign.kind == "regions":
        return run_parts(w, record, plan)
    readings = read_steps(w, plan, [run for run in record.running if run.number <= seen and not _never_starts(record, run)])
    ended = _list_ended(w, record, readings, now)
    record = record.with_runs(*ended)
    if record.abort is None:
        record = replace(record, abort=_find_stop(readings, plan, now))
    if len(ended) < len(readings):
        return _wait_for_records(w, record, bool(ended), now)
    if record.abort is None and (halted := refuse_if_halted(w)):
        record = replace(record, abort=Abort(AbortSource.HALT, halted, now))
    if record.abort is not None:
        return _answer(END if w.campaigns.save(record) else wait_for(1), record)
    return _start_or_end(w, plan, record, now)


def _never_starts(record: CampaignRecord, run: StepRun) -> bool:
    """Whether nothing of a step was started in its member, and nothing can be any more: whoever starts it writes its ARN first, and only
    into a record without an abort."""
    return bool(run.member) and not run.arn and record.abort is not None


def _list_ended(w: Wiring, record: CampaignRecord, readings: Sequence[StepReading], now: datetime) -> list[StepRun]:
    """The executions that have an outcome now. One that has left no record gets none by waiting longer."""
    over = record.waiting_since is not None and now - record.waiting_since >= PATIENCE
    reason = f"there is no record of this execution, {PATIENCE.total_seconds() / 60:g} min after it ended"
    ended = []
    for reading in readings:
        if reading.run.outcome is not None:
            ended.append(reading.run)
        elif over and not reading.live:
            ended.append(end_step(w, reading.run, StepOutcome.UNKNOWN, reason))
    return ended


def _find_stop(readings: Sequence[StepReading], plan: CampaignPlan, now: datetime) -> Abort | None:
    """Why the end of one step ends the campaign, whatever its plan says; None if it does not.

    After a halt nothing starts, even if somebody has resumed meanwhile; one in a member is the member's own. A ramp would repeat
    the dose that somebody has just stopped, unless it was a guard; a suite says by `stop_on` whether it goes on.
    """
    for reading in readings:
        if reading.run.outcome is StepOutcome.STOPPED and reading.stored is not None and not reading.run.member:
            abort = reading.stored.abort or Abort(AbortSource.OUTSIDE, reading.stored.reason, now)
            if abort.source is AbortSource.HALT or (plan.campaign.ramp and abort.source not in _REPEATED):
                return Abort(abort.source, f"{reading.run.step}: {abort.reason}", now, abort.by)
    return None


def _start_or_end(w: Wiring, plan: CampaignPlan, record: CampaignRecord, now: datetime) -> Outcome:
    if record.running:  # written by an earlier attempt of this state, and not given to the state machine yet
        return _offer(plan, record)
    record = record.settle_prompt(now)
    if record.open_prompt:  # asked by an earlier attempt of this state, or somebody else woke it
        return _wait_for_people(w, record, now)
    choice = choose_steps(plan, record.runs, record.prompts)
    if choice.ask:
        until = now + timedelta(seconds=plan.find_step(choice.ask).wait_seconds)
        return _wait_for_people(w, replace(record, prompts=(*record.prompts, PromptRun(choice.ask, now, until))), now)
    resume_at = _end_of_pause(plan, record)
    if choice.ending is None and resume_at and now < resume_at:
        saved = w.campaigns.save(replace(record, resume_at=resume_at, waiting_since=None))
        return _answer(wait_for((resume_at - now).total_seconds() + 1 if saved else 1), record)
    if choice.ending is None:
        record = record.with_runs(*record.begin(choice.start, now, plan.members))
    if not w.campaigns.save(replace(record, resume_at=None, waiting_since=None)):
        return _answer(wait_for(1), record)  # an abort was written meanwhile, or another attempt of this state
    return _answer(END, record) if choice.ending else _offer(plan, record)


def _wait_for_people(w: Wiring, record: CampaignRecord, now: datetime) -> Outcome:
    """`ask`: wait until somebody answers the open prompt, and at most `seconds`."""
    prompt = record.open_prompt
    if prompt is None or not w.campaigns.save(replace(record, resume_at=None, waiting_since=None, task_token="")):
        return _answer(wait_for(1), record)  # somebody has written meanwhile
    return _answer({"outcome": "ask", "seconds": max(1, math.ceil((prompt.until - now).total_seconds()) + 1)}, record)


def _wait_for_records(w: Wiring, record: CampaignRecord, ended: bool, now: datetime) -> Outcome:
    """Wait for the watchdog to close what died: a little at first, then longer, so that few states are entered."""
    since = record.waiting_since or now
    if ended or record.waiting_since is None:
        w.campaigns.save(replace(record, waiting_since=since))
    return _answer(wait_for(min(LONGEST_WAIT.total_seconds(), max(5, (now - since).total_seconds()))), record)


def _end_of_pause(plan: CampaignPlan, record: CampaignRecord) -> datetime | None:
    """Until when the campaign pauses after its last step; None if it has no pause, or no step has ended."""
    ends = [run.ended_at for run in record.runs if run.ended_at]
    return max(ends) + plan.campaign.pause if plan.campaign.pause and ends else None


def _offer(plan: CampaignPlan, record: CampaignRecord) -> Outcome:
    """The executions without an outcome, as the state machine starts them."""
    return {**NEXT, "steps": [_offer_step(plan, record, run) for run in record.running], "round": len(record.runs)}


def _offer_step(plan: CampaignPlan, record: CampaignRecord, run: StepRun) -> dict[str, Any]:
    if run.member:
        return {"name": run.execution_id, "member": run.member, "number": run.number}
    return {"name": run.execution_id, "input": _make_input(plan, record, run)}


def _make_input(plan: CampaignPlan, record: CampaignRecord, run: StepRun) -> dict[str, Any]:
    step = plan.find_step(run.step)
    return {
        "experiment": step.experiment,
        **({"overrides": step.overrides} if step.overrides else {}),
        "requested_by": record.requested_by or f"campaign {record.campaign}",
        "campaign": {"id": record.id, "number": run.number},
    }


def _answer(outcome: Outcome, record: CampaignRecord) -> Outcome:
    return {**outcome, "steps": [], "round": len(record.runs)}
