"""FinalCheck evaluates every safety check again, right before the fault."""

from squall.application.safety.gate import check_before_fault
from squall.application.step import Outcome, Step, step


@step("FinalCheck")
def handler(step: Step) -> Outcome:
    return check_before_fault(step)
