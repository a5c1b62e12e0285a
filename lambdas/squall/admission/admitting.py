"""From the input of an execution to the definition that is run."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import ValidationError

from squall.admission.experiments import parameter_problems, parse_environment, parse_experiment
from squall.admission.overrides import override_problems
from squall.admission.policy import effective, policy_problems, range_problems, unavailable
from squall.admission.raw import MAXIMUM_DEPTH, deeper_than, not_an_object, once, unfit_problems
from squall.domain.base.problems import (
    WHOLE,
    InvalidInput,
    Problem,
    extend_path,
    list_validation_problems,
    prefix_paths,
    show_value,
    suggest,
)
from squall.domain.base.vocabulary import FaultType
from squall.domain.documents.definition import Definition
from squall.domain.experiment.experiment import ExecutionInput, Experiment, Overrides, Trigger
from squall.domain.experiment.hashes import definition_hash, promotion_hash
from squall.domain.language.parse import parse_condition
from squall.domain.metrics import periods
from squall.domain.policy.environment import Environment
from squall.faults import adoption

EXECUTION_NAME = re.compile(r"[0-9A-Za-z_-]{1,80}")


def admit(
    raw_input: object,
    execution_name: str,
    catalogue: Mapping[str, Any],
    environments: Mapping[str, Any],
    *,
    account: str,
    region: str,
    partition: str,
    now: datetime,
) -> Definition:
    """The definition to run. Raises InvalidInput with every problem of the input, the experiment and its environment together."""
    problems = _name_problems(execution_name)
    unfit = unfit_problems(raw_input)
    if unfit or not isinstance(raw_input, Mapping):
        raise InvalidInput([*problems, *(unfit or [not_an_object(raw_input, "the execution input")])])
    if forbidden := _inline_problem(raw_input, environments):  # before the definition is parsed
        raise InvalidInput([*problems, forbidden])
    asked, found = _asked(raw_input)
    problems += found
    experiment, path, found = _chosen(raw_input, catalogue)
    problems += found
    environment, found = _environment_of(experiment, path, raw_input, catalogue, environments)
    problems += found
    if environment is not None:
        problems += prefix_paths(path, _place_problems(environment, account, region))
        if asked is not None:
            problems += _trigger_problems(asked.trigger, environment, _flexible(experiment), now)
    if experiment is not None and environment is not None:
        changed, found = _overridden(experiment, asked, environment)
        problems += found
        problems += prefix_paths(path, range_problems(changed, _not_overridden(changed, asked), environment))
        problems += prefix_paths(path, policy_problems(changed, environment))
    if problems or asked is None or experiment is None or environment is None:
        raise InvalidInput(once(problems))
    return Definition(
        experiment=changed,
        environment=environment,
        mode=asked.mode,
        definition_hash=definition_hash(changed),
        promotion_hash=promotion_hash(changed),
        requested_by=asked.requested_by,
        trigger=trigger_key(asked.trigger) if asked.trigger else None,
        account=account,
        region=region,
        partition=partition,
    )


def _inline_problem(raw: Mapping[str, Any], environments: Mapping[str, Any]) -> Problem | None:
    """Why an inline definition is refused whatever it says: its environment's policy runs the catalogue only."""
    definition = raw.get("definition")
    named = definition.get("environment") if isinstance(definition, Mapping) else None
    policy = environments.get(named) if isinstance(named, str) else None
    if not isinstance(policy, Mapping) or policy.get("inline_definitions") is True:
        return None
    message = f"{named} runs experiments of the catalogue only"
    return Problem(path="definition", message=message, expected="experiment: one of the catalogue's names")


