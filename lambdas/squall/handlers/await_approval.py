"""AwaitApproval: store the task token, then look once, so that no vote is lost; then sleep.

Whoever votes writes the vote, then reads the token; this writes the token, then reads the votes. A token only wakes: ObserveApproval
decides from the record. After completing its own token this handler must not raise.

An expiry is not looked for here: the state's own timeout is, and by the clock of whoever set it. A clock that is ahead of ObserveApproval's
would send the execution round and round between the two until both agree.
"""

from squall.application.step import END, NEXT, Outcome, Step, step
from squall.domain.approval.votes import Standing, standing

DECIDED = frozenset({Standing.APPROVED, Standing.REJECTED})


@step("AwaitApproval")
def handler(step: Step) -> Outcome:
    if step.w.records.store_token(step.run.id, step.task_token) is None:
        step.w.workflow.wake(step.task_token)  # closed a moment ago by somebody who could not know this token; the execution may live
        return END
    record = step.w.records.get(step.run.id)
    if record is None or record.abort or record.ask is None or standing(record.ask, record.votes, step.now)[0] in DECIDED:
        step.w.workflow.wake(step.task_token)
    return NEXT
