"""AcquireSlot takes one of FIS's experiment slots, or queues for one."""

from squall.application.locks.queue import take_turn
from squall.application.step import Outcome, Step, step


@step("AcquireSlot")
def handler(step: Step) -> Outcome:
    return take_turn(step)
