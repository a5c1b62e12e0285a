"""Compare: baseline, fault and recovery against each other. The only function with the statistics layer; Judge goes on
without it."""

from squall.application.judging.compare import compare_run
from squall.application.step import NEXT, Outcome, Step, step


@step("Compare", closing=True)
def handler(step: Step) -> Outcome:
    compare_run(step)
    return NEXT
