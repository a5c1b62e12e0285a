"""How sure the answer of a ramp is, under an assumption that is said with it.

The assumption: the dose at which the workload begins to fail is equally likely to lie between any two neighbouring
doses, below the first or above the last; and each run tells the wrong thing with the same small probability,
independently of the others. Nobody can prove the assumption from a handful of runs, so the statement names it.
"""

import math
from collections.abc import Sequence

from squall.domain.campaign.ramp import Bracket, Tally

NO_ANSWER = "no answer: no run tells of any dose whether it holds or fails"
WRONG_RUNS = 0.05
"""The assumed share of runs that tell the wrong thing: one in twenty."""


def weigh_intervals(tallies: Sequence[Tally], wrong: float = WRONG_RUNS) -> list[float]:
    """The probability that the limit lies below the first dose, between each two neighbours, and above the last dose."""
    right, false = math.log(1 - wrong), math.log(wrong)
    logs = []
    for first_failing in range(len(tallies) + 1):
        total = 0.0
        for dose, tally in enumerate(tallies):
            should_fail = dose >= first_failing
            agreeing, opposed = (tally.failing, tally.holding) if should_fail else (tally.holding, tally.failing)
            total += agreeing * right + opposed * false
        logs.append(total)
    highest = max(logs)
    weights = [math.exp(value - highest) for value in logs]
    return [weight / sum(weights) for weight in weights]


def compute_confidence(tallies: Sequence[Tally], bracket: Bracket, wrong: float = WRONG_RUNS) -> float:
    """The probability that the limit lies in the bracket, under the assumption of this module."""
    low = 0 if bracket.holds is None else bracket.holds + 1
    high = len(tallies) if bracket.fails is None else bracket.fails
    return sum(weigh_intervals(tallies, wrong)[low : high + 1])


def describe_confidence(confidence: float, wrong: float = WRONG_RUNS) -> str:
    """The statement with its assumption. The figure is rounded down, so that it never says more than was computed."""
    percent = math.floor(confidence * 1000) / 10
    return f"{percent:g} % confident, if larger doses never do less harm and one run in {round(1 / wrong)} tells the wrong thing by chance"
