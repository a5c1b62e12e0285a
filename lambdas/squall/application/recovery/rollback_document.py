"""Running the rollback document: what is intended is written before it starts, and a repeated start starts nothing new.

The workflow does it after every fault, the pulse and the watchdog for a run that died; whoever comes second finds the first one's.
"""

from squall.application.step import Step
from squall.domain.documents.rollback import AutomationRun
from squall.domain.recovery.rollback_document import begun, client_token, intended, refused, said, seen
from squall.errors import Refused

ENDED = "rollback_ended"


def token(step: Step) -> str:
    """The idempotency token of this execution's rollback."""
    return client_token(step.client_token)


def look(step: Step) -> AutomationRun | None:
    """The rollback as it stands now, started if it was not. None: the experiment declares none."""
    run = step.find(AutomationRun)
    if run is None:
        run = intended(step.definition, [target.id for target in step.discovery.pinned], step.run.id)
        if run is None:
            return None
        step.put(run)
    if run.over:
        return run
    if run.execution_id is None:
        step.w.records.append(step.run.id, [step.event("rollback_starting", run.document)])
        try:
            execution_id = step.w.automations.start(run.document, run.version, run.parameters, token(step))
        except Refused as no:
            run = refused(run, f"{no.code}: {no.message}"[:500], step.w.clock.now())
            step.put(run)
            return run
        run = begun(run, execution_id, step.w.clock.now())
        step.put(run)
        step.w.records.append(step.run.id, [step.event("rollback_started", execution_id)])
    now = seen(run, step.w.automations.get(run.execution_id or ""), step.w.clock.now())
    if now != run:
        step.put(now)
    return now


def note_end(step: Step, run: AutomationRun) -> None:
    """Write into the timeline how it ended: the last thing, so that nobody takes it for told before it is."""
    step.w.records.append(step.run.id, [step.event(ENDED, said(run))])
