"""What a suite covered: which faults on which resource types, and how they ended."""

from collections import Counter
from collections.abc import Iterable
from typing import Literal

from squall.domain.base.model import Model
from squall.domain.campaign.outcome import StepOutcome

State = Literal["validated", "refuted", "undecided", "not_run"]


class CoveredFault(Model):
    """One fault on one resource type, over all steps of a suite that have it. The faults of a scenario can't be told apart
    by its outcome, so a scenario counts as one fault on all of its resource types."""

    resource_type: str
    """For a fault in a member of the fleet: `in <member>`."""
    fault_type: str
    state: State
    """`refuted`: a step failed its hypothesis. `validated`: every step was validated. `not_run`: none ran. Else
    `undecided`."""
    steps: int
    """How many steps of the suite have it."""
    outcomes: dict[str, int] = {}
    """Outcome to the number of steps that ended so."""
    not_run: int = 0


def cover_faults(steps: Iterable[tuple[str, str, StepOutcome | None, bool]]) -> tuple[CoveredFault, ...]:
    """Resource types in the order in which the suite has them. Each of `steps` is a resource type, a fault type, the
    outcome, and whether the step was started."""
    grouped: dict[tuple[str, str], list[tuple[StepOutcome | None, bool]]] = {}
    for resource_type, fault_type, outcome, started in steps:
        grouped.setdefault((resource_type, fault_type), []).append((outcome, started))
    order = list(dict.fromkeys(resource_type for resource_type, _ in grouped))
    return tuple(_cover(*key, grouped[key]) for key in sorted(grouped, key=lambda key: order.index(key[0])))


def _cover(resource_type: str, fault_type: str, steps: list[tuple[StepOutcome | None, bool]]) -> CoveredFault:
    outcomes = [outcome for outcome, _ in steps if outcome]
    return CoveredFault(
        resource_type=resource_type,
        fault_type=fault_type,
        state=_decide(outcomes, len(steps), sum(started for _, started in steps)),
        steps=len(steps),
        outcomes=dict(Counter(outcome.value for outcome in outcomes)),
        not_run=sum(not started for _, started in steps),
    )


def _decide(outcomes: list[StepOutcome], steps: int, started: int) -> State:
    if any(outcome.fails for outcome in outcomes):
        return "refuted"
    if started == 0:
        return "not_run"
    return "validated" if outcomes.count(StepOutcome.VALIDATED) == steps else "undecided"
