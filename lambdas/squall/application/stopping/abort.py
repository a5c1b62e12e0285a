"""Aborting a run: stop the fault first, with no table read before the stop; then write why, then wake the workflow.

Imports nothing heavy: this is the path from an alarm to StopExperiment.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from squall.domain.run.record import Abort, Event, ExecutionRecord
from squall.domain.run.timeline import EventName
from squall.domain.vocabulary import AbortSource
from squall.errors import Refused, Unavailable
from squall.wiring import Wiring

DESCRIPTION = re.compile(r"fis-template=(?P<template>[0-9A-Za-z-]+) execution=(?P<execution>\S+)")
"""What CreateTemplate writes on every guard."""


class NotAnAbortError(ValueError):
    """The event is none this function understands."""


@dataclass(frozen=True)
class AbortRequest:
    execution_id: str
    template_id: str | None
    source: AbortSource
    reason: str
    by: str
    alarm: str | None = None
    described: bool = True
    """False when the event did not carry the alarm's description and it has to be asked for."""


def parse(event: Mapping[str, Any], stack: str) -> AbortRequest | None:
    """An alarm's own action, EventBridge's alarm event, or an operator's request. None: an alarm that is not in ALARM or not ours.

    Raises NotAnAbortError for anything else.
    """
    if "alarmData" in event:
        data = event["alarmData"]
        return _of_alarm(data["alarmName"], data["state"]["value"], data.get("configuration"), stack)
    if event.get("detail-type") == "CloudWatch Alarm State Change":
        data = event["detail"]
        return _of_alarm(data["alarmName"], data["state"]["value"], data.get("configuration"), stack)
    if isinstance(event.get("execution_id"), str):
        by = str(event.get("requested_by") or "an operator")[:256]
        reason = str(event.get("reason") or "no reason given")[:500]
        return AbortRequest(event["execution_id"], None, AbortSource.OPERATOR, f"aborted by {by}: {reason}", by)
    raise NotAnAbortError("expected a CloudWatch alarm event or an object with execution_id")


def _of_alarm(name: str, state: str, configuration: Mapping[str, Any] | None, stack: str) -> AbortRequest | None:
    prefix = f"squall-{stack}-"
    if state != "ALARM" or not name.startswith(prefix):
        return None
    execution_id = name.removeprefix(prefix).rpartition("-")[0]
    description = (configuration or {}).get("description")
    match = DESCRIPTION.search(description or "")
    return AbortRequest(
        execution_id,
        match["template"] if match else None,
        AbortSource.GUARD,
        f"guard {name} fired",
        name,
        alarm=name,
        described=description is not None,
    )


def abort(w: Wiring, request: AbortRequest) -> dict[str, Any]:
    """Stop, record, wake. Returns what was done; raises only when the fault could not be asked to stop."""
    if request.alarm and request.described and not request.template_id:
        return {"ignored": "the guard is not tied to a fault yet: nothing runs", "execution_id": request.execution_id}
    stopped: list[str] = []
    try:
        template_id = request.template_id or _template_of(w, request.execution_id)
        if template_id:
            stop_template(w, template_id, stopped)
    except (Unavailable, Refused):
        _record(w, request, stopped)  # the pulse and the workflow stop it for the reason that is written here
        raise
    return {"execution_id": request.execution_id, "template_id": template_id, "stopped": stopped, **_record(w, request, stopped)}


def stop_template(w: Wiring, template_id: str, stopped: list[str]) -> None:
    """Ask FIS to stop every experiment of the template that runs; adds the ids of those it was asked for."""
    for fis in w.faults.of_template(template_id):
        if fis.stoppable and w.faults.stop(fis.id):
            stopped.append(fis.id)  # noqa: PERF401 - one at a time: the next may fail


def _template_of(w: Wiring, execution_id: str) -> str | None:
    try:
        record = w.records.get(execution_id)
    except (Unavailable, Refused):  # the table is the broken part: FIS's own tags will do
        record = None
    if record and record.template_id:
        return record.template_id
    templates = w.faults.own_templates(w.settings.stack)
    return next((template.id for template in templates if template.execution_id == execution_id), None)


def _record(w: Wiring, request: AbortRequest, stopped: list[str]) -> dict[str, Any]:
    """After the stop, so an error here can wait: an alarm's delivery fails, which Lambda tries again and the function's own alarm
    shows; an operator is told."""
    now = w.clock.now()
    try:
        if not stopped and _over(w, request.execution_id):
            return {"recorded": False, "woken": False, "late": "the fault had ended before"}
        recorded = note_abort(w, request.execution_id, Abort(request.source, request.reason, now, request.by), stopped, now)
        woken = wake(w, request.execution_id)
    except (Unavailable, Refused) as error:
        w.logger.exception("stopped, but not recorded", extra={"execution_id": request.execution_id})
        if request.alarm:
            raise
        return {"recorded": False, "woken": False, "error": str(error)}
    return {"recorded": recorded, "woken": woken}


def _over(w: Wiring, execution_id: str) -> bool:
    """Nothing that is heard after the fault has ended did end it: StopFault has asked the alarms' history."""
    record = w.records.get(execution_id)
    return record is not None and record.fault_ended_at is not None


def stop_alarms(w: Wiring, record: ExecutionRecord) -> dict[str, str]:
    """The user's own stop alarms of a run: name to words."""
    from squall.domain.documents.definition import Definition  # noqa: PLC0415 - pydantic; the abort function does without

    definition = w.documents.get(record.id, Definition)
    named = definition.experiment.stop_alarms if definition else ()
    return {alarm.rpartition(":alarm:")[2]: f"stop alarm {alarm.rpartition(':alarm:')[2]!r}" for alarm in named}


def watched_since(record: ExecutionRecord) -> datetime:
    """When every guard was last known to be OK: what fired since then fired on this fault."""
    checked = [event.at for event in record.happened(EventName.FINALLY_SAFE)]
    return max(checked, default=record.fault_started_at or record.started_at)


def note_abort(w: Wiring, execution_id: str, why: Abort, stopped: list[str], now: datetime) -> bool:
    """The reason, once; and in the timeline when the alarm was seen and what was stopped."""
    recorded = w.records.request_abort(execution_id, why)
    events = [Event(now, EventName.ABORT_REQUESTED, why.reason)] if recorded else []
    events += [Event(w.clock.now(), EventName.STOP_REQUESTED, fis_id) for fis_id in stopped]
    if events:
        w.records.append(execution_id, events)
    return recorded


def wake(w: Wiring, execution_id: str) -> bool:
    """Read the token after the reason was written: the watcher does it the other way round, so one of both sees the other."""
    record = w.records.get(execution_id)
    return bool(record and record.task_token and w.workflow.wake(record.task_token))
