"""VerifyRollback asks whether the fault happened to every target, and whether it is gone."""

from squall.application.recovery.rollback_report import verify_rollback
from squall.application.step import Outcome, Step, step


@step("VerifyRollback", closing=True)
def handler(step: Step) -> Outcome:
    return verify_rollback(step)
