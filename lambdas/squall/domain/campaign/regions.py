"""How a run over several Regions ends, from the outcomes of its parts. No pydantic."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

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

LEAST_TOGETHER = 0.5
"""The share of the shortest fault, or of its observation, in which all Regions have to have theirs."""


def combine_parts(runs: Iterable[StepRun]) -> WholeEnd:
    """The ending of the run. A part of which nothing is known is never taken for the better, and a run whose faults were hardly at
    work together answers nothing about all Regions at once."""
    parts = list(runs)
    whole = combine_ends([_read_end(run) for run in parts])
    apart = _explain_apart(parts) if whole.verdict is Verdict.VALIDATED else ""
    if apart:
        return replace(whole, verdict=Verdict.INCONCLUSIVE, hypothesis_validated=None, reason=f"{apart}; {whole.reason}")
    return whole


def _explain_apart(runs: Sequence[StepRun]) -> str:
    """What to say of faults that were watched at the same time for less than half of the shortest one; empty of others. A part
    without a fault has no times: it is judged in the time of the others' fault."""
    times = [(run.watched_from, run.watched_until) for run in runs if run.watched_from and run.watched_until]
    if len(times) < 2:
        return ""
    shortest = min(until - since for since, until in times).total_seconds()
    together = max(0.0, (min(until for _, until in times) - max(since for since, _ in times)).total_seconds())
    if together >= shortest * LEAST_TOGETHER:
        return ""
    return f"the faults were at work together for only {together:.0f} s of {shortest:.0f} s: a longer fault, or `observation`, would tell"


def _read_end(run: StepRun) -> PartEnd:
    ending = _ENDINGS.get(run.outcome) if run.outcome else None
    if ending is None:
        return PartEnd(run.step, None, reason=run.reason)
    return PartEnd(run.step, *ending, reason=run.reason)
