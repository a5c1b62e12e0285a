"""RunRollback runs the experiment's own rollback document after every fault."""

from squall.application.recovery.rollback_document import run_rollback
from squall.application.step import Outcome, Step, step


@step("RunRollback", closing=True)
def handler(step: Step) -> Outcome:
    return run_rollback(step)
