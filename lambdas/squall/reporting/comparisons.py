"""Statistics for people: a sentence first, then its numbers."""

from dataclasses import dataclass

from squall.domain.documents.metrics.statistics import Band, Comparison, MetricStatistics, WindowStatistics
from squall.reporting.charts import metric_title
from squall.reporting.elements import Table
from squall.reporting.formatting import format_clock, format_duration, format_number, format_quantity, spell_out

_NAMES = {"baseline": "before", "earlier_days": "earlier days", "fault": "fault", "observation": "observation", "recovery": "after"}


@dataclass(frozen=True)
class Compared:
    """How the windows of one metric compare."""

    title: str
    sentences: tuple[str, ...]
    windows: Table
    comparisons: Table


def view_comparison(statistics: MetricStatistics) -> Compared:
    """The statistics of a metric as sentences and tables."""
    every = (
        ("before", statistics.baseline),
        ("fault", statistics.fault),
        ("observation", statistics.observation),
        ("after", statistics.recovery),
    )
    windows = [(name, window) for name, window in every if window]
    return Compared(
        title=metric_title(statistics.metric),
        sentences=(*(comparison.sentence for comparison in statistics.comparisons), *_return_to_band(statistics)),
        windows=Table(
            ("Window", "Of", "n", "Mean", "Median", "p95", "p99", "Minimum", "Maximum", "Missing"),
            tuple((name, *_window_row(window, statistics.unit)) for name, window in windows),
            numeric=tuple(range(2, 10)),
        ),
        comparisons=Table(
            ("Compared", "Shift", "Interval", "p, corrected", "Effect size", "Effective n"),
            tuple(_comparison_row(comparison, statistics.unit) for comparison in statistics.comparisons),
            numeric=(1, 2, 3, 4, 5),
        ),
    )


def _cut_to_possible_values(band: Band, statistics: MetricStatistics) -> tuple[float, float]:
    """The edges of the band for people. A metric that was never negative, or a percentage that was never above 100, has no
    usual range there, although the computed one reaches so far."""
    windows = (statistics.baseline, statistics.fault, statistics.observation, statistics.recovery)
    measured = [window for window in windows if window and window.n]
    low, high = band.low, band.high
    if measured and all(window.minimum is not None and window.minimum >= 0 for window in measured):
        low = max(low, 0.0)
    if statistics.unit == "percent" and measured and all(window.maximum is not None and window.maximum <= 100 for window in measured):
        high = min(high, 100.0)
    return low, high


def _return_to_band(statistics: MetricStatistics) -> tuple[str, ...]:
    if statistics.band is None:
        return ()
    low, high = _cut_to_possible_values(statistics.band, statistics)
    band = f"{format_quantity(low, statistics.unit)} to {format_quantity(high, statistics.unit)}"
    if statistics.left_band_at is None:
        return (f"The metric never left its usual range ({band}).",)
    left = f"The metric left its usual range ({band}) at {format_clock(statistics.left_band_at)} UTC"
    if statistics.recovered_at is None or statistics.time_to_recover_seconds is None:
        return (f"{left} and did not return while it was watched.",)
    after = format_duration(statistics.time_to_recover_seconds)
    return (f"{left} and returned for good at {format_clock(statistics.recovered_at)} UTC, {after} after the effect.",)


def _window_row(window: WindowStatistics, unit: str) -> tuple[str, ...]:
    values = (window.mean, window.median, window.p95, window.p99, window.minimum, window.maximum)
    missing = f"{window.missing} of {window.expected_points}" if window.missing else "none"
    return (spell_out(window.of), format_number(window.n), *(format_quantity(value, unit) for value in values), missing)


def _comparison_row(comparison: Comparison, unit: str) -> tuple[str, ...]:
    before, after = (_NAMES.get(name, name) for name in comparison.windows)
    if comparison.low is None and comparison.high is None:
        interval = "—"
    else:
        low = "−∞" if comparison.low is None else format_quantity(comparison.low, unit)
        high = "∞" if comparison.high is None else format_quantity(comparison.high, unit)
        interval = f"{low} to {high} ({100 * comparison.confidence:g} %)"
    worth = " and ".join(format_number(n) for n in comparison.effective_n) if comparison.effective_n else "—"
    p = "—" if comparison.p_adjusted is None else "< 0.001" if comparison.p_adjusted < 0.001 else f"{comparison.p_adjusted:.3f}"
    effect = "—" if comparison.effect_size is None else f"{comparison.effect_size:.2f}"
    return (f"{after} with {before}", format_quantity(comparison.shift, unit), interval, p, effect, worth)
