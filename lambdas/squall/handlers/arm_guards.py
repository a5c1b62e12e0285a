"""ArmGuards creates one alarm for each abort condition, and waits until every guard is OK."""

from squall.application.metrics.arm_guards import arm_guards
from squall.application.step import Outcome, Step, step


@step("ArmGuards")
def handler(step: Step) -> Outcome:
    return arm_guards(step)
