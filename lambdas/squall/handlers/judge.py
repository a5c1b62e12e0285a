"""Judge judges the success criteria against the measurements. If nothing was injected, there is nothing to judge."""

from squall.application.judging.judge import judge_run
from squall.application.step import NEXT, Outcome, Step, step


@step("Judge", closing=True)
def handler(step: Step) -> Outcome:
    judge_run(step)
    return NEXT
