"""ObserveFault asks the record and FIS whether the fault is over, whatever woke the execution."""

from squall.application.fault.watch import observe_fault
from squall.application.step import Outcome, Step, step


@step("ObserveFault", watching=True)
def handler(step: Step) -> Outcome:
    return observe_fault(step)
