"""Runs the steps of a campaign that a member of the fleet runs: starts them, sees how they end, and wakes the campaign.

Step Functions can't start an execution in another account and wait for it. So the state of the campaign machine hands a task token to
ChooseSteps, which starts the execution in the member and stores the token with the step. Home's pulse looks once a minute: it starts
what could not be started, and uses the token once the step is over. Nothing here counts on a message from the member.

The ARN of the execution is written into the campaign's record before it is started. While there is none, nothing was started; once
there is one, the execution may run until the member says otherwise, or until it has ended by itself at the latest.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from squall.application.campaign.outcomes import read_steps
from squall.application.campaign.plan import find_plan, read_plan
from squall.application.fleet.members import require_place
from squall.application.fleet.visits import ask_at_once
from squall.application.step import UnrecordedError, is_redriven
from squall.application.stopping.halt_flag import read_halt
from squall.domain.base.vocabulary import AbortSource
from squall.domain.campaign.away import find_last_start, make_input
from squall.domain.campaign.plan import CampaignPlan
from squall.domain.campaign.record import CampaignRecord, StepRun, cut_reason
from squall.domain.run.record import Abort
from squall.errors import Refused, Unavailable
from squall.wiring import Wiring

_TRIES = 10
"""The states of steps side by side, and the pulse, write the same record."""


def run_in_member(w: Wiring, event: Mapping[str, Any]) -> dict[str, Any]:
    """Store the token of the state that waits for a step, then start the step. If there is nothing to wait for, or the token could not
    be stored, wake the state at once: ChooseSteps then says what became of the step."""
    token, campaign_id, number = str(event["task_token"]), event["run"]["id"], int(event["step"])
    for _ in range(_TRIES):
        record = _get_record(w, campaign_id)
        run = _find_run(record, number)
        if is_redriven(event) or record.final or run is None or run.outcome is not None or (record.abort is not None and not run.arn):
            break
        if w.campaigns.save(record.with_runs(replace(run, token=token))):
            if run.token and run.token != token:  # of an earlier attempt of the state; or this is the earlier one, which comes late
                w.workflow.wake(run.token)
            start_step(w, read_plan(w, record), campaign_id, number)
            return {"waiting": True}
    w.workflow.wake(token)
    return {"waiting": False}


def start_step(w: Wiring, plan: CampaignPlan, campaign_id: str, number: int) -> None:
    """Start the execution of a step, unless it is too late or the campaign has been aborted. What keeps home from it is noted as the
    reason of the step; the pulse tries again."""
    record = _get_record(w, campaign_id)
    run = _find_run(record, number)
    if run is None or run.outcome is not None or record.abort is not None or record.final or w.clock.now() >= find_last_start(run):
        return
    try:
        member = require_place(run)
        if not run.arn:
            run = replace(run, arn=w.member_runs.locate(member, run.execution_id), reason="")
            if not w.campaigns.save(record.with_runs(run)):
                return  # somebody has written meanwhile, perhaps an abort
        step = plan.find_step(run.step)
        asked_by = record.requested_by or f"campaign {record.campaign}"
        w.member_runs.start(member, run.arn, make_input(step.experiment, step.overrides, run, record.id, asked_by))
    except Unavailable as error:
        w.logger.exception("a step could not be started", extra={"campaign_id": campaign_id, "member": run.member})
        _note_reason(w, campaign_id, number, str(error))


def look_after_steps(w: Wiring, record: CampaignRecord) -> str:
    """What home's pulse does once a minute: start what has not begun, wake the states whose steps are over, and note a halt as the
    reason to abort the steps. Returns what was done; empty if nothing."""
    runs = [run for run in record.running if run.member]
    if not runs:
        return ""
    said = [_abort_if_halted(w, record, runs)]  # first: it needs nothing of S3, which may be what is broken
    plan = find_plan(w, record)

    def look(run: StepRun) -> str:
        (reading,) = read_steps(w, plan, [run])
        over = reading.run.outcome is not None or (record.abort is not None and not reading.live)
        if not over and reading.stored is None and plan is not None:
            start_step(w, plan, record.id, run.number)  # a repeated start starts nothing twice
        return f"woken: {run.execution_id}" if over and run.token and w.workflow.wake(run.token) else ""

    return "; ".join(filter(None, [*said, *ask_at_once(look, runs)]))


def _abort_if_halted(w: Wiring, record: CampaignRecord, runs: Sequence[StepRun]) -> str:
    """A halt stops every fault of this stack within seconds; the steps in members are aborted by the pulse, also if somebody has resumed
    meanwhile: a resume writes its time, and is no older than the halt before it. A flag that can't be read lets nothing start, and is no
    reason to end what runs."""
    if record.abort is not None:
        return ""
    with suppress(Unavailable, Refused):
        halt = read_halt(w)
        resumed = halt.at is not None and any(run.begun_at < halt.at for run in runs)
        why = f"the stack is {halt}" if halt.engaged else f"the stack was halted meanwhile, and is {halt}"
        if (halt.engaged or resumed) and w.campaigns.request_abort(record.id, Abort(AbortSource.HALT, why, w.clock.now())):
            return f"no further step starts: {why}"
    return ""


def _note_reason(w: Wiring, campaign_id: str, number: int, reason: str) -> None:
    for _ in range(_TRIES):
        record = _get_record(w, campaign_id)
        run = _find_run(record, number)
        if run is None or run.outcome is not None or w.campaigns.save(record.with_runs(replace(run, reason=cut_reason(reason)))):
            return


def _get_record(w: Wiring, campaign_id: str) -> CampaignRecord:
    record = w.campaigns.get(campaign_id)
    if record is None:
        raise UnrecordedError(campaign_id)
    return record


def _find_run(record: CampaignRecord, number: int) -> StepRun | None:
    return next((run for run in record.runs if run.number == number and run.member), None)
