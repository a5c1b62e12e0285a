"""Ends a fault in order: fence, stop, wait for FIS, find out who ended it, remove the guards. Every step is
idempotent."""

from contextlib import suppress
from datetime import datetime, timedelta

from squall.application.admission.definitions import find_definition_if_admitted
from squall.application.fault.resolved import compare_resolved
from squall.application.metrics.guard_alarms import doubt_changed_guard
from squall.application.regions.peers import tell_peers
from squall.application.step import END, NEXT, Outcome, Step, wait_for
from squall.application.stopping.abort import stop_alarms, watched_since
from squall.application.stopping.cleanup import Cleanup
from squall.application.stopping.run_faults import RunFaults, delete_templates
from squall.domain.base.vocabulary import AbortSource, Status
from squall.domain.documents.fault import FaultReport
from squall.domain.documents.guards import Guards
from squall.domain.policy.environment import Timing
from squall.domain.run.alarm_state import Firing
from squall.domain.run.firing import explain_firing
from squall.domain.run.fis_state import ActionState, FisExperiment
from squall.domain.run.record import Abort, Event, ExecutionRecord
from squall.domain.run.timeline import EventName, fis_ended
from squall.errors import Refused, Unavailable

LONGEST_POLL_SECONDS = 5


def stop_fault(step: Step) -> Outcome:
    """End the fault and record how it ended. Runs on every way out of the workflow, also when nothing was injected. A part
    of a run over several Regions tells the others if it ended early, as soon as its own fault is being stopped."""
    over = bool(step.failure or step.record.decided_status)
    try:
        outcome = _end_fault(step)
        over = over or outcome["outcome"] != "wait"
    finally:
        if step.record.part:
            with suppress(Unavailable, Refused):  # their pulses read the record
                tell_peers(step.w, step.run.id, over=over)
    return outcome


def _end_fault(step: Step) -> Outcome:
    definition = find_definition_if_admitted(step.w, step.record)
    timing = definition.environment.timing if definition else Timing()
    experiments, unowned = _fence_and_stop(step)
    running = [fis for fis in experiments if not fis.terminal]
    if running and step.elapsed < timedelta(seconds=timing.stop_seconds):
        return wait_for(min(timing.poll_seconds, LONGEST_POLL_SECONDS))
    if running:
        # Nothing can be judged or given back. Release leaves the run to the pulse, which stops the fault again and
        # alerts people.
        reason = f"FIS still says {running[0].status} after {timing.stop_seconds} s"
        return step.decide(Status.FAILED, reason, event=EventName.NOT_STOPPED)
    if experiments:
        _record_end(step, experiments[-1])
    if not unowned:  # as long as a fault may run, its guards stand: Release keeps the lock, too, and tells people
        _remove_guards(step)
    if not experiments:
        return END
    if step.record.slot is not None:
        step.w.locks.release_slot(step.record.slot, step.run.id)
    return NEXT


def _fence_and_stop(step: Step) -> tuple[list[FisExperiment], bool]:
    """Delete the template, so that nothing can start any more. Then stop what is running, even if the deletion failed.

    Returns the run's experiments as FIS describes them, the oldest first; and whether the record leads to a running
    experiment without an owner. Such an experiment may hit the same targets, but this function may not stop it.
    """
    work = Cleanup(step.w)
    faults = RunFaults(work, step.run.id)
    events = [step.event(EventName.TEMPLATE_DELETED, template) for template in delete_templates(work, step.run.id, step.record.template_id)]
    faults.find_all(step.record)
    events += [step.event(EventName.STOP_REQUESTED, fis_id) for fis_id in faults.stop_found()]
    known = {event.detail for event in step.record.happened(EventName.LEFT_ALONE)}
    unowned = [left for left in work.leftovers if left.cause is None]
    events += [step.event(EventName.LEFT_ALONE, left.description) for left in (*work.refused, *unowned) if left.description not in known]
    if events:
        step.w.records.append(step.run.id, events)
    if work.failures:
        raise work.failures[0]
    return [step.w.faults.get(fis.id) or fis for fis in faults.experiments], bool(unowned)


def _record_end(step: Step, fis: FisExperiment) -> None:
    record, ended_at = step.record, fis.ended_at or step.w.clock.now()
    started_at = record.fault_started_at or fis.started_at
    step.w.records.update(step.run.id, fis_experiment_id=fis.id, fault_ended_at=ended_at, fault_started_at=started_at)
    if not record.fault_ended_at:
        step.w.records.append(step.run.id, _events_of(fis, ended_at))
    step.put(fault_report(fis))
    _compare_resolved(step, fis)
    _explain_end(step, fis)


