"""The return of a metric to its baseline: within some percent of the median of the baseline's periods."""

from statistics import median

from squall.domain.documents.baseline import Baseline
from squall.domain.documents.metrics.metric_models import MetricBinding
from squall.domain.language.metric_table import METRICS
from squall.domain.language.sentences import Comparator, Recovers, Threshold
from squall.domain.metrics.series import points_over


def measured_by(sentence: Recovers) -> Threshold:
    """A threshold on what the sentence is about, by which its binding is found."""
    return _make_threshold(sentence, "<=", 0.0, None)


def list_limits(sentence: Recovers, binding: MetricBinding, baseline: Baseline | None) -> tuple[Threshold, ...]:
    """The thresholds that hold in a period in which the metric is back at its baseline. Empty if the baseline says
    nothing of it.

    A metric that is better than before is back, too; one of which no side is better must be within the band.
    """
    window = baseline.of_period(binding.period_seconds) if baseline else None
    if baseline is None or window is None or sentence.band is None:
        return ()
    values = [point.value for point in points_over(binding, baseline.series.get(binding.name, ()), window)]
    if not values:
        return ()
    usual = median(values)
    margin = abs(usual) * sentence.band / 100
    known = METRICS.get(sentence.metric or "")
    better = known.better if known else None
    limits = []
    if better != "higher":
        limits.append(_make_threshold(sentence, "<=", usual + margin, binding))
    if better != "lower":
        limits.append(_make_threshold(sentence, ">=", usual - margin, binding))
    return tuple(limits)


def _make_threshold(sentence: Recovers, comparator: Comparator, value: float, binding: MetricBinding | None) -> Threshold:
    return Threshold(
        text=sentence.text,
        metric=sentence.metric or "",
        statistic=sentence.statistic,
        comparator=comparator,
        value=value,
        unit=binding.unit if binding else "none",
    )
