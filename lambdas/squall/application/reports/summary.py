"""Writes what reports over many runs read: a summary of the run beside its record, and its rows for Athena."""

from squall.application.admission.definitions import find_definition_if_admitted
from squall.application.result.record import agreed_result
from squall.domain.base.vocabulary import Status
from squall.domain.documents.definition import Definition
from squall.domain.documents.finding import FindingStatus
from squall.domain.documents.result import Result
from squall.domain.history.analytics import make_files
from squall.domain.history.summary import FindingSeen, RunSummary, workload_of
from squall.domain.run.record import ExecutionRecord
from squall.wiring import Wiring

ROWS = "application/x-ndjson"


def summarize_run(w: Wiring, record: ExecutionRecord) -> RunSummary:
    """Write the rows and the summary of the run. Repeated calls write the same again."""
    result = agreed_result(w, record)
    summary = summary_of(record, result, find_definition_if_admitted(w, record))
    for key, body in make_files(summary, result.statistics).items():
        w.documents.publish(key, body, ROWS)
    w.history.summarise(summary)  # last, so that a run with a summary has its rows
    return summary


def summary_of(record: ExecutionRecord, result: Result, definition: Definition | None) -> RunSummary:
    """The summary of a run."""
    experiment = definition.experiment if definition else None
    return RunSummary(
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
        workload=workload_of(experiment.tags if experiment else {}, record.lock_keys),
        owner=(experiment.owner if experiment else None) or "",
        recovery_seconds=result.recovery.seconds_to_recover if result.recovery else None,
        findings=tuple(
            FindingSeen(finding.id, finding.title, finding.severity.value, finding.status is FindingStatus.CLOSED)
            for finding in result.findings
        ),
        plan=record.only_plans or record.status is Status.PLANNED,
        whole=record.part.run if record.part else "",
        home=record.part.home if record.part else "",
        summarised=True,
    )
