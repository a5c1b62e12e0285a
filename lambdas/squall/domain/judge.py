"""Criteria against what was measured: met, not met, or cannot tell, each with the numbers that decided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from squall.domain.documents import Baseline, CriterionResult, Definition, Discovery, Recovery
from squall.domain.metrics import Series, Window


@dataclass(frozen=True)
class JudgeInput:
    definition: Definition
    discovery: Discovery
    baseline: Baseline | None
    effect_at: datetime
    fault_end: datetime
    windows: Mapping[str, Window]
    """By window name (baseline, fault, recovery)."""
    series: Mapping[str, Mapping[str, Sequence[Series]]]
    """Window name to binding name to the series of its queries."""
    values: Mapping[str, Mapping[str, float | None]]
    """Window name to binding name to the value over the whole window (`baseline.value_over`)."""
    alarms_fired: Mapping[str, datetime | None]
    """Alarm name to when it first fired since the effect (history); absent: could not be told."""
    recovery: Recovery | None


def judge(given: JudgeInput) -> tuple[CriterionResult, ...]:
    raise NotImplementedError
