"""Runs the experiment's rollback document. The intent is written before the document starts, and a repeated start
starts nothing new.

The workflow does this after every fault; the pulse and the watchdog do it for a run whose execution ended early. If two
of them try, the second finds the Automation execution of the first.
"""

from datetime import timedelta

from squall.application.step import NEXT, Outcome, Step, wait_for
from squall.domain.documents.rollback import AutomationRun
from squall.domain.recovery.rollback_document import client_token, describe_run, mark_refused, mark_started, plan_run, update_run
from squall.domain.run.timeline import EventName
from squall.errors import Refused, Unavailable

SHORTEST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 1, 5
WAITS_PER_ELAPSED_TIME = 8
"""Each wait is an eighth of the elapsed time: many looks at first, and few events in the execution's history over all.
"""


def run_rollback(step: Step) -> Outcome:
    """Run the document after every fault, however the fault ended. The wait is bounded; after that the pulse watches to
    the end."""
    declared = step.definition.experiment.rollback
    if declared is None or step.record.happened(EventName.ROLLBACK_ENDED):
        return NEXT
    bound = timedelta(seconds=step.definition.environment.rollback_documents[declared.document].timeout_seconds)
    late = step.elapsed >= bound
    try:
        run = refresh_rollback(step)
    except Unavailable as error:
        if not late:
            return wait_for(_seconds_until_next_look(step))
        step.note(EventName.ROLLBACK_OVERDUE, f"{declared.document} could not be run or asked for: {error}")
        return NEXT
    if run and not run.over and not late:
        return wait_for(_seconds_until_next_look(step))
    if run and run.over:
        note_rollback_end(step, run)
    elif run:
        step.note(EventName.ROLLBACK_OVERDUE, describe_run(run))
    return NEXT


def rollback_token(step: Step) -> str:
    """The idempotency token of this execution's rollback."""
    return client_token(step.client_token)


def refresh_rollback(step: Step) -> AutomationRun | None:
    """Start the document if it was not started, and record how it stands now. None: the experiment declares no
    rollback."""
    run = step.find(AutomationRun) or _record_intent(step)
    if run is None or run.over:
        return run
    if run.execution_id is None:
        run = _start_document(step, run)
        if run.execution_id is None:
            return run
    now = update_run(run, step.w.automations.get(run.execution_id or ""), step.w.clock.now())
    if now != run:
        step.put(now)
    return now


def note_rollback_end(step: Step, run: AutomationRun) -> None:
    """Write into the timeline how the rollback ended. This is written last, so that an ending is marked as handled only
    once it is.
    """
    step.w.records.append(step.run.id, [step.event(EventName.ROLLBACK_ENDED, describe_run(run))])


def _record_intent(step: Step) -> AutomationRun | None:
    run = plan_run(step.definition, [target.id for target in step.discovery.pinned], step.run.id)
    if run:
        step.put(run)
    return run


def _start_document(step: Step, run: AutomationRun) -> AutomationRun:
    step.w.records.append(step.run.id, [step.event(EventName.ROLLBACK_STARTING, run.document)])
    try:
        execution_id = step.w.automations.start(run.document, run.version, run.parameters, rollback_token(step))
    except Refused as refusal:
        run = mark_refused(run, f"{refusal.code}: {refusal.message}"[:500], step.w.clock.now())
        step.put(run)
        return run
    run = mark_started(run, execution_id, step.w.clock.now())
    step.put(run)
    step.w.records.append(step.run.id, [step.event(EventName.ROLLBACK_STARTED, execution_id)])
    return run


def _seconds_until_next_look(step: Step) -> float:
    poll = min(step.definition.environment.timing.poll_seconds, LONGEST_WAIT_SECONDS)
    return max(SHORTEST_WAIT_SECONDS, poll, step.elapsed.total_seconds() / WAITS_PER_ELAPSED_TIME)
