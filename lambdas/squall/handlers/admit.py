"""Admit: validate the whole input at once and open the record, whatever the input was."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from squall.application.admission.admit import admitted, claimed, open_record
from squall.application.admission.execution_ids import candidate_ids
from squall.application.step import END, NEXT, Outcome
from squall.domain.documents.refusal import Refusal
from squall.domain.documents.run import Run
from squall.domain.problems import Problem
from squall.domain.run.record import Event
from squall.domain.vocabulary import Status
from squall.wiring import wire


def handler(event: Mapping[str, Any], context: object) -> Outcome:
    w = wire()
    now = w.clock.now()
    execution = event["execution"]
    started_at = datetime.fromisoformat(execution["started_at"])
    run = Run(id=next(candidate_ids(execution["name"], started_at)), execution_arn=execution["arn"], started_at=started_at)
    definition, problems = admitted(w, event.get("input"), execution["name"], run, now)
    if int(event.get("redrive_count") or 0) > 0:
        problems = [Problem(path="$", message="a redriven execution is refused; start a new one")]
    run, record = open_record(w, run, execution["name"], definition, event.get("input"))
    if record.final:
        return {**END, "run": run.model_dump(mode="json")}
    if definition and not problems and not claimed(w, definition, run, now):
        problems = [Problem(path="trigger", message="this firing of the schedule already runs in another execution")]
    if problems:
        w.documents.put(run.id, Refusal(at=now, problems=tuple(problems)))
        reason = "; ".join(str(problem) for problem in problems)[:2000]
        w.records.update(run.id, events=[Event(now, "rejected", reason)], decided_status=Status.REJECTED, reason=reason)
        return {**END, "run": run.model_dump(mode="json")}
    if definition:
        w.documents.put(run.id, definition)
    w.records.update(run.id, events=[Event(now, "admitted")])
    w.lifecycle.emit(record)
    return {**NEXT, "run": run.model_dump(mode="json")}
