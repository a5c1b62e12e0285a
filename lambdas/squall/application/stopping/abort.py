"""Aborts a run: first stops the fault, without reading the table; then records why; then wakes the workflow.

Imports nothing heavy, because this is the path from an alarm to StopExperiment.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from squall.application.stopping.cleanup import Cleanup
from squall.application.stopping.run_faults import RunFaults
from squall.domain.base.printable import one_line
from squall.domain.base.vocabulary import AbortSource
from squall.domain.run.commands import read_experiment_command
from squall.domain.run.firing import explain_firing
from squall.domain.run.fis_state import FisExperiment
from squall.domain.run.record import Abort, Event, ExecutionRecord
from squall.domain.run.timeline import EventName
from squall.errors import Refused, Unavailable
from squall.wiring import Wiring

DESCRIPTION = re.compile(r"fis-template=(?P<template>[0-9A-Za-z-]+) execution=(?P<execution>\S+)")
"""The description that CreateTemplate gives every guard."""


class NotAnAbortError(ValueError):
    """The event is neither an alarm event nor an operator's request."""


@dataclass(frozen=True)
class AbortRequest:
    execution_id: str
    template_id: str | None
    source: AbortSource
    reason: str
    by: str
    alarm: str | None = None
    described: bool = True
    """False if the event does not contain the alarm's description, so the template has to be looked up."""


def parse_abort(event: Mapping[str, Any], stack: str) -> AbortRequest | None:
    """The request in an alarm action, in an EventBridge alarm event, or from an operator. None for an alarm that is not
    in ALARM, or not this stack's. Raises NotAnAbortError for anything else."""
    if "alarmData" in event:
        data = event["alarmData"]
        return _parse_alarm(data["alarmName"], data["state"], data.get("configuration"), stack)
    if event.get("detail-type") == "CloudWatch Alarm State Change":
        data = event["detail"]
        return _parse_alarm(data["alarmName"], data["state"], data.get("configuration"), stack)
    if isinstance(event.get("execution_id"), str):
        by = one_line(str(event.get("requested_by") or ""), 256) or "an operator"
        reason = one_line(str(event.get("reason") or ""), 500) or "no reason given"
        peer = one_line(str(event.get("peer") or ""), 64)  # another Region of the same run
        source = AbortSource.PEER if peer else AbortSource.OPERATOR
        return AbortRequest(event["execution_id"], None, source, f"aborted by {peer or by}: {reason}", peer or by)
    raise NotAnAbortError("expected a CloudWatch alarm event or an object with execution_id or campaign_id, a text each")


def _parse_alarm(name: str, state: Mapping[str, Any], configuration: Mapping[str, Any] | None, stack: str) -> AbortRequest | None:
    prefix = f"squall-{stack}-"
    if state["value"] != "ALARM" or not name.startswith(prefix):
        return None
    execution_id = name.removeprefix(prefix).rpartition("-")[0]
    description = (configuration or {}).get("description")
    match = DESCRIPTION.search(description or "")
    source, reason = explain_firing(f"guard {name}", str(state.get("reason") or ""))
    return AbortRequest(
        execution_id,
        match["template"] if match else None,
        source,
        reason,
        name,
        alarm=name,
        described=description is not None,
    )


def abort_execution(w: Wiring, request: AbortRequest) -> dict[str, Any]:
    """Stop, record, wake. Returns what was done; `experiments` is what FIS says of each experiment of the run now.

    Raises Unavailable or Refused, after everything else, if FIS could not be asked everything.
    """
    if request.alarm and request.described and not request.template_id:
        return {"ignored": "the guard is not tied to a fault yet: nothing runs", "execution_id": request.execution_id}
    work = Cleanup(w)
    faults = RunFaults(work, request.execution_id)
    if request.template_id:
        faults.find_in_template(request.template_id)
        faults.stop_found()
    with suppress(Unavailable, Refused):  # if the table is broken, FIS's own tags are enough
        record = w.records.get(request.execution_id)
        if record is not None:
            faults.find_recorded(record)
            faults.stop_found()
    faults.find_tagged()
    faults.stop_found()
    answer = {
        "execution_id": request.execution_id,
        "template_id": request.template_id or next((fis.template_id for fis in faults.experiments), None),
        "stopped": faults.stopped,
        "experiments": {fis.id: _status_now(work, fis) for fis in faults.experiments},
        "left_alone": [str(left) for left in (*work.leftovers, *work.refused)],
        **_record_abort(w, request, faults),
    }
    if work.failures:  # the pulse and the workflow stop the fault, with the reason recorded here
        raise work.failures[0]
    return answer


