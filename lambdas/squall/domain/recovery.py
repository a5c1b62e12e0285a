"""Whether the workload is back: every absolute criterion holds again, and what was taken away was replaced."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from squall.domain.documents import Definition, Discovery, Recovery, TargetBefore, Workload
from squall.domain.metrics import Series, Window


def assess(
    definition: Definition,
    discovery: Discovery,
    series: Mapping[str, Sequence[Series]],
    window: Window,
    workload_now: Workload,
    before: Sequence[TargetBefore],
    effect_at: datetime,
    fault_end: datetime,
    now: datetime,
    previous: Recovery | None = None,
) -> tuple[Recovery, bool]:
    """The recovery so far, and whether to look again (`waiting`). `series` by binding name, from the effect to the last whole period."""
    raise NotImplementedError
