"""Notify tells people by SNS, and machines by EventBridge, how the run ended."""

from squall.application.result.finish import tell_ending
from squall.application.step import Outcome, Step, step


@step("Notify", closing=True)
def handler(step: Step) -> Outcome:
    return tell_ending(step)
