"""WatchRecovery: until the steady state holds again and what was taken is replaced, bounded; and until late metrics are in."""

from squall.application.metrics.read import read_series
from squall.application.metrics.run_windows import Windows, settled_at, windows_of
from squall.application.recovery.rollback_report import fis_of, rollback_so_far
from squall.application.step import NEXT, Outcome, Step, step, wait
from squall.domain.documents.fault import FaultTemplate
from squall.domain.documents.recovery import Recovery
from squall.domain.documents.rollback import RollbackReport
from squall.domain.recovery.recovery import RecoveryInput, assess, observed_window, recovery_length, settle_length
from squall.domain.resources.workload import Workload
from squall.domain.run.record import Event


@step("WatchRecovery", closing=True)
def handler(step: Step) -> Outcome:
    timing = step.definition.environment.timing
    workload = step.w.inventory.refresh(step.discovery.workload, step.now)
    rollback = rollback_so_far(step, workload)
    windows = windows_of(step, fis_of(step), step.now)
    recovery, waiting = _assess(step, windows, workload, rollback)
    step.put(recovery)
    in_time = step.elapsed < recovery_length(step.definition) + settle_length(step.definition, step.discovery)
    settling = step.now < settled_at(step, windows)
    if (waiting or settling) and in_time:
        return wait(max(timing.poll_seconds, timing.metric_period_seconds))
    if recovery.replaced_at:
        replaced = Event(recovery.replaced_at, "instance_replaced", ", ".join(recovery.replacement_ids))
        step.w.records.append(step.run.id, [replaced])
    step.note("recovered" if recovery.recovered else "not_recovered", recovery.detail)
    return NEXT


def _assess(step: Step, windows: Windows, workload: Workload, rollback: RollbackReport) -> tuple[Recovery, bool]:
    window = observed_window(windows.effect_at, step.now, step.definition, step.discovery)
    return assess(
        RecoveryInput(
            definition=step.definition,
            discovery=step.discovery,
            series=read_series(step.w.metrics, step.discovery.bindings, window),
            window=window,
            workload_now=workload,
            before=step.need(FaultTemplate).before,
            effect_at=windows.effect_at,
            fault_end=windows.fault_end,
            now=step.now,
            still_active=rollback.leftovers,
            previous=step.find(Recovery),
        )
    )
