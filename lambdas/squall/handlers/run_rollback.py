"""RunRollback: the experiment's own rollback document, after every fault, however it ended.

The wait is bounded: what lasts longer is said, and watched to its end by the pulse.
"""

from datetime import timedelta

from squall.application.recovery.rollback_document import ENDED, look, note_end
from squall.application.step import NEXT, Outcome, Step, step, wait
from squall.domain.recovery.rollback_document import said
from squall.errors import Unavailable

SHORTEST_TURN, TURNS = 1, 8
"""Each look waits an eighth of the time so far: many looks at first, few events of the execution's history in the end."""


@step("RunRollback", closing=True)
def handler(step: Step) -> Outcome:
    declared = step.definition.experiment.rollback
    if declared is None or any(event.event == ENDED for event in step.record.events):
        return NEXT
    bound = timedelta(seconds=step.definition.environment.rollback_documents[declared.document].timeout_seconds)
    late = step.elapsed >= bound
    try:
        run = look(step)
    except Unavailable as error:
        if not late:
            return wait(_turn(step))
        step.note("rollback_overdue", f"{declared.document} could not be run or asked for: {error}")
        return NEXT
    if run and not run.over and not late:
        return wait(_turn(step))
    if run and run.over:
        note_end(step, run)
    elif run:
        step.note("rollback_overdue", said(run))
    return NEXT


def _turn(step: Step) -> float:
    poll = step.definition.environment.timing.poll_seconds
    return max(SHORTEST_TURN, min(poll, 5), step.elapsed.total_seconds() / TURNS)
