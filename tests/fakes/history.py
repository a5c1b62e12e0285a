"""Summaries of the fake's records, without what the real index leaves out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from squall.domain.base.vocabulary import Status
from squall.domain.history.summary import RunSummary

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from squall.domain.run.record import ExecutionRecord
    from tests.fakes.storage import FakeRecords


class FakeHistory:
    def __init__(self, records: FakeRecords) -> None:
        self._records = records
        self._written: dict[str, RunSummary] = {}

    def summarise(self, summary: RunSummary) -> None:
        if summary.execution_id in self._records.items:
            self._written[summary.execution_id] = summary

    def of_period(self, start: datetime, end: datetime) -> Iterator[RunSummary]:
        return iter(run for run in self._all() if start <= run.started_at < end)

    def of_experiment(self, name: str, limit: int) -> Sequence[RunSummary]:
        return [run for run in reversed(self._all()) if run.experiment == name][:limit]

    def _all(self) -> list[RunSummary]:
        return sorted(map(self._of, self._records.items.values()), key=lambda run: run.started_at)

    def _of(self, record: ExecutionRecord) -> RunSummary:
        run_summary = RunSummary(
            execution_id=record.id,
            started_at=record.started_at,
            status=record.status,
            experiment=record.experiment,
            environment=record.environment,
            fault_type=record.fault_type,
            verdict=record.verdict,
            hypothesis_validated=record.hypothesis_validated,
            ended_at=record.ended_at,
            trigger=record.trigger,
            plan=record.status is Status.PLANNED,
        )
        written = self._written.get(record.id)
        if written is None:
            return run_summary
        return replace(
            run_summary,
            workload=written.workload,
            owner=written.owner,
            recovery_seconds=written.recovery_seconds,
            findings=written.findings,
            plan=written.plan,
            whole=written.whole,
            home=written.home,
            summarised=True,
        )
