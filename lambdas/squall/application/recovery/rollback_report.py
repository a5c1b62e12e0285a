"""Verifies the rollback: compares the pinned targets now with their state before the fault."""

from collections.abc import Sequence
from datetime import timedelta

from squall.application.regions.carried import list_faults_elsewhere
from squall.application.step import NEXT, Outcome, Step
from squall.application.targets.workload_now import refresh_workload
from squall.domain.base.vocabulary import RollbackOutcome
from squall.domain.documents.fault import FaultTemplate
from squall.domain.documents.rollback import AutomationRun, RollbackReport
from squall.domain.recovery.rollback_document import plan_run, with_automation
from squall.domain.regions.part import FaultElsewhere
from squall.domain.resources.workload import Workload
from squall.domain.run.fis_state import FisExperiment
from squall.domain.run.ssm_state import CommandState
from squall.domain.run.timeline import EventName
from squall.faults.mechanisms.capacity import explain_resized
from squall.faults.plan import AfterRun, bind_plan, verify_plan

DISPATCH_SLACK = timedelta(seconds=60)
"""The clocks of FIS, Systems Manager and Lambda differ. The lock keeps everybody else's commands off these targets."""


def verify_rollback(step: Step) -> Outcome:
    """Record whether the fault hit every target, and whether it is gone."""
    report = rollback_report(step, refresh_workload(step.w, step.discovery, step.now), list_faults_elsewhere(step))
    step.put(report)
    details = "; ".join([*(proof.detail for proof in report.proofs), *(f"{name} never began" for name in report.not_begun)])
    step.note(EventName.FAULT_PROVEN if report.proven else EventName.FAULT_NOT_PROVEN, details)
    step.note(EventName.ROLLBACK_VERIFIED, "; ".join([report.outcome.value, *report.changes]))
    return NEXT


def fis_of(step: Step) -> FisExperiment | None:
    """The run's FIS experiment as it is now; None when nothing was injected or FIS has forgotten it."""
    return step.w.faults.get(step.record.fis_experiment_id) if step.record.fis_experiment_id else None


def commands_of(step: Step) -> dict[str, dict[str, Sequence[CommandState]]]:
    """The commands that carry out each fault, newest first, by name of the fault and target id. Faults that no command
    carries out are left out."""
    since = (step.record.fault_started_at or step.record.started_at) - DISPATCH_SLACK
    return {
        bound.name: {
            target.id: step.w.commands.on(target.agent, bound.fault.ssm_documents, since) if target.agent else ()
            for target in step.discovery.targets_of(bound.name)
        }
        for bound in bind_plan(step.definition)
        if bound.fault.ssm_documents
    }


def rollback_report(step: Step, workload: Workload, elsewhere: Sequence[FaultElsewhere] = ()) -> RollbackReport:
    """What became of each target, from the targets' state and the faults' mechanisms. FIS's status `stopped` is not
    enough. `elsewhere`: the faults of other Regions, where this one has none; without them its load is not proven.
    """
    template = step.need(FaultTemplate)
    report = verify_plan(
        AfterRun(
            definition=step.definition,
            discovery=step.discovery,
            before=template.before,
            workload=workload,
            commands=commands_of(step),
            fis=fis_of(step),
            now=step.w.clock.now(),
            aborted=step.record.abort is not None or bool(step.record.closed_by),
            elsewhere=elsewhere,
        )
    )
    report = report.model_copy(update={"changes": explain_resized(template.before, step.discovery.workload, workload)})
    declared = plan_run(step.definition, [target.id for target in step.discovery.pinned], step.run.id)
    return with_automation(report, step.find(AutomationRun) if declared else None, declared)


def rollback_so_far(step: Step, workload: Workload) -> RollbackReport:
    """The report, computed again while it says `not_restored`: what VerifyRollback did not find restored may be
    restored by now.
    """
    first = step.find(RollbackReport)
    if first and first.outcome is not RollbackOutcome.NOT_RESTORED:
        return first
    report = rollback_report(step, workload)
    step.put(report)
    if first is None or report.outcome is not first.outcome:
        step.note(EventName.ROLLBACK_VERIFIED, report.outcome)
    return report
