"""AskApproval shows people what would be done. Goes on where they have approved this very plan."""

from squall.application.approval.request import ask
from squall.application.step import Outcome, Step, step


@step("AskApproval")
def handler(step: Step) -> Outcome:
    return ask(step)
