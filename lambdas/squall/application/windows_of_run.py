"""The windows of a run, from what really happened: when the fault took effect, not when the API was called."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from squall.application.step import Step
from squall.domain.documents import Baseline
from squall.domain.metrics import Window
from squall.domain.observed import FisExperiment
from squall.domain.windows import fault_window, recovery_window


@dataclass(frozen=True)
class Windows:
    effect_at: datetime
    fault_end: datetime
    fault: Window
    recovery: Window
    baseline: Window | None


def windows_of(step: Step, fis: FisExperiment | None, until: datetime) -> Windows:
    """`until` ends the recovery window: now, or the moment recovery was decided."""
    definition = step.definition
    timing, length = definition.environment.timing, definition.experiment.length
    effect_at = effect_of(step, fis)
    ended_at = step.record.fault_ended_at
    fault = fault_window(effect_at, length, timing, ended_at=ended_at)
    fault_end = min(effect_at + length, ended_at) if ended_at else effect_at + length
    baseline = step.find("baseline", Baseline)
    return Windows(effect_at, fault_end, fault, recovery_window(fault_end, until, timing), baseline.window if baseline else None)


def effect_of(step: Step, fis: FisExperiment | None) -> datetime:
    """When the first injecting action started (waits inject nothing)."""
    started = [a.started_at for a in fis.actions if a.started_at and a.action_id != "aws:fis:wait"] if fis else []
    return min(started, default=step.record.fault_started_at or step.record.started_at)


def settled_at(step: Step, windows: Windows) -> datetime:
    """When CloudWatch has everything of the fault window: nothing is judged before."""
    lag = max((binding.lag_seconds for binding in step.discovery.bindings), default=0)
    return datetime.fromtimestamp(windows.fault.end, tz=windows.effect_at.tzinfo) + timedelta(seconds=lag)
