"""ObserveFault: whatever woke the workflow, look at the record and at FIS, and say whether the fault is over."""

from squall.application.fault.watch import must_end, watch_seconds
from squall.application.step import NEXT, Outcome, Step, step, wait


@step("ObserveFault", watching=True)
def handler(step: Step) -> Outcome:
    step.w.records.clear_token(step.run.id, step.record.token_generation)
    if must_end(step, step.record):
        return NEXT
    return wait(watch_seconds(step, step.record))
