"""`squall compare`: what got better or worse from one run to another, told by the judge's own ranks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cli.comparison import compare_metrics, find_directions
from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.documents.metrics.metric_models import Window
from squall.domain.documents.metrics.statistics import MeasuredSeries
from squall.domain.documents.series import SeriesDocument
from squall.domain.experiment.experiment import Experiment
from squall.domain.experiment.sentences import parse_sentences
from tests.cli.conftest import Squall
from tests.cli.fakes import FakeDeployment, record, result

EXPERIMENT: dict[str, Any] = {
    "name": "Kill one",
    "description": "d",
    "type": "instance_termination",
    "hypothesis": "h",
    "blast_radius": "single_instance",
    "target_resources": ["i-0123456789abcdef0"],
    "duration_minutes": 10,
    "rollback_plan": "r",
    "success_criteria": ["System availability > 99%", "Response time < 2 seconds"],
    "abort_conditions": ["Error rate > 5%"],
    "environment": "staging",
}


def series(**values: list[float]) -> SeriesDocument:
    """Periods of ten seconds: as many before the fault as during it."""
    length = len(next(iter(values.values())))
    fault = Window(name="fault", start=10 * length, end=20 * length, period_seconds=10)
    measured = tuple(
        MeasuredSeries(
            metric=metric,
            unit="seconds",
            period_seconds=10,
            points=tuple((10 * index, value) for index, value in enumerate([1.0 + index % 3 / 100 for index in range(length)] + during)),
        )
        for metric, during in values.items()
    )
    return SeriesDocument(windows=(fault,), series={}, measured=measured)


def noisy(level: float, count: int = 20) -> list[float]:
    return [level + (index * 7 % 11) / 100 for index in range(count)]


def change(before: SeriesDocument, after: SeriesDocument, **better: Any) -> str:
    (metric,) = compare_metrics(before, after, better)
    return metric.change


def test_which_way_is_better_is_the_experiments_word() -> None:
    directions = find_directions(parse_sentences(Experiment.model_validate(EXPERIMENT)))
    assert directions == {"availability": "up", "response_time": "down", "error_rate": "down"}


@pytest.mark.parametrize(
    ("before", "after", "better", "expected_text"),
    [
        (1.0, 2.0, "down", "worse"),
        (2.0, 1.0, "down", "better"),
        (1.0, 2.0, "up", "better"),
        (1.0, 2.0, None, "higher"),
        (2.0, 1.0, None, "lower"),
        (1.0, 1.0, "down", "same"),
    ],
)
def test_a_metric_that_moved(before: float, after: float, better: str | None, expected_text: str) -> None:
    ways = {"latency": better} if better else {}
    assert change(series(latency=noisy(before)), series(latency=noisy(after)), **ways) == expected_text


def test_an_interval_holds_the_shift() -> None:
    (metric,) = compare_metrics(series(latency=noisy(1.0)), series(latency=noisy(3.0)), {})
    assert metric.low is not None
    assert metric.high is not None
    assert metric.low <= 2.0 <= metric.high
    assert metric.shift == pytest.approx(2.0, abs=0.05)


def test_under_five_points_nothing_is_said() -> None:
    assert change(series(latency=noisy(1.0, 4)), series(latency=noisy(9.0, 4))) == "unknown"


def test_metrics_only_one_run_has_are_left_out() -> None:
    assert compare_metrics(series(latency=noisy(1.0)), series(errors=noisy(1.0)), {}) == []


@pytest.fixture
def two(deployment: FakeDeployment) -> FakeDeployment:
    levels = {"run-1": (2.0, Verdict.REFUTED), "run-2": (1.0, Verdict.VALIDATED)}
    for name, (level, verdict) in levels.items():
        deployment.scripts[name] = [record(name, status=Status.COMPLETED, verdict=verdict)]
        validated = verdict is Verdict.VALIDATED
        deployment.documents[name, "result"] = result(
            Status.COMPLETED, verdict, execution_id=name, hypothesis_validated=validated, definition_hash=name
        )
        deployment.documents[name, "series"] = series(response_time=noisy(level)).model_dump(mode="json")
    return deployment


def test_two_runs_on_a_terminal_and_as_json(squall: Squall, two: FakeDeployment) -> None:
    done = squall("compare", "run-1", "run-2")
    assert done.exit_code == 0
    for words in ("run-1 → run-2", "refuted", "validated", "better", "The definition changed", "response_time", "lower"):
        assert words in done.stdout, done.stdout
    document = json.loads(squall("compare", "run-1", "run-2", "--json").stdout)
    assert document["facts"][0] == {"name": "verdict", "before": "refuted", "after": "validated", "change": "better"}
    assert document["metrics"][0]["change"] == "lower"


def test_a_run_that_measured_nothing_is_compared_by_its_words(squall: Squall, two: FakeDeployment) -> None:
    del two.documents["run-1", "series"]
    done = squall("compare", "run-1", "run-2")
    assert done.exit_code == 0
    assert "metrics are not compared" in done.stdout


@pytest.mark.parametrize("missing", ["nobody", "run-3"])
def test_a_run_without_a_result_is_refused(squall: Squall, two: FakeDeployment, missing: str) -> None:
    two.scripts["run-3"] = [record("run-3")]
    done = squall("compare", "run-1", missing)
    assert done.exit_code == 3
    assert "squall status" in done.stderr
