"""The execution record: the small facts that decisions are made on. It is one item in the table, written conditionally.

Plain dataclasses, not pydantic, because the abort path must start fast.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from squall.domain.approval.votes import Ask, Decision, Vote, VoteProof
from squall.domain.base.vocabulary import AbortSource, Status, Verdict
from squall.domain.run.part import Part
from squall.domain.run.timeline import EventName, UnknownEvent

DOCTOR = "squall doctor"
"""The experiment's name on the records that `squall doctor` makes."""


@dataclass(frozen=True)
class Abort:
    """The first reason to end the fault early. Later reasons do not replace it."""

    source: AbortSource
    reason: str
    at: datetime
    by: str = ""
    """Alarm name or operator."""

    @property
    def why(self) -> str:
        """The reason without who gave it, where both are said: `aborted by ada: too slow` is `too slow`."""
        return self.reason.removeprefix(f"aborted by {self.by}: ")


@dataclass(frozen=True)
class Event:
    """Something that happened in a run. `at` is when it happened, not when it was written."""

    at: datetime
    event: EventName | UnknownEvent
    detail: str = ""


@dataclass(frozen=True)
class ExecutionRecord:
    id: str
    execution_arn: str
    started_at: datetime
    status: Status
    phase: str
    """Name of the last state that touched the record."""
    experiment: str = ""
    environment: str = ""
    fault_type: str = ""
    definition_hash: str = ""
    admitted_hash: str = ""
    """The hash of the whole definition document, policy and mode included, as Admit wrote it.

    Nobody else may write this attribute. It is empty on records of earlier versions.
    """
    promotion_hash: str = ""
    """The hash of what the experiment has in common in all environments."""
    source: str = ""
    """Where the definition comes from: `deployed`, `published` or `inline`. Empty on records of earlier versions."""
    source_version: int | None = None
    """The version of a published definition."""
    source_hash: str = ""
    """The hash of the definition before overrides (`published.content_hash`)."""
    requested_by: str = ""
    trigger: str = ""
    only_plans: bool = False
    """Whether the run only plans: it does everything but inject, so it is no evidence of anything."""
    verdict: Verdict | None = None
    hypothesis_validated: bool | None = None
    reason: str = ""
    decided_status: Status | None = None
    """How the run will end. The state that decided it writes it, and Record makes it final."""
    decided_verdict: Verdict | None = None
    ended_at: datetime | None = None
    phase_since: datetime | None = None
    """When `phase` last changed: bounded waits are measured from it."""
    lock_keys: tuple[str, ...] = ()
    slot: int | None = None
    guard_names: tuple[str, ...] = ()
    """Recorded before the alarms are created, so that every alarm can be found again."""
    template_id: str | None = None
    fis_experiment_id: str | None = None
    fault_started_at: datetime | None = None
    lead_seconds: int = 0
    """How long FIS waits after `fault_started_at` before the faults begin: it chooses targets by tags, and its choice is compared
    with the pins."""
    fault_ended_at: datetime | None = None
    fault_seconds: int = 0
    """How long the fault was to last."""
    observation_seconds: int = 0
    """How long the run was to be observed from the start of the fault on, where that is longer than the fault; else 0."""
    sentinel: bool = False
    """Whether a URL is probed while the run is measured. The pulse keeps the probing alive."""
    rollback_command: str = ""
    """The AWS CLI command that runs the rollback document by hand. Recorded before the fault if the experiment declares
    one."""
    abort: Abort | None = None
    task_token: str | None = None
    token_generation: int = 0
    ask: Ask | None = None
    """The newest request for approval; None if nobody was asked."""
    votes: tuple[Vote, ...] = ()
    """The newest vote of each person, in order of time. Some may be on an earlier request."""
    proofs: tuple[VoteProof, ...] = ()
    """The proofs of votes that are not confirmed yet."""
    confirmed: tuple[str, ...] = ()
    """The digests of the votes whose proof AWS has confirmed to a second function."""
    part: Part | None = None
    """What makes it the part of a run over several Regions; None for every other run. Only Admit writes it."""
    ready_at: datetime | None = None
    """When a part passed FinalCheck and began to wait for its peers."""
    peers_read_at: datetime | None = None
    """When a part last read the records of all of its peers."""
    closed_by: str = ""
    """Who closed a run that did not reach Record: the watchdog, the pulse or AcquireLock."""
    events: tuple[Event, ...] = field(default=())

    @property
    def final(self) -> bool:
        return self.status.final

    @property
    def begins_at(self) -> datetime | None:
        """When the faults begin; None if FIS has not been asked to start them. No time before it is the fault's."""
        return self.fault_started_at + timedelta(seconds=self.lead_seconds) if self.fault_started_at else None

    @property
    def ended_in_lead(self) -> bool:
        """Whether it ended before any fault began."""
        return bool(self.begins_at and self.fault_ended_at and self.fault_ended_at < self.begins_at)

    @property
    def observed_seconds(self) -> int:
        """How long guards and stop conditions were to live from the start of the fault on."""
        return self.observation_seconds or self.fault_seconds

    @property
    def is_trial(self) -> bool:
        """Whether `squall doctor` made the record, to try a stop path on an experiment that hits nothing. Admit gives
        every run that it admits a fault type."""
        return self.experiment == DOCTOR and not self.fault_type and self.fis_experiment_id is not None

    @property
    def may_have_started(self) -> bool:
        """Whether FIS may have been asked to start the fault. False only if it certainly was not."""
        return self.fis_experiment_id is not None or bool(self.happened(EventName.STARTING))

    @property
    def current_votes(self) -> tuple[Vote, ...]:
        """The votes on the newest request, confirmed or not, and every rejection. A vote on an earlier request for the
        same plan is not one of them: the plan has changed in between."""
        return tuple(vote for vote in self.votes if vote.decision is Decision.REJECT or self._answers_request(vote))

    def _answers_request(self, vote: Vote) -> bool:
        return self.ask is not None and vote.plan == self.ask.plan and vote.at >= self.ask.at

    @property
    def confirmed_votes(self) -> tuple[Vote, ...]:
        """The votes that decide: those on the newest request that two functions have seen proven, and every rejection."""
        return tuple(vote for vote in self.current_votes if vote.digest in self.confirmed or vote.decision is Decision.REJECT)

    @property
    def pending_votes(self) -> tuple[Vote, ...]:
        """The votes on the newest request that still have to be confirmed."""
        waiting, confirmed = {pending.person for pending in self.proofs}, self.confirmed_votes
        return tuple(vote for vote in self.current_votes if vote.person in waiting and vote not in confirmed)

    @property
    def dropped_votes(self) -> tuple[Vote, ...]:
        """The votes on the newest request that could not be confirmed. They never count; the person may vote again."""
        kept = (*self.confirmed_votes, *self.pending_votes)
        return tuple(vote for vote in self.current_votes if vote not in kept)

    def happened(self, *names: EventName) -> tuple[Event, ...]:
        """The events of these names, in the order in which they were written. Only names in `timeline.DECIDES` are
        asked for."""
        return tuple(event for event in self.events if event.event in names)
