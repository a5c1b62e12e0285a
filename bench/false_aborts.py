"""Checks forecasts of false aborts on real series: predicted on the first half of each, seen in the second.

    python -m bench.false_aborts [--write]

`--write` puts the tables into docs/guards.md. The series are those of tests/data/nab (five-minute periods, labelled by people);
labelled periods are left out of both halves. Takes about a minute.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path

import numpy as np
from rich.console import Console

from bench.judge import BEGIN, END
from bench.real_series import BINDING, CONFIRMED, PERIOD, TUNED, Floats, load_series
from bench.tables import Table
from squall.domain.documents.false_aborts import FalseAborts
from squall.domain.documents.metrics.metric_models import Point
from squall.domain.language.parse import parse_condition
from squall.domain.language.sentences import Threshold
from squall.domain.metrics.guard_forecast import GuardHistory, forecast_false_aborts
from squall.domain.policy.environment import Timing

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "guards.md"
SERIES = (*TUNED, *CONFIRMED)
TIMING = Timing(metric_period_seconds=PERIOD)
LENGTHS = (2, 10)
"""Periods of a run."""
BASELINE = 60
"""Periods of which the highest is a threshold that people choose."""


@dataclass(frozen=True)
class Trial:
    """A guard on one series: what the first half predicts, what the second half shows, and the same for each guard that is
    proposed instead."""

    series: str
    periods: int
    guard: str
    predicted: FalseAborts
    counted: FalseAborts
    instead: tuple[tuple[str, FalseAborts], ...]

    @property
    def agrees(self) -> bool:
        """Whether the intervals of both halves overlap."""
        mine, theirs = self.predicted, self.counted
        if mine.low is None or mine.high is None or theirs.low is None or theirs.high is None:
            return False
        return mine.low <= theirs.high and theirs.low <= mine.high


@cache
def list_trials() -> tuple[Trial, ...]:
    """A 2-of-3 guard at two thresholds that people choose, on every series, for every length of run."""
    return tuple(
        _make_trial(name, periods, guard, value)
        for name in SERIES
        for periods in LENGTHS
        for guard, value in _choose_thresholds(name).items()
    )


def _choose_thresholds(name: str) -> Mapping[str, float]:
    values, labelled, _ = load_series(name)
    half = len(values) // 2
    first: Floats = values[:half][~labelled[:half]]
    return {"1.5 × median": 1.5 * float(np.median(first)), "highest of a baseline": float(np.max(first[:BASELINE]))}


def _make_trial(name: str, periods: int, guard: str, value: float) -> Trial:
    threshold = Threshold(text=f"metric > {value:.6g}", metric="metric", comparator=">", value=value, unit="none")
    first, second = _list_halves(name)
    predicted = _forecast_guard(threshold, first, periods)
    instead = tuple((text, _forecast_guard(parse_condition(text, {"metric": "none"}), second, periods)) for text in predicted.instead)
    return Trial(name, periods, guard, predicted, _forecast_guard(threshold, second, periods), instead)


def _list_halves(name: str) -> tuple[GuardHistory, GuardHistory]:
    values, labelled, _ = load_series(name)
    half = len(values) // 2
    left_out = [(float(i * PERIOD), float((i + 1) * PERIOD)) for i in np.flatnonzero(labelled)]

    def cut_history(start: int, end: int) -> GuardHistory:
        points = [Point(at=i * PERIOD, value=float(values[i])) for i in range(start, end)]
        span = (start * PERIOD, end * PERIOD)
        return GuardHistory(points, span, [gap for gap in left_out if gap[1] > span[0] and gap[0] < span[1]])

    return cut_history(0, half), cut_history(half, len(values))


def _forecast_guard(threshold: Threshold, history: GuardHistory, periods: int) -> FalseAborts:
    return forecast_false_aborts(threshold, BINDING, history, TIMING, timedelta(seconds=periods * PERIOD))


def tables() -> list[Table]:
    """Both tables of docs/guards.md."""
    trials = list_trials()
    return [_agreement_table(trials), _proposal_table(trials)]


def _agreement_table(trials: Sequence[Trial]) -> Table:
    rows = tuple(
        (f"{trial.series}, {trial.guard}", str(trial.periods), trial.predicted.share, trial.counted.share, "yes" if trial.agrees else "no")
        for trial in trials
    )
    agreeing = sum(trial.agrees for trial in trials)
    note = (
        f"2-of-3 guards; a run of 2 periods is ten minutes. The intervals of both halves overlap in {agreeing} of {len(trials)} rows. "
        "Where they do not, the series itself changed between its halves."
    )
    return Table("Predicted and seen", ("series and threshold", "run", "predicted", "seen", "agree"), rows, (note,), words=True)


def _proposal_table(trials: Sequence[Trial]) -> Table:
    rows = tuple(_list_proposals(trials))
    shares = [later.percent or 0.0 for trial in trials for _, later in trial.instead]
    good = sum(percent <= 1 for percent in shares)
    worst = max(shares, default=0.0)
    note = f"In the second half {good} of {len(shares)} proposals abort at most 1 % of the runs; the worst aborts {worst:.2g} %."
    columns = ("series and threshold", "run", "instead", "before", "in the second half")
    return Table("Proposals", columns, rows, (note,), words=True)


def _list_proposals(trials: Sequence[Trial]) -> Iterator[tuple[str, ...]]:
    for trial in trials:
        for text, later in trial.instead:
            yield f"{trial.series}, {trial.guard}", str(trial.periods), text, trial.predicted.share, later.share


def main(arguments: Sequence[str]) -> int:
    """Prints the tables; with `--write` also writes them between the marks of the document."""
    measured = tables()
    console = Console(markup=False, emoji=False, highlight=False, width=160)
    for table in measured:
        console.print(table.rich())
    if "--write" in arguments:
        before, _, rest = DOCUMENT.read_text().partition(BEGIN)
        body = "\n".join(table.markdown().replace("## ", "### ", 1) for table in measured)
        DOCUMENT.write_text(f"{before}{BEGIN}\n{body}\n{END}{rest.partition(END)[2]}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
