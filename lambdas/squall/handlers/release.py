"""Release: give back locks and slot, and leave the open runs only when nothing of this one is left anywhere."""

from squall.application import closing
from squall.application.step import NEXT, Outcome, Step, step


@step("Release", closing=True)
def handler(step: Step) -> Outcome:
    in_order = not step.failure and not step.record.closed_by
    leftovers = closing.sweep(step.w, step.record, settle_now=in_order)
    if leftovers:
        step.w.clock.sleep(2)
        leftovers = closing.sweep(step.w, step.record, settle_now=in_order)
    if leftovers:  # the record stays open: the pulse goes on with it
        closing.alert(step.w, step.record, leftovers)
    return NEXT
