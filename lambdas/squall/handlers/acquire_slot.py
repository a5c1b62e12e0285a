"""AcquireSlot: FIS runs five experiments at a time, ours and others'. Take a free slot, or queue for one, bounded."""

from squall.application.queue import take_turn
from squall.application.step import Outcome, Step, step


@step("AcquireSlot")
def handler(step: Step) -> Outcome:
    return take_turn(step)
