"""Chooses the next steps of a suite from the outcomes so far. Pure: the same outcomes give the same steps."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from squall.domain.base.vocabulary import Verdict
from squall.domain.campaign.choice import Choice, Ending
from squall.domain.campaign.outcome import StepOutcome

_NEVER = frozenset({StepOutcome.UNKNOWN, StepOutcome.PLANNED})
_ABORTED = _NEVER | {StepOutcome.GUARD, StepOutcome.STOPPED, StepOutcome.FAILED}
STOPS: Mapping[str, frozenset[StepOutcome]] = {"refuted": _ABORTED | {StepOutcome.REFUTED}, "aborted": _ABORTED, "never": _NEVER}
"""`stop_on` to the outcomes after which no further step starts. Those that no step of a suite can have are always among them."""


@dataclass(frozen=True)
class SuitePlan:
    """The steps of a suite by name, in order, each with the steps that it needs."""

    needs: Mapping[str, tuple[str, ...]]
    stop_on: str
    side_by_side: int


def choose_suite_steps(plan: SuitePlan, outcomes: Mapping[str, StepOutcome]) -> Choice:
    """The steps to start now, when every step that was started has an outcome; or the ending of the suite."""
    stopping = [name for name in plan.needs if outcomes.get(name) in STOPS[plan.stop_on]]
    if not stopping and (ready := list(_list_ready(plan, outcomes))):
        return Choice(start=tuple(ready[: plan.side_by_side]))
    return Choice(ending=conclude_suite(plan, outcomes, stopping))


def list_skipped(plan: SuitePlan, outcomes: Mapping[str, StepOutcome]) -> dict[str, str]:
    """The steps that did not run, each with the reason, once the suite has ended."""
    reasons = {}
    for name, needed in plan.needs.items():
        unmet = [need for need in needed if outcomes.get(need) is not StepOutcome.VALIDATED]
        if name not in outcomes:
            reasons[name] = f"needs {unmet[0]}, which was not validated" if unmet else "the campaign had ended before"
    return reasons


def _list_ready(plan: SuitePlan, outcomes: Mapping[str, StepOutcome]) -> Iterator[str]:
    for name, needed in plan.needs.items():
        if name not in outcomes and all(outcomes.get(need) is StepOutcome.VALIDATED for need in needed):
            yield name


def conclude_suite(plan: SuitePlan, outcomes: Mapping[str, StepOutcome], stopping: Sequence[str]) -> Ending:
    """`refuted` if a step failed its hypothesis, `validated` only if every step ran and was validated, else
    `inconclusive`."""
    total, done = len(plan.needs), list(outcomes.values())
    counts = {outcome: done.count(outcome) for outcome in StepOutcome if outcome in done}
    parts = [f"{count} {outcome.words}" for outcome, count in counts.items()]
    if skipped := total - len(done):
        parts.append(f"{skipped} not run")
    said = f"{total} steps: {', '.join(parts)}" if total > 1 else f"1 step: {', '.join(parts)}"
    if stopping:
        said += f"; stopped after {stopping[0]}, which was {outcomes[stopping[0]].words}"
    if any(outcome.fails for outcome in done):
        return Ending(Verdict.REFUTED, said)
    if not skipped and counts.keys() == {StepOutcome.VALIDATED}:
        return Ending(Verdict.VALIDATED, said)
    return Ending(Verdict.INCONCLUSIVE, said)
