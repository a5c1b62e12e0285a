"""WatchFault stores the task token on which the execution sleeps while the fault runs."""

from squall.application.fault.watch import watch_fault
from squall.application.step import Outcome, Step, step


@step("WatchFault", watching=True)
def handler(step: Step) -> Outcome:
    return watch_fault(step)
