"""AskApproval shows people what would be done. It goes on if they have already approved exactly this plan."""

from squall.application.approval.request import ask_approval
from squall.application.step import Outcome, Step, step


@step("AskApproval")
def handler(step: Step) -> Outcome:
    return ask_approval(step)
