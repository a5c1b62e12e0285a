"""CheckSafety evaluates every safety check before anything is made."""

from squall.application.safety.gate import check_safety
from squall.application.step import Outcome, Step, step


@step("CheckSafety")
def handler(step: Step) -> Outcome:
    return check_safety(step)
