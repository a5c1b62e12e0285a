"""A ramp on a workload with a known limit, whose runs sometimes tell the wrong thing."""

import math
import random
from dataclasses import dataclass

from squall.domain.campaign.choice import Ending
from squall.domain.campaign.confidence import compute_confidence
from squall.domain.campaign.outcome import StepOutcome
from squall.domain.campaign.ramp import Bracket, DoseRun, RampPlan, choose_dose, count_runs, find_bracket


@dataclass(frozen=True)
class Workload:
    """A workload that fails above its limit. Doses are counted from 0; the limit may lie between two of them."""

    limit: float
    wrong: float = 0.0
    """The share of runs that tell the opposite."""
    soft: float = 0.0
    """Over how many doses the share of failing runs rises (the scale of a logistic curve); 0: at once."""
    silent: float = 0.0
    """The share of runs that say nothing."""

    def run(self, dose: int, chance: random.Random) -> StepOutcome:
        if chance.random() < self.silent:
            return StepOutcome.INVALID
        failing = 1 / (1 + math.exp((self.limit - dose) / self.soft)) if self.soft else float(dose > self.limit)
        failing = failing * (1 - self.wrong) + (1 - failing) * self.wrong
        return StepOutcome.REFUTED if chance.random() < failing else StepOutcome.VALIDATED


@dataclass(frozen=True)
class Found:
    bracket: Bracket
    runs: int
    confidence: float
    ending: Ending

    def holds(self, limit: float, slack: float = 0) -> bool:
        """Whether the limit is in the bracket, or at most `slack` doses outside of it."""
        above = self.bracket.holds is None or self.bracket.holds <= limit + slack
        return above and (self.bracket.fails is None or limit <= self.bracket.fails + slack)


def search(workload: Workload, intervals: int, chance: random.Random, *, method: str = "bisect", confirm: int = 2) -> Found:
    """Search over `intervals + 1` doses, until the planner ends it."""
    plan = RampPlan(tuple(str(dose) for dose in range(intervals + 1)), method, confirm, most_runs=200)
    runs: list[DoseRun] = []
    while not isinstance(chosen := choose_dose(plan, runs), Ending):
        runs.append(DoseRun(chosen, workload.run(chosen, chance)))
    tallies = count_runs(plan, runs)
    bracket = find_bracket(tallies)
    return Found(bracket, len(runs), compute_confidence(tallies, bracket), chosen)


@dataclass(frozen=True)
class Measured:
    """What many searches did."""

    right: float
    """The share whose bracket holds the limit."""
    runs: float
    """The mean number of runs."""
    confidence: float
    """The mean confidence that the searches state."""
    near: float
    """The share whose bracket, widened by one dose on each side, holds the limit."""


def measure(intervals: int, searches: int, *, seed: int = 1, confirm: int = 2, **workload: float) -> Measured:
    chance = random.Random(seed)
    limits = [chance.uniform(0, intervals) for _ in range(searches)]
    results = [search(Workload(limit, **workload), intervals, chance, confirm=confirm) for limit in limits]
    pairs = list(zip(results, limits, strict=True))
    return Measured(
        right=sum(found.holds(limit) for found, limit in pairs) / searches,
        runs=sum(found.runs for found in results) / searches,
        confidence=sum(found.confidence for found in results) / searches,
        near=sum(found.holds(limit, slack=1) for found, limit in pairs) / searches,
    )
