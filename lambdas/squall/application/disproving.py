"""Whether the mechanism's own metric contradicts a mechanism that reports success: a command that ran, and nothing happened."""

from collections.abc import Sequence
from statistics import fmean

from squall.application.aftermath import fault_of
from squall.application.step import Step
from squall.application.windows_of_run import Windows
from squall.domain.metrics import MetricQuery, Window
from squall.faults.base import Signal

FEWEST_PERIODS = 2


def disproved(step: Step, windows: Windows) -> tuple[str, ...]:
    """A sentence for each pinned target on which the fault can't have happened. Where a metric is missing, sparse or late, nothing is
    contradicted: the mechanism's word stands."""
    fault = fault_of(step)
    signal = fault.signal(fault.parse(step.definition.experiment.parameters))
    if signal is None or windows.baseline is None:
        return ()
    ids = [pinned.id for pinned in step.discovery.pinned]
    before, during = (_values(step, signal, ids, window) for window in (windows.baseline, windows.fault))
    found = (_contradiction(signal, one, before[one], during[one], windows.fault.periods) for one in ids)
    return tuple(sentence for sentence in found if sentence)


def _values(step: Step, signal: Signal, ids: Sequence[str], window: Window) -> dict[str, list[float]]:
    """Per-period values by target."""
    if not window.periods:
        return {one: [] for one in ids}
    queries = [
        MetricQuery(
            key=f"t{number}", namespace=signal.namespace, metric_name=signal.metric_name,
            dimensions=((signal.dimension, one),), statistic="Maximum",
        )
        for number, one in enumerate(ids)
    ]  # fmt: skip
    found = step.w.metrics.series(queries, window.start, window.end, window.period_seconds)
    return {
        one: [point.value for point in found[query.key].points] if query.key in found else []
        for one, query in zip(ids, queries, strict=True)
    }


def _contradiction(signal: Signal, target: str, before: Sequence[float], during: Sequence[float], periods: int) -> str:
    if not before or periods < FEWEST_PERIODS or len(during) < periods:
        return ""
    usual, highest = fmean(before), max(during)
    if highest >= min(signal.level, usual + signal.rise):
        return ""
    return (
        f"the fault did nothing to {target}: its command ran, but {signal.metric_name} was {highest:.1f} at most, "
        f"after {usual:.1f}, and should have risen by {signal.rise:g} at least"
    )
