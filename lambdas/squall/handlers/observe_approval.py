"""ObserveApproval acts on the recorded votes, whatever woke the execution."""

from squall.application.approval.waiting import observe_approval
from squall.application.step import Outcome, Step, step


@step("ObserveApproval")
def handler(step: Step) -> Outcome:
    return observe_approval(step)
