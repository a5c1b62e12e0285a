"""Whether the workload is back: every absolute criterion holds again, and what was taken away was replaced."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from squall.domain.documents import Definition, Discovery, Recovery, TargetBefore, Workload
from squall.domain.metrics import Series, Window


@dataclass(frozen=True)
class RecoveryInput:
    definition: Definition
    discovery: Discovery
    series: Mapping[str, Sequence[Series]]
    """By binding name, from the effect to the last whole period."""
    window: Window
    """What `series` was read over: from the effect to the last complete period (`observed_window`)."""
    workload_now: Workload
    before: Sequence[TargetBefore]
    effect_at: datetime
    fault_end: datetime
    now: datetime
    previous: Recovery | None = None
    """What the last look found, so that the first sight of a replacement is kept."""


def observed_window(effect_at: datetime, now: datetime, definition: Definition, discovery: Discovery) -> Window:
    """Whole periods from the effect to the newest period complete in CloudWatch for every binding."""
    raise NotImplementedError


def assess(given: RecoveryInput) -> tuple[Recovery, bool]:
    """The recovery so far, and whether to look again."""
    raise NotImplementedError
