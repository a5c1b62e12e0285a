"""Notify: people by SNS, machines by EventBridge."""

from squall.application.result.record import tell
from squall.application.step import NEXT, Outcome, Step, step


@step("Notify", closing=True)
def handler(step: Step) -> Outcome:
    if step.record.closed_by:
        return NEXT  # whoever closed the run has told
    tell(step.w, step.record)
    return NEXT
