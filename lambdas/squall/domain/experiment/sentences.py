"""All sentences of an experiment, parsed: steady state, abort conditions and success criteria."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from squall.domain.base.model import Model
from squall.domain.base.problems import InvalidInput, Problem
from squall.domain.experiment.experiment import Criterion, Experiment
from squall.domain.language.errors import SentenceError
from squall.domain.language.parse import parse_admitted_criterion, parse_condition, parse_steady_state
from squall.domain.language.sentences import AlarmFires, AlarmOk, Recovers, Sentence, Threshold

Parsed = Sentence
T = TypeVar("T")
S = TypeVar("S", bound=Model)


@dataclass(frozen=True)
class Sentences:
    """Every sentence of an experiment, parsed, with its path in the definition."""

    criteria: tuple[tuple[str, Criterion, Parsed], ...]
    conditions: tuple[tuple[str, Threshold], ...]
    steady: tuple[tuple[str, Threshold], ...]
    """The thresholds of the steady state."""
    steady_alarms: tuple[tuple[str, AlarmOk], ...]
    """The alarms of the steady state."""

    @property
    def threshold_criteria(self) -> tuple[tuple[str, Threshold], ...]:
        return tuple((path, parsed) for path, _, parsed in self.criteria if isinstance(parsed, Threshold))

    @property
    def thresholds(self) -> tuple[tuple[str, Threshold], ...]:
        """All threshold sentences: criteria, steady state, abort conditions."""
        return (*self.threshold_criteria, *self.steady, *self.conditions)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The canonical names of the metrics that must be measured."""
        return tuple(self.paths)

    @property
    def statistics(self) -> dict[str, tuple[str, ...]]:
        """The statistics that sentences name, by metric."""
        by_metric: dict[str, set[str]] = {}
        for _, threshold in self.thresholds:
            if threshold.statistic is not None:
                by_metric.setdefault(threshold.metric, set()).add(threshold.statistic)
        for _, _, parsed in self.criteria:
            if isinstance(parsed, Recovers) and parsed.metric is not None and parsed.statistic is not None:
                by_metric.setdefault(parsed.metric, set()).add(parsed.statistic)
        return {metric: tuple(sorted(statistics)) for metric, statistics in by_metric.items()}

    @property
    def alarms(self) -> tuple[str, ...]:
        """Names of the workload's alarms that a sentence is about. Each must be OK before the fault."""
        named = [parsed.alarm for _, _, parsed in self.criteria if isinstance(parsed, AlarmFires | AlarmOk)]
        return tuple(dict.fromkeys([*named, *(alarm.alarm for _, alarm in self.steady_alarms)]))

    @property
    def alarms_kept_ok(self) -> tuple[str, ...]:
        """Names of the alarms that must be OK for the workload to be in its steady state."""
        criteria = [parsed.alarm for _, _, parsed in self.criteria if isinstance(parsed, AlarmOk)]
        return tuple(dict.fromkeys([*criteria, *(alarm.alarm for _, alarm in self.steady_alarms)]))

    @property
    def paths(self) -> dict[str, str]:
        """The path of the first sentence that needs the metric, by metric."""
        first: dict[str, str] = {}
        for path, threshold in self.thresholds:
            first.setdefault(threshold.metric, path)
        for path, _, parsed in self.criteria:
            if isinstance(parsed, Recovers) and parsed.metric is not None:
                first.setdefault(parsed.metric, path)
        return first


def resolve_window(sentence: S, experiment: Experiment) -> S:
    """The sentence with the window in which it is judged: if the run is observed no longer than the fault lasts, the
    observation is the time of the fault."""
    if experiment.observes_longer or getattr(sentence, "window", None) != "observation":
        return sentence
    return sentence.model_copy(update={"window": "fault"})


def parse_sentences(experiment: Experiment) -> Sentences:
    """Parse the sentences of an admitted experiment. Raises InvalidInput with every sentence that can't be parsed."""
    problems: list[Problem] = []

    units = {name: metric.unit for name, metric in experiment.metrics.items()}

    def parse_sentence(path: str, text: str, parser: Callable[[str, Mapping[str, str], Sequence[str]], T]) -> T | None:
        try:
            return parser(text, units, tuple(experiment.faults))
        except SentenceError as error:
            problems.append(Problem(path=path, message=str(error), expected=" or ".join(error.expected)))
            return None

    criteria = [(f"success_criteria[{i}]", criterion) for i, criterion in enumerate(experiment.criteria)]
    parsed = [(path, criterion, parse_sentence(path, criterion.text, parse_admitted_criterion)) for path, criterion in criteria]
    conditions = [(f"abort_conditions[{i}]", text) for i, text in enumerate(experiment.abort_conditions)]
    steady = [(f"steady_state[{i}]", text) for i, text in enumerate(experiment.steady_state)]
    guards = [(path, parse_sentence(path, text, parse_condition)) for path, text in conditions]
    states = [(path, parse_sentence(path, text, parse_steady_state)) for path, text in steady]
    if problems:
        raise InvalidInput(problems)
    return Sentences(
        criteria=tuple((path, criterion, resolve_window(said, experiment)) for path, criterion, said in parsed if said is not None),
        conditions=tuple((path, resolve_window(sentence, experiment)) for path, sentence in guards if sentence is not None),
        steady=tuple((path, resolve_window(sentence, experiment)) for path, sentence in states if isinstance(sentence, Threshold)),
        steady_alarms=tuple((path, sentence) for path, sentence in states if isinstance(sentence, AlarmOk)),
    )
