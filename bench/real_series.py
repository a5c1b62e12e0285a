"""Runs the judge on real CloudWatch series: false alarms where nothing happened, and detected changes where one was
added.

The series are those of tests/data/nab (five-minute periods, labelled by people). The judge's margins were chosen on
`TUNED`. `CONFIRMED` is not a clean hold-out, because the rule for earlier days was chosen after looking at both.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench import kayenta
from bench.tables import Table
from squall.domain.documents.metrics.metric_models import MetricBinding, MetricQuery, Point, Series, Window
from squall.domain.documents.metrics.statistics import Comparison
from squall.domain.judging import ranks
from squall.domain.judging.comparison import CompareInput, compute_statistics
from squall.domain.judging.thresholds import decide_against_baseline
from squall.domain.language.parse import parse_criterion
from squall.domain.language.sentences import Threshold

Floats = NDArray[np.float64]
DATA = Path(__file__).resolve().parents[1] / "tests" / "data" / "nab"
TUNED = ("ec2_cpu_utilization_24ae8d", "ec2_cpu_utilization_5f5533", "elb_request_count_8c0756", "ec2_network_in_257a54")
CONFIRMED = ("ec2_cpu_utilization_ac20cd", "ec2_disk_write_bytes_1ef3de", "grok_asg_anomaly", "rds_cpu_utilization_cc0c53")
HALVES: Mapping[str, Sequence[str]] = {"tuned on": TUNED, "confirmed on": CONFIRMED}
SIZES = ((10, 5), (20, 10), (60, 5), (60, 10), (60, 30), (60, 60))
"""Periods of baseline and of fault."""
GAP = 5
"""Periods between the two, in which guards are armed."""
PERIOD = 300
DAY = 86_400 // PERIOD
EARLIER_DAYS = 3
ANOMALY = 30
"""Periods from the middle of a label that stand for the fault: NAB's windows have the anomaly in their middle."""
BINDING = MetricBinding(
    name="metric",
    kind="gauge",
    unit="none",
    queries=(MetricQuery(key="value", namespace="Bench", metric_name="metric", statistic="Average"),),
    lag_seconds=0,
)
CRITERION = "Response time increases by < 20 % vs baseline"
METHODS = ("Squall", "Squall without earlier days", "plain Mann-Whitney", "Kayenta")
Change = Callable[[Floats], Floats]


@dataclass(frozen=True)
class Trial:
    """Two windows of a series, and the same two windows on the days before."""

    before: Floats
    after: Floats
    days: tuple[tuple[Floats, Floats], ...]

    def changed(self, change: Change) -> Trial:
        return Trial(self.before, change(self.after), self.days)


@cache
def load_series(name: str) -> tuple[Floats, NDArray[np.bool_], tuple[int, ...]]:
    """The values, whether each is labelled, and the middle of each label.

    A missing period is left out without a gap, so that positions stand for times.
    """
    with (DATA / f"{name}.csv").open() as file:
        rows = [(datetime.fromisoformat(row["timestamp"]), float(row["value"])) for row in csv.DictReader(file)]
    labels = json.loads((DATA / "labels.json").read_text())[f"{name}.csv"]
    spans = [(datetime.fromisoformat(start), datetime.fromisoformat(end)) for start, end in labels]
    labelled = np.array([any(start <= at <= end for start, end in spans) for at, _ in rows], dtype=bool)
    middles = tuple(next(i for i, (at, _) in enumerate(rows) if at >= start + (end - start) / 2) for start, end in spans)
    return np.array([value for _, value in rows]), labelled, middles


def cut_trials(name: str, size: tuple[int, int], count: int) -> list[Trial]:
    """This many stretches without a label, spread over the series."""
    values, labelled, _ = load_series(name)
    rng = np.random.default_rng(7)
    length = sum(size) + GAP
    stretches: list[Trial] = []
    while len(stretches) < count:
        start = int(rng.integers(0, len(values) - length))
        if not labelled[start : start + length].any():
            stretches.append(_make_trial(values, start, size))
    return stretches


