"""Release: give back locks and slot, and leave the open runs only when nothing of this one is left anywhere."""

from squall.application.step import NEXT, Outcome, Step, step
from squall.application.supervision import cleanup, close


@step("Release", closing=True)
def handler(step: Step) -> Outcome:
    in_order = not step.failure and not step.record.closed_by
    leftovers = cleanup.sweep(step.w, step.record, settle_now=in_order)
    if leftovers:
        step.w.clock.sleep(2)
        leftovers = cleanup.sweep(step.w, step.record, settle_now=in_order)
    if leftovers:  # the record stays open: the pulse goes on with it
        close.alert(step.w, step.record, leftovers)
    return NEXT
