"""Compare compares baseline, fault and recovery. It is the only function with the statistics layer; Judge works without
it."""

from squall.application.judging.compare import compare_run
from squall.application.step import NEXT, Outcome, Step, step


@step("Compare", closing=True)
def handler(step: Step) -> Outcome:
    compare_run(step)
    return NEXT
