"""Faults that end by themselves before any of their guards could end them, although the guards watch a longer
observation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from squall.domain.experiment.experiment import Experiment
from squall.domain.language.sentences import Threshold
from squall.domain.metrics.periods import (
    NONE_SLOW,
    SlowMetrics,
    format_length,
    lag_of,
    pace_threshold,
    reaction_seconds,
    typical_reaction_seconds,
)
from squall.domain.policy.environment import Environment, Timing


@dataclass(frozen=True)
class ShortFault:
    """A fault that no guard can end in time, and what the policy says about it."""

    name: str
    """Its name in a scenario; empty for the only fault of an experiment."""
    length: timedelta
    """How long its harm can last: only the fault's own duration ends it."""
    guard: str
    """The sentence of the quickest guard."""
    reaction_seconds: int
    """How long that guard usually takes from breach to alarm."""
    policy: Environment

    @property
    def allowed(self) -> bool:
        """Whether the policy only warns of it."""
        rule = self.policy.short_faults
        return rule.response == "warn" and self.length <= rule.longest

    @property
    def detail(self) -> str:
        """How long the harm can last by itself, why no guard ends it earlier, and what the policy allows."""
        rule = self.policy.short_faults
        allowed = f"at most {format_length(rule.longest)} of such harm" if rule.response == "warn" else "no such fault"
        return (
            f"{self.name or 'the fault'} is over before a guard could end it: its harm can last {format_length(self.length)} by itself, "
            f'and the quickest guard, "{self.guard}", usually reacts in {self.reaction_seconds} s; {self.policy.name} allows {allowed}'
        )


def find_short_fault(
    experiment: Experiment,
    conditions: Sequence[Threshold],
    policy: Environment,
    *,
    lasting: Mapping[str, timedelta],
    slow: SlowMetrics = NONE_SLOW,
) -> ShortFault | None:
    """The longest fault that ends by itself before any guard could end it; None if a guard could end each of them.

    `lasting`: the length of each fault that lasts, by its name. A fault that is over at once is not short, because no guard
    could shorten it, however long it is observed. A guard is in time by the rule for every guard: its usual reaction takes at
    most half of the fault, and its longest no longer than the fault. An experiment with one fault that is not observed longer
    has already been refused by that rule; in a scenario, that rule looks at all faults together.
    """
    if not conditions or not (experiment.faults or experiment.observes_longer):
        return None
    reactions = [(condition, *_measure_reaction(condition, experiment, policy.timing, slow)) for condition in conditions]
    quickest, typical, _ = min(reactions, key=lambda reaction: reaction[1])
    short = [name for name, length in lasting.items() if not any(_is_in_time(reaction[1:], length) for reaction in reactions)]
    if not short:
        return None
    longest = max(short, key=lambda name: lasting[name])
    return ShortFault(longest, lasting[longest], quickest.text, typical, policy)


def _is_in_time(reaction: tuple[int, int], length: timedelta) -> bool:
    typical, worst = reaction
    return 2 * typical <= length.total_seconds() and worst <= length.total_seconds()


def _measure_reaction(condition: Threshold, experiment: Experiment, timing: Timing, slow: SlowMetrics) -> tuple[int, int]:
    """The usual and the longest reaction of the guard, in seconds."""
    pace = pace_threshold(condition, timing, experiment.observed_length, experiment.recovery, slow)
    lag = lag_of(condition.metric, timing, experiment.metrics)
    return typical_reaction_seconds(pace, lag, condition), reaction_seconds(pace, lag, condition)
