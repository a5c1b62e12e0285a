"""What a member of the fleet says of a step that runs there."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from squall.application.fleet.members import require_place
from squall.domain.campaign.away import AwayExecution, find_last_start, find_over_by, is_asked
from squall.domain.campaign.outcome import StepOutcome, classify_run
from squall.domain.campaign.plan import CampaignPlan
from squall.domain.campaign.record import StepRun
from squall.domain.run.record import ExecutionRecord
from squall.errors import UNREADABLE, Unavailable
from squall.wiring import Wiring

UNRECORDED_FOR = timedelta(minutes=10)
"""How long an execution that has ended may have no record, and how much later than home's last start a member is asked whether it has
begun: clocks differ, and a request may be on its way."""
NOT_BEGUN = "it has not begun there yet"


@dataclass(frozen=True)
class AwayReading:
    """What is known of a step in a member."""

    outcome: StepOutcome | None = None
    reason: str = ""
    stored: ExecutionRecord | None = None
    unread: str = ""
    """Why it may still run although nothing says so: what could not be read, or what is still to come."""


def read_away_step(w: Wiring, plan: CampaignPlan | None, run: StepRun) -> AwayReading:
    """What the member says now. A member that says nothing is waited for until the run has ended by itself at the latest."""
    now = w.clock.now()
    if not run.arn:
        if now < find_last_start(run):
            return AwayReading()
        return AwayReading(StepOutcome.FAILED, f"it was not started in {run.member}: {run.reason or 'nobody has tried'}")
    try:
        return _ask_member(w, plan, run, now)
    except Unavailable as error:
        over_by = find_over_by(run)
        if now < over_by:
            return AwayReading(unread=str(error))
        since = f"{run.member} could not be read until {over_by:%Y-%m-%d %H:%M} UTC, and the run had ended by itself before that"
        return AwayReading(StepOutcome.UNKNOWN, f"{since}: {error}")


def _ask_member(w: Wiring, plan: CampaignPlan | None, run: StepRun, now: datetime) -> AwayReading:
    member = require_place(run)
    execution = w.member_runs.describe(member, run.arn)
    if execution is None:
        if now < find_last_start(run) + UNRECORDED_FOR:
            return AwayReading(unread=NOT_BEGUN)
        return AwayReading(StepOutcome.FAILED, f"it was not started in {run.member}: {run.reason or 'its start was lost'}")
    if plan is not None and not _is_ours(plan, run, execution):
        return AwayReading(StepOutcome.UNKNOWN, f"its name belongs to another execution in {run.member}")
    ended = execution.ended_at is not None and now - execution.ended_at >= UNRECORDED_FOR
    try:
        stored = w.member_runs.read(member, run.execution_id)
    except Unavailable as error:
        if ended and error.code == UNREADABLE:  # of another version, which stays so
            return AwayReading(StepOutcome.UNKNOWN, f"it has ended in {run.member}, and its record can't be read: {error}")
        raise
    if stored is not None and not stored.final and now >= find_over_by(run) and stored.execution_arn == run.arn:
        unclosed = f"nobody in {run.member} has closed its record, although the run must have ended by itself by now"
        return AwayReading(StepOutcome.UNKNOWN, unclosed)
    return _judge_record(plan, run, stored, ended=ended)


def _judge_record(plan: CampaignPlan | None, run: StepRun, stored: ExecutionRecord | None, *, ended: bool) -> AwayReading:
    if stored is None:
        gone = f"it has ended in {run.member}, and left no record"
        return AwayReading(StepOutcome.UNKNOWN, gone) if ended else AwayReading(unread="it has left no record yet")
    if stored.execution_arn != run.arn:
        return AwayReading(StepOutcome.UNKNOWN, f"the record under its id in {run.member} belongs to another execution")
    if stored.final and plan is None:
        reason = "the plan of the campaign can't be read, so nobody knows what the step should have run"
        return AwayReading(StepOutcome.UNKNOWN, reason, stored)
    return AwayReading(classify_run(stored), stored.reason if stored.final else "", stored)


def _is_ours(plan: CampaignPlan, run: StepRun, execution: AwayExecution) -> bool:
    step = plan.find_step(run.step)
    return is_asked(execution.payload, step.experiment, step.overrides, run)
