"""Compares the windows of a run. If a comparison fails, absolute thresholds can still be judged."""

from collections.abc import Mapping, Sequence
from math import floor

from squall.application.metrics.earlier_days import read_earlier_days
from squall.application.metrics.run_measurements import Measurements, measure_run
from squall.application.step import Step
from squall.domain.documents.metrics.metric_models import MetricBinding, MetricQuery, Window
from squall.domain.documents.metrics.statistics import OF_RUN
from squall.domain.documents.series import StatisticsDocument
from squall.domain.judging.comparison import CompareInput, compute_statistics
from squall.domain.judging.window_statistics import has_distribution
from squall.domain.run.timeline import EventName


def compare_run(step: Step) -> None:
    """Write `series.json` and `statistics.json`. If nothing was injected, there is nothing to compare."""
    if step.record.fis_experiment_id is None or step.failure:
        return
    measurements = measure_run(step)
    bindings = step.discovery.bindings
    timing = step.definition.environment.timing
    earlier, cut = read_earlier_days(step, bindings, measurements.judged, measurements.run)
    compared = compute_statistics(
        CompareInput(
            bindings=bindings,
            windows=measurements.by_name,
            finer=measurements.finer,
            observed=_observed_window(measurements),
            series=measurements.series,
            values=measurements.values,
            distributions=_read_distributions(
                step, bindings, {name: window for name, window in measurements.by_name.items() if name in OF_RUN}
            ),
            effect_at=measurements.windows.effect_at,
            settled=timing.guard_evaluation_periods,
            minimum_baseline=timing.minimum_baseline_periods,
            earlier=earlier,
        )
    )
    step.put(StatisticsDocument(at=step.now, statistics=compared, cut=cut))
    step.note(EventName.COMPARED, "; ".join([f"{len(compared)} metrics", *(part.said for part in cut)]))


def _observed_window(measurements: Measurements) -> Window:
    period = measurements.run.period_seconds
    start = floor(measurements.windows.effect_at.timestamp() / period) * period
    return measurements.run.model_copy(update={"start": min(start, measurements.run.end)})


def _read_distributions(
    step: Step, bindings: Sequence[MetricBinding], windows: Mapping[str, Window]
) -> dict[str, dict[str, Mapping[str, float]]]:
    """Maps window name to metric to CloudWatch's own statistics of the samples. Metrics that differ only by statistic
    are read once.
    """
    distributions: dict[str, dict[str, Mapping[str, float]]] = {}
    for name, window in windows.items():
        known: dict[MetricQuery, Mapping[str, float]] = {}
        for binding in bindings:
            if not has_distribution(binding) or not window.periods:
                continue
            asked = binding.queries[0].model_copy(update={"key": "value", "statistic": "Average"})
            if asked not in known:
                known[asked] = step.w.metrics.distribution(asked, window.start, window.end)
            distributions.setdefault(name, {})[binding.name] = known[asked]
    return distributions
