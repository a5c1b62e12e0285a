"""Compares the windows of a run. If a comparison fails, absolute thresholds can still be judged."""

from collections.abc import Mapping, Sequence
from math import floor

from squall.application.metrics.earlier_days import read_earlier_days
from squall.application.metrics.run_measurements import Measurements, measure_run
from squall.application.step import Step
from squall.domain.documents.metrics.metric_models import MetricBinding, MetricQuery, Window
from squall.domain.documents.series import StatisticsDocument
from squall.domain.judging.comparison import CompareInput, statistics
from squall.domain.judging.window_statistics import has_distribution
from squall.domain.run.timeline import EventName


def compare_run(step: Step) -> None:
    """Write `series.json` and `statistics.json`. If nothing was injected, there is nothing to compare."""
    if step.record.fis_experiment_id is None or step.failure:
        return
    found = measure_run(step)
    bindings = step.discovery.bindings
    timing = step.definition.environment.timing
    earlier, cut = read_earlier_days(step, bindings, found.by_name["fault"], found.run)
    compared = statistics(
        CompareInput(
            bindings=bindings,
            windows=found.by_name,
            finer=found.finer,
            observed=_observed(found),
            series=found.series,
            values=found.values,
            distributions=_distributions(step, bindings, found.by_name),
            effect_at=found.windows.effect_at,
            settled=timing.guard_evaluation_periods,
            minimum_baseline=timing.minimum_baseline_periods,
            earlier=earlier,
        )
    )
    step.put(StatisticsDocument(at=step.now, statistics=compared, cut=cut))
    step.note(EventName.COMPARED, "; ".join([f"{len(compared)} metrics", *(one.said for one in cut)]))


def _observed(found: Measurements) -> Window:
    period = found.run.period_seconds
    start = floor(found.windows.effect_at.timestamp() / period) * period
    return found.run.model_copy(update={"start": min(start, found.run.end)})


def _distributions(
    step: Step, bindings: Sequence[MetricBinding], windows: Mapping[str, Window]
) -> dict[str, dict[str, Mapping[str, float]]]:
    """Maps window name to metric to CloudWatch's own statistics of the samples. Metrics that differ only by statistic
    are read once.
    """
    found: dict[str, dict[str, Mapping[str, float]]] = {}
    for name, window in windows.items():
        known: dict[MetricQuery, Mapping[str, float]] = {}
        for binding in bindings:
            if not has_distribution(binding) or not window.periods:
                continue
            asked = binding.queries[0].model_copy(update={"key": "value", "statistic": "Average"})
            if asked not in known:
                known[asked] = step.w.metrics.distribution(asked, window.start, window.end)
            found.setdefault(name, {})[binding.name] = known[asked]
    return found
