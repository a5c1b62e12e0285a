"""AcquireLock leases the failure domains of the run, all or none."""

from squall.application.locks.lock import acquire_lock
from squall.application.step import Outcome, Step, step


@step("AcquireLock")
def handler(step: Step) -> Outcome:
    return acquire_lock(step)
