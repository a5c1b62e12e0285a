"""Chooses the next step of a game day: one experiment or one prompt to people after the other. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from squall.domain.campaign.choice import Choice, Ending
from squall.domain.campaign.outcome import PromptOutcome, StepOutcome
from squall.domain.campaign.record import PromptRun
from squall.domain.campaign.suite import STOPS, SuitePlan, conclude_suite


@dataclass(frozen=True)
class GamedayPlan:
    """The steps of a game day."""

    experiments: SuitePlan
    steps: Mapping[str, bool | None]
    """Every step by name, in order. None: an experiment. Otherwise a prompt: whether the next step follows if nobody
    answers."""


def choose_gameday_step(plan: GamedayPlan, outcomes: Mapping[str, StepOutcome], prompts: Sequence[PromptRun]) -> Choice:
    """The experiment to start or the prompt to show now, when every run has an outcome and no prompt is open; or the
    ending."""
    ended = {prompt.step: prompt.outcome for prompt in prompts}
    stopping = [name for name in plan.steps if outcomes.get(name) in STOPS[plan.experiments.stop_on]]
    stop = next((name for name, outcome in ended.items() if _stops(plan, name, outcome)), None)
    if not stopping and stop is None:
        for name, is_prompt in plan.steps.items():
            if name not in outcomes and name not in ended:
                return Choice(start=(name,)) if is_prompt is None else Choice(ask=name)
    return Choice(ending=_add_prompts(conclude_suite(plan.experiments, outcomes, stopping), plan, ended, stop))


def _stops(plan: GamedayPlan, name: str, outcome: PromptOutcome | None) -> bool:
    """Whether no further step starts because of how the prompt ended."""
    if outcome is PromptOutcome.UNANSWERED:
        return not plan.steps[name]
    return outcome is not PromptOutcome.ANSWERED


def _add_prompts(ending: Ending, plan: GamedayPlan, ended: Mapping[str, PromptOutcome | None], stop: str | None) -> Ending:
    """The ending with what became of the prompts. They say nothing about a hypothesis, so they change no verdict."""
    total = sum(is_prompt is not None for is_prompt in plan.steps.values())
    answered = sum(outcome in {PromptOutcome.ANSWERED, PromptOutcome.STOPPED} for outcome in ended.values())
    said = f"; {answered} of {total} prompts answered" if total else ""
    if stop is not None:
        outcome = ended[stop]
        why = "somebody answered that no further step starts" if outcome is PromptOutcome.STOPPED else "nobody answered"
        said += f"; stopped at the prompt {stop}: {why}"
    return replace(ending, reason=ending.reason + said)
