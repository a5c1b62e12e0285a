"""Waiting for people's votes on a task token, and looking at the votes after the wake-up.

A token only wakes the execution: `observe_approval` decides from the record.
"""

from squall.application.approval.confirmation import confirm_votes
from squall.application.approval.request import act_on_votes
from squall.application.step import END, NEXT, Outcome, Step
from squall.domain.approval.standing import Standing, find_standing

DECIDED = frozenset({Standing.APPROVED, Standing.REJECTED})


def await_approval(step: Step) -> Outcome:
    """Store the task token, then read the votes once, so that no vote is lost. Must not raise after it completed its
    own token.

    The voter writes the vote, then reads the token. This function writes the token, then reads the votes. Whatever the
    order, at least one of the two sees the other. A vote whose proof AWS could not be asked about is left to the pulse.

    This function does not check whether the request has expired: the state's own timeout does. If the clock of this
    function were ahead of the clock of `observe_approval`, the execution would loop between the two.
    """
    if step.w.records.store_token(step.run.id, step.task_token) is None:
        # Whoever closed the run a moment ago did not know this token; the execution may be running.
        step.w.workflow.wake(step.task_token)
        return END
    record = step.w.records.get(step.run.id)
    if record is None or record.abort or record.ask is None:
        decided = True
    else:
        unseen = any(not pending.tried for pending in record.proofs)
        decided = unseen or find_standing(record.ask, record.confirmed_votes, step.now)[0] in DECIDED
    if decided:
        step.w.workflow.wake(step.task_token)
    return NEXT


def observe_approval(step: Step) -> Outcome:
    """Delete the task token, confirm the recorded votes, then act on those that count."""
    step.w.records.clear_token(step.run.id, step.record.token_generation)
    return act_on_votes(step, confirm_votes(step))
