"""Admit: validate the whole input at once and open the record, whatever the input was."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from squall import admission
from squall.application.definitions import deployed
from squall.application.naming import candidate_ids, is_of
from squall.application.step import END, NEXT, Outcome
from squall.domain.documents import Definition, Refusal, Run
from squall.domain.problems import InvalidInput, Problem
from squall.domain.record import Event, ExecutionRecord
from squall.domain.vocabulary import Status
from squall.wiring import Wiring, wire

TRIGGER_KEPT = timedelta(days=2)
"""EventBridge Scheduler retries for at most 24 hours."""


def handler(event: Mapping[str, Any], context: object) -> Outcome:
    w = wire()
    now = w.clock.now()
    execution = event["execution"]
    started_at = datetime.fromisoformat(execution["started_at"])
    run = Run(id=next(candidate_ids(execution["name"], started_at)), execution_arn=execution["arn"], started_at=started_at)
    definition, problems = _admit(event.get("input"), execution["name"], run, now)
    if int(event.get("redrive_count") or 0) > 0:
        problems = [Problem(path="$", message="a redriven execution is refused; start a new one")]
    run, record = _open(w, run, execution["name"], definition, event.get("input"))
    if record.final:
        return {**END, "run": run.model_dump(mode="json")}
    if definition and not problems and not _claimed(w, definition, run, now):
        problems = [Problem(path="trigger", message="this firing of the schedule already runs in another execution")]
    if problems:
        w.documents.put(run.id, "refusal", Refusal(at=now, problems=tuple(problems)))
        reason = "; ".join(str(problem) for problem in problems)[:2000]
        w.records.update(run.id, events=[Event(now, "rejected", reason)], decided_status=Status.REJECTED, reason=reason)
        return {**END, "run": run.model_dump(mode="json")}
    if definition:
        w.documents.put(run.id, "definition", definition)
    w.records.update(run.id, events=[Event(now, "admitted")])
    w.lifecycle.emit(record)
    return {**NEXT, "run": run.model_dump(mode="json")}


def _admit(raw: object, name: str, run: Run, now: datetime) -> tuple[Definition | None, list[Problem]]:
    partition, account, region = _where(run.execution_arn)
    known = deployed()
    try:
        return admission.admit(
            raw, name, known.catalogue, known.environments, account=account, region=region, partition=partition, now=now
        ), []
    except InvalidInput as invalid:
        return None, list(invalid.problems)


def _where(execution_arn: str) -> tuple[str, str, str]:
    _, partition, _, region, account, *_ = execution_arn.split(":")
    return partition, account, region


def _open(w: Wiring, run: Run, name: str, definition: Definition | None, raw: object) -> tuple[Run, ExecutionRecord]:
    """Create the record, under the first id that is not another execution's."""
    for execution_id in candidate_ids(name, run.started_at):
        run = run.model_copy(update={"id": execution_id})
        record = _record(run, definition, raw, w.clock.now())
        if w.records.create(record):
            return run, record
        existing = w.records.get(execution_id)
        if existing and is_of(existing, run.execution_arn, run.started_at):
            return run, existing  # this very execution: Admit is being retried
    raise RuntimeError(f"records of {run.id} and of its name exist and belong to other executions")


def _record(run: Run, definition: Definition | None, raw: object, now: datetime) -> ExecutionRecord:
    asked = raw if isinstance(raw, dict) else {}
    return ExecutionRecord(
        id=run.id,
        execution_arn=run.execution_arn,
        started_at=run.started_at,
        status=Status.RUNNING,
        phase="Admit",
        phase_since=now,
        experiment=definition.experiment.name if definition else _text(asked.get("experiment"), 128),
        environment=definition.environment.name if definition else "",
        fault_type=definition.experiment.type if definition else "",
        definition_hash=definition.definition_hash if definition else "",
        requested_by=(definition.requested_by or "") if definition else _text(asked.get("requested_by"), 256),
        trigger=(definition.trigger or "") if definition else "",
    )


def _claimed(w: Wiring, definition: Definition, run: Run, now: datetime) -> bool:
    if not definition.trigger:
        return True
    schedule_arn, _, scheduled_time = definition.trigger.rpartition("#")
    return w.records.claim_trigger(schedule_arn, scheduled_time, run.id, now + TRIGGER_KEPT)


def _text(value: object, most: int) -> str:
    """What somebody sent, as something DynamoDB takes: no lone surrogates, not endless."""
    return str(value or "")[:most].encode("utf-8", "replace").decode()
