"""The record of a campaign: one item in the table, written conditionally. No pydantic: the abort path imports this
module."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.campaign.outcome import PromptOutcome, StepOutcome
from squall.domain.run.part import name_part
from squall.domain.run.record import Abort

LONGEST_NAME = 80
"""The most characters of an execution's name."""
MOST_NOTES = 200
"""The most notes of a campaign: they have to fit into its item beside the steps."""
NOTE_BYTES = 400
"""A note is cut to this length in UTF-8."""
LATEST_REMINDER = timedelta(minutes=5)
"""How long before the end of its wait an unanswered prompt is told of again: a third of the wait, and at most this."""
SHORTEST_REMINDED = timedelta(minutes=6)
"""A prompt that waits less is told of once. The pulse, which tells again, comes once a minute."""
REASON_BYTES = 200
"""The reason of a step is cut to this length in UTF-8: 500 steps have to fit into an item of 400 KB."""


@dataclass(frozen=True)
class StepRun:
    """One execution that a campaign starts."""

    number: int
    """From 1, over all executions of the campaign."""
    step: str
    """The name of the planned step. A ramp runs a step several times."""
    execution_id: str
    """The name of the execution, and the id of its record."""
    begun_at: datetime
    """When the campaign decided to start it, which is before it is started."""
    outcome: StepOutcome | None = None
    """None while it runs."""
    ended_at: datetime | None = None
    reason: str = ""
    region: str = ""
    """The other Region in which it runs; empty if it runs in this one."""
    member: str = ""
    """The member of the fleet in whose stack it runs; empty if it runs in this one."""
    arn: str = ""
    """The ARN of the execution in the member. It is written before the execution is started: while it is empty, nothing was."""
    token: str = ""
    """The token of the state that waits for an execution in a member."""
    fault_type: str = ""
    """Of an execution in a member: its fault, which home reads when it has ended."""
    watched_from: datetime | None = None
    """Of a part of a run over several Regions that has ended: when its fault began. None if it had no fault."""
    watched_until: datetime | None = None
    """Until when that fault, or its observation, was to last."""


@dataclass(frozen=True)
class Claim:
    """Which campaign of a name runs, or was the last one to run."""

    holder: str
    before: str = ""
    """The campaign that held the name before; empty if there was none."""


@dataclass(frozen=True)
class Note:
    """What somebody wrote during a campaign. Who wrote it is a label that the writer's command sent; it proves nothing."""

    at: datetime
    by: str
    text: str
    answers: str = ""
    """The name of the prompt that the note answers; empty for any other note."""
    stops: bool = False
    """Whether the answer says that no further step starts."""


@dataclass(frozen=True)
class PromptRun:
    """A prompt that a game day has shown to people."""

    step: str
    asked_at: datetime
    until: datetime
    """How long an answer is waited for."""
    outcome: PromptOutcome | None = None
    """None while it is open."""
    ended_at: datetime | None = None
    told_at: datetime | None = None
    """When people got the message that asks them; None if they have not got it yet."""
    reminded_at: datetime | None = None
    """When they got it again, shortly before the end of the wait."""

    @property
    def remind_at(self) -> datetime | None:
        """When people are told again if nobody has answered; None if the wait is too short for that."""
        wait = self.until - self.asked_at
        return None if wait < SHORTEST_REMINDED else self.until - min(LATEST_REMINDER, wait / 3)

    def needs_message(self, now: datetime) -> bool:
        """Whether people have to be told now, for the first time or again. Who was told late is not told twice."""
        if self.outcome is not None or now >= self.until:
            return False
        due = self.remind_at
        return self.told_at is None or (due is not None and now >= due and self.told_at < due and self.reminded_at is None)

    def mark_message(self, now: datetime) -> "PromptRun":
        """The prompt after people were told of it."""
        return replace(self, told_at=now) if self.told_at is None else replace(self, reminded_at=now)


