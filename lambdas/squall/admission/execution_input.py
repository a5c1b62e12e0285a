"""Turns the input of an execution into the definition that runs."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from squall.admission.candidate import Candidate, find_candidate, parse_candidate
from squall.admission.environment import parse_environment
from squall.admission.json_limits import find_json_problems, make_type_problem, remove_duplicates
from squall.admission.overrides import apply_overrides
from squall.admission.policy import find_policy_problems, find_ranges_problems
from squall.admission.regions import choose_region, find_campaign_problems, find_radius_problems
from squall.admission.trigger import find_trigger_problems, make_trigger_key
from squall.domain.base.problems import (
    WHOLE,
    InvalidInput,
    Problem,
    extend_path,
    list_validation_problems,
    prefix_paths,
    show_value,
    suggest_name,
)
from squall.domain.documents.definition import Definition
from squall.domain.experiment.execution_input import ONE_SOURCE, ExecutionInput
from squall.domain.experiment.experiment import Experiment
from squall.domain.experiment.hashes import definition_hash, promotion_hash
from squall.domain.experiment.published import DefinitionSource, StoredVersion, content_hash
from squall.domain.policy.environment import Environment

EXECUTION_NAME = re.compile(r"[0-9A-Za-z_-]{1,80}")


@dataclass(frozen=True)
class Place:
    """Where the stack runs."""

    account: str
    region: str
    partition: str


def admit_input(
    raw_input: object,
    execution_name: str,
    catalogue: Mapping[str, Any],
    environments: Mapping[str, Any],
    *,
    published: StoredVersion | None = None,
    place: Place,
    now: datetime,
    planned_part: bool = False,
) -> Definition:
    """The definition to run. Raises InvalidInput with every problem of the input, the experiment and its environment.

    `catalogue` and `environments` are raw, by name, as deployed. `published` is the newest published version under the
    name in the input; None if there is none. `planned_part`: home asks what the part of a run over several Regions at this
    place would run. Nothing is read from AWS.
    """
    problems = _find_name_problems(execution_name)
    json_problems = find_json_problems(raw_input)
    if json_problems or not isinstance(raw_input, Mapping):
        raise InvalidInput([*problems, *(json_problems or [make_type_problem(raw_input, "the execution input")])])
    if forbidden := _find_inline_problem(raw_input, environments):  # before the definition is parsed
        raise InvalidInput([*problems, forbidden])
    request, more = _parse_request(raw_input)
    problems += more
    candidate, more = find_candidate(raw_input, catalogue, published)
    problems += more
    path = candidate.path if candidate else WHOLE
    whole = candidate.raw if candidate else None
    if request is None and "part" in raw_input:  # nobody can tell which Region's experiment was meant
        raise InvalidInput(remove_duplicates(problems))
    candidate, more = choose_region(candidate, request.part if request else None, place.region, planned=planned_part)
    problems += more
    experiment, more = parse_candidate(candidate)
    problems += more
    environment, more = _choose_environment(experiment, candidate, environments)
    problems += more
    if candidate is not None and environment is not None:
        problems += _find_source_problems(candidate.source, environment)
        problems += prefix_paths(path, _find_place_problems(environment, place))
        if request is not None:
            problems += find_trigger_problems(
                request.trigger, experiment.schedule if experiment else None, environment.stale_trigger_seconds, now
            )
    if experiment is not None and environment is not None:
        changed, more = _override_experiment(experiment, request, environment)
        problems += more
        problems += prefix_paths(path, find_ranges_problems(changed, environment, request.overrides.parameters if request else ()))
        problems += prefix_paths(path, find_policy_problems(changed, environment))
        if planned_part or (request is not None and request.part):
            problems += prefix_paths(path, find_radius_problems(environment))
            problems += find_campaign_problems(environment, request.part if request else None)
        prefix = f"arn:{place.partition}:cloudwatch:{place.region}:{place.account}:"
        problems += prefix_paths(path, _find_alarm_problems(changed, prefix))
    if problems or request is None or candidate is None or experiment is None or environment is None:
        raise InvalidInput(remove_duplicates(problems))
    definition = Definition(
        experiment=changed,
        environment=environment,
        mode=request.mode,
        definition_hash=definition_hash(changed),
        promotion_hash=promotion_hash(changed),
        source=candidate.source.model_copy(update={"hash": content_hash(whole)}),
        requested_by=request.requested_by,
        trigger=make_trigger_key(request.trigger) if request.trigger else None,
        account=place.account,
        region=place.region,
        partition=place.partition,
    )
    if request.part and request.part.definition_hash != definition.definition_hash:
        message = f"home has admitted another experiment for {place.region} than this stack would run"
        raise InvalidInput([Problem(path="part.definition_hash", message=message, expected="the same definition in every Region")])
    return definition


def _find_inline_problem(raw: Mapping[str, Any], environments: Mapping[str, Any]) -> Problem | None:
    """Why an inline definition is refused without being parsed: the policy of its environment runs only the
    catalogue."""
    definition = raw.get("definition")
    name = definition.get("environment") if isinstance(definition, Mapping) else None
    policy = environments.get(name) if isinstance(name, str) else None
    if not isinstance(policy, Mapping) or policy.get("inline_definitions") is True:
        return None
    message = f"{name} runs experiments of the catalogue only"
    return Problem(path="definition", message=message, expected="experiment: the name of one in the catalogue")


def _find_name_problems(execution_name: str) -> list[Problem]:
    if EXECUTION_NAME.fullmatch(execution_name):
        return []
    message = f"{execution_name[:80]!a} can't be the name of an execution of Squall"
    return [Problem(path="execution.name", message=message, expected="1 to 80 letters, digits, _ and -")]


def _parse_request(raw: Mapping[str, Any]) -> tuple[ExecutionInput | None, list[Problem]]:
    """The input as a model, or its problems."""
    try:
        return ExecutionInput.model_validate(raw), []
    except ValidationError as error:
        problems = list_validation_problems(error, raw, WHOLE, ExecutionInput)
        if raw.get("experiment") is None and raw.get("definition") is None:
            problems.append(Problem(path="experiment", message="nothing says what to run", expected=ONE_SOURCE))
        return None, problems


def _choose_environment(
    experiment: Experiment | None, candidate: Candidate | None, environments: Mapping[str, Any]
) -> tuple[Environment | None, list[Problem]]:
    """The policy that the experiment names, even if something else in the experiment is wrong."""
    name = experiment.environment if experiment else _read_environment_name(candidate)
    if candidate is None or name is None:
        return None, []
    if name not in environments:
        message = f"there is no environment {show_value(name)}{suggest_name(name, environments)}"
        expected = ", ".join(sorted(environments)) or "none is deployed"
        return None, [Problem(path=extend_path(candidate.path, "environment"), message=message, expected=expected)]
    path = f"environments.{name}"
    try:
        environment = parse_environment(environments[name], path)
    except InvalidInput as invalid:
        return None, list(invalid.problems)
    if environment.name != name:
        return None, [Problem(path=f"{path}.name", message=f'is "{environment.name}"', expected=f'"{name}"')]
    return environment, []


def _read_environment_name(candidate: Candidate | None) -> str | None:
    """The name of the environment in an experiment that could not be parsed."""
    name = candidate.raw.get("environment") if candidate and isinstance(candidate.raw, Mapping) else None
    return name if isinstance(name, str) else None


def _find_source_problems(source: DefinitionSource, environment: Environment) -> Iterator[Problem]:
    """Whether the environment takes experiments from there. Inline ones are refused before they are parsed."""
    if source.kind == "published" and environment.catalogue != "published":
        message = f"{environment.name} runs deployed experiments only; {source.name} is published"
        yield Problem(path="experiment", message=message, expected="an experiment that is deployed with the stack")


def _find_place_problems(environment: Environment, place: Place) -> Iterator[Problem]:
    places = (("account", place.account, environment.accounts), ("Region", place.region, environment.regions))
    for noun, here, allowed in places:
        if allowed and here not in allowed:
            message = f"{environment.name} is not in this {noun} ({here})"
            yield Problem(path="environment", message=message, expected=", ".join(allowed))


def _find_alarm_problems(experiment: Experiment, place: str) -> Iterator[Problem]:
    """Stop alarms that FIS could not watch: they are in another partition, account or Region."""
    for number, alarm in enumerate(experiment.stop_alarms):
        if alarm.startswith("arn:") and not alarm.startswith(place):
            message = f"{alarm} is an alarm of another account or Region"
            yield Problem(path=f"stop_alarms[{number}]", message=message, expected=f"an alarm of this one: {place}alarm:…")


def _override_experiment(
    experiment: Experiment, request: ExecutionInput | None, environment: Environment
) -> tuple[Experiment, list[Problem]]:
    if request is None:
        return experiment, []
    try:
        return apply_overrides(experiment, request.overrides, environment), []
    except InvalidInput as invalid:
        return experiment, prefix_paths("overrides", invalid.problems)
