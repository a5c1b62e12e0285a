"""Watches the recovery until the steady state holds again, lost targets are replaced and late metrics are published,
within a time limit.
"""

from collections.abc import Mapping
from datetime import datetime
from math import ceil

from squall.application.metrics.read import read_in_periods
from squall.application.metrics.run_windows import Windows, settled_at, windows_of
from squall.application.recovery.rollback_report import fis_of, rollback_so_far
from squall.application.step import NEXT, Outcome, Step, wait_for
from squall.application.targets.workload_now import refresh_workload
from squall.domain.documents.baseline import Baseline
from squall.domain.documents.fault import FaultTemplate
from squall.domain.documents.recovery import Recovery
from squall.domain.documents.rollback import RollbackReport
from squall.domain.experiment.sentences import parse_sentences
from squall.domain.metrics.windows import PacedWindow, list_own_periods
from squall.domain.recovery.recovery import RecoveryInput, assess_recovery, observed_window, recovery_length, settle_length
from squall.domain.resources.workload import Workload
from squall.domain.run.alarm_state import AlarmState
from squall.domain.run.record import Event
from squall.domain.run.timeline import EventName
from squall.errors import Refused, Unavailable
from squall.faults.plan import list_lost, traits_of


def watch_recovery(step: Step) -> Outcome:
    """Write the document `recovery` as it is now. The answer is `wait` while there is time and something to wait for."""
    workload = refresh_workload(step.w, step.discovery, step.now)
    rollback = rollback_so_far(step, workload)
    windows = windows_of(step, fis_of(step), step.now)
    recovery, look_again_at = _assess_recovery(step, windows, workload, rollback)
    step.put(recovery)
    in_time = step.elapsed < recovery_length(step.definition) + settle_length(step.definition, step.discovery)
    settled = settled_at(step, windows)
    if in_time and (look_again_at or step.now < settled):
        return wait_for(ceil(((look_again_at or settled) - step.now).total_seconds()))
    if recovery.replaced_at:
        replaced = Event(recovery.replaced_at, EventName.INSTANCE_REPLACED, ", ".join(recovery.replacement_ids))
        step.w.records.append(step.run.id, [replaced])
    step.note(EventName.RECOVERED if recovery.recovered else EventName.NOT_RECOVERED, recovery.detail)
    return NEXT


def _assess_recovery(step: Step, windows: Windows, workload: Workload, rollback: RollbackReport) -> tuple[Recovery, datetime | None]:
    """The recovery as it stands, and when to look again; None if there is nothing to wait for."""
    window = observed_window(windows.effect_at, step.now, step.definition, step.discovery)
    bindings = step.discovery.bindings
    slower = {
        period: observed_window(windows.effect_at, step.now, step.definition, step.discovery, period)
        for period in list_own_periods(bindings)
        if period > window.period_seconds
    }
    return assess_recovery(
        RecoveryInput(
            definition=step.definition,
            discovery=step.discovery,
            series=read_in_periods(step.w.metrics, bindings, PacedWindow(window, slower)),
            window=window,
            slower=slower,
            workload_now=workload,
            before=list_lost(step.definition, step.discovery, step.need(FaultTemplate).before, rollback.not_begun, workload),
            effect_at=windows.effect_at,
            fault_end=windows.fault_end,
            now=step.now,
            traits=traits_of(step.definition),
            still_active=rollback.leftovers,
            baseline=step.find(Baseline),
            alarms=_read_alarms(step),
            previous=step.find(Recovery),
        )
    )


def _read_alarms(step: Step) -> Mapping[str, AlarmState] | None:
    """The alarms that must be OK again; None if they could not be asked, which counts as not recovered."""
    names = parse_sentences(step.definition.experiment).alarms_kept_ok
    try:
        return step.w.alarms.states(names) if names else {}
    except (Unavailable, Refused) as error:
        step.note(EventName.NOT_ANSWERED, str(error)[:500])
        return None
