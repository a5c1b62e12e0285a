"""StopFault ends the fault on every way out of the workflow, also when nothing was injected."""

from squall.application.fault.stop import stop_fault
from squall.application.step import Outcome, Step, step


@step("StopFault", closing=True)
def handler(step: Step) -> Outcome:
    return stop_fault(step)