def _compare_resolved(step: Step, fis: FisExperiment) -> None:
    """Abort the run if FIS resolved something other than what was pinned: the fault did something else than was checked and
    judged.

    The pulse asks the same while the fault runs. This is best effort: the fault is over.
    """
    try:
        abort = compare_resolved(step.w, step.w.records.get(step.run.id) or step.record, fis, "StopFault")
    except (Unavailable, Refused) as error:
        step.w.records.append(step.run.id, [step.event(EventName.RESOLVED_TARGETS_UNKNOWN, str(error))])
        return
    if abort:
        step.w.records.request_abort(step.run.id, abort)


def fault_report(fis: FisExperiment) -> FaultReport:
    """The document `fault`: how FIS ended the experiment."""
    return FaultReport(
        experiment_id=fis.id,
        status=fis.status,
        reason=fis.reason,
        error_code=fis.error_code,
        started_at=fis.started_at,
        ended_at=fis.ended_at,
        actions=tuple({"name": a.name, "action_id": a.action_id, "status": a.status, "reason": a.reason} for a in fis.actions),
    )


def _events_of(fis: FisExperiment, ended_at: datetime) -> list[Event]:
    """What happened while the workflow slept, each with its own time: the start of FIS's actions, and the end of the
    experiment.
    """
    actions = [Event(a.started_at, EventName.ACTION_STARTED, _describe_action(a)) for a in fis.actions if a.started_at]
    return [*actions, Event(ended_at, fis_ended(fis.status), fis.id)]


def _describe_action(action: ActionState) -> str:
    """The action's id, after the name of its fault in a scenario."""
    fault, named, _ = action.name.partition(".")
    return f"{fault}: {action.action_id}" if named else action.action_id


def _remove_guards(step: Step) -> None:
    """Delete the guard alarms; CloudWatch keeps their history. If this fails, Release and the pulse try again."""
    if not step.record.guard_names:
        return
    try:
        step.w.alarms.delete(step.record.guard_names)
    except (Unavailable, Refused) as error:
        step.w.records.append(step.run.id, [step.event(EventName.GUARDS_NOT_REMOVED, str(error))])
        return
    step.w.records.append(step.run.id, [step.event(EventName.GUARDS_REMOVED, f"{len(step.record.guard_names)} guards")])


def _explain_end(step: Step, fis: FisExperiment) -> None:
    """Record who ended the fault early: the abort on the record, else the alarms' history, else FIS's status. Never
    FIS's reason text.

    This is best effort: the fault is over, whether or not Squall can say why.
    """
    record = step.w.records.get(step.run.id) or step.record
    ended_at = fis.ended_at or step.w.clock.now()
    unknown = "the FIS experiment was stopped by someone else"
    try:
        fired = _find_fired_alarms(step, record, ended_at)
    except (Unavailable, Refused) as error:
        fired, unknown = [], f"the FIS experiment was stopped; the reason could not be read ({error})"
    if fired:
        step.w.records.append(step.run.id, [Event(firing.at, EventName.ALARM, description) for firing, _, description in fired])
    if record.abort is None and not step.failure:
        abort = _infer_abort(record, fis, fired, ended_at, unknown)
        if abort:
            step.w.records.request_abort(step.run.id, doubt_changed_guard(step, abort))
    elif record.abort and (doubted := doubt_changed_guard(step, record.abort)) != record.abort:
        step.w.records.update(step.run.id, abort=doubted)


FiredAlarm = tuple[Firing, str, str]
"""How the alarm fired, its name, and what it watches in words."""


def _infer_abort(record: ExecutionRecord, fis: FisExperiment, fired: list[FiredAlarm], ended_at: datetime, unknown: str) -> Abort | None:
    if fired:
        firing, name, description = min(fired, key=lambda alarm: (alarm[0].at, alarm[1]))
        source, reason = explain_firing(description, firing.reason)
        return Abort(source, f"{reason} ({firing.at:%H:%M:%S} UTC)", firing.at, name)
    if fis.status == "cancelled":
        return Abort(AbortSource.HALT, "FIS cancelled the experiment: the safety lever is engaged", ended_at, "safety lever")
    # The workflow stopped a fault that was past its time, which is no abort.
    overdue = record.happened(EventName.STOP_REQUESTED)
    if fis.status == "stopped" and not overdue:
        return Abort(AbortSource.UNKNOWN, unknown, ended_at)
    return None


def _find_fired_alarms(step: Step, record: ExecutionRecord, until: datetime) -> list[FiredAlarm]:
    """The guards and the user's own stop alarms that fired.

    This is read after every fault, because an alarm may have fired without its action reaching Squall.
    """
    guards = step.find(Guards)
    words = guards.words if guards else {}
    names = {**{name: words.get(name, f"guard {name}") for name in record.guard_names}, **stop_alarms(step.w, record)}
    since = watched_since(record)
    histories = ((step.w.alarms.fired_since(name, since), name, description) for name, description in names.items())
    return [(firing, name, description) for firing, name, description in histories if firing is not None and firing.at <= until]