def adopted(definition: Definition, template: Mapping[str, Any] | None) -> Definition:
    """The definition with what its FIS template says, as if the experiment had said it. Raises InvalidInput with every disagreement."""
    experiment, environment = definition.experiment, definition.environment
    if template is None:
        raise InvalidInput([Problem(path=adoption.PATH, message=f"there is no FIS template {experiment.fis_template_id}")])
    if deeper_than(template, MAXIMUM_DEPTH):
        message = f"the FIS template is nested deeper than {MAXIMUM_DEPTH} levels"
        raise InvalidInput([Problem(path=adoption.PATH, message=message)])
    found = adoption.adopt(experiment, template)
    if problems := range_problems(found, effective(found), environment):
        raise InvalidInput(prefix_paths(adoption.PATH, problems))
    return definition.model_copy(
        update={"experiment": found, "definition_hash": definition_hash(found), "promotion_hash": promotion_hash(found)}
    )


def apply_overrides(experiment: Experiment, overrides: Overrides, environment: Environment) -> Experiment:
    """The experiment with another length or other parameters, still inside the fault's and the environment's ranges."""
    changes: dict[str, Any] = {}
    if overrides.duration is not None or overrides.duration_minutes is not None:
        changes |= {"duration": overrides.duration, "duration_minutes": overrides.duration_minutes}
    if overrides.parameters:
        changes["parameters"] = {**experiment.parameters, **overrides.parameters}
    changed = experiment.model_copy(update=changes)
    own = bool(overrides.parameters) and changed.fis_template_id is None
    problems = parameter_problems(changed.type, changed.resource_type, changed.parameters) if own else []
    problems += range_problems(changed, effective(changed, overrides.parameters.keys()), environment)
    problems += override_problems(experiment, overrides.parameters)
    if changed.type is FaultType.CUSTOM and "action" in overrides.parameters:
        message = "which action is run is the definition's to say"
        problems.append(Problem(path="parameters.action", message=message, expected="values only"))
    if changes and changed.length > environment.maximum_duration:
        field = "duration" if overrides.duration is not None else "duration_minutes"
        expected = f"at most {periods.format_length(environment.maximum_duration)}"
        problems.append(Problem(path=field, message=f"longer than {environment.name} allows", expected=expected))
    if problems:
        raise InvalidInput(problems)
    return changed


def trigger_key(trigger: Trigger) -> str:
    """One firing of one schedule: the ARN, `#`, the scheduled time in UTC. What `Definition.trigger` holds."""
    moment = _moment(trigger.scheduled_time)
    return f"{trigger.schedule_arn}#{moment.isoformat() if moment else trigger.scheduled_time}"


def notes(experiment: Experiment) -> list[str]:
    """What is allowed and worth saying: an admitted experiment that could be better guarded."""
    guarded = {parse_condition(text, experiment.declared_units).metric for text in experiment.abort_conditions}
    found = []
    if "response_time" in guarded and "availability" not in guarded:
        found.append("Response time is guarded without availability: requests that are never answered have no response time.")
    if not experiment.rollback_plan.strip():
        found.append("No rollback plan: the safety check will refuse it.")
    return found


def _name_problems(execution_name: str) -> list[Problem]:
    if EXECUTION_NAME.fullmatch(execution_name):
        return []
    message = f"{execution_name[:80]!a} can't name an execution of Squall"
    return [Problem(path="execution.name", message=message, expected="1 to 80 letters, digits, _ and -")]


def _asked(raw: Mapping[str, Any]) -> tuple[ExecutionInput | None, list[Problem]]:
    try:
        return ExecutionInput.model_validate(raw), []
    except ValidationError as error:
        found = list_validation_problems(error, raw, WHOLE, ExecutionInput)
        if raw.get("experiment") is None and raw.get("definition") is None:
            expected = "exactly one of experiment (a catalogue name) and definition"
            found.append(Problem(path="experiment", message="what to run is given once", expected=expected))
        return None, found


def _chosen(raw: Mapping[str, Any], catalogue: Mapping[str, Any]) -> tuple[Experiment | None, str, list[Problem]]:
    """The experiment asked for, by name or inline, and the path its problems are reported under."""
    name, inline = raw.get("experiment"), raw.get("definition")
    path = WHOLE
    if isinstance(name, str) and name not in catalogue:
        offered = ", ".join(sorted(catalogue)[:20]) or "nothing: the catalogue is empty"
        message = f"{show_value(name)} is not in the catalogue{suggest(name, catalogue)}"
        return None, WHOLE, [Problem(path="experiment", message=message, expected=offered)]
    try:
        if isinstance(name, str):
            path = extend_path("catalogue", name)
            return parse_experiment(catalogue[name], path), path, []
        if isinstance(inline, Mapping):
            path = "definition"
            return parse_experiment(inline, path), path, []
    except InvalidInput as invalid:
        raw_experiment = catalogue[name] if isinstance(name, str) else inline
        return None, path, [*invalid.problems, *prefix_paths(path, unavailable(raw_experiment))]
    return None, WHOLE, []


