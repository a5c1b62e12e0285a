"""Searches the smallest failing dose from the outcomes so far. Pure: the same outcomes give the same dose.

The model is monotone: if a dose fails, every larger one does. A dose counts as holding or failing by the majority of
its runs. Refuted, and aborted by a guard, is failing. A run that says nothing about the hypothesis counts as neither and
is repeated. The search closes in on two neighbouring doses, of which the lower holds and the upper fails, and repeats
both until `confirm` runs agree, because a single wrong answer anywhere on the way ends up at one of the two.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from squall.domain.base.vocabulary import Verdict
from squall.domain.campaign.choice import Ending
from squall.domain.campaign.outcome import StepOutcome

MOST_USELESS = 2
"""How many runs of one dose may say nothing about the hypothesis before the search ends."""
_USELESS = frozenset({StepOutcome.INCONCLUSIVE, StepOutcome.INVALID, StepOutcome.STOPPED})
_ENDS_SEARCH = frozenset({StepOutcome.REJECTED, StepOutcome.FAILED, StepOutcome.UNKNOWN})
"""Outcomes that repeating would not change, or after which nothing may be started."""


@dataclass(frozen=True)
class DoseRun:
    """One run of a ramp."""

    dose: int
    """The index of the dose, from 0."""
    outcome: StepOutcome


@dataclass(frozen=True)
class RampPlan:
    """How a ramp searches. Doses are indexes into `labels`."""

    labels: tuple[str, ...]
    """The doses in rising order, as people read them."""
    method: str
    confirm: int
    most_runs: int


@dataclass(frozen=True)
class Bracket:
    """Two neighbouring doses, as indexes. A bracket of a search that has not ended is wider."""

    holds: int | None
    """The largest dose below `fails` that holds; None if none is known."""
    fails: int | None
    """The smallest dose that fails; None if none is known."""


@dataclass(frozen=True)
class Tally:
    """What the runs of one dose say."""

    holding: int = 0
    failing: int = 0
    useless: int = 0

    @property
    def holds(self) -> bool:
        return self.holding > self.failing

    @property
    def fails(self) -> bool:
        return self.failing > self.holding

    @property
    def tied(self) -> bool:
        return self.holding == self.failing > 0

    def is_confirmed(self, confirm: int) -> bool:
        """Whether so many runs agree, and they are the majority."""
        return not self.tied and max(self.holding, self.failing) >= confirm


def count_runs(plan: RampPlan, runs: Sequence[DoseRun]) -> list[Tally]:
    """The tally of each dose."""
    outcomes: list[list[StepOutcome]] = [[] for _ in plan.labels]
    for run in runs:
        outcomes[run.dose].append(run.outcome)
    return [
        Tally(each.count(StepOutcome.VALIDATED), sum(outcome.fails for outcome in each), sum(outcome in _USELESS for outcome in each))
        for each in outcomes
    ]


def find_bracket(tallies: Sequence[Tally]) -> Bracket:
    """The smallest failing dose, and the largest holding one below it."""
    fails = next((dose for dose, tally in enumerate(tallies) if tally.fails), None)
    below = range(len(tallies) if fails is None else fails)
    holds = max((dose for dose in below if tallies[dose].holds), default=None)
    return Bracket(holds, fails)


def choose_dose(plan: RampPlan, runs: Sequence[DoseRun]) -> int | Ending:
    """The dose of the next run, as an index; or the ending of the search."""
    tallies = count_runs(plan, runs)
    bracket = find_bracket(tallies)
    if ending := _find_early_ending(plan, runs, tallies, bracket):
        return ending
    tied = next((dose for dose, tally in enumerate(tallies) if tally.tied), None)
    dose = tied if tied is not None else _choose_between(plan, tallies, bracket)
    if dose is None:
        return _conclude(plan, bracket)
    if len(runs) >= plan.most_runs:
        return Ending(Verdict.INCONCLUSIVE, f"not decided after {len(runs)} runs: {describe_bracket(plan.labels, bracket)}")
    return dose


def describe_bracket(labels: Sequence[str], bracket: Bracket) -> str:
    """The answer in words: `holds to 180, fails from 210`."""
    if bracket.holds is None and bracket.fails is None:
        return "no dose is known to hold or to fail"
    if bracket.fails is None:
        return f"holds to {labels[bracket.holds or 0]}, and no dose is known to fail"
    if bracket.holds is None:
        return f"fails from {labels[bracket.fails]}, and no smaller dose is known to hold"
    return f"holds to {labels[bracket.holds]}, fails from {labels[bracket.fails]}"


def _find_early_ending(plan: RampPlan, runs: Sequence[DoseRun], tallies: Sequence[Tally], bracket: Bracket) -> Ending | None:
    known = describe_bracket(plan.labels, bracket)
    if runs and runs[-1].outcome in _ENDS_SEARCH:
        return Ending(Verdict.INCONCLUSIVE, f"the run at {plan.labels[runs[-1].dose]} was {runs[-1].outcome.words}; {known}")
    worn = next((dose for dose, tally in enumerate(tallies) if tally.useless > MOST_USELESS), None)
    if worn is not None:
        said = f"{tallies[worn].useless} runs at {plan.labels[worn]} say nothing about the hypothesis"
        return Ending(Verdict.INCONCLUSIVE, f"{said}; {known}")
    return None


def _choose_between(plan: RampPlan, tallies: Sequence[Tally], bracket: Bracket) -> int | None:
    """A dose inside of the bracket, else an edge that is not confirmed; None if the answer stands."""
    low = -1 if bracket.holds is None else bracket.holds
    high = len(plan.labels) if bracket.fails is None else bracket.fails
    if high - low > 1:
        return low + 1 if plan.method == "ladder" else (low + high) // 2
    edges = [edge for edge in (bracket.fails, bracket.holds) if edge is not None]
    return next((edge for edge in edges if not tallies[edge].is_confirmed(plan.confirm)), None)


def _conclude(plan: RampPlan, bracket: Bracket) -> Ending:
    """The ends may agree: then the search says that nothing fails, or that all does."""
    if bracket.fails is None:
        return Ending(Verdict.VALIDATED, f"nothing fails in the range: it holds to {plan.labels[-1]}, the largest dose")
    if bracket.holds is None:
        return Ending(Verdict.REFUTED, f"everything fails in the range: it fails from {plan.labels[0]}, the smallest dose")
    return Ending(Verdict.REFUTED, describe_bracket(plan.labels, bracket))
