"""AwaitApproval stores the task token on which the execution waits for votes."""

from squall.application.approval.waiting import await_approval
from squall.application.step import Outcome, Step, step


@step("AwaitApproval")
def handler(step: Step) -> Outcome:
    return await_approval(step)
