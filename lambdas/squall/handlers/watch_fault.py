"""WatchFault: store the task token, then look once, so that no wake-up is lost; then sleep.

Wakers write the reason, then read the token; this writes the token, then reads the reason. A token only wakes: ObserveFault
decides from the record and FIS. After completing its own token this handler must not raise.
"""

from squall.application.fault.watch import must_end
from squall.application.step import END, NEXT, Outcome, Step, step


@step("WatchFault", watching=True)
def handler(step: Step) -> Outcome:
    generation = step.w.records.store_token(step.run.id, step.task_token)
    if generation is None:
        step.w.workflow.wake(step.task_token)  # closed a moment ago by somebody who could not know this token; the execution may live
        return END
    record = step.w.records.get(step.run.id)
    if record is None or must_end(step, record):
        step.w.workflow.wake(step.task_token)
    return NEXT
