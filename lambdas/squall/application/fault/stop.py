"""Ending a fault in order: fence, stop, find out who ended it, remove the guards. Every step is idempotent."""

from datetime import datetime

from squall.application.step import Step
from squall.application.stopping.abort import STOP_REQUESTED, stop_alarms, watched_since
from squall.domain.documents.fault import FaultReport
from squall.domain.documents.guards import Guards
from squall.domain.run.aws_state import FisExperiment
from squall.domain.run.record import Abort, Event, ExecutionRecord
from squall.domain.vocabulary import AbortSource
from squall.errors import Refused, Unavailable


def fence_and_stop(step: Step, template_id: str) -> list[FisExperiment]:
    """Delete the template, so that nothing can start from here on, and stop what runs, also when the deletion fails."""
    w, failures = step.w, list[Exception]()
    try:
        if w.faults.delete_template(template_id):
            w.records.append(step.run.id, [step.event("template_deleted", template_id)])
    except (Unavailable, Refused) as error:
        failures.append(error)
    experiments = [w.faults.get(fis.id) or fis for fis in w.faults.of_template(template_id)]
    for fis in experiments:
        if not fis.terminal and fis.status != "stopping" and w.faults.stop(fis.id):
            w.records.append(step.run.id, [step.event(STOP_REQUESTED, fis.id)])
    if failures:
        raise failures[0]
    return experiments


def report(fis: FisExperiment) -> FaultReport:
    """The document of how FIS ended it."""
    return FaultReport(
        experiment_id=fis.id,
        status=fis.status,
        reason=fis.reason,
        error_code=fis.error_code,
        started_at=fis.started_at,
        ended_at=fis.ended_at,
        actions=tuple({"name": a.name, "action_id": a.action_id, "status": a.status, "reason": a.reason} for a in fis.actions),
    )


def history(fis: FisExperiment, ended_at: datetime) -> list[Event]:
    """What happened while the workflow slept, at its own times: FIS's actions and the end."""
    actions = [Event(a.started_at, "action_started", a.action_id) for a in fis.actions if a.started_at]
    return [*actions, Event(ended_at, f"fis_{fis.status}", fis.id)]


def remove_guards(step: Step) -> None:
    """Delete the guard alarms; their history stays with CloudWatch. What fails here is Release's and the pulse's to do again."""
    if not step.record.guard_names:
        return
    try:
        step.w.alarms.delete(step.record.guard_names)
    except (Unavailable, Refused) as error:
        step.w.records.append(step.run.id, [step.event("guards_not_removed", str(error))])
        return
    step.w.records.append(step.run.id, [step.event("guards_removed", f"{len(step.record.guard_names)} guards")])


def explain(step: Step, fis: FisExperiment) -> None:
    """Who ended it early: our own abort record, else alarm history, else FIS's status. Never FIS's reason text.

    Best effort: that the fault is over does not hang on being able to say why.
    """
    record = step.w.records.get(step.run.id) or step.record
    ended_at = fis.ended_at or step.w.clock.now()
    unknown = "the FIS experiment was stopped by someone else"
    try:
        fired = _fired(step, record, ended_at)
    except (Unavailable, Refused) as error:
        fired, unknown = [], f"the FIS experiment was stopped; why could not be asked ({error})"
    if fired:
        step.w.records.append(step.run.id, [Event(at, "alarm", what) for at, _, what in fired])
    if record.abort is None and not step.failure:
        abort = _cause(record, fis, fired, ended_at, unknown)
        if abort:
            step.w.records.request_abort(step.run.id, abort)


Fired = tuple[datetime, str, str]
"""When, the alarm's name, and what it watches in words."""


def _cause(record: ExecutionRecord, fis: FisExperiment, fired: list[Fired], ended_at: datetime, unknown: str) -> Abort | None:
    if fired:
        at, name, what = min(fired)
        return Abort(AbortSource.GUARD, f"{what} fired at {at:%H:%M:%S} UTC", at, name)
    if fis.status == "cancelled":
        return Abort(AbortSource.HALT, "FIS cancelled the experiment: the safety lever is engaged", ended_at, "safety lever")
    overdue = any(event.event == STOP_REQUESTED for event in record.events)  # by this workflow, for want of an end: no abort
    if fis.status == "stopped" and not overdue:
        return Abort(AbortSource.UNKNOWN, unknown, ended_at)
    return None


def _fired(step: Step, record: ExecutionRecord, until: datetime) -> list[Fired]:
    """Guards and the user's own stop alarms, also in a fault that ran to its end: nobody may have heard them."""
    guards = step.find(Guards)
    words = guards.words if guards else {}
    names = {**{name: words.get(name, f"guard {name}") for name in record.guard_names}, **stop_alarms(step.w, record)}
    since = watched_since(record)
    histories = ((step.w.alarms.fired_since(name, since), name, what) for name, what in names.items())
    return [(at, name, what) for at, name, what in histories if at is not None and at <= until]
