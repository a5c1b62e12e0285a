"""Release gives back lock and slot, and cleans up what is left of the run."""

from squall.application.step import Outcome, Step, step
from squall.application.supervision.release import release_run


@step("Release", closing=True)
def handler(step: Step) -> Outcome:
    return release_run(step)
