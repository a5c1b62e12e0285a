"""The windows of a run, from what really happened: when the fault took effect, not when the API was called.

An agent's fault is in effect when its command runs, as Systems Manager tells: FIS's action begins before, with dispatch and installing, and
may outlast it. Other faults are in effect from the start of the FIS action that injects them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from squall.application.step import Step
from squall.domain.documents.baseline import Baseline
from squall.domain.documents.metric_models import Window
from squall.domain.documents.rollback import RollbackReport
from squall.domain.metrics.periods import pace_timing
from squall.domain.metrics.windows import EffectSpan, fault_window, find_effect_span, recovery_window
from squall.domain.run.aws_state import FisExperiment


@dataclass(frozen=True)
class Windows:
    effect_at: datetime
    """On the first target."""
    fault_end: datetime
    """On the last."""
    fault: Window
    """While it was in effect on every target."""
    recovery: Window
    baseline: Window | None


def windows_of(step: Step, fis: FisExperiment | None, until: datetime, period_seconds: int | None = None) -> Windows:
    """`until` ends the recovery window: now, or the moment recovery was decided. In periods of the environment, or of that length."""
    definition = step.definition
    timing, length = pace_timing(definition.environment.timing, period_seconds), definition.experiment.length
    effect = _mechanism(step, until) or _action(step, fis)
    fault = fault_window(effect.all, length, timing, ended_at=effect.no_longer_all)
    baseline = step.find(Baseline)
    recovery = recovery_window(effect.over, until, timing)
    return Windows(effect.first, effect.over, fault, recovery, baseline.of_period(period_seconds) if baseline else None)


def _mechanism(step: Step, until: datetime) -> EffectSpan | None:
    """By the commands VerifyRollback and WatchRecovery saw; what they left over still lasts."""
    rollback = step.find(RollbackReport)
    if rollback is None:
        return None
    length, stopped_at = step.definition.experiment.length, step.record.fault_ended_at
    return find_effect_span(rollback.proofs, length, stopped_at=stopped_at, lasting_until=until if rollback.leftovers else None)


def _action(step: Step, fis: FisExperiment | None) -> EffectSpan:
    """From the start of the first injecting action (waits inject nothing), for the fault's length or until FIS ended it."""
    started = [a.started_at for a in fis.actions if a.started_at and a.action_id != "aws:fis:wait"] if fis else []
    at = min(started, default=step.record.fault_started_at or step.record.started_at)
    planned = at + step.definition.experiment.length
    end = min(planned, step.record.fault_ended_at or planned)
    return EffectSpan(at, at, end, end)


def settled_at(step: Step, windows: Windows) -> datetime:
    """When CloudWatch has everything of the fault window: nothing is judged before."""
    lag = max((binding.lag_seconds for binding in step.discovery.bindings), default=0)
    return datetime.fromtimestamp(windows.fault.end, tz=windows.effect_at.tzinfo) + timedelta(seconds=lag)
