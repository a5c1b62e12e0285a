"""Makes the report of a period: reads runs page by page, writes HTML and JSON, and sends a digest."""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import AwareDatetime, Field

from squall.application.admission.deployed import load_deployed
from squall.application.admission.published import lets_published_run
from squall.application.admission.startable import read_startable
from squall.application.messages import send_message
from squall.application.reports.summary import summarize_run
from squall.domain.base.model import Model
from squall.domain.base.vocabulary import Status
from squall.domain.experiment.experiment import SCENARIO
from squall.domain.history.coverage import STALE_DAYS
from squall.domain.history.period import Period
from squall.domain.history.period_report import Filters, PeriodReport, RegionalPart, RegionalRun
from squall.domain.history.summary import RunSummary
from squall.domain.messages.digest import make_message
from squall.reporting.period import render_period
from squall.wiring import Wiring

CATCH_UP = 100
"""The most runs that one report summarises because their final event was lost. The next report summarises the rest."""
LONGEST_DAYS = 3660
"""Ten years. Each month costs at least one query."""

Days = Annotated[float, Field(gt=0, le=LONGEST_DAYS)]


class PeriodRequest(Model):
    """The input of the Report function for a period."""

    days: Days = 30
    start: AwareDatetime | None = None
    """The start of the period. None: `days` before the end."""
    end: AwareDatetime | None = None
    """The end of the period. None: now."""
    filters: Filters = Filters()
    stale_days: int = Field(STALE_DAYS, ge=1, le=LONGEST_DAYS)
    digest: bool = False
    """Whether to send the digest to people. The schedules ask for it."""
    name: str = Field("period", pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")
    """The folder under `reports/`."""


def report_period(w: Wiring, request: PeriodRequest) -> dict[str, Any]:
    """The report and the keys of its files. Raises ValueError if the period is empty or longer than `LONGEST_DAYS`."""
    now = w.clock.now()
    end = request.end or now
    start = request.start or end - timedelta(days=request.days)
    if end - start > timedelta(days=LONGEST_DAYS):
        raise ValueError(f"the period from {start} to {end} is longer than {LONGEST_DAYS} days")
    period = Period(start, end, request.filters, _read_catalogue(w, request.filters), request.stale_days)
    late = 0
    for run in w.history.of_period(period.lookback, end):
        if run.status.final and not run.summarised and late < CATCH_UP:
            late += 1
            period.add(_summarise_late(w, run))
        else:
            period.add(run)
    report = _complete_regional(w, period.report())
    folder = f"reports/{request.name}/{now:%Y-%m-%dT%H%M%SZ}"
    files = [
        w.documents.publish(f"{folder}.json", report.model_dump_json(indent=2), "application/json"),
        w.documents.publish(f"{folder}.html", render_period(report), "text/html; charset=utf-8"),
    ]
    if request.digest:
        _send_digest(w, report, files[1])
    return {"report": report.model_dump(mode="json"), "files": files}


def _read_catalogue(w: Wiring, filters: Filters) -> dict[str, str]:
    """Name to fault type of the experiments of the environment, or of all environments, that could start: deployed ones,
    and published ones if a policy lets them run."""
    deployed = load_deployed()
    known = [(raw["environment"], raw["name"], raw.get("type", SCENARIO)) for raw in deployed.catalogue.values()]
    if lets_published_run(deployed.environments):
        published = read_startable(w, w.catalogue.list_newest(), deployed).experiments
        known += [
            (experiment.environment, experiment.name, experiment.type.value if experiment.type else SCENARIO)
            for experiment in published.values()
        ]
    return {name: fault_type for environment, name, fault_type in known if filters.environment in {None, environment}}


def _summarise_late(w: Wiring, run: RunSummary) -> RunSummary:
    record = w.records.get(run.execution_id)
    return run if record is None or not record.final else summarize_run(w, record)


def _complete_regional(w: Wiring, report: PeriodReport) -> PeriodReport:
    """The report with what home knows of its runs over several Regions: how each ended, and all of its parts."""
    return report.model_copy(update={"regional": tuple(_complete_run(w, run) for run in report.regional)})


def _complete_run(w: Wiring, run: RegionalRun) -> RegionalRun:
    record = w.campaigns.get(run.id)
    if record is None:
        return run
    parts = tuple(
        RegionalPart(execution_id=part.execution_id, outcome=part.outcome.value if part.outcome else Status.RUNNING.value, region=part.step)
        for part in record.runs
    )
    return run.model_copy(update={"outcome": (record.verdict or record.status).value, "parts": parts})


def _send_digest(w: Wiring, report: PeriodReport, page: str) -> None:
    send_message(w, make_message(report, f"s3://{w.settings.bucket}/{page}"))