def cut_anomalies(name: str, baseline: int = 60) -> list[Trial]:
    """One trial for each label: the periods from its middle on, with the hours before it as baseline."""
    values, _, middles = load_series(name)
    size = (baseline, ANOMALY)
    return [_make_trial(values, middle - GAP - baseline, size) for middle in middles if middle >= GAP + baseline]


def _make_trial(values: Floats, start: int, size: tuple[int, int]) -> Trial:
    def take_windows(at: int) -> tuple[Floats, Floats]:
        fault = at + size[0] + GAP
        return values[at : at + size[0]], values[fault : fault + size[1]]

    days = tuple(take_windows(start - day * DAY) for day in range(1, EARLIER_DAYS + 1) if start >= day * DAY)
    return Trial(*take_windows(start), days)


def compare_trial(trial: Trial, *, earlier: bool = True) -> Comparison:
    """Compare the baseline with the fault as Compare does."""
    begin = EARLIER_DAYS * 86_400
    fault_start = begin + PERIOD * (len(trial.before) + GAP)
    windows = {
        "baseline": Window(name="baseline", start=begin, end=begin + PERIOD * len(trial.before), period_seconds=PERIOD),
        "fault": Window(name="fault", start=fault_start, end=fault_start + PERIOD * len(trial.after), period_seconds=PERIOD),
    }
    days = []
    for number, day in enumerate(trial.days, start=1):
        seconds = number * 86_400
        window = windows["fault"].model_copy(update={"start": fault_start - seconds, "end": windows["fault"].end - seconds})
        days.append((window, _make_series(*day, begin - seconds)))
    inputs = CompareInput(
        bindings=[BINDING],
        windows=windows,
        observed=windows["fault"].model_copy(update={"name": "run"}),
        series=_make_series(trial.before, trial.after, begin),
        values={},
        distributions={},
        effect_at=datetime.fromtimestamp(fault_start, UTC),
        settled=3,
        minimum_baseline=10,
        earlier=days if earlier else (),
    )
    return next(comparison for comparison in compute_statistics(inputs)[0].comparisons if comparison.windows == ("baseline", "fault"))


def _make_series(before: Floats, after: Floats, begin: int) -> dict[str, tuple[Series, ...]]:
    places = [*range(len(before)), *range(len(before) + GAP, len(before) + GAP + len(after))]
    values = np.concatenate((before, after))
    points = tuple(Point(at=begin + PERIOD * place, value=float(value)) for place, value in zip(places, values, strict=True))
    return {BINDING.name: (Series(key="value", period_seconds=PERIOD, points=points),)}


def label_trial(method: str, trial: Trial) -> str:
    """The conclusion: `higher`, `lower`, `no_difference` or `inconclusive`."""
    if method.startswith("Squall"):
        return compare_trial(trial, earlier=method == "Squall").conclusion
    if method == "Kayenta":
        classified = kayenta.classify_metric(trial.before, trial.after)
        return {"High": "higher", "Low": "lower", "Pass": "no_difference"}.get(classified, "inconclusive")
    p_value, effect = ranks.mann_whitney(trial.before, trial.after)
    if p_value >= 0.05:
        return "no_difference"
    return "higher" if effect > 0.5 else "lower"


def multiply_by(factor: float) -> Change:
    """The values with every period multiplied by this factor."""
    return lambda values: values * factor


def multiply_tail(values: Floats) -> Floats:
    """The values with only the slowest fifth of the periods multiplied by five."""
    return np.where(values >= np.quantile(values, 0.8), values * 5, values)


CHANGES: Mapping[str, Change] = {
    "+10 %": multiply_by(1.1),
    "+20 %": multiply_by(1.2),
    "+50 %": multiply_by(1.5),
    "×2": multiply_by(2),
    "tail only": multiply_tail,
}
UNCHANGED = "nothing"


@dataclass(frozen=True)
class Labelled:
    half: str
    series: str
    size: tuple[int, int]
    change: str
    method: str
    label: str


