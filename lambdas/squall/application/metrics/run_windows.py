"""The windows of a run, from when the fault was in effect, not from when an API was called.

An agent's fault is in effect while its command runs, by Systems Manager's times: FIS's action begins earlier, with
dispatch and installing, and may last longer. Other faults are in effect from the start of the FIS action that injects
them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, floor

from squall.application.step import Step
from squall.domain.documents.baseline import Baseline
from squall.domain.documents.metrics.metric_models import Window
from squall.domain.documents.rollback import RollbackReport
from squall.domain.metrics.periods import pace_timing
from squall.domain.metrics.windows import EffectSpan, fault_window, find_effect_span, observation_window, recovery_window
from squall.domain.run.fis_state import FisExperiment
from squall.faults.plan import BoundFault, bind_plan


@dataclass(frozen=True)
class Windows:
    """The windows of a run, and the moments between them."""

    effect_at: datetime
    """The time at which the fault took effect on the first target."""
    fault_end: datetime
    """The time at which the fault ended on the last target."""
    fault: Window
    """The window in which the fault was in effect on every target; of a scenario, from the effect of its first fault to
    the end of its last."""
    recovery: Window
    baseline: Window | None
    of_faults: Mapping[str, Window]
    """The window of each fault that took effect, by its name: from its own effect on all of its targets to its own end."""
    spans: Mapping[str, EffectSpan]
    """When each fault that took effect was in effect on its targets, by its name."""
    observation: Window | None = None
    """The window in which the run was guarded, from the effect on every target, or of a scenario from the effect of its first
    fault; None if it is the fault's."""

    @property
    def judged(self) -> Window:
        """The window of every sentence that names none."""
        return self.observation or self.fault

    @property
    def touched(self) -> Window:
        """The periods in which the fault was in effect on any target, whole or in part: a short fault may fill no period."""
        period = self.fault.period_seconds
        start = floor(self.effect_at.timestamp() / period) * period
        end = max(start + period, ceil(self.fault_end.timestamp() / period) * period)
        return self.fault.model_copy(update={"start": start, "end": end})


def windows_of(step: Step, fis: FisExperiment | None, until: datetime, period_seconds: int | None = None) -> Windows:
    """The windows of the run, in periods of `period` seconds, or of the environment's metric period.

    `until` ends the recovery window: now, or when recovery was decided.
    """
    definition = step.definition
    timing, experiment = pace_timing(definition.environment.timing, period_seconds), definition.experiment
    known = _find_spans(step, fis, until)
    spans = known or _stand_in(step)
    windows = {
        bound.name: fault_window(span.all, _find_length(bound, span), timing, ended_at=span.no_longer_all, name=bound.name)
        for bound, span in spans.items()
    }
    first, over = min(span.first for span in spans.values()), max(span.over for span in spans.values())
    fault = fault_window(first, over - first, timing) if experiment.faults else next(iter(windows.values()))
    observation = None
    if experiment.observes_longer:
        on_all = first if experiment.faults else min(span.all for span in spans.values())
        observation = observation_window(on_all, experiment.observed_length, timing, ended_at=step.record.fault_ended_at)
    baseline = step.find(Baseline)
    recovery = recovery_window(over, until, timing)
    return Windows(
        effect_at=first,
        fault_end=over,
        fault=fault,
        recovery=recovery,
        baseline=baseline.of_period(period_seconds) if baseline else None,
        of_faults=windows,
        spans={bound.name: span for bound, span in known.items()},
        observation=observation,
    )


def _find_length(bound: BoundFault, span: EffectSpan) -> timedelta:
    """How long the fault is judged at most. The fault of other Regions is judged for as long as it lasted there: FIS may have
    begun it before it took effect, and no later part of it may be missed."""
    return bound.planned.length if bound.injects else span.over - span.first


def _find_spans(step: Step, fis: FisExperiment | None, until: datetime) -> dict[BoundFault, EffectSpan]:
    """When each fault was in effect. Faults of a scenario that never began are left out."""
    plan, rollback = bind_plan(step.definition), step.find(RollbackReport)
    return {
        bound: span for bound in plan if (span := _effect_by_mechanism(step, bound, rollback, until) or _effect_by_action(step, bound, fis))
    }


def _stand_in(step: Step) -> dict[BoundFault, EffectSpan]:
    """The first fault, which stands for the FIS experiment if no fault is known to have begun."""
    first, *_ = bind_plan(step.definition)
    return {first: _effect_since(step, first, step.record.begins_at or step.record.started_at)}


def _effect_by_mechanism(step: Step, bound: BoundFault, rollback: RollbackReport | None, until: datetime) -> EffectSpan | None:
    """The span of the effect, by the proofs that VerifyRollback and WatchRecovery stored. If a target still has the
    fault, the effect still lasts.
    """
    if rollback is None:
        return None
    proofs = [proof for proof in rollback.proofs if proof.fault == bound.name]
    stopped_at, lasting = step.record.fault_ended_at, until if rollback.leftovers else None
    return find_effect_span(proofs, bound.planned.length, stopped_at=stopped_at, lasting_until=lasting)


def _effect_by_action(step: Step, bound: BoundFault, fis: FisExperiment | None) -> EffectSpan | None:
    """The span from the start of the first FIS action that injects; None if none is known to have begun."""
    started = [action.started_at for action in bound.list_injecting(fis) if action.started_at]
    return _effect_since(step, bound, min(started)) if started else None


def _effect_since(step: Step, bound: BoundFault, at: datetime) -> EffectSpan:
    """The span from this time, for the fault's length or until FIS ended it."""
    planned = at + bound.planned.length
    end = min(planned, step.record.fault_ended_at or planned)
    return EffectSpan(at, at, end, end)


def settled_at(step: Step, windows: Windows) -> datetime:
    """The time at which CloudWatch has every period in which the run was observed. Nothing is judged earlier."""
    lag = max((binding.lag_seconds for binding in step.discovery.bindings), default=0)
    return datetime.fromtimestamp(windows.judged.end, tz=windows.effect_at.tzinfo) + timedelta(seconds=lag)
