"""StartFault: inject, fenced and idempotent.

Order is everything here. The record says `starting` (only if nobody closed the run), FIS starts by a client token of the
execution (a repeated call starts nothing new), then the record is read again: whoever closed the run meanwhile has deleted
the template, so a late call fails, or else this function sees the closed record and stops what it started. The halt flag is read
right before and right after the start in the same way, and so is what FIS would start, and has started, compared with what was compiled.
"""

from datetime import timedelta

from squall.application.fault.start import halted, keep, replaced, withdrawn
from squall.application.fault.template import compiled_template
from squall.application.fault.watch import FIRST_LOOK_SECONDS
from squall.application.queue import until_next_look
from squall.application.step import END, NEXT, Outcome, Step, step, wait
from squall.domain.run.record import ExecutionRecord
from squall.domain.vocabulary import Status
from squall.errors import Refused

QUOTA = "ServiceQuotaExceededException"
"""Others use FIS too: a slot of ours is no promise of FIS's. The run waits and is checked again; the attempt had no effect."""


@step("StartFault")
def handler(step: Step) -> Outcome:
    template_id = step.record.template_id
    if template_id is None:
        return step.reject("there is no FIS template to start")
    if not step.note("starting", template_id):
        return END
    record = step.w.records.get(step.run.id) or step.record
    if record.abort or halted(step) or withdrawn(step, record) or replaced(step):
        return END
    compiled, seconds = compiled_template(step), int(step.definition.experiment.length.total_seconds())
    tags = {"squall:stack": step.w.settings.stack, "squall:execution": step.run.id, "Name": f"squall-{step.run.id}"[:256]}
    try:
        fis = step.w.faults.start(template_id, step.client_token, tags)
    except Refused as refused:
        return _refused(step, record, refused)
    if not keep(step, record, fis, seconds, compiled):
        return END
    step.announce(f"fault {fis.id} started")
    return {**NEXT, "seconds": seconds + FIRST_LOOK_SECONDS}


def _refused(step: Step, record: ExecutionRecord, refused: Refused) -> Outcome:
    timing = step.definition.environment.timing
    first = min((event.at for event in record.events if event.event == "starting"), default=step.now)
    if refused.code == QUOTA and step.now - first < timedelta(seconds=timing.slot_wait_seconds):
        step.note("queued", "FIS has no free experiment slot", status=Status.QUEUED)
        return wait(until_next_look(step, step.now - first))
    return step.decide(Status.FAILED, f"FIS refused to start: {refused.code}: {refused.message}")
