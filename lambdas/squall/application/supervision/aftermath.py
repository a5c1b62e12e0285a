"""Does for a run whose execution ended early what the workflow does after a fault: the rollback, and the reports."""

from contextlib import suppress
from dataclasses import replace

from squall.application.fault.stop import fault_report
from squall.application.messages import send_message
from squall.application.recovery.rollback_document import note_rollback_end, refresh_rollback, rollback_token
from squall.application.recovery.rollback_report import rollback_report
from squall.application.result.record import decision_on, write_result
from squall.application.step import MissingDocumentError, Step
from squall.application.stopping.cleanup import Cleanup
from squall.application.stopping.run_faults import list_run_experiments
from squall.application.targets.workload_now import refresh_workload
from squall.domain.documents.rollback import AutomationRun
from squall.domain.messages.leftovers import rollback_failed
from squall.domain.recovery.rollback_document import describe_run
from squall.domain.run.commands import shell_command
from squall.domain.run.record import ExecutionRecord
from squall.domain.run.timeline import EventName
from squall.errors import Refused, Unavailable
from squall.wiring import Wiring


def finish_rollback(cleanup: Cleanup, record: ExecutionRecord) -> None:
    """Start the rollback document once the fault is over, watch it to its end, and tell people if it failed."""
    if not record.rollback_command or record.happened(EventName.ROLLBACK_ENDED):
        return
    step = Step.of(cleanup.w, record)
    command = f"{record.rollback_command} --client-token {rollback_token(step)}"
    label = "the rollback document has not run, or its end is not known"
    cleanup.attempt(label, command, _advance_rollback, cleanup, step, command)


def _advance_rollback(cleanup: Cleanup, step: Step, command: str) -> None:
    w, record = cleanup.w, step.record
    experiments = list_run_experiments(w, record)
    if any(not fis.terminal for fis in experiments):
        cleanup.leave("the rollback document has not run", command)
        return
    run = refresh_rollback(step) if experiments or record.fis_experiment_id else None
    if run is None:
        return
    if not run.over:
        automation = ("--automation-execution-id", str(run.execution_id))
        cleanup.leave(describe_run(run), shell_command("aws", "ssm", "get-automation-execution", *automation))
        return
    if record.happened(EventName.NOTIFIED):
        _tell_rollback(w, record, run)
    note_rollback_end(step, run)


def _tell_rollback(w: Wiring, record: ExecutionRecord, run: AutomationRun) -> None:
    """Write the result again, and notify people if the rollback failed. They were told of the run's end before the
    rollback ended.
    """
    record_aftermath(w, record)
    write_result(w, record, decision_on(record), record.ended_at or w.clock.now())
    if not run.succeeded:
        send_message(w, rollback_failed(record, describe_run(run)))


def record_aftermath(w: Wiring, record: ExecutionRecord) -> None:
    """Write how FIS ended the fault and what became of its targets, for the result. What can't be read is left out."""
    with suppress(Unavailable, Refused, MissingDocumentError, ValueError):
        step = Step.of(w, record)
        experiments = list_run_experiments(w, record)
        if experiments:
            fis = w.faults.get(experiments[-1].id) or experiments[-1]
            step.put(fault_report(fis))
            step.record = replace(record, fis_experiment_id=fis.id, fault_started_at=record.fault_started_at or fis.started_at)
            step.put(rollback_report(step, refresh_workload(w, step.discovery, step.now)))
