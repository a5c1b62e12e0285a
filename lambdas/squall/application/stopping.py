"""Ending a fault in order: fence, stop, find out who ended it, remove the guards. Every step is idempotent."""

from datetime import datetime

from squall.application.aborting import watched_since
from squall.application.step import Step
from squall.domain.documents import FaultReport, Guards
from squall.domain.observed import FisExperiment
from squall.domain.record import Abort, Event, ExecutionRecord
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
            w.records.append(step.run.id, [step.event("stop_requested", fis.id)])
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


def history(step: Step, fis: FisExperiment, ended_at: datetime) -> list[Event]:
    """What happened while the workflow slept, at its own times: FIS's actions, the guards' alarms, the end."""
    actions = [Event(a.started_at, "action_started", a.action_id) for a in fis.actions if a.started_at]
    since = watched_since(step.record)
    guards = step.find("guards", Guards)
    alarms = [
        Event(at, "alarm", f"{guard.condition} ({guard.name})")
        for guard in (guards.guards if guards else ())
        if (at := step.w.alarms.fired_since(guard.name, since)) is not None
    ]
    return [*actions, *alarms, Event(ended_at, f"fis_{fis.status}", fis.id)]


def remove_guards(step: Step) -> None:
    """Delete the guard alarms; their history stays with CloudWatch."""
    if step.record.guard_names:
        step.w.alarms.delete(step.record.guard_names)
        step.w.records.append(step.run.id, [step.event("guards_removed", f"{len(step.record.guard_names)} guards")])


def explain(step: Step, fis: FisExperiment) -> None:
    """Who ended it early: our own abort record, else alarm history, else FIS's status. Never FIS's reason text."""
    record = step.w.records.get(step.run.id) or step.record
    if record.abort is not None or step.failure:
        return
    ended_at = fis.ended_at or step.w.clock.now()
    abort = _guard_that_fired(step, record, ended_at)
    if abort is None and fis.status == "cancelled":
        abort = Abort(AbortSource.HALT, "FIS cancelled the experiment: the safety lever is engaged", step.w.clock.now(), "safety lever")
    if abort is None and fis.status == "stopped":
        abort = Abort(AbortSource.UNKNOWN, "the FIS experiment was stopped by someone else", ended_at)
    if abort:
        step.w.records.request_abort(step.run.id, abort)


def _guard_that_fired(step: Step, record: ExecutionRecord, until: datetime) -> Abort | None:
    """Also in a fault that ran to its end: nobody may have heard the alarm."""
    since = watched_since(record)
    fired = [(at, name) for name in record.guard_names if (at := step.w.alarms.fired_since(name, since)) is not None and at <= until]
    if not fired:
        return None
    at, name = min(fired)
    return Abort(AbortSource.GUARD, f"guard {name} fired at {_clock(at)}", at, name)


def _clock(at: datetime) -> str:
    return f"{at:%H:%M:%S} UTC"
