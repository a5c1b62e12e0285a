"""ObserveApproval: whatever woke the workflow, what people said stands on the record. Approved: everything is looked at again."""

from squall.application.approval.request import observe
from squall.application.step import Outcome, Step, step


@step("ObserveApproval")
def handler(step: Step) -> Outcome:
    step.w.records.clear_token(step.run.id, step.record.token_generation)
    return observe(step)
