"""Rows for Athena: every column, one line a row, a place that projection finds."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.documents.metrics.metric_models import Window
from squall.domain.documents.metrics.statistics import Comparison, MetricStatistics, WindowStatistics
from squall.domain.history.analytics import COLUMNS, EXECUTIONS, MEASUREMENTS, make_files
from squall.domain.history.summary import FindingSeen, RunSummary

START = datetime(2026, 11, 3, 4, 5, 6, 789000, tzinfo=UTC)
RUN = RunSummary(
    execution_id="run-1",
    started_at=START,
    status=Status.COMPLETED,
    experiment='quotes " and\nlines',
    environment="staging",
    fault_type="cpu_stress",
    verdict=Verdict.REFUTED,
    hypothesis_validated=False,
    ended_at=START + timedelta(minutes=2),
    workload="asg/web",
    recovery_seconds=12.5,
    findings=(FindingSeen("f-1", "Slow", "high"),),
)


def window(**more: float) -> WindowStatistics:
    span = Window(name="fault", start=0, end=600, period_seconds=60)
    return WindowStatistics(
        window=span, points=10, expected_points=10, missing=0, missing_policy="ignore", of="periods", n=10, mean=more.get("mean", 1.0)
    )


STATISTICS = MetricStatistics(
    metric="response_time",
    unit="seconds",
    baseline=window(),
    fault=window(mean=2.0),
    comparisons=(
        Comparison(windows=("baseline", "fault"), n=(10, 10), shift=1.0, low=0.5, high=1.5, conclusion="higher", sentence="Higher."),
    ),
)


def test_a_rows_keys_are_the_tables_columns() -> None:
    for path, content in make_files(RUN, [STATISTICS]).items():
        table = path.split("/")[1]
        for line in content.splitlines():
            assert set(json.loads(line)) == set(COLUMNS[table])


def test_where_rows_stand_and_what_they_say() -> None:
    files = make_files(RUN, [STATISTICS])
    assert set(files) == {f"analytics/{table}/environment=staging/month=2026-11/run-1.json" for table in (EXECUTIONS, MEASUREMENTS)}
    row = json.loads(files["analytics/executions/environment=staging/month=2026-11/run-1.json"])
    assert (row["started_at"], row["duration_seconds"], row["verdict"]) == ("2026-11-03 04:05:06.789", 120.0, "refuted")
    assert row["findings"] == [{"id": "f-1", "title": "Slow", "severity": "high", "closed": False}]
    rows = [json.loads(line) for line in files["analytics/measurements/environment=staging/month=2026-11/run-1.json"].splitlines()]
    assert [(entry["compared"], entry["mean"], entry["shift"]) for entry in rows] == [("baseline", 1.0, None), ("fault", 2.0, 1.0)]


def test_a_line_break_in_a_name_does_not_break_the_row() -> None:
    (content,) = make_files(RUN, []).values()
    assert content.count("\n") == 1


def test_a_run_refused_before_it_had_an_environment_has_a_place_too() -> None:
    (path,) = make_files(replace(RUN, environment=""), [])
    assert "environment=none" in path


@pytest.mark.parametrize("table", COLUMNS)
def test_columns_are_names_and_types_hive_takes(table: str) -> None:
    for name, kind in COLUMNS[table].items():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
        assert re.fullmatch(r"string|boolean|double|timestamp|array<struct<[a-z:,]+>>", kind)
