"""What is known about each fault of a scenario alone: its effect, the first alarm that it caused, and the recovery from it."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from squall.application.metrics.guard_alarms import guards_of
from squall.application.metrics.run_measurements import Measurements
from squall.application.step import Step
from squall.domain.documents.fault_times import FaultTimes
from squall.domain.documents.recovery import Recovery
from squall.domain.documents.rollback import RollbackReport
from squall.domain.experiment.sentences import parse_sentences
from squall.domain.judging.fault_times import Alarm, Evidence, FaultCourse, compute_fault_times
from squall.domain.metrics.windows import EffectSpan
from squall.domain.recovery.recovery import find_hold_between
from squall.domain.run.timeline import EventName
from squall.faults.plan import BoundFault, bind_plan


def list_fault_times(
    step: Step, measurements: Measurements, rollback: RollbackReport | None, alarms_fired: Mapping[str, datetime | None]
) -> tuple[FaultTimes, ...]:
    """The times of each fault of a scenario; none for an experiment with one fault."""
    if not step.definition.experiment.faults:
        return ()
    spans = measurements.windows.spans
    courses = [_describe_course(bound, spans.get(bound.name), rollback) for bound in bind_plan(step.definition)]

    def held_until(span: EffectSpan, until: datetime) -> datetime | None:
        return find_hold_between(step.definition, step.discovery, measurements.series, span, until)

    evidence = Evidence(
        alarms=_list_alarms(step, alarms_fired),
        recovery=step.find(Recovery),
        held_until=held_until,
        alarms_are_steady=bool(parse_sentences(step.definition.experiment).alarms_kept_ok),
    )
    return compute_fault_times(courses, evidence)


def _describe_course(bound: BoundFault, span: EffectSpan | None, rollback: RollbackReport | None) -> FaultCourse:
    proofs = [proof.proven for proof in rollback.proofs if proof.fault == bound.name] if rollback else []
    not_begun = rollback is not None and bound.name in rollback.not_begun
    return FaultCourse(
        name=bound.name,
        type=bound.planned.type.value,
        proven=None if not_begun else bool(proofs) and all(proofs),
        span=None if not_begun else span,
        targets_are_replaced=bound.traits.targets_are_replaced,
    )


def _list_alarms(step: Step, alarms_fired: Mapping[str, datetime | None]) -> list[Alarm]:
    """The guards and the stop alarms that fired, and the workload's alarms that criteria name. How late an alarm may fire
    is known of guards alone."""
    guards = guards_of(step)
    late = {guards.words[guard.name]: timedelta(seconds=guard.reaction_seconds) for guard in guards.guards}
    fired = [Alarm(event.at, event.detail, late.get(event.detail)) for event in step.record.happened(EventName.ALARM)]
    abort = step.record.abort
    if abort and not fired and (guard := next((guard for guard in guards.guards if guard.name == abort.by), None)):
        fired.append(Alarm(abort.at, guards.words[guard.name], timedelta(seconds=guard.reaction_seconds)))
    return fired + [Alarm(at, f"alarm {name}", None) for name, at in alarms_fired.items() if at is not None]
