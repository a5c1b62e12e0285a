"""The windows of a run, from when the fault was in effect, not from when an API was called.

An agent's fault is in effect while its command runs, by Systems Manager's times: FIS's action begins earlier, with
dispatch and installing, and may last longer. Other faults are in effect from the start of the FIS action that injects
them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from squall.application.step import Step
from squall.domain.documents.baseline import Baseline
from squall.domain.documents.metrics.metric_models import Window
from squall.domain.documents.rollback import RollbackReport
from squall.domain.metrics.periods import pace_timing
from squall.domain.metrics.windows import EffectSpan, fault_window, find_effect_span, recovery_window
from squall.domain.run.fis_state import FisExperiment


@dataclass(frozen=True)
class Windows:
    """The windows of a run, and the moments between them."""

    effect_at: datetime
    """The time at which the fault took effect on the first target."""
    fault_end: datetime
    """The time at which the fault ended on the last target."""
    fault: Window
    """The window in which the fault was in effect on every target."""
    recovery: Window
    baseline: Window | None


def windows_of(step: Step, fis: FisExperiment | None, until: datetime, period_seconds: int | None = None) -> Windows:
    """The windows of the run, in periods of `period` seconds, or of the environment's metric period.

    `until` ends the recovery window: now, or when recovery was decided.
    """
    definition = step.definition
    timing, length = pace_timing(definition.environment.timing, period_seconds), definition.experiment.length
    effect = _effect_by_mechanism(step, until) or _effect_by_action(step, fis)
    fault = fault_window(effect.all, length, timing, ended_at=effect.no_longer_all)
    baseline = step.find(Baseline)
    recovery = recovery_window(effect.over, until, timing)
    return Windows(effect.first, effect.over, fault, recovery, baseline.of_period(period_seconds) if baseline else None)


def _effect_by_mechanism(step: Step, until: datetime) -> EffectSpan | None:
    """The span of the effect, by the proofs that VerifyRollback and WatchRecovery stored. If a target still has the
    fault, the effect still lasts.
    """
    rollback = step.find(RollbackReport)
    if rollback is None:
        return None
    length, stopped_at = step.definition.experiment.length, step.record.fault_ended_at
    return find_effect_span(rollback.proofs, length, stopped_at=stopped_at, lasting_until=until if rollback.leftovers else None)


def _effect_by_action(step: Step, fis: FisExperiment | None) -> EffectSpan:
    """The span from the start of the first FIS action that injects, for the fault's length or until FIS ended it."""
    started = [a.started_at for a in fis.actions if a.started_at and a.action_id != "aws:fis:wait"] if fis else []
    at = min(started, default=step.record.fault_started_at or step.record.started_at)
    planned = at + step.definition.experiment.length
    end = min(planned, step.record.fault_ended_at or planned)
    return EffectSpan(at, at, end, end)


def settled_at(step: Step, windows: Windows) -> datetime:
    """The time at which CloudWatch has every period of the fault window. Nothing is judged earlier."""
    lag = max((binding.lag_seconds for binding in step.discovery.bindings), default=0)
    return datetime.fromtimestamp(windows.fault.end, tz=windows.effect_at.tzinfo) + timedelta(seconds=lag)
