"""How a run over several Regions ends, from the outcomes of its parts. No pydantic."""

from collections.abc import Iterable

from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.campaign.outcome import StepOutcome
from squall.domain.campaign.record import StepRun
from squall.domain.regions.outcome import Ending, PartEnd, WholeEnd, combine_ends

_ENDINGS: dict[StepOutcome, Ending] = {
    StepOutcome.VALIDATED: (Status.COMPLETED, Verdict.VALIDATED, True),
    StepOutcome.REFUTED: (Status.COMPLETED, Verdict.REFUTED, False),
    StepOutcome.GUARD: (Status.ABORTED, Verdict.ABORTED, False),
    StepOutcome.STOPPED: (Status.ABORTED, Verdict.ABORTED, None),
    StepOutcome.INCONCLUSIVE: (Status.COMPLETED, Verdict.INCONCLUSIVE, None),
    StepOutcome.INVALID: (Status.COMPLETED, Verdict.INVALID, None),
    StepOutcome.REJECTED: (Status.REJECTED, None, None),
    StepOutcome.FAILED: (Status.FAILED, None, None),
    StepOutcome.PLANNED: (Status.PLANNED, None, None),
}


def combine_parts(runs: Iterable[StepRun]) -> WholeEnd:
    """The ending of the run. A part of which nothing is known is never taken for the better."""
    return combine_ends([_read_end(run) for run in runs])


def _read_end(run: StepRun) -> PartEnd:
    ending = _ENDINGS.get(run.outcome) if run.outcome else None
    if ending is None:
        return PartEnd(run.step, None, reason=run.reason)
    return PartEnd(run.step, *ending, reason=run.reason)
