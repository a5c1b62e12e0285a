"""StopFault: fence, stop, wait until FIS says it is over, find out who ended it, remove the guards.

Runs on every way out, also when nothing was injected; every step is idempotent.
"""

from datetime import datetime, timedelta

from squall.application.step import END, NEXT, Outcome, Step, step, wait
from squall.domain.documents import Definition, FaultReport
from squall.domain.environment import Timing
from squall.domain.observed import FisExperiment
from squall.domain.record import Abort, ExecutionRecord
from squall.domain.vocabulary import AbortSource


@step("StopFault", closing=True)
def handler(step: Step) -> Outcome:
    w, record = step.w, step.record
    definition = step.find("definition", Definition)
    timing = definition.environment.timing if definition else Timing()
    if record.template_id and w.faults.delete_template(record.template_id):  # the fence: nothing can start from here on
        w.records.append(step.run.id, [step.event("template_deleted", record.template_id)])
    experiments = [w.faults.get(fis.id) or fis for fis in w.faults.of_template(record.template_id)] if record.template_id else []
    running = [fis for fis in experiments if not fis.terminal]
    for fis in running:
        if fis.status != "stopping" and w.faults.stop(fis.id):
            w.records.append(step.run.id, [step.event("stop_requested", fis.id)])
    if running and step.elapsed < timedelta(seconds=timing.stop_seconds):
        return wait(min(timing.poll_seconds, 5))
    if running:
        w.records.append(step.run.id, [step.event("not_stopped", f"FIS still says {running[0].status} after {timing.stop_seconds} s")])
    if not experiments:
        _remove_guards(step)
        return END
    fis = experiments[-1]
    _explain(step, fis)
    ended_at = fis.ended_at or w.clock.now()
    w.records.update(
        step.run.id, fis_experiment_id=fis.id, fault_ended_at=ended_at, fault_started_at=record.fault_started_at or fis.started_at
    )
    if not record.fault_ended_at:
        w.records.append(step.run.id, [step.event(f"fis_{fis.status}", fis.id)])
    step.put("fault", report(fis))
    _remove_guards(step)
    if record.slot is not None and not running:
        w.locks.release_slot(record.slot, step.run.id)
    return NEXT


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


def _remove_guards(step: Step) -> None:
    if step.record.guard_names:
        step.w.alarms.delete(step.record.guard_names)
        step.w.records.append(step.run.id, [step.event("guards_removed", f"{len(step.record.guard_names)} guards")])


def _explain(step: Step, fis: FisExperiment) -> None:
    """Who ended it early: our own abort record, else alarm history, else FIS's status. Never FIS's reason text."""
    record = step.w.records.get(step.run.id) or step.record
    if record.abort is not None or step.failure:
        return
    if fis.status not in {"stopped", "cancelled"}:
        return
    abort = _guard_that_fired(step, record)
    if abort is None and fis.status == "cancelled":
        abort = Abort(AbortSource.HALT, "FIS cancelled the experiment: the safety lever is engaged", step.w.clock.now(), "safety lever")
    if abort is None:
        abort = Abort(AbortSource.UNKNOWN, "the FIS experiment was stopped by someone else", fis.ended_at or step.w.clock.now())
    step.w.records.request_abort(step.run.id, abort)


def _guard_that_fired(step: Step, record: ExecutionRecord) -> Abort | None:
    since = record.fault_started_at or record.started_at
    fired = [(at, name) for name in record.guard_names if (at := step.w.alarms.fired_since(name, since)) is not None]
    if not fired:
        return None
    at, name = min(fired)
    return Abort(AbortSource.GUARD, f"guard {name} fired at {_clock(at)}", at, name)


def _clock(at: datetime) -> str:
    return f"{at:%H:%M:%S} UTC"
