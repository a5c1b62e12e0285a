"""Reports a campaign that has ended, from its record, its plan and its result alone; outside of its workflow, as for a
run."""

from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import ValidationError

from squall.application.campaign.plan import find_plan
from squall.application.reports.run import NotOverError
from squall.domain.campaign.record import CampaignRecord, StepRun
from squall.domain.campaign.result import CampaignResult, build_campaign_result
from squall.domain.documents.definition import Definition
from squall.domain.documents.discovery import Discovery
from squall.domain.documents.document import Document
from squall.domain.documents.result import Result
from squall.domain.documents.series import SeriesDocument
from squall.errors import Unavailable
from squall.reporting.campaign.courses import Measurements
from squall.reporting.campaign.markdown import render_campaign_markdown
from squall.reporting.campaign.page import build_campaign_page, render_campaign
from squall.reporting.campaign.regions import PartMeasured
from squall.reporting.campaign.retrospective import write_retrospective
from squall.wiring import Wiring

D = TypeVar("D", bound=Document)
MARKDOWN = "text/markdown; charset=utf-8"


def report_campaign(w: Wiring, campaign_id: str) -> dict[str, Any]:
    """Write `report.html` and `report.md`, and of a game day `retrospective.md`. Returns how the campaign ended, for a log,
    and the keys of the files. Raises NotOverError."""
    record = w.campaigns.get(campaign_id)
    if record is None or not record.final:
        state = "unknown" if record is None else record.status.value
        raise NotOverError(f"campaign {campaign_id} is {state}: only a campaign that has ended has a report")
    parts = tuple(_read_parts(w, record)) if record.kind == "regions" else ()
    page = build_campaign_page(_read_result(w, record), record.execution_arn, w.settings.bucket, parts)
    files = [
        ("report.html", render_campaign(page), "text/html; charset=utf-8"),
        ("report.md", render_campaign_markdown(page), MARKDOWN),
    ]
    if record.kind == "gameday" and (plan := find_plan(w, record)):
        results = {run.execution_id: result for run in record.runs if (result := w.documents.get(run.execution_id, Result))}
        files.append(("retrospective.md", write_retrospective(record, plan, results), MARKDOWN))
    return {
        "campaign_id": record.id,
        "campaign": record.campaign,
        "status": record.status.value,
        "verdict": (record.verdict or record.status).value,
        "files": [w.documents.write(record.id, name, body, content_type) for name, body, content_type in files],
    }


def _read_parts(w: Wiring, record: CampaignRecord) -> Iterator[PartMeasured]:
    """What each Region of the run has measured. A result that can't be read is told as that, and keeps nobody from the report."""
    for run in record.runs:
        try:
            result, bucket = _read_document(w, run, Result)
        except (Unavailable, ValidationError) as error:
            yield PartMeasured(run.step, None, "", _note_unread(w, run, "result", error))
            continue
        if result is None or result.execution_id != run.execution_id:
            doubt = "no result of it was found" if result is None else "its result is that of another run"
            yield PartMeasured(run.step, None, bucket, doubt)
            continue
        try:
            measured = _read_measurements(w, run) if result.statistics else None
        except (Unavailable, ValidationError) as error:
            yield PartMeasured(run.step, result, bucket, _note_unread(w, run, "measurements", error))
        else:
            yield PartMeasured(run.step, result, bucket, measured=measured)


def _note_unread(w: Wiring, run: StepRun, what: str, error: Exception) -> str:
    """What people read of it. In this Region everything is there, or the report is made again."""
    if not run.region:
        raise error
    place = {"region": run.region, "execution_id": run.execution_id, "unread": what}
    w.logger.error("what a part has left could not be read", exc_info=error, extra=place)
    return f"its {what} could not be read: {type(error).__name__}"


def _read_measurements(w: Wiring, run: StepRun) -> Measurements | None:
    """What the charts of the part are made from; None unless it is complete."""
    definition, discovery = _read_document(w, run, Definition)[0], _read_document(w, run, Discovery)[0]
    series = _read_document(w, run, SeriesDocument)[0]
    return Measurements(definition, discovery, series) if definition and discovery and series else None


def _read_document(w: Wiring, run: StepRun, model: type[D]) -> tuple[D | None, str]:
    """A document of the part, and the bucket that it is in. The bucket is empty if another Region has no such document."""
    if not run.region:
        return w.documents.get(run.execution_id, model), w.settings.bucket
    stored = w.regions.read_document(run.region, run.execution_id, model.NAME)
    return (model.model_validate_json(stored.body), stored.bucket) if stored else (None, "")


def _read_result(w: Wiring, record: CampaignRecord) -> CampaignResult:
    """The result document, if it names the ending that the record has; otherwise what record and plan say."""
    stored = w.documents.get(record.id, CampaignResult)
    if stored and (stored.status, stored.verdict, stored.reason) == (record.status, record.verdict, record.reason):
        return stored
    return build_campaign_result(record, find_plan(w, record))