def _environment_of(
    experiment: Experiment | None, path: str, raw: Mapping[str, Any], catalogue: Mapping[str, Any], environments: Mapping[str, Any]
) -> tuple[Environment | None, list[Problem]]:
    """The policy the experiment names, also when the rest of the experiment is wrong."""
    named = experiment.environment if experiment else _environment_named(raw, catalogue)
    if named is None:
        return None, []
    if named not in environments:
        message = f"there is no environment {show_value(named)}{suggest(named, environments)}"
        return None, [
            Problem(path=extend_path(path, "environment"), message=message, expected=", ".join(sorted(environments)) or "none is deployed")
        ]
    path = f"environments.{named}"
    try:
        environment = parse_environment(environments[named], path)
    except InvalidInput as invalid:
        return None, list(invalid.problems)
    if environment.name != named:
        return None, [Problem(path=f"{path}.name", message=f'is "{environment.name}"', expected=f'"{named}"')]
    return environment, []


def _environment_named(raw: Mapping[str, Any], catalogue: Mapping[str, Any]) -> str | None:
    name = raw.get("experiment")
    definition = catalogue.get(name) if isinstance(name, str) else raw.get("definition")
    named = definition.get("environment") if isinstance(definition, Mapping) else None
    return named if isinstance(named, str) else None


def _place_problems(environment: Environment, account: str, region: str) -> Iterator[Problem]:
    places = (("account", account, environment.accounts), ("Region", region, environment.regions))
    for what, here, allowed in places:
        if allowed and here not in allowed:
            message = f"{environment.name} is not in this {what} ({here})"
            yield Problem(path="environment", message=message, expected=", ".join(allowed))


def _flexible(experiment: Experiment | None) -> timedelta:
    """How much later than scheduled EventBridge Scheduler may fire."""
    schedule = experiment.schedule if experiment else None
    return timedelta(minutes=schedule.flexible_minutes if schedule else 0)


def _trigger_problems(trigger: Trigger | None, environment: Environment, flexible: timedelta, now: datetime) -> Iterator[Problem]:
    if trigger is None:
        return
    moment = _moment(trigger.scheduled_time)
    if moment is None:
        message = f"{show_value(trigger.scheduled_time)} is no time"
        yield Problem(path="trigger.scheduled_time", message=message, expected="ISO 8601, such as 2027-01-31T03:00:00Z")
        return
    slack = timedelta(seconds=environment.stale_trigger_seconds)
    if not -slack <= now - moment <= slack + flexible:
        message = f"stale: was due at {moment:%Y-%m-%d %H:%M:%S} UTC, it is {now:%Y-%m-%d %H:%M:%S}"
        window = f" and its window of {periods.format_length(flexible)}" if flexible else ""
        expected = f"within {environment.stale_trigger_seconds} s of the schedule{window}"
        yield Problem(path="trigger.scheduled_time", message=message, expected=expected)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _overridden(experiment: Experiment, asked: ExecutionInput | None, environment: Environment) -> tuple[Experiment, list[Problem]]:
    if asked is None:
        return experiment, []
    try:
        return apply_overrides(experiment, asked.overrides, environment), []
    except InvalidInput as invalid:
        return experiment, prefix_paths("overrides", invalid.problems)


def _not_overridden(experiment: Experiment, asked: ExecutionInput | None) -> dict[str, Any]:
    """Those the definition answers for; what an override gave is reported as the override's."""
    overridden = asked.overrides.parameters if asked else {}
    return {name: value for name, value in effective(experiment).items() if name not in overridden}
