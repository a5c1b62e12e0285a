"""From the language's metrics to CloudWatch: what each means for this workload, or why it can't be measured."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from squall.domain.environment import Timing
from squall.domain.experiment import Criterion, Experiment, MetricDefinition
from squall.domain.documents import Workload
from squall.domain.language import AlarmFires, Recovers, Replacement, Threshold
from squall.domain.metrics import MetricBinding
from squall.domain.problems import Problem

Parsed = Threshold | AlarmFires | Recovers | Replacement


@dataclass(frozen=True)
class Sentences:
    """Every sentence of an experiment, parsed, with its path in the definition."""

    criteria: tuple[tuple[str, Criterion, Parsed], ...]
    conditions: tuple[tuple[str, Threshold], ...]
    steady: tuple[tuple[str, Threshold], ...]

    @property
    def thresholds(self) -> tuple[tuple[str, Threshold], ...]:
        """All threshold sentences: criteria, steady state, abort conditions."""
        raise NotImplementedError

    @property
    def metrics(self) -> tuple[str, ...]:
        """Canonical metrics that must be measured."""
        raise NotImplementedError

    @property
    def statistics(self) -> dict[str, tuple[str, ...]]:
        """Metric to the statistics asked for by name."""
        raise NotImplementedError

    @property
    def paths(self) -> dict[str, str]:
        """Metric to the path of the first sentence that needs it."""
        raise NotImplementedError


def sentences(experiment: Experiment) -> Sentences:
    """Parse an admitted experiment; raises InvalidInput with every sentence that doesn't parse."""
    raise NotImplementedError


def binding_name(metric: str, statistic: str | None) -> str:
    """`response_time`, or `response_time:p99` when a sentence asks for a statistic of its own."""
    raise NotImplementedError


def binding_of(bindings: Sequence[MetricBinding], threshold: Threshold) -> MetricBinding | None:
    raise NotImplementedError


def bind(
    metrics_needed: Iterable[str],
    statistics: Mapping[str, Collection[str]],
    declared: Mapping[str, MetricDefinition],
    workload: Workload,
    timing: Timing,
    *,
    paths: Mapping[str, str] | None = None,
) -> tuple[tuple[MetricBinding, ...], list[Problem]]:
    raise NotImplementedError
