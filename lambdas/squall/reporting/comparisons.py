"""Statistics as a person reads them: a sentence first, then the numbers behind it."""

from dataclasses import dataclass

from squall.domain.documents.statistics import Comparison, MetricStatistics, WindowStatistics
from squall.reporting.charts import title_of
from squall.reporting.elements import Table
from squall.reporting.formatting import clock, length, number, quantity, words

_NAMES = {"baseline": "before", "earlier_days": "earlier days", "fault": "fault", "recovery": "after"}


@dataclass(frozen=True)
class Compared:
    """One metric."""

    title: str
    sentences: tuple[str, ...]
    windows: Table
    comparisons: Table


def compared(one: MetricStatistics) -> Compared:
    """Everything about one metric of a run."""
    windows = [(name, found) for name, found in (("before", one.baseline), ("fault", one.fault), ("after", one.recovery)) if found]
    return Compared(
        title=title_of(one.metric),
        sentences=(*(comparison.sentence for comparison in one.comparisons), *_back(one)),
        windows=Table(
            ("Window", "Of", "n", "Mean", "Median", "p95", "p99", "Least", "Most", "Missing"),
            tuple((name, *_row(found, one.unit)) for name, found in windows),
            numeric=tuple(range(2, 10)),
        ),
        comparisons=Table(
            ("Compared", "Shift", "Interval", "p, corrected", "Effect size", "Worth n"),
            tuple(_comparison(comparison, one.unit) for comparison in one.comparisons),
            numeric=(1, 2, 3, 4, 5),
        ),
    )


def _back(one: MetricStatistics) -> tuple[str, ...]:
    if one.band is None:
        return ()
    band = f"{quantity(one.band.low, one.unit)} to {quantity(one.band.high, one.unit)}"
    if one.left_band_at is None:
        return (f"It never left the band it was in before ({band}).",)
    left = f"It left the band it was in before ({band}) at {clock(one.left_band_at)} UTC"
    if one.recovered_at is None or one.time_to_recover_seconds is None:
        return (f"{left} and was not back while it was watched.",)
    return (f"{left} and was back for good at {clock(one.recovered_at)} UTC, {length(one.time_to_recover_seconds)} after the effect.",)


def _row(found: WindowStatistics, unit: str) -> tuple[str, ...]:
    values = (found.mean, found.median, found.p95, found.p99, found.minimum, found.maximum)
    missing = f"{found.missing} of {found.expected_points}" if found.missing else "none"
    return (words(found.of), number(found.n), *(quantity(value, unit) for value in values), missing)


def _comparison(found: Comparison, unit: str) -> tuple[str, ...]:
    before, after = (_NAMES[name] for name in found.windows)
    if found.low is None and found.high is None:
        interval = "—"
    else:
        low = "−∞" if found.low is None else quantity(found.low, unit)
        high = "∞" if found.high is None else quantity(found.high, unit)
        interval = f"{low} to {high} ({100 * found.confidence:g} %)"
    worth = " and ".join(number(n) for n in found.effective_n) if found.effective_n else "—"
    p = "—" if found.p_adjusted is None else "< 0.001" if found.p_adjusted < 0.001 else f"{found.p_adjusted:.3f}"
    effect = "—" if found.effect_size is None else f"{found.effect_size:.2f}"
    return (f"{after} with {before}", quantity(found.shift, unit), interval, p, effect, worth)
