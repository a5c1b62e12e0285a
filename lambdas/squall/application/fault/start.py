"""Starts the fault, fenced and idempotent. Whoever halts the stack or closes the run meanwhile wins.

The order is what makes this safe:

1. The record says `starting`, only if nobody has closed the run.
2. FIS starts with a client token of the execution, so a repeated call starts nothing new.
3. The record is read again. Whoever closed the run meanwhile deleted the template first: either the start fails, or this function
   sees the closed record and stops what it started.

What FIS would start is compared with what the run compiled right before the start, and what it has started right after.

A part of a run over several Regions asks home and its peers once more right before FIS is called.

The halt flag is read right before and right after the start. A halt sets the flag, then lists what is running. This
function starts the fault, then reads the flag. Whatever the order, at least one of the two sees the other.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from squall.application.fault.template import TAG_SECONDS, compiled_template, may_be_allowed_soon, template_differences
from squall.application.fault.watch import PROOF_SECONDS, seconds_to_first_look, watches_for_end
from squall.application.locks.queue import seconds_until_next_look
from squall.application.messages import send_message
from squall.application.regions.barrier import refuse_to_start
from squall.application.step import END, NEXT, Outcome, Step, wait_for
from squall.application.stopping.abort import note_abort
from squall.application.stopping.halt_flag import refuse_if_halted
from squall.domain.approval.standing import Standing, find_standing
from squall.domain.base.vocabulary import AbortSource, Status
from squall.domain.messages.fault_started import make_message
from squall.domain.run.fis_state import FisExperiment
from squall.domain.run.record import Abort, ExecutionRecord
from squall.domain.run.timeline import EventName
from squall.domain.safety.fis_template import find_differences
from squall.errors import Refused, Unavailable
from squall.faults.plan import bind_plan, find_lead, planned_end

REASON_CHARACTERS = 2000
QUOTA = "ServiceQuotaExceededException"
"""FIS's quota is shared with others, so a slot of this stack does not guarantee a start. The attempt had no effect; the
run waits and is checked again. A part of a run over several Regions does not: the others start without it."""


def start_fault(step: Step) -> Outcome:
    """Start the FIS template of the run. The answer is `next`, with the seconds until the first look at the fault."""
    template_id = step.record.template_id
    if template_id is None:
        return step.reject("there is no FIS template to start")
    if not step.note(EventName.STARTING, template_id):
        return END
    record = step.w.records.get(step.run.id) or step.record
    if record.abort or _end_if_halted(step) or _reject_if_withdrawn(step, record) or _end_if_replaced(step):
        return END
    compiled = compiled_template(step)
    refusal = refuse_to_start(step, record.part) if record.part else None
    return refusal or _start(step, record, template_id, compiled)


def _start(step: Step, record: ExecutionRecord, template_id: str, compiled: Mapping[str, Any]) -> Outcome:
    tags = {"squall:stack": step.w.settings.stack, "squall:execution": step.run.id, "Name": f"squall-{step.run.id}"[:256]}
    try:
        fis = step.w.faults.start(template_id, step.client_token, tags)
    except Refused as refused:
        return _handle_refusal(step, record, refused)
    if not _record_start(step, record, fis, compiled):
        return END
    step.announce(f"fault {fis.id} started")
    _tell_people(step)
    experiment = step.definition.experiment
    looks_late = experiment.observes_longer and not watches_for_end(step)
    plan = bind_plan(step.definition)
    if find_lead(experiment.plan):
        return {**NEXT, "seconds": PROOF_SECONDS}
    length = experiment.observed_length if looks_late else planned_end(plan)
    return {**NEXT, "seconds": int(length.total_seconds()) + seconds_to_first_look(step)}


def _tell_people(step: Step) -> None:
    """Send the message that the fault runs. The fault goes on if that fails; people hear of its end in any case."""
    record = step.w.records.get(step.run.id)
    if record is None or _is_ending(record):
        return
    message = make_message(record, step.definition, step.discovery, stack=step.w.settings.stack, bucket=step.w.settings.bucket)
    try:
        send_message(step.w, message)
    except (Unavailable, Refused) as error:
        step.w.records.append(step.run.id, [step.event(EventName.NOT_ANNOUNCED, f"the message that the fault runs: {error}")])


def _end_if_halted(step: Step) -> bool:
    reason = refuse_if_halted(step.w)
    if reason:
        _note_abort(step, AbortSource.HALT, reason)
    return bool(reason)


def _reject_if_withdrawn(step: Step, record: ExecutionRecord) -> bool:
    """Whether somebody rejected the run after FinalCheck. Then reject the run.

    The voter writes the vote, then reads whether the run is `starting`. The caller wrote `starting`, and this function
    reads the votes after that. Whatever the order, at least one of the two sees the other.
    """
    if record.ask is None:
        return False
    stands, explanation = find_standing(record.ask, record.confirmed_votes, step.w.clock.now())
    if stands is not Standing.REJECTED:
        return False
    step.reject(explanation)
    return True


def _end_if_replaced(step: Step) -> bool:
    """Whether FIS would start something other than what this run compiled: an edited template, or another run's. Then
    reject the run.

    Also true if the run is over and the template can't be read: whoever closed the run deleted it, and IAM denies
    reading what does not carry the stack's tag. Raises Unavailable if the template can't be read for another reason.
    """
    try:
        differences = template_differences(step)
    except Unavailable:
        if not _is_ending(step.w.records.get(step.run.id)):
            raise
        return True
    if differences:
        step.reject(f"the FIS template is not the one that was checked: {'; '.join(differences)}"[:REASON_CHARACTERS])
    return bool(differences)


def _record_start(step: Step, record: ExecutionRecord, fis: FisExperiment, compiled: Mapping[str, Any]) -> bool:
    """Record the fault that has just started. False if it must not go on; then it has been stopped.

    The template may have been edited between the comparison and the start, so the experiment is compared, too.
    """
    halted = refuse_if_halted(step.w)
    differences = "; ".join(find_differences(compiled, fis.answer))
    if halted or differences:
        step.w.faults.stop(fis.id)  # before anything is written, because the table may be what is broken
    experiment, plan = step.definition.experiment, bind_plan(step.definition)
    lead = {"lead_seconds": int(find_lead(experiment.plan).total_seconds())} if find_lead(experiment.plan) else {}
    longer = {"observation_seconds": int(experiment.observed_length.total_seconds())} if experiment.observes_longer else {}
    read_peers = {"peers_read_at": step.w.clock.now()} if record.part else {}  # a second ago, before FIS was called
    recorded = step.note(
        EventName.FAULT_STARTED,
        fis.id,
        status=Status.RUNNING,
        fis_experiment_id=fis.id,
        fault_started_at=record.fault_started_at or fis.started_at or step.w.clock.now(),
        fault_seconds=int(planned_end(plan).total_seconds()),
        **lead,
        **longer,
        **read_peers,
    )
    if halted:
        _note_abort(step, AbortSource.HALT, halted)
    elif differences:
        reason = f"FIS started something other than what was checked: {differences}"
        _note_abort(step, AbortSource.OUTSIDE, reason[:REASON_CHARACTERS])
    elif recorded and not _is_ending(step.w.records.get(step.run.id)):
        return True
    else:
        step.w.faults.stop(fis.id)
    step.w.records.append(step.run.id, [step.event(EventName.LATE_START_STOPPED, fis.id)])
    return False


def _handle_refusal(step: Step, record: ExecutionRecord, refused: Refused) -> Outcome:
    timing = step.definition.environment.timing
    first = min((event.at for event in record.happened(EventName.STARTING)), default=step.now)
    if refused.code == QUOTA and record.part is None and step.now - first < timedelta(seconds=timing.slot_wait_seconds):
        step.note(EventName.QUEUED, "FIS has no free experiment slot", status=Status.QUEUED)
        return wait_for(seconds_until_next_look(step, step.now - first))
    if may_be_allowed_soon(refused, step.now - first):
        return wait_for(TAG_SECONDS)
    why = f"FIS refused to start: {refused.code}: {refused.message}"
    try:
        firing = _firing_stop_alarms(step)
    except (Unavailable, Refused) as error:
        return step.decide(Status.FAILED, f"{why}; whether a stop condition was in ALARM could not be read ({error})")
    if not firing:
        return step.decide(Status.FAILED, why)
    _note_abort(step, AbortSource.GUARD, f"{', '.join(firing)} in ALARM before the fault began; {why}"[:REASON_CHARACTERS])
    return END


def _firing_stop_alarms(step: Step) -> list[str]:
    """The alarms among the template's stop conditions that are in ALARM: a reason for FIS not to start.

    An alarm can fire between FinalCheck and the start. FIS documents no error code for that, so the alarms are asked.
    """
    arns = [condition.get("value", "") for condition in compiled_template(step).get("stopConditions", ())]
    states = step.w.alarms.states([name for arn in arns if (name := arn.partition(":alarm:")[2])])
    return sorted(name for name, alarm in states.items() if alarm.state == "ALARM")


def _note_abort(step: Step, source: AbortSource, reason: str) -> None:
    now = step.w.clock.now()
    note_abort(step.w, step.run.id, Abort(source, reason, now), [], now)


def _is_ending(record: ExecutionRecord | None) -> bool:
    return record is None or record.final or record.abort is not None
