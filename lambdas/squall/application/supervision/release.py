"""Release gives back lock and slot, and takes the run out of the open index once nothing of it is left anywhere.

What it returns is the output of the execution.
"""

from squall.application.step import NEXT, Outcome, Step
from squall.application.supervision.close import alert_people
from squall.application.supervision.run_cleanup import RunCleanup
from squall.domain.messages.execution_output import describe_ending

WAIT_SECONDS = 2


def release_run(step: Step) -> Outcome:
    """Clean up what the run made, and describe how it ended. If something is left, notify people once; the pulse
    continues."""
    in_order = not step.failure and not step.record.closed_by
    leftovers = RunCleanup(step.w, step.record).run(settle_now=in_order, wait_seconds=WAIT_SECONDS)
    if leftovers:
        alert_people(step.w, step.record, leftovers)
    return {**NEXT, "ending": describe_ending(step.record, step.w.settings.bucket)}
