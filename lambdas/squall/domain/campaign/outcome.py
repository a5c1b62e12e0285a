"""How a step of a campaign ended, in one word. No pydantic: the abort path imports the campaign's record."""

from enum import StrEnum

from squall.domain.base.vocabulary import AbortSource, Status, Verdict
from squall.domain.run.record import ExecutionRecord


class StepOutcome(StrEnum):
    """The outcome of a step. Only `validated` counts as a pass."""

    VALIDATED = "validated"
    REFUTED = "refuted"
    GUARD = "guard"
    """A guard fired during the fault: the hypothesis is false."""
    STOPPED = "stopped"
    """Aborted by anything but a guard: an operator, a halt, a blind guard, a stop from outside."""
    INCONCLUSIVE = "inconclusive"
    INVALID = "invalid"
    REJECTED = "rejected"
    FAILED = "failed"
    """Squall itself failed."""
    PLANNED = "planned"
    """The part of a run over several Regions that only plans: it was prepared and checked."""
    UNKNOWN = "unknown"
    """The outcome could not be read, or the record is not that of this step. It stops the campaign."""

    @property
    def fails(self) -> bool:
        """Whether the step shows that the hypothesis is false."""
        return self in {StepOutcome.REFUTED, StepOutcome.GUARD}

    @property
    def words(self) -> str:
        """The outcome as people read it."""
        return _WORDS.get(self, self.value)


_WORDS = {StepOutcome.GUARD: "aborted by a guard", StepOutcome.STOPPED: "aborted"}
_OF_VERDICT = {
    Verdict.VALIDATED: StepOutcome.VALIDATED,
    Verdict.REFUTED: StepOutcome.REFUTED,
    Verdict.INCONCLUSIVE: StepOutcome.INCONCLUSIVE,
    Verdict.INVALID: StepOutcome.INVALID,
}


class PromptOutcome(StrEnum):
    """How a prompt to people ended."""

    ANSWERED = "answered"
    STOPPED = "stopped"
    """Somebody answered that no further step starts."""
    UNANSWERED = "unanswered"
    BROKEN_OFF = "broken_off"
    """The campaign ended while it waited."""

    @property
    def words(self) -> str:
        """The outcome as people read it."""
        return _PROMPT_WORDS.get(self, self.value)


_PROMPT_WORDS = {
    PromptOutcome.STOPPED: "answered: stop",
    PromptOutcome.UNANSWERED: "nobody answered",
    PromptOutcome.BROKEN_OFF: "the campaign ended before an answer",
}


def classify_run(record: ExecutionRecord) -> StepOutcome | None:
    """The outcome that a run's record says; None while the record is not final. A combination that no ending of a run
    has is `unknown`."""
    if not record.final:
        return None
    if record.status is Status.REJECTED:
        return StepOutcome.REJECTED
    if record.status is Status.FAILED:
        return StepOutcome.FAILED
    if record.status is Status.ABORTED:
        fired = record.abort is not None and record.abort.source is AbortSource.GUARD
        return StepOutcome.GUARD if fired and record.hypothesis_validated is False else StepOutcome.STOPPED
    if record.status is Status.COMPLETED and record.verdict in _OF_VERDICT:
        return _OF_VERDICT[record.verdict]
    return StepOutcome.UNKNOWN
