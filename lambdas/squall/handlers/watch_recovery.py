"""WatchRecovery waits, within a bound, for the steady state, for lost targets and for late metrics."""

from squall.application.recovery.watch import watch_recovery
from squall.application.step import Outcome, Step, step


@step("WatchRecovery", closing=True)
def handler(step: Step) -> Outcome:
    return watch_recovery(step)
