"""StopFault: fence, stop, wait until FIS says it is over, find out who ended it, remove the guards.

Runs on every way out, also when nothing was injected; every step is idempotent.
"""

from datetime import timedelta

from squall.application.fault.stop import explain, fence_and_stop, history, remove_guards, report
from squall.application.step import END, NEXT, Outcome, Step, step, wait
from squall.domain.documents.definition import Definition
from squall.domain.policy.environment import Timing
from squall.domain.vocabulary import Status


@step("StopFault", closing=True)
def handler(step: Step) -> Outcome:
    w, record = step.w, step.record
    definition = step.find(Definition)
    timing = definition.environment.timing if definition else Timing()
    experiments = fence_and_stop(step, record.template_id) if record.template_id else []
    running = [fis for fis in experiments if not fis.terminal]
    if running and step.elapsed < timedelta(seconds=timing.stop_seconds):
        return wait(min(timing.poll_seconds, 5))
    if running:
        # Nothing can be judged, and nothing is given back: Release leaves it to the pulse, which stops it again and alerts people.
        return step.decide(Status.FAILED, f"FIS still says {running[0].status} after {timing.stop_seconds} s", event="not_stopped")
    if not experiments:
        remove_guards(step)
        return END
    fis = experiments[-1]
    ended_at = fis.ended_at or w.clock.now()
    w.records.update(
        step.run.id, fis_experiment_id=fis.id, fault_ended_at=ended_at, fault_started_at=record.fault_started_at or fis.started_at
    )
    if not record.fault_ended_at:
        w.records.append(step.run.id, history(fis, ended_at))
    step.put(report(fis))
    explain(step, fis)
    remove_guards(step)
    if record.slot is not None:
        w.locks.release_slot(record.slot, step.run.id)
    return NEXT
