"""Admits an execution: reads its definition, opens its record, and claims the firing of a schedule."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from squall.admission.adopted_template import adopt_template
from squall.admission.campaign import NamedRegions, split_regions
from squall.admission.candidate import find_candidate
from squall.admission.execution_input import Place, admit_input
from squall.application.admission.deployed import load_deployed
from squall.application.admission.execution_ids import belongs_to_execution, list_candidate_ids
from squall.application.admission.published import find_published
from squall.application.campaign.step import find_campaign_problems, find_late_problems
from squall.application.regions.admission import find_part_problems, read_part
from squall.application.step import END, NEXT, Outcome, is_redriven
from squall.domain.base.printable import one_line
from squall.domain.base.problems import WHOLE, InvalidInput, Problem
from squall.domain.base.vocabulary import Mode, Status
from squall.domain.documents.definition import Definition
from squall.domain.documents.refusal import Refusal
from squall.domain.documents.run import Run
from squall.domain.policy.environment import Environment
from squall.domain.run.part import Part
from squall.domain.run.record import Event, ExecutionRecord
from squall.domain.run.timeline import EventName
from squall.errors import Refused, Unavailable
from squall.wiring import Wiring

REASON_CHARACTERS = 2000
MOST_PROBLEMS = 100
"""How many problems of an input are kept. An input of 60 KB could have thousands, and a refusal of megabytes."""
TRIGGER_RETENTION = timedelta(days=2)
"""How long a firing stays claimed. EventBridge Scheduler retries for at most 24 hours."""


def admit_execution(w: Wiring, event: Mapping[str, Any]) -> Outcome:
    """Validate the whole input at once and open the record, even if the input is invalid. The answer contains `run`
    beside the outcome."""
    now, execution, raw = w.clock.now(), event["execution"], event.get("input")
    started_at = datetime.fromisoformat(execution["started_at"])
    run = Run(id=next(list_candidate_ids(execution["name"], started_at)), execution_arn=execution["arn"], started_at=started_at)
    definition, problems = read_definition(w, raw, execution["name"], run.execution_arn, now)
    if is_redriven(event):
        problems = [Problem(path="$", message="a redriven execution is refused; start a new one")]
    part = read_part(raw, _read_place(run.execution_arn).region)
    run, record = _open_record(w, run, execution["name"], definition, raw, part)
    answer = {"run": run.model_dump(mode="json")}
    if record.final:
        return {**END, **answer}
    if definition and not problems:
        problems = _find_crowd_problems(w, definition, run)
    if definition and not problems:
        problems = find_campaign_problems(w, raw, run)
    if definition and not problems:
        problems = find_part_problems(w, part, run, now) or find_late_problems(raw, run)
    if definition and not problems and not _claim_trigger(w, definition, run, now):
        problems = [Problem(path="trigger", message="this firing of the schedule already runs in another execution")]
    if problems:
        _reject_run(w, run, problems, now)
        return {**END, **answer}
    if definition:
        w.documents.put(run.id, definition)
    w.records.update(run.id, events=[Event(now, EventName.ADMITTED, _describe_origin(definition) if definition else "")])
    w.lifecycle.emit(record)
    return {**NEXT, **answer}


def _describe_origin(definition: Definition) -> str:
    """The published version that runs, and what of an adopted template it leaves out."""
    parts = [str(definition.source)] if definition.source.kind == "published" else []
    if definition.not_carried_over:
        left_out = "; ".join(definition.not_carried_over)
        parts.append(f"{definition.experiment.fis_template_id}, of which is not carried over: {left_out}")
    return "; ".join(parts)


def _reject_run(w: Wiring, run: Run, problems: list[Problem], now: datetime) -> None:
    left_off = len(problems) - MOST_PROBLEMS
    if left_off > 0:
        problems = [*problems[:MOST_PROBLEMS], Problem(path=WHOLE, message=f"has {left_off} more problems")]
    w.documents.put(run.id, Refusal(at=now, problems=tuple(problems)))
    reason = "; ".join(str(problem) for problem in problems)[:REASON_CHARACTERS]
    w.records.update(run.id, events=[Event(now, EventName.REJECTED, reason)], decided_status=Status.REJECTED, reason=reason)


def read_definition(
    w: Wiring, raw: object, name: str, execution_arn: str, now: datetime, *, region: str = ""
) -> tuple[Definition | None, list[Problem]]:
    """The definition that an execution of this name and input would run, or every problem of the input. `region`: the Region
    of a part that home plans, by the experiments and policies that are deployed here; its own stack checks it again."""
    definitions = load_deployed()
    try:
        published = find_published(w, raw, definitions.environments)
    except (Unavailable, Refused) as error:  # the name could be ambiguous, or the newest version a retirement
        return None, [Problem(path="experiment", message=f"the published catalogue could not be read: {error}")]
    try:
        place = _read_place(execution_arn)
        place = replace(place, region=region) if region else place
        definition = admit_input(
            raw,
            name,
            definitions.catalogue,
            definitions.environments,
            published=published,
            place=place,
            now=now,
            planned_part=bool(region),
        )
        template_id = definition.experiment.fis_template_id
        return (adopt_template(definition, w.faults.template(template_id)) if template_id else definition), []
    except (Unavailable, Refused) as error:
        return None, [Problem(path="fis_template_id", message=f"the template could not be read: {error}")]
    except InvalidInput as invalid:
        return None, list(invalid.problems)


def list_regions(w: Wiring, name: str) -> tuple[NamedRegions, list[Problem]]:
    """The Regions that an experiment of the catalogue names, or why it names none."""
    definitions = load_deployed()
    try:
        published = find_published(w, {"experiment": name}, definitions.environments)
    except (Unavailable, Refused) as error:
        return {}, [Problem(path="experiment", message=f"the published catalogue could not be read: {error}")]
    candidate, problems = find_candidate({"experiment": name}, definitions.catalogue, published)
    return split_regions(candidate.raw) if candidate else ({}, problems)


def _read_place(execution_arn: str) -> Place:
    _, partition, _, region, account, *_ = execution_arn.split(":")
    return Place(account, region, partition)


def _open_record(
    w: Wiring, run: Run, name: str, definition: Definition | None, raw: object, part: Part | None
) -> tuple[Run, ExecutionRecord]:
    """Create the record under the first id that no other execution has."""
    for execution_id in list_candidate_ids(name, run.started_at):
        run = run.model_copy(update={"id": execution_id})
        record = _make_record(run, definition, raw, part, w.clock.now())
        if w.records.create(record):
            return run, record
        existing = w.records.get(execution_id)
        if existing and belongs_to_execution(existing, run.execution_arn, run.started_at):
            return run, existing  # Step Functions retries Admit for this execution
    raise RuntimeError(f"the records of {run.id} and of its name exist and belong to other executions")


def _make_record(run: Run, definition: Definition | None, raw: object, part: Part | None, now: datetime) -> ExecutionRecord:
    fields = raw if isinstance(raw, dict) else {}
    inline = fields.get("definition")
    asked: Mapping[str, object] = inline if isinstance(inline, dict) else {}
    return ExecutionRecord(
        id=run.id,
        execution_arn=run.execution_arn,
        started_at=run.started_at,
        status=Status.RUNNING,
        phase="Admit",
        phase_since=now,
        experiment=definition.experiment.name if definition else _bound_text(fields.get("experiment") or asked.get("name"), 128),
        environment=definition.environment.name if definition else "",
        fault_type=definition.experiment.kind if definition else "",
        definition_hash=definition.definition_hash if definition else "",
        admitted_hash=definition.admitted_hash if definition else "",
        promotion_hash=definition.promotion_hash if definition else "",
        source=definition.source.kind if definition else "",
        source_version=definition.source.version if definition else None,
        source_hash=definition.source.hash if definition else "",
        requested_by=(definition.requested_by or "") if definition else _bound_text(fields.get("requested_by"), 256),
        trigger=(definition.trigger or "") if definition else "",
        only_plans=(definition.mode if definition else fields.get("mode")) == Mode.PLAN,
        part=part,
    )


def _find_crowd_problems(w: Wiring, definition: Definition, run: Run) -> list[Problem]:
    """Whether the environment has room for one more run without a fault."""
    environment = definition.environment
    others = len(set(w.records.waiting_ids(environment.name)) - {run.id})
    if others < environment.maximum_waiting:
        return []
    message = f"{others} runs of {environment.name} are open and have had no fault yet"
    return [Problem(path="environment", message=message, expected=f"fewer than {environment.maximum_waiting}")]


def _claim_trigger(w: Wiring, definition: Definition, run: Run, now: datetime) -> bool:
    """Claim the firing of the schedule, so that each firing runs once. False if another execution has claimed it. A plan
    injects nothing, so it claims no firing."""
    if not definition.trigger or definition.mode is Mode.PLAN:
        return True
    schedule_arn, _, scheduled_time = definition.trigger.rpartition("#")
    return w.records.claim_trigger(schedule_arn, scheduled_time, run.id, now + TRIGGER_RETENTION)


def load_deployed_policy(environment: str) -> Environment | None:
    """The policy of an environment as deployed now; None if no policy of that name is deployed."""
    raw = load_deployed().environments.get(environment)
    return Environment.model_validate(raw) if raw is not None else None


def _bound_text(value: object, most: int) -> str:
    """Text from the input as one line of at most `most` characters, without lone surrogates, which DynamoDB refuses."""
    return one_line(str(value or ""), most)
