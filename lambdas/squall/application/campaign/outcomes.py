"""Reads how the executions of a campaign ended, from their records."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from squall.application.admission.execution_ids import START_TOLERANCE
from squall.application.campaign.away_outcomes import read_away_step
from squall.application.fleet.visits import ask_at_once
from squall.domain.base.vocabulary import FaultType, Mode, Status
from squall.domain.campaign.outcome import StepOutcome, classify_run
from squall.domain.campaign.plan import CampaignPlan
from squall.domain.campaign.record import CampaignRecord, StepRun, cut_reason
from squall.domain.run.part import name_part
from squall.domain.run.record import ExecutionRecord
from squall.errors import Unavailable
from squall.wiring import Wiring

UNREAD_FOR = timedelta(minutes=5)
"""How long a Region must not have been readable before home gives it up: a single reading may fail."""
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
    """Why the record could not be read, of an execution in another Region or in a member; empty if it could."""

    @property
    def live(self) -> bool:
        """Whether the execution may still run: it has been admitted, or its Region can't be asked."""
        return bool(self.unread) or (self.stored is not None and not self.stored.final)


@dataclass(frozen=True)
class Patience:
    """How long home tries to read how a part in another Region ended."""

    since: datetime | None
    """Since when it could not be read, or was to be ended; None: it could, until now."""
    over_by: datetime | None
    """When it has ended by itself at the latest."""

    @classmethod
    def of(cls, record: CampaignRecord) -> "Patience":
        """That of a campaign whose parts are waited for, or were aborted."""
        return cls(record.abort.at if record.abort else record.waiting_since, record.over_by)

    def is_over(self, now: datetime) -> bool:
        """Whether such a Region is given up: whatever ran there is over, and one failed reading is not the reason."""
        return self.since is not None and now >= max(self.since + UNREAD_FOR, self.over_by or self.since)

    def explain(self, region: str, error: str) -> str:
        """Why a Region was given up, in the few characters that a step's reason has."""
        since = f" since {self.since:%H:%M} UTC" if self.since else ""
        over = f"; its fault has ended by itself by {self.over_by:%H:%M} UTC" if self.over_by else ""
        return f"{region} could not be read{since}{over}: {error}"


def read_steps(w: Wiring, plan: CampaignPlan | None, runs: Iterable[StepRun], *, patience: Patience | None = None) -> list[StepReading]:
    """What the table says of each execution. Without a plan no outcome can be trusted, so each is `unknown`.

    An execution in a Region that can't be asked is given up as `unknown` once `patience` with it is over: its own stack ends it.
    """
    given_up = patience if patience and patience.is_over(w.clock.now()) else None
    asked = list(runs)
    in_members = [run for run in asked if run.member]
    away = dict(zip((run.number for run in in_members), ask_at_once(partial(_read_away, w, plan), in_members), strict=True))
    return [away.get(run.number) or _read_step(w, plan, run, given_up) for run in asked]


def end_step(w: Wiring, run: StepRun, outcome: StepOutcome, reason: str, stored: ExecutionRecord | None = None) -> StepRun:
    """The execution with this outcome. It ended when its record says, or now if the record does not say."""
    ended_at = (stored.ended_at if stored else None) or w.clock.now()
    fault_type = stored.fault_type if stored and run.member else ""
    ended = replace(run, outcome=outcome, ended_at=ended_at, reason=cut_reason(reason), token="", fault_type=fault_type)
    if stored is None or stored.part is None or stored.begins_at is None or stored.fault_type == FaultType.NO_FAULT:
        return ended
    until = stored.begins_at + timedelta(seconds=stored.observed_seconds)
    return replace(ended, watched_from=stored.begins_at, watched_until=until)


def _read_away(w: Wiring, plan: CampaignPlan | None, run: StepRun) -> StepReading:
    away = read_away_step(w, plan, run)
    ended = end_step(w, run, away.outcome, away.reason, away.stored) if away.outcome else run
    return StepReading(ended, away.stored, away.unread)


def _read_step(w: Wiring, plan: CampaignPlan | None, run: StepRun, given_up: Patience | None) -> StepReading:
    try:
        stored = w.regions.read_part(run.region, run.execution_id) if run.region else w.records.get(run.execution_id)
    except Unavailable as error:
        if not run.region:
            raise
        if given_up:
            return StepReading(end_step(w, run, StepOutcome.UNKNOWN, given_up.explain(run.region, str(error))), None)
        return StepReading(run, None, str(error))
    if stored is None:
        return StepReading(run, None)
    if _is_foreign(w, run, stored):
        reason = "the record under this id belongs to another execution"
        return StepReading(end_step(w, run, StepOutcome.UNKNOWN, reason), None)
    outcome, reason = _judge_record(plan, run, stored)
    return StepReading(end_step(w, run, outcome, reason, stored) if outcome else run, stored)


def _is_foreign(w: Wiring, run: StepRun, stored: ExecutionRecord) -> bool:
    own = w.settings.execution_arn(run.execution_id).split(":")[3]
    if stored.part is not None and stored.part.home != own:
        return True  # a run of the same name was started in another Region, too, which is the home of this part
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
    if plan.mode is Mode.PLAN and stored.status is Status.PLANNED:
        return StepOutcome.PLANNED, stored.reason
    return classify_run(stored), stored.reason
