"""StartFault injects the fault, fenced and idempotent."""

from squall.application.fault.start import start_fault
from squall.application.step import Outcome, Step, step


@step("StartFault")
def handler(step: Step) -> Outcome:
    return start_fault(step)
