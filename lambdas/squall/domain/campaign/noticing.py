"""What should notice each fault of a game day, beside what did."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from squall.domain.campaign.definition import Expectation
from squall.domain.campaign.plan import CampaignPlan
from squall.domain.campaign.record import CampaignRecord, Note, StepRun
from squall.domain.documents.metrics.statistics import Times

Kind = Literal["alarm", "person"]


@dataclass(frozen=True)
class Sighting:
    """One row of the comparison. Seconds count from the moment when the fault took effect on its first target."""

    step: str
    execution_id: str
    kind: Kind
    expected: Expectation | None
    """None: nothing was expected, and the row says what happened."""
    began: bool
    """Whether it is known when the fault took effect. If not, nothing can be compared."""
    seconds: float | None = None
    """None: nobody noticed it, or it is not known."""
    by: str = ""
    ended: bool = True
    """Whether the run has ended: before that, its times are not known."""

    @property
    def conclusion(self) -> str:
        """How the expectation ended, in words."""
        if not self.ended:
            return "not known before the run has ended"
        if not self.began:
            return "can't be told: no effect of the fault is known"
        if self.seconds is None:
            return "not noticed" if self.expected else "nothing noticed it"
        if self.expected is None:
            return "noticed, and nothing was expected"
        return "in time" if self.seconds <= self.expected.within.total_seconds() else "too late"


def compare_sightings(plan: CampaignPlan, record: CampaignRecord, times: Mapping[str, Times]) -> list[Sighting]:
    """The rows of every run, in order. `times`: the times in the result of each run that has one, by its id.

    A person's sighting is their first note after the effect and before the next run began. An answer to a prompt is none:
    the prompt may have told them.
    """
    rows: list[Sighting] = []
    for index, run in enumerate(record.runs):
        until = record.runs[index + 1].begun_at if index + 1 < len(record.runs) else None
        notes = list(_list_notes(record, until))
        pairs = _pair(plan.find_step(run.step).expects)
        rows.extend(_compare(run, kind, expected, times.get(run.execution_id), notes) for kind, expected in pairs)
    return rows


def _pair(expects: Sequence[Expectation]) -> Iterator[tuple[Kind, Expectation | None]]:
    """Each kind with what is expected of it, alarms first; with None if nothing is."""
    kinds: tuple[Kind, ...] = ("alarm", "person")
    for kind in kinds:
        given = [each for each in expects if each.noticed_by == kind]
        yield from ((kind, each) for each in given)
        if not given:
            yield kind, None


def _list_notes(record: CampaignRecord, until: datetime | None) -> Iterator[Note]:
    return (note for note in record.notes if not note.answers and (until is None or note.at < until))


def _compare(run: StepRun, kind: Kind, expected: Expectation | None, times: Times | None, notes: Sequence[Note]) -> Sighting:
    effect = times.effect_at if times else None
    if times is None or effect is None:
        return Sighting(run.step, run.execution_id, kind, expected, began=False, ended=run.outcome is not None)
    at, by = times.detected_at, times.detected_by
    if kind == "person":
        who = (expected.who or "").casefold() if expected else ""
        note = next((note for note in notes if note.at >= effect and who in note.by.casefold()), None)
        at, by = (note.at, note.by) if note else (None, "")
    seconds = (at - effect).total_seconds() if at else None
    return Sighting(run.step, run.execution_id, kind, expected, began=True, seconds=seconds, by=by)