@dataclass(frozen=True)
class CampaignRecord:
    id: str
    execution_arn: str
    started_at: datetime
    status: Status
    """`running`, then `completed`, `aborted`, `rejected` or `failed`."""
    campaign: str = ""
    """The name in the catalogue."""
    kind: str = ""
    plan_hash: str = ""
    """The hash of the plan document as it was admitted. Nobody may change this attribute."""
    requested_by: str = ""
    previous: str = ""
    """The id of the campaign that had this name before; empty for the first one."""
    trigger: str = ""
    """The firing of a schedule that started it: the ARN, `#`, the scheduled time. Empty if people did."""
    runs: tuple[StepRun, ...] = ()
    planned: int = 0
    """How many steps a suite has, or how many doses a ramp has."""
    resume_at: datetime | None = None
    """Until when the campaign pauses."""
    waiting_since: datetime | None = None
    """Since when the campaign waits for the record of an execution that has ended."""
    start_by: datetime | None = None
    """Until when every Region of a run over several has to be ready; None for any other campaign."""
    over_by: datetime | None = None
    """When every part of such a run has ended by itself at the latest, also if nobody can reach it."""
    abort: Abort | None = None
    """Why no further step starts: an operator, a halt, or the end of the campaign's own execution."""
    verdict: Verdict | None = None
    reason: str = ""
    ended_at: datetime | None = None
    notes: tuple[Note, ...] = ()
    """What people wrote, in the order in which it was recorded."""
    prompts: tuple[PromptRun, ...] = ()
    """The prompts of a game day that were shown, in order."""
    task_token: str = ""
    """The token of the state that waits for an answer."""
    told: bool = False
    """Whether people and machines have been told how it ended."""
    version: int = 0
    """Counts the writes. A writer names the version that it has read."""

    @property
    def final(self) -> bool:
        return self.status.final

    @property
    def running(self) -> tuple[StepRun, ...]:
        """The executions without an outcome. Each of them may run, may still be about to start, or may be over."""
        return tuple(run for run in self.runs if run.outcome is None)

    @property
    def open_prompt(self) -> PromptRun | None:
        """The prompt that waits for an answer; None if none does. Whether it has one already is in the notes."""
        last = self.prompts[-1] if self.prompts else None
        return last if last and last.outcome is None else None

    @property
    def awaits_answer(self) -> bool:
        """Whether an answer to the open prompt would count."""
        asked = self.open_prompt
        return asked is not None and not self.final and self.abort is None and self.find_answer(asked.step) is None

    def find_answer(self, step: str) -> Note | None:
        """The first answer to the prompt; None if nobody has answered."""
        return next((note for note in self.notes if note.answers == step), None)

    def settle_prompt(self, now: datetime, *, over: bool = False) -> "CampaignRecord":
        """The record with the outcome of the open prompt, if it has one now. `over`: the campaign ends, so nobody waits
        any longer."""
        asked = self.open_prompt
        if asked is None:
            return self
        if answer := self.find_answer(asked.step):
            outcome, at = (PromptOutcome.STOPPED if answer.stops else PromptOutcome.ANSWERED), answer.at
        elif over or now >= asked.until:
            outcome, at = (PromptOutcome.UNANSWERED if now >= asked.until else PromptOutcome.BROKEN_OFF), now
        else:
            return self
        return replace(self, prompts=(*self.prompts[:-1], replace(asked, outcome=outcome, ended_at=at)))

    def begin(self, steps: tuple[str, ...], now: datetime, members: Mapping[str, str] | None = None) -> tuple[StepRun, ...]:
        """The next executions, one for each step, with names that follow from the campaign and their number: a repeated
        attempt to start one finds it started. `members`: the steps that run in a member, and in which."""
        first, known = len(self.runs) + 1, members or {}
        return tuple(
            StepRun(number, step, make_execution_name(self.id, number), now, member=known.get(step, ""))
            for number, step in enumerate(steps, start=first)
        )

    @property
    def home(self) -> str:
        """The Region of the campaign's own execution."""
        return self.execution_arn.split(":")[3]

    def begin_parts(self, regions: tuple[str, ...], now: datetime) -> tuple[StepRun, ...]:
        """The parts of a run over several Regions, one for each."""
        return tuple(
            StepRun(number, region, name_part(self.id, region), now, region="" if region == self.home else region)
            for number, region in enumerate(regions, start=1)
        )

    def with_runs(self, *changed: StepRun) -> "CampaignRecord":
        """The record with these executions added, or in the place of those with the same number."""
        by_number = {run.number: run for run in (*self.runs, *changed)}
        return replace(self, runs=tuple(by_number[number] for number in sorted(by_number)))


def cut_note(text: str) -> str:
    """The beginning of a note, short enough for the record."""
    return text.encode()[:NOTE_BYTES].decode(errors="ignore")


def cut_reason(reason: str) -> str:
    """The beginning of a reason, short enough for the record."""
    return reason.encode()[:REASON_BYTES].decode(errors="ignore")


def make_execution_name(campaign_id: str, number: int) -> str:
    """The name of the execution with this number. A long id is cut, and a hash of it keeps the name unique."""
    suffix = f"-s{number:03d}"
    if len(campaign_id) + len(suffix) <= LONGEST_NAME:
        return campaign_id + suffix
    digest = hashlib.sha256(campaign_id.encode()).hexdigest()[:10]
    return f"{campaign_id[: LONGEST_NAME - len(suffix) - 11]}-{digest}{suffix}"
