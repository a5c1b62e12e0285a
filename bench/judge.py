"""Measures the judge's comparison on generated series: against scipy, on autocorrelated noise, beside Kayenta's rules,
and its time."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bench import kayenta, real_series
from bench.tables import Table, describe_load, read_load
from squall.domain.documents.metrics.metric_models import MetricBinding, MetricQuery, Point, Series, Window
from squall.domain.judging import ranks
from squall.domain.judging.comparison import CompareInput

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "judge.md"
BEGIN, END = "<!-- measured -->\n", "<!-- /measured -->"
GAP = 5
"""Periods between baseline and fault, in which guards are armed."""
RUNS = 200
SIZES = ((20, 10), (60, 5), (60, 10), (60, 30), (60, 60))
STRENGTHS = (0.0, 0.3, 0.6, 0.8, 0.9)
Floats = NDArray[np.float64]
Tick = Callable[[str], None]


def measure_judge(tick: Tick = lambda _: None, runs: int = RUNS) -> list[Table]:
    """Every table of docs/judge.md. The random seed is fixed, so only the seconds differ from run to run."""
    at_start = read_load()
    results = [compare_with_scipy()]
    tick("agreement with scipy")
    results.append(count_false_alarms(runs))
    tick("false alarms on AR(1) series")
    results.append(compare_with_kayenta(runs // 5))
    tick("beside Kayenta")
    results += real_series.measure_real_series(tick)
    tick("real series")
    results.append(measure_speed(at_start))
    tick("500 metrics")
    return results


def write_tables(document: Path, measured: Sequence[Table]) -> None:
    """Writes the tables between the marks of the document; the rest of it is written by hand."""
    text = document.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    body = "\n".join(table.markdown().replace("## ", "### ", 1) for table in measured)
    document.write_text(f"{before}{BEGIN}\n{body}\n{END}{after}")


def compare_with_scipy(pairs: int = 100) -> Table:
    """Compares the uncorrected p of independent series with scipy's: the exact method, or every permutation where there
    are ties."""
    rng = np.random.default_rng(1)
    rows = []
    for n, m, tied in ((5, 5, False), (8, 8, False), (60, 10, False), (60, 60, False), (6, 6, True), (600, 300, True)):
        worst_p = worst_shift = 0.0
        for _ in range(pairs):
            before, after = _draw_sample(rng, n, tied=tied), _draw_sample(rng, m, tied=tied) + (1 if tied else 0.5)
            ours, _effect = ranks.mann_whitney(before, after)
            worst_p = max(worst_p, abs(ours - _scipy_p_value(before, after, tied=tied)))
            shift = ranks.hodges_lehmann(before, after, 0.05)[0]
            worst_shift = max(worst_shift, abs(shift - float(np.median(np.subtract.outer(after, before)))))
        how = "every permutation" if tied and n * m <= ranks.EXACT_UP_TO else "exact" if n * m <= ranks.EXACT_UP_TO else "asymptotic"
        rows.append((f"{n} and {m}{', ties' if tied else ''}", how, f"{worst_p:.1e}", f"{worst_shift:.1e}"))
    columns = ("points", "scipy's method", "largest difference of p", "largest difference of the shift")
    notes = (f"{pairs} pairs of series a row. With ties scipy has no exact method: `permutation_test` over every choice stands for it.",)
    return Table("Against scipy on independent series", columns, tuple(rows), notes)


def _draw_sample(rng: np.random.Generator, size: int, *, tied: bool) -> Floats:
    return rng.integers(0, 6, size).astype(np.float64) if tied else rng.normal(size=size)


def _scipy_p_value(before: Floats, after: Floats, *, tied: bool) -> float:
    small = len(before) * len(after) <= ranks.EXACT_UP_TO
    if not tied or not small:
        return float(stats.mannwhitneyu(after, before, method="exact" if small else "asymptotic").pvalue)
    together = stats.rankdata(np.concatenate((before, after)))
    n = len(before)
    result = stats.permutation_test(
        (together[n:], together[:n]), lambda x, _: float(np.sum(x)), n_resamples=np.inf, permutation_type="independent"
    )
    return float(result.pvalue)


def count_false_alarms(runs: int) -> Table:
    """Counts false alarms at the level of 5 %, and how often a shift of two standard deviations is detected."""
    rng = np.random.default_rng(2)
    rows = []
    for n, m in SIZES:
        for rho in STRENGTHS:
            series = _draw_ar1(rng, rho, n + GAP + m, runs)
            naive = sum(ranks.mann_whitney(values[:n], values[n + GAP :])[0] < 0.05 for values in series)
            ours = sum(_p_value(values[:n], values[n + GAP :]) < 0.05 for values in series)
            detected = sum(_p_value(values[:n], values[n + GAP :] + 2) < 0.05 for values in series[: runs // 4])
            share = [f"{100 * count / total:.1f} %" for count, total in ((naive, runs), (ours, runs), (detected, runs // 4))]
            rows.append((f"{n} and {m}", f"{rho:g}", *share))
    notes = (
        (
            f"{runs} series a row, AR(1) with normal noise and unit variance, {GAP} periods between the two windows, nominal level 5 %; "
            f"with {runs} series a rate of 5 % is told to ±{196 * (0.05 * 0.95 / runs) ** 0.5:.1f} points. “Seen” is a shift of two "
            "standard deviations. These are rates of the "
            "rank test by itself, before separation and margin, for which series around zero have no size to compare with."
        ),
    )
    columns = ("baseline and fault", "autocorrelation", "false alarms, plain Mann-Whitney", "false alarms, Squall", "seen by Squall")
    return Table("False alarms on AR(1) series without any change", columns, tuple(rows), notes)


def _draw_ar1(rng: np.random.Generator, rho: float, length: int, count: int) -> Floats:
    noise = rng.normal(size=(count, length)) * np.sqrt(1 - rho * rho)
    series = np.empty((count, length))
    series[:, 0] = rng.normal(size=count)
    for index in range(1, length):
        series[:, index] = rho * series[:, index - 1] + noise[:, index]
    return series


def _make_points(values: Floats) -> list[Point]:
    return [Point(at=60 * index, value=float(value)) for index, value in enumerate(values)]


def _p_value(before: Floats, after: Floats) -> float:
    ranked = ranks.compare_samples(_make_points(before), _make_points(after), 60)
    return 1.0 if ranked is None or not ranked.can_tell else ranked.p_value


def compare_with_kayenta(runs: int) -> Table:
    """Labels the same generated cases with Kayenta's Mann-Whitney classifier and with Squall's conclusion."""
    rng = np.random.default_rng(3)
    rows = []
    for name, make in _make_cases():
        theirs: Counter[str] = Counter()
        ours: Counter[str] = Counter()
        for _ in range(runs):
            before, after = make(rng)
            theirs[kayenta.classify_metric(before, after)] += 1
            ours[_label_difference(before, after)] += 1
        rows.append((name, _format_shares(theirs), _format_shares(ours)))
    notes = (
        (
            f"{runs} pairs of series a row. Kayenta: its published Mann-Whitney classifier with direction `either`, tolerance "
            f"{kayenta.TOLERANCE:g}, confidence {kayenta.CONFIDENCE:g}, missing data removed (bench/kayenta.py). It is made for a canary "
            "beside a baseline of the same hour; here both get a baseline before and a fault after. The tolerance scales with the shift "
            "itself, so it asks for certainty, not for size. Squall's labels are before Holm's correction, as there is one metric."
        ),
    )
    columns = ("case (60 and 10 periods unless said)", "Kayenta", "Squall")
    return Table("Beside Kayenta's classification rules", columns, tuple(rows), notes)


def _make_cases() -> Iterator[tuple[str, Callable[[np.random.Generator], tuple[Floats, Floats]]]]:
    def change_mean(
        by: float, rho: float = 0.0, sizes: tuple[int, int] = (60, 10)
    ) -> Callable[[np.random.Generator], tuple[Floats, Floats]]:
        def draw_samples(rng: np.random.Generator) -> tuple[Floats, Floats]:
            (values,) = 10 + _draw_ar1(rng, rho, sum(sizes) + GAP, 1)
            return values[: sizes[0]], values[sizes[0] + GAP :] + by

        return draw_samples

    def make_constants(before: float, after: float) -> Callable[[np.random.Generator], tuple[Floats, Floats]]:
        return lambda _: (np.full(60, before), np.full(10, after))

    yield "no change, independent periods", change_mean(0)
    yield "no change, autocorrelation 0.6", change_mean(0, 0.6)
    yield "no change, autocorrelation 0.9", change_mean(0, 0.9)
    yield "no change, autocorrelation 0.6, 60 and 60", change_mean(0, 0.6, (60, 60))
    yield "half a standard deviation higher", change_mean(0.5)
    yield "two standard deviations higher", change_mean(2)
    yield "two standard deviations lower, autocorrelation 0.6", change_mean(-2, 0.6)
    yield "four standard deviations higher, 60 and 3", change_mean(4, 0.0, (60, 3))
    yield "flat, and the same", make_constants(100, 100)
    yield "flat, then elsewhere", make_constants(100, 80)
    yield "no data during the fault", lambda rng: (10 + rng.normal(size=60), np.empty(0))


def _label_difference(before: Floats, after: Floats) -> str:
    return real_series.compare_trial(real_series.Trial(before, after, ())).conclusion.replace("_", " ")


def _format_shares(counted: Counter[str]) -> str:
    total = sum(counted.values())
    return ", ".join(f"{name} {100 * count / total:.0f} %" for name, count in counted.most_common())


def make_input(metrics: int) -> CompareInput:
    """An input with this number of response time metrics, each with a day of one-minute periods."""
    rng = np.random.default_rng(4)
    windows = {
        "baseline": Window(name="baseline", start=0, end=720 * 60, period_seconds=60),
        "fault": Window(name="fault", start=720 * 60, end=1080 * 60, period_seconds=60),
        "recovery": Window(name="recovery", start=1080 * 60, end=1440 * 60, period_seconds=60),
    }
    bindings = [_make_binding(f"metric_{number}") for number in range(metrics)]
    series = {
        binding.name: (Series(key="value", period_seconds=60, points=tuple(_make_points(10 + _draw_ar1(rng, 0.6, 1440, 1)[0]))),)
        for binding in bindings
    }
    return CompareInput(
        bindings=bindings,
        windows=windows,
        observed=Window(name="run", start=720 * 60, end=1440 * 60, period_seconds=60),
        series=series,
        values={},
        distributions={},
        effect_at=datetime.fromtimestamp(720 * 60, UTC),
        settled=3,
        minimum_baseline=10,
    )


def _make_binding(name: str) -> MetricBinding:
    query = MetricQuery(key="value", namespace="Bench", metric_name=name, statistic="Average")
    return MetricBinding(name=name, kind="gauge", unit="seconds", queries=(query,), lag_seconds=0)


_SPEED = """import json, resource, sys, time
began = time.perf_counter()
from bench.judge import make_input
imported = time.perf_counter() - began
compare_input = make_input(int(sys.argv[1]))
from squall.domain.judging.comparison import compute_statistics
empty = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
began = time.perf_counter()
compute_statistics(compare_input)
print(json.dumps([time.perf_counter() - began, empty / 1024, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, imported]))
"""


def measure_speed(at_start: float) -> Table:
    """Measures seconds on this machine, and the largest memory of the process."""
    rows = []
    for metrics in (50, 100, 250, 500):
        done = subprocess.run(
            [sys.executable, "-c", _SPEED, str(metrics)], cwd=ROOT, capture_output=True, text=True, check=True, env=_make_environment()
        )
        seconds, empty, peak, _ = json.loads(done.stdout)
        rows.append((str(metrics), f"{seconds:.1f}", f"{1000 * seconds / metrics:.0f}", f"{empty:.0f}", f"{peak:.0f}"))
    notes = (
        (
            "Each metric has 1,440 periods: 720 of baseline, 360 of fault, 360 of recovery; two comparisons, windows, band and sentences. "
            "Growth is linear in metrics, and in the product of the two windows' lengths up to "
            f"{ranks.LONGEST} periods a side, beyond which it is constant. One processor; {describe_load(at_start)}."
        ),
    )
    columns = ("metrics × 1,440 points", "seconds", "ms a metric", "MB before", "MB at most")
    return Table("How long it takes", columns, tuple(rows), notes)


def _make_environment() -> dict[str, str]:
    return {"PYTHONPATH": f"{ROOT}:{ROOT / 'lambdas'}", "OPENBLAS_NUM_THREADS": "1"}