def label_trials(count: int, tick: Callable[[str], None]) -> list[Labelled]:
    """The conclusion of every method on every stretch, unchanged and changed.

    A stretch of zeros can't be doubled, so it is left out of the changed ones.
    """
    results = []
    for half, name, size in _list_places():
        for trial in cut_trials(name, size, count):
            for change, make in {UNCHANGED: multiply_by(1), **CHANGES}.items():
                if change == UNCHANGED or np.median(trial.after):
                    made = trial.changed(make)
                    methods = METHODS if change in {UNCHANGED, "×2"} else METHODS[:1]
                    results += [Labelled(half, name, size, change, method, label_trial(method, made)) for method in methods]
        tick(f"{name} {size[0]}/{size[1]}")
    return results


def _list_places() -> Iterator[tuple[str, str, tuple[int, int]]]:
    for half, names in HALVES.items():
        for name in names:
            for size in SIZES:
                yield half, name, size


def measure_real_series(tick: Callable[[str], None], count: int = 20) -> list[Table]:
    """All tables on real series. The places of the stretches are the same in every run."""
    results = label_trials(count, tick)
    return [
        _false_alarms(results, count),
        _power_table(results, count),
        _by_series(results, count),
        _anomaly_table(),
        _intermittent_table(count),
        _criterion_table(count),
    ]


def _format_share(results: Sequence[Labelled], *labels: str) -> str:
    if not results:
        return "–"
    return f"{100 * sum(result.label in labels for result in results) / len(results):.1f} %"


def _false_alarms(results: Sequence[Labelled], count: int) -> Table:
    rows = []
    for half, names in HALVES.items():
        for size in SIZES:
            matching = [result for result in results if (result.half, result.size, result.change) == (half, size, UNCHANGED)]
            shares = [_format_share([result for result in matching if result.method == method], "higher", "lower") for method in METHODS]
            rows.append((f"{half}: {size[0]} and {size[1]}", *shares, str(count * len(names))))
    note = (
        "Stretches in which people labelled nothing, wherever they fall; what is called higher or lower is a false alarm. "
        f"Tuned on {', '.join(TUNED)}; confirmed on {', '.join(CONFIRMED)}."
    )
    return Table("False alarms on real series", ("baseline and fault", *METHODS, "stretches"), tuple(rows), (note,))


def _power_table(results: Sequence[Labelled], count: int) -> Table:
    rows = []
    for half in HALVES:
        for size in SIZES:
            matching = [result for result in results if (result.half, result.size) == (half, size)]
            squall = [
                _format_share([result for result in matching if (result.change, result.method) == (change, METHODS[0])], "higher")
                for change in CHANGES
            ]
            others = [
                _format_share([result for result in matching if (result.change, result.method) == ("×2", method)], "higher")
                for method in METHODS[1:]
            ]
            rows.append((f"{half}: {size[0]} and {size[1]}", *squall, *others))
    columns = ("baseline and fault", *CHANGES, *(f"×2, {method}" for method in METHODS[1:]))
    note = (
        f"{count} stretches a series, the fault's periods multiplied; stretches of zeros are left out. Tail only: the highest fifth of the "
        "fault's periods times five, which moves no typical period: a percentile or a maximum is the metric that sees it."
    )
    return Table("Changes that were seen on real series", columns, tuple(rows), (note,))


def switch_off(trial: Trial, rng: np.random.Generator, stays: float) -> Trial:
    """The trial with stretches of zeros, half of the time: each period is on or off as the one before it with the
    chance `stays`. Its earlier days are left out."""
    before = len(trial.before)
    changes = rng.random(before + GAP + len(trial.after)) >= stays
    on = (np.cumsum(changes) + rng.integers(0, 2)) % 2
    return Trial(trial.before * on[:before], trial.after * on[before + GAP :], ())


