"""Runs in short: the same promises from the fake and from DynamoDB, whose index holds no more than a summary needs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from squall.adapters.dynamodb.history import DynamoHistory
from squall.adapters.dynamodb.records import DynamoRecords
from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.history.summary import FindingSeen, RunSummary
from squall.domain.run.record import Event, ExecutionRecord
from squall.domain.run.timeline import UnknownEvent
from tests.adapters.conftest import client_of

if TYPE_CHECKING:
    from squall.ports.records import History, Records

START, END = datetime(2029, 12, 20, tzinfo=UTC), datetime(2030, 2, 10, tzinfo=UTC)


def record(name: str, at: datetime, **more: object) -> ExecutionRecord:
    first = ExecutionRecord(
        id=name, execution_arn=f"arn:{name}", started_at=at, status=Status.RUNNING, phase="Admit", experiment="kill one"
    )
    return replace(first, **more)  # type: ignore[arg-type]


def add(records: Records, *, name: str, at: datetime) -> None:
    records.create(record(name, at, environment="staging", fault_type="cpu_stress", trigger="nightly"))
    records.finish(name, status=Status.COMPLETED, verdict=Verdict.VALIDATED, hypothesis_validated=True, ended_at=at + timedelta(minutes=9))


def test_a_summary_is_the_record_in_short_and_what_was_written_of_it(records: Records, history: History) -> None:
    at = START + timedelta(days=1)
    add(records, name="run-1", at=at)
    written = RunSummary(
        execution_id="run-1",
        started_at=at,
        status=Status.COMPLETED,
        experiment="kill one",
        environment="staging",
        fault_type="cpu_stress",
        verdict=Verdict.VALIDATED,
        hypothesis_validated=True,
        ended_at=at + timedelta(minutes=9),
        trigger="nightly",
        workload="asg/web",
        owner="payments",
        recovery_seconds=12.5,
        findings=(FindingSeen("f-1", "Slow", "high"), FindingSeen("f-2", "Gone", "low", closed=True)),
        summarised=True,
    )
    bare = replace(written, workload="", owner="", recovery_seconds=None, findings=(), summarised=False)
    assert list(history.of_period(START, END)) == [bare]
    history.summarise(written)
    assert list(history.of_period(START, END)) == [written]
    assert list(history.of_experiment("kill one", 10)) == [written]


def test_a_running_record_is_one_too(records: Records, history: History) -> None:
    records.create(record("run-1", START))
    (result,) = history.of_period(START, END)
    assert (result.status, result.verdict, result.hypothesis_validated, result.ended_at) == (Status.RUNNING, None, None, None)


def test_a_period_may_span_months_and_years_and_leaves_its_end_out(records: Records, history: History) -> None:
    times = [START - timedelta(microseconds=1), START, *(datetime(2030, month, 1, tzinfo=UTC) for month in (1, 2)), END]
    for number, at in enumerate(times):
        add(records, name=f"run-{number}", at=at)
    assert [run.execution_id for run in history.of_period(START, END)] == ["run-1", "run-2", "run-3"]


def test_an_experiments_newest_runs_first(records: Records, history: History) -> None:
    for number in range(4):
        add(records, name=f"run-{number}", at=START + timedelta(days=number))
    records.create(replace(record("other", START), experiment="another"))
    assert [run.execution_id for run in history.of_experiment("kill one", 3)] == ["run-3", "run-2", "run-1"]
    assert not history.of_experiment("unknown", 3)


def test_a_summary_of_no_record_is_not_kept(history: History) -> None:
    history.summarise(RunSummary("nobody", START, Status.COMPLETED))
    assert not list(history.of_period(START, END))


@pytest.mark.parametrize("kind", ["aws"], indirect=True)
def test_the_index_carries_no_timeline(records: Records, history: History, table: str) -> None:
    """What a hundred thousand runs weigh is decided here."""
    add(records, name="run-1", at=START)
    records.append("run-1", [Event(START, UnknownEvent("noise"), "x" * 1000)] * 20)
    assert isinstance(records, DynamoRecords)
    assert isinstance(history, DynamoHistory)
    answer = client_of("dynamodb").query(
        TableName=table,
        IndexName="period",
        KeyConditionExpression="period_pk = :month",
        ExpressionAttributeValues={":month": {"S": "2029-12"}},
    )
    (item,) = answer["Items"]
    assert "events" not in item
    assert sum(len(str(value)) for value in item.values()) < 1000
