"""Reads how the executions of a campaign ended, from their records."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from squall.application.admission.execution_ids import START_TOLERANCE
from squall.domain.campaign.outcome import StepOutcome, classify_run
from squall.domain.campaign.plan import CampaignPlan
from squall.domain.campaign.record import StepRun, cut_reason
from squall.domain.run.part import name_part
from squall.domain.run.record import ExecutionRecord
from squall.errors import Unavailable
from squall.wiring import Wiring

UNREAD_FOR = timedelta(hours=1)
"""How long home tries to read how a part in another Region ended."""
OTHER_CLOCKS = timedelta(minutes=2)
"""How far the clocks of two Regions may differ."""


@dataclass(frozen=True)
class StepReading:
    """What the table says now of one execution of a campaign."""

    run: StepRun
    """The execution, with its outcome if it has one."""
    stored: ExecutionRecord | None
    """The execution's own record; None if it has not written one, or if the record under its id is not its own."""

    unread: str = ""
    """Why the record could not be read, of an execution in another Region; empty if it could."""

    @property
    def live(self) -> bool:
        """Whether the execution may still run: it has been admitted, or its Region can't be asked."""
        return bool(self.unread) or (self.stored is not None and not self.stored.final)


def read_steps(w: Wiring, plan: CampaignPlan | None, runs: Iterable[StepRun], *, since: datetime | None = None) -> list[StepReading]:
    """What the table says of each execution. Without a plan no outcome can be trusted, so each is `unknown`.

    `since`: since when the end of executions in other Regions is waited for. One whose Region can't be asked for
    `UNREAD_FOR` after that is given up as `unknown`: its own stack ends it.
    """
    given_up = since is not None and w.clock.now() - since >= UNREAD_FOR
    return [_read_step(w, plan, run, given_up=given_up) for run in runs]


def end_step(w: Wiring, run: StepRun, outcome: StepOutcome, reason: str, stored: ExecutionRecord | None = None) -> StepRun:
    """The execution with this outcome. It ended when its record says, or now if the record does not say."""
    ended_at = (stored.ended_at if stored else None) or w.clock.now()
    return replace(run, outcome=outcome, ended_at=ended_at, reason=cut_reason(reason))


def _read_step(w: Wiring, plan: CampaignPlan | None, run: StepRun, *, given_up: bool) -> StepReading:
    try:
        stored = w.regions.read_part(run.region, run.execution_id) if run.region else w.records.get(run.execution_id)
    except Unavailable as error:
        if not run.region:
            raise
        if given_up:
            return StepReading(end_step(w, run, StepOutcome.UNKNOWN, f"{run.region} could not be read: {error}"), None)
        return StepReading(run, None, str(error))
    if stored is None:
        return StepReading(run, None)
    if _is_foreign(w, run, stored):
        reason = "the record under this id belongs to another execution"
        return StepReading(end_step(w, run, StepOutcome.UNKNOWN, reason), None)
    outcome, reason = _judge_record(plan, run, stored)
    return StepReading(end_step(w, run, outcome, reason, stored) if outcome else run, stored)


def _is_foreign(w: Wiring, run: StepRun, stored: ExecutionRecord) -> bool:
    if run.region:  # only this campaign's home gives an execution this name and part
        named = stored.part and name_part(stored.part.run, stored.part.region)
        return named != run.execution_id or stored.started_at < run.begun_at - OTHER_CLOCKS
    return stored.execution_arn != w.settings.execution_arn(run.execution_id) or stored.started_at < run.begun_at - START_TOLERANCE


def _judge_record(plan: CampaignPlan | None, run: StepRun, stored: ExecutionRecord) -> tuple[StepOutcome | None, str]:
    """The outcome that the record gives the step, and why; None while it is not final. A run of another definition than
    the planned one is no outcome of the step."""
    if not stored.final:
        return None, ""
    if plan is None:
        return StepOutcome.UNKNOWN, "the plan of the campaign can't be read, so nobody knows which definition the step should have run"
    if stored.definition_hash and stored.definition_hash != plan.find_step(run.step).definition_hash:
        return StepOutcome.UNKNOWN, "it ran another definition than the one that was admitted with the campaign"
    return classify_run(stored), stored.reason
