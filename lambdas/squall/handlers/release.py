"""Release: give back locks and slot, and leave the open runs only when nothing of this one is left anywhere."""

from squall.application import closing
from squall.application.step import NEXT, Outcome, Step, step


@step("Release", closing=True)
def handler(step: Step) -> Outcome:
    leftovers = closing.sweep(step.w, step.record, settle_now=not step.failure and not step.record.closed_by)
    if leftovers:  # the record stays open: the pulse goes on with it
        closing.alert(step.w, step.record, leftovers)
    return NEXT
