"""Guard alarms that really arm on AWS: metric math that has data without errors, and breaches without traffic."""

from collections.abc import Sequence

from squall.domain.documents import GuardSpec
from squall.domain.environment import Timing
from squall.domain.language import Threshold
from squall.domain.metrics import MetricBinding


def guard_name(run_id: str, stack: str, number: int) -> str:
    raise NotImplementedError


def guard_specs(
    run_id: str, stack: str, thresholds: Sequence[Threshold], bindings: Sequence[MetricBinding], timing: Timing
) -> tuple[GuardSpec, ...]:
    raise NotImplementedError