def _intermittent_table(count: int) -> Table:
    """Every series with half of its periods switched off: for all of them zeros are usual."""
    rng = np.random.default_rng(11)
    rows = []
    for stays in (0.5, 0.8):
        for size in ((20, 10), (60, 10), (60, 30)):
            cut = [switch_off(trial, rng, stays) for name in (*TUNED, *CONFIRMED) for trial in cut_trials(name, size, count)]
            trials = [trial for trial in cut if np.count_nonzero(trial.before) and np.count_nonzero(trial.after)]
            doubled = [trial.changed(multiply_by(2)) for trial in trials]
            alarms = [sum(label_trial(method, trial) in {"higher", "lower"} for trial in trials) for method in METHODS[::2]]
            detected = [sum(label_trial(method, trial) == "higher" for trial in doubled) for method in METHODS[::2]]
            shares = [f"{100 * number / len(trials):.1f} %" for number in (*alarms, *detected)]
            rows.append((f"{size[0]} and {size[1]}, {1 / (1 - stays):.0f} periods at a time", *shares, str(len(trials))))
    columns = (
        "baseline and fault",
        *(f"false alarms, {method}" for method in METHODS[::2]),
        *(f"×2 seen, {method}" for method in METHODS[::2]),
        "stretches",
    )
    note = (
        "Every series, its periods switched off half of the time for so many periods on average. Nothing of the method was chosen on "
        "these stretches. Earlier days are left out. Short windows that are off throughout count as a change here, too."
    )
    return Table("Metrics that are zero half of the time", columns, tuple(rows), (note,))


def _by_series(results: Sequence[Labelled], count: int) -> Table:
    rows = []
    for half, names in HALVES.items():
        for name in names:
            matching = [result for result in results if (result.series, result.method) == (name, METHODS[0])]
            still, doubled = ([result for result in matching if result.change == change] for change in (UNCHANGED, "×2"))
            alarms, blind, detected = (
                _format_share(still, "higher", "lower"),
                _format_share(still, "inconclusive"),
                _format_share(doubled, "higher"),
            )
            values = load_series(name)[0]
            noise = np.median([np.std(part) / np.mean(part) for part in np.array_split(values, len(values) // 12) if np.mean(part)])
            rows.append((f"{name} ({half})", f"{100 * noise:.0f} %", alarms, blind, detected))
    columns = ("series", "spread within an hour", "false alarms", "inconclusive", "×2 seen")
    note = f"All lengths together, {count} stretches each. Spread: standard deviation by mean of twelve periods, in the typical hour."
    return Table("Squall by series", columns, tuple(rows), (note,))


def _anomaly_table() -> Table:
    rows = []
    for half, names in HALVES.items():
        for name in names:
            for number, trial in enumerate(cut_anomalies(name), start=1):
                rows.append((f"{name} {number} ({half})", *(label_trial(method, trial).replace("_", " ") for method in METHODS)))
    note = (
        f"{ANOMALY} periods from the middle of each label on, where NAB has the anomaly, beside 60 before them. Some mark one spike: no "
        "comparison of typical periods sees these."
    )
    return Table("Labelled anomalies", ("series and label", *METHODS), tuple(rows), (note,), words=True)


def _criterion_table(count: int) -> Table:
    parsed = parse_criterion(CRITERION)
    if not isinstance(parsed, Threshold):
        raise TypeError("a comparison with the baseline is a threshold")
    rows = []
    for half, names in HALVES.items():
        for size in SIZES:
            outcomes: Counter[str] = Counter()
            decided: Counter[bool] = Counter()
            for name in names:
                for trial in cut_trials(name, size, count):
                    outcome = decide_against_baseline(parsed, compare_trial(trial))
                    outcomes[outcome.outcome.value if outcome else "cannot_tell"] += 1
                    if (apart := _move_apart(trial)) is not None:
                        decided[compare_trial(apart).conclusion != "inconclusive"] += 1
            total = sum(outcomes.values())
            shares = [f"{100 * outcomes[name] / total:.0f} %" for name in ("met", "not_met", "cannot_tell")]
            rows.append((f"{half}: {size[0]} and {size[1]}", *shares, f"{decided[True]} of {decided.total()}"))
    columns = ("baseline and fault", "met", "not met", "can't be told", "complete separation by ×2 decided")
    note = (
        "`increases by < 20 % vs baseline` on stretches in which nothing happened. Separation: the fault's periods multiplied until the "
        "least is twice the greatest of the baseline."
    )
    return Table("A criterion relative to the baseline on real series", columns, tuple(rows), (note,))


def _move_apart(trial: Trial) -> Trial | None:
    least, greatest = float(np.min(trial.after)), float(np.max(trial.before))
    return trial.changed(multiply_by(2.0001 * greatest / least)) if least > 0 and greatest > 0 else None
