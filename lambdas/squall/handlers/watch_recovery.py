"""WatchRecovery: until the steady state holds again and what was taken is replaced, bounded; and until late metrics are in."""

from datetime import timedelta

from squall.aftermath import fis_of, rollback_report
from squall.domain.documents import FaultTemplate, Recovery, RollbackReport, Workload
from squall.domain.metrics import Window
from squall.domain.recovery import assess
from squall.domain.vocabulary import RollbackOutcome
from squall.measuring import read_series
from squall.step import NEXT, Outcome, Step, step, wait
from squall.windows_of_run import Windows, settled_at, windows_of


@step("WatchRecovery", closing=True)
def handler(step: Step) -> Outcome:
    timing = step.definition.environment.timing
    windows = windows_of(step, fis_of(step), step.now)
    workload = step.w.inventory.refresh(step.discovery.workload, step.now)
    recovery, waiting = _assess(step, windows, workload)
    step.put("recovery", recovery)
    in_time = step.elapsed < timedelta(seconds=timing.recovery_seconds)
    settling = step.now < settled_at(step, windows)
    if (waiting or settling) and in_time:
        return wait(max(timing.poll_seconds, timing.metric_period_seconds))
    _verify_again(step, workload)
    if recovery.replaced_at:
        step.note("instance_replaced", ", ".join(recovery.replacement_ids))
    step.note("recovered" if recovery.recovered else "not_recovered", recovery.detail)
    return NEXT


def _assess(step: Step, windows: Windows, workload: Workload) -> tuple[Recovery, bool]:
    since_effect = Window(name="recovery", start=windows.fault.start, end=windows.recovery.end, period_seconds=windows.fault.period_seconds)
    return assess(
        step.definition,
        step.discovery,
        read_series(step.w.metrics, step.discovery.bindings, since_effect),
        since_effect,
        workload,
        step.need("template", FaultTemplate).before,
        windows.effect_at,
        windows.fault_end,
        step.now,
        previous=step.find("recovery", Recovery),
    )


def _verify_again(step: Step, workload: Workload) -> None:
    """What VerifyRollback found too early to be back may be back by now."""
    first = step.find("rollback", RollbackReport)
    if first and first.outcome is RollbackOutcome.NOT_RESTORED:
        report = rollback_report(step, workload)
        step.put("rollback", report)
        step.note("rollback_verified", report.outcome)
