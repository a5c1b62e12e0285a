"""Reports a run that has ended, from its record and its documents alone.

A separate function makes the report after people were notified. So a report, even one that fails, delays no stop and no
message and changes no outcome. A failure is an event on the run's timeline, and raises the alarm on the function's
errors.
"""

from contextlib import suppress
from typing import Any

from squall.application.admission.definitions import find_definition_if_admitted
from squall.application.reports.summary import summarize_run
from squall.application.result.record import agreed_result
from squall.domain.documents.baseline import Baseline
from squall.domain.documents.discovery import Discovery
from squall.domain.documents.fault import FaultReport, FaultTemplate
from squall.domain.documents.series import SeriesDocument
from squall.domain.run.record import Event, ExecutionRecord
from squall.domain.run.timeline import EventName
from squall.errors import Refused, Unavailable
from squall.reporting.csv_sheet import render_csv
from squall.reporting.markdown import render_markdown
from squall.reporting.page import render_page
from squall.reporting.run_facts import Facts
from squall.reporting.view import build_page
from squall.wiring import Wiring

LOGGED_CHARACTERS = 300


class NotOverError(Exception):
    """There is no such run, or it has not ended, so it can't be reported."""


def report_run(w: Wiring, execution_id: str) -> dict[str, Any]:
    """Summarise the run, and write `report.html`, `report.md` and, if anything was measured, `series.csv`.

    Returns how the run ended, for a log, and the keys of the files. Raises NotOverError.
    """
    record = w.records.get(execution_id)
    if record is None or not record.final:
        raise NotOverError(
            f"{execution_id} is {'unknown' if record is None else record.status.value}: only a run that has ended has a report"
        )
    try:
        summarize_run(w, record)
        written = _write_files(w, record)
    except Exception as error:
        _note_event(w, record, EventName.REPORT_FAILED, f"{type(error).__name__}: {error}")
        raise
    _note_event(w, record, EventName.REPORTED, written[0])
    return {
        "execution_id": record.id,
        "experiment": record.experiment,
        "environment": record.environment,
        "status": record.status.value,
        "verdict": (record.verdict or record.status).value,
        "reason": record.reason[:LOGGED_CHARACTERS],
        "files": list(written),
    }


def _write_files(w: Wiring, record: ExecutionRecord) -> tuple[str, ...]:
    page = build_page(collect_facts(w, record))
    files = [
        ("report.html", render_page(page), "text/html; charset=utf-8"),
        ("report.md", render_markdown(page), "text/markdown; charset=utf-8"),
    ]
    if page.course is not None:
        files.append(("series.csv", render_csv(page.course), "text/csv; charset=utf-8"))
    return tuple(w.documents.write(record.id, name, body, content_type) for name, body, content_type in files)


def collect_facts(w: Wiring, record: ExecutionRecord) -> Facts:
    """The record, the result and the documents of the run. A document that was never written is None."""
    find = w.documents.get
    return Facts(
        record=record,
        result=agreed_result(w, record),
        bucket=w.settings.bucket,
        definition=find_definition_if_admitted(w, record),
        discovery=find(record.id, Discovery),
        baseline=find(record.id, Baseline),
        template=find(record.id, FaultTemplate),
        fault=find(record.id, FaultReport),
        series=find(record.id, SeriesDocument),
    )


def _note_event(w: Wiring, record: ExecutionRecord, event: EventName, detail: str) -> None:
    """Add the event to the timeline, once, however often the report is made."""
    if not record.happened(event):
        with suppress(Unavailable, Refused):
            w.records.append(record.id, [Event(w.clock.now(), event, detail)])
