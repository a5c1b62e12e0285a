"""The report of a period: read by Query a page at a time, written as a page and as JSON, and said in a digest."""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import AwareDatetime, Field

from squall.application.admission.deployed import deployed
from squall.application.history import summarise
from squall.domain.history.coverage import STALE_DAYS
from squall.domain.history.period import Period
from squall.domain.history.period_report import Filters, PeriodReport
from squall.domain.history.summary import RunSummary
from squall.domain.messages.digest import digest
from squall.domain.model import Model
from squall.reporting.period import render
from squall.wiring import Wiring

CATCH_UP = 100
"""Runs whose own event was lost are summarised here, at most so many a report: the rest the next time."""
LONGEST_DAYS = 3660
"""Ten years: each month costs at least one query."""

Days = Annotated[float, Field(gt=0, le=LONGEST_DAYS)]


class PeriodRequest(Model):
    """What the report function is asked for."""

    days: Days = 30
    start: AwareDatetime | None = None
    """Else `days` before the end."""
    end: AwareDatetime | None = None
    """Else now."""
    filters: Filters = Filters()
    stale_days: int = Field(STALE_DAYS, ge=1, le=LONGEST_DAYS)
    digest: bool = False
    """Tell people too: what the schedules ask for."""
    name: str = Field("period", pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")
    """The folder under `reports/`."""


def report_period(w: Wiring, asked: PeriodRequest) -> dict[str, Any]:
    """The report itself and where its files stand; ValueError where the period is empty or longer than `LONGEST_DAYS`."""
    now = w.clock.now()
    end = asked.end or now
    start = asked.start or end - timedelta(days=asked.days)
    if end - start > timedelta(days=LONGEST_DAYS):
        raise ValueError(f"the period from {start} to {end} is longer than {LONGEST_DAYS} days")
    period = Period(start, end, asked.filters, _catalogue(asked.filters), asked.stale_days)
    late = 0
    for run in w.history.of_period(period.lookback, end):
        if run.status.final and not run.summarised and late < CATCH_UP:
            late += 1
            period.add(_late(w, run))
        else:
            period.add(run)
    report = period.report()
    folder = f"reports/{asked.name}/{now:%Y-%m-%dT%H%M%SZ}"
    files = [
        w.documents.publish(f"{folder}.json", report.model_dump_json(indent=2), "application/json"),
        w.documents.publish(f"{folder}.html", render(report), "text/html; charset=utf-8"),
    ]
    if asked.digest:
        _tell(w, report, files[1])
    return {"report": report.model_dump(mode="json"), "files": files}


def _catalogue(filters: Filters) -> dict[str, str]:
    """Name to fault type of what is deployed and asked for."""
    asked = filters.environment
    return {raw["name"]: raw["type"] for raw in deployed().catalogue.values() if asked in {None, raw["environment"]}}


def _late(w: Wiring, run: RunSummary) -> RunSummary:
    record = w.records.get(run.execution_id)
    return run if record is None or not record.final else summarise(w, record)


def _tell(w: Wiring, report: PeriodReport, page: str) -> None:
    w.notifier.publish(digest(report, f"s3://{w.settings.bucket}/{page}"))
