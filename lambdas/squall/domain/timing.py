"""Whether an experiment is long enough to be judged and guarded: arithmetic on metric periods, before anything is touched."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from squall.domain.environment import Timing
from squall.domain.experiment import MetricDefinition
from squall.domain.language import Threshold
from squall.domain.problems import Problem


def lag_of(metric: str, timing: Timing, declared: Mapping[str, MetricDefinition] | None = None) -> int:
    """Seconds after which a finished period of the metric is complete in CloudWatch."""
    raise NotImplementedError


def lag_table(timing: Timing, declared: Mapping[str, MetricDefinition]) -> Callable[[str], int]:
    raise NotImplementedError


def reaction_seconds(timing: Timing, lag: int) -> int:
    raise NotImplementedError


def settle_seconds(timing: Timing, lags: Sequence[int]) -> int:
    raise NotImplementedError


def minimum_duration(sentences: Sequence[tuple[str, Threshold]], timing: Timing, lag_of: Callable[[str], int]) -> timedelta:
    raise NotImplementedError


def problems(
    length: timedelta,
    sentences: Sequence[tuple[str, Threshold]],
    timing: Timing,
    lag_of: Callable[[str], int],
    *,
    recovery: timedelta | None = None,
) -> list[Problem]:
    raise NotImplementedError
