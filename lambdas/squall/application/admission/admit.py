"""Admission of an execution: its definition, its record, its claim on a schedule's firing."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from squall import admission
from squall.application.admission.deployed import deployed
from squall.application.admission.execution_ids import candidate_ids, is_of
from squall.application.step import END, NEXT, Outcome, is_redriven
from squall.domain.base.printable import one_line
from squall.domain.base.problems import InvalidInput, Problem
from squall.domain.base.vocabulary import Mode, Status
from squall.domain.documents.definition import Definition
from squall.domain.documents.refusal import Refusal
from squall.domain.documents.run import Run
from squall.domain.policy.environment import Environment
from squall.domain.run.record import Event, ExecutionRecord
from squall.domain.run.timeline import EventName
from squall.errors import Refused, Unavailable
from squall.wiring import Wiring

REASON_CHARACTERS = 2000
TRIGGER_KEPT = timedelta(days=2)
"""EventBridge Scheduler retries for at most 24 hours."""


def admit(w: Wiring, event: Mapping[str, Any]) -> Outcome:
    """Validate the whole input at once and open the record, whatever the input is. The answer carries `run` beside the
    outcome."""
    now, execution, raw = w.clock.now(), event["execution"], event.get("input")
    started_at = datetime.fromisoformat(execution["started_at"])
    run = Run(id=next(candidate_ids(execution["name"], started_at)), execution_arn=execution["arn"], started_at=started_at)
    definition, problems = _read_definition(w, raw, execution["name"], run, now)
    if is_redriven(event):
        problems = [Problem(path="$", message="a redriven execution is refused; start a new one")]
    run, record = _open_record(w, run, execution["name"], definition, raw)
    answer = {"run": run.model_dump(mode="json")}
    if record.final:
        return {**END, **answer}
    if definition and not problems:
        problems = _crowd_problems(w, definition, run)
    if definition and not problems and not _claim_trigger(w, definition, run, now):
        problems = [Problem(path="trigger", message="this firing of the schedule already runs in another execution")]
    if problems:
        _reject(w, run, problems, now)
        return {**END, **answer}
    if definition:
        w.documents.put(run.id, definition)
    w.records.update(run.id, events=[Event(now, EventName.ADMITTED)])
    w.lifecycle.emit(record)
    return {**NEXT, **answer}


def _reject(w: Wiring, run: Run, problems: list[Problem], now: datetime) -> None:
    w.documents.put(run.id, Refusal(at=now, problems=tuple(problems)))
    reason = "; ".join(str(problem) for problem in problems)[:REASON_CHARACTERS]
    w.records.update(run.id, events=[Event(now, EventName.REJECTED, reason)], decided_status=Status.REJECTED, reason=reason)


def _read_definition(w: Wiring, raw: object, name: str, run: Run, now: datetime) -> tuple[Definition | None, list[Problem]]:
    """What is to run, or everything that is wrong with the input."""
    partition, account, region = _where(run.execution_arn)
    known = deployed()
    try:
        definition = admission.admit(
            raw, name, known.catalogue, known.environments, account=account, region=region, partition=partition, now=now
        )
        template_id = definition.experiment.fis_template_id
        return (admission.adopted(definition, w.faults.template(template_id)) if template_id else definition), []
    except (Unavailable, Refused) as error:
        return None, [Problem(path="fis_template_id", message=f"the template could not be read: {error}")]
    except InvalidInput as invalid:
        return None, list(invalid.problems)


def _where(execution_arn: str) -> tuple[str, str, str]:
    _, partition, _, region, account, *_ = execution_arn.split(":")
    return partition, account, region


def _open_record(w: Wiring, run: Run, name: str, definition: Definition | None, raw: object) -> tuple[Run, ExecutionRecord]:
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
        admitted_hash=definition.admitted_hash if definition else "",
        promotion_hash=definition.promotion_hash if definition else "",
        requested_by=(definition.requested_by or "") if definition else _text(asked.get("requested_by"), 256),
        trigger=(definition.trigger or "") if definition else "",
    )


def _crowd_problems(w: Wiring, definition: Definition, run: Run) -> list[Problem]:
    """Whether the environment has room for one more run without a fault."""
    environment = definition.environment
    others = len(set(w.records.waiting_ids(environment.name)) - {run.id})
    if others < environment.maximum_waiting:
        return []
    message = f"{others} runs of {environment.name} are open and have had no fault yet"
    return [Problem(path="environment", message=message, expected=f"fewer than {environment.maximum_waiting}")]


def _claim_trigger(w: Wiring, definition: Definition, run: Run, now: datetime) -> bool:
    """Whether this execution may run for the schedule's firing: each firing runs once. A plan injects nothing and takes
    no firing away from the run."""
    if not definition.trigger or definition.mode is Mode.PLAN:
        return True
    schedule_arn, _, scheduled_time = definition.trigger.rpartition("#")
    return w.records.claim_trigger(schedule_arn, scheduled_time, run.id, now + TRIGGER_KEPT)


def deployed_policy(environment: str) -> Environment | None:
    """The policy of an environment as deployed now; None: there is none of that name."""
    raw = deployed().environments.get(environment)
    return Environment.model_validate(raw) if raw is not None else None


def _text(value: object, most: int) -> str:
    """What somebody sent, as one bounded line without lone surrogates, which DynamoDB refuses."""
    return one_line(str(value or ""), most)