def _status_now(work: Cleanup, fis: FisExperiment) -> str:
    """What FIS says of the experiment after it was asked to stop it."""
    now = None if fis.terminal else work.attempt(f"state of {fis.id}", read_experiment_command(fis.id), work.w.faults.get, fis.id)
    return (now or fis).status


def _record_abort(w: Wiring, request: AbortRequest, faults: RunFaults) -> dict[str, Any]:
    """Record the reason and wake the workflow. The fault is being stopped already, so an error here is less urgent.

    For an alarm the error is raised: Lambda tries again, and the function's own alarm shows it. An operator gets it in
    the answer.
    """
    now = w.clock.now()
    try:
        record = w.records.get(request.execution_id)
        if record is not None and not faults.running and record.fault_ended_at is not None:
            # This request did not end the fault: StopFault finds the cause in the alarms' history.
            return {"recorded": False, "woken": False, "late": "the fault had ended before"}
        if record is not None and _is_foreign(request, record):
            return {"recorded": False, "woken": False, "foreign": f"{request.alarm} is no guard of this run"}
        recorded = note_abort(w, request.execution_id, Abort(request.source, request.reason, now, request.by), faults.stopped, now)
        woken = wake_execution(w, request.execution_id)
    except (Unavailable, Refused) as error:
        w.logger.exception("stopped, but not recorded", extra={"execution_id": request.execution_id})
        if request.alarm:
            raise
        return {"recorded": False, "woken": False, "error": str(error)}
    return {"recorded": recorded, "woken": woken}


def _is_foreign(request: AbortRequest, record: ExecutionRecord) -> bool:
    """Whether the alarm is a guard of another stack. The name of a guard of stack A-B can be read as one of stack A;
    the record then holds neither the alarm's name nor its template."""
    if request.alarm is None or request.alarm in record.guard_names:
        return False
    return request.template_id is None or request.template_id != record.template_id


def stop_alarms(w: Wiring, record: ExecutionRecord) -> dict[str, str]:
    """The user's own stop alarms of a run: alarm name to a description for people."""
    from squall.application.admission.definitions import find_definition  # noqa: PLC0415 - pydantic; the abort function does without

    definition = find_definition(w, record)
    named = definition.experiment.stop_alarms if definition else ()
    return {alarm.rpartition(":alarm:")[2]: f"stop alarm {alarm.rpartition(':alarm:')[2]!r}" for alarm in named}


def watched_since(record: ExecutionRecord) -> datetime:
    """The time at which every guard was last known to be OK. Alarms that fired since then fired during this fault."""
    checked = [event.at for event in record.happened(EventName.FINALLY_SAFE)]
    return max(checked, default=record.fault_started_at or record.started_at)


def note_abort(w: Wiring, execution_id: str, cause: Abort, stopped: list[str], now: datetime) -> bool:
    """Record the reason, once, and write into the timeline what was stopped. False if another reason was there
    first."""
    recorded = w.records.request_abort(execution_id, cause)
    events = [Event(now, EventName.ABORT_REQUESTED, cause.reason)] if recorded else []
    events += [Event(w.clock.now(), EventName.STOP_REQUESTED, fis_id) for fis_id in stopped]
    if events:
        w.records.append(execution_id, events)
    return recorded


def wake_execution(w: Wiring, execution_id: str) -> bool:
    """Wake the execution if it sleeps on a task token. Call this after the reason was written.

    The caller writes the reason, then this function reads the token. The watcher writes the token, then reads the
    reason. Whatever the order, at least one of the two sees the other.
    """
    record = w.records.get(execution_id)
    return bool(record and record.task_token and w.workflow.wake(record.task_token))
