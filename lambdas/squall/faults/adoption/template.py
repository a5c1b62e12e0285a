"""Reads a FIS template that somebody else made as an experiment. What is then compiled and started is Squall's own
template.

Only what an experiment of the catalogue could also say is taken from the template. Every disagreement is a problem with
its path, and so is every key that is neither carried over nor replaced.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from squall.domain.base.problems import WHOLE, InvalidInput, Problem, extend_path, list_validation_problems, prefix_paths
from squall.domain.base.vocabulary import FaultType, ResourceType
from squall.domain.documents.definition import Definition
from squall.domain.experiment.experiment import Experiment
from squall.domain.metrics.periods import format_length
from squall.domain.run.fis_state import WAIT
from squall.faults import registry
from squall.faults.adoption.actions import find_length, find_unfit, is_one_fault, read_action, read_observation, with_target_parameters
from squall.faults.adoption.entries import choose_entry, is_known
from squall.faults.adoption.keys import PATH, find_double, find_unknown_keys
from squall.faults.adoption.lengths import OBSERVATION, find_range_problems, with_template_lengths
from squall.faults.adoption.place import find_other_place, find_place_problem
from squall.faults.adoption.scenario import read_scenario
from squall.faults.adoption.selections import choose_targets
from squall.faults.base import AnyFault
from squall.faults.plan import BoundFault, planned_end

REPLACED = {
    "roleArn": "the environment's FIS role",
    "tags": "tags of its own",
    "logConfiguration": "its own record",
    "experimentReportConfiguration": "its own report",
}
"""What Squall replaces by its own, and by what: the role, and where FIS writes."""
DECIDED = {
    "fisPodSecurityPolicy": "Squall takes the one that the namespace asks for",
    "completeIfInstancesTerminated": "Squall says true, because a group may terminate a stopped instance before FIS starts it again",
}
"""Parameters of actions that Squall decides in any case, and how."""
ABOUT_ITSELF = ("id", "arn", "description", "creationTime", "lastUpdateTime")
"""What is about the template itself: its names, and when it was made."""
KEYS = ("targets", "actions", "stopConditions", "experimentOptions", "targetAccountConfigurationsCount", *ABOUT_ITSELF, *REPLACED)


def apply_template(definition: Definition, template: Mapping[str, Any]) -> Experiment:
    """The definition's experiment with the template's targets and parameters. `template` is what GetExperimentTemplate
    answers.

    Raises InvalidInput with every disagreement between the two, and with everything in the template that Squall would
    not do.
    """
    experiment = definition.experiment
    actions: Mapping[str, Mapping[str, Any]] = template.get("actions", {})
    targets: Mapping[str, Mapping[str, Any]] = template.get("targets", {})
    injecting = {name: action for name, action in actions.items() if action.get("actionId") != WAIT}
    problems = [*find_double(experiment), *prefix_paths(PATH, _find_surroundings(definition, template))]
    problems += find_range_problems(experiment)
    if problems and experiment.faults:
        raise InvalidInput(problems)
    if not injecting or is_one_fault(injecting, targets):
        fault, target, parameters = read_template(definition, template)
        observation = read_observation(actions, fault, with_template_lengths(experiment, find_length(actions, fault)))
        if OBSERVATION in experiment.override_ranges and experiment.observation is not None:
            observation = experiment.observation
        return _with_rollback(definition, _with_template(experiment, fault.type, target, parameters, observation))
    return _with_rollback(definition, _with_scenario(definition, actions, targets, problems))


def read_template(definition: Definition, template: Mapping[str, Any]) -> tuple[AnyFault, dict[str, Any], dict[str, Any]]:
    """The fault, the target and the parameters of an experiment that is one fault, as the template says them.
    `read_observation` reads what its waits say.

    Raises InvalidInput as `apply_template` does, apart from the problems of the experiment as a whole.
    """
    experiment = definition.experiment
    problems = [*find_double(experiment), *prefix_paths(PATH, _find_surroundings(definition, template))]
    problems += find_range_problems(experiment)
    actions: Mapping[str, Mapping[str, Any]] = template.get("actions", {})
    injecting = {name: action for name, action in actions.items() if action.get("actionId") != WAIT}
    targets: Mapping[str, Mapping[str, Any]] = template.get("targets", {})
    if not injecting:
        nothing = Problem(path=extend_path(PATH, "actions"), message="nothing is injected", expected="an action other than a wait")
        raise InvalidInput([*problems, nothing])
    used = {name: targets.get(name, {}) for action in injecting.values() for name in action.get("targets", {}).values()}
    try:
        fault = _choose_fault(definition, injecting, used)
    except InvalidInput as invalid:
        raise InvalidInput([*problems, *prefix_paths(extend_path(PATH, "actions"), invalid.problems)]) from None
    experiment = with_template_lengths(experiment, find_length(actions, fault))
    parameters: list[dict[str, Any]] = []
    for name, action in injecting.items():
        problems += prefix_paths(extend_path(PATH, "actions", name), find_other_place(definition, action))
        try:
            if find_place_problem(definition, action) is None:
                parameters.append(read_action(with_target_parameters(action, targets, fault), fault, experiment.length))
        except InvalidInput as invalid:
            problems += prefix_paths(extend_path(PATH, "actions", name), invalid.problems)
    try:
        read_observation(actions, fault, experiment)
    except InvalidInput as invalid:
        problems += prefix_paths(extend_path(PATH, "actions"), invalid.problems)
    target: dict[str, Any] = {}
    try:
        if used or not problems:  # an action that Squall does not know may need no target
            target = choose_targets(definition, used, fault)
    except InvalidInput as invalid:
        problems += prefix_paths(extend_path(PATH, "targets"), invalid.problems)
    if problems:
        raise InvalidInput(dict.fromkeys(problems))
    return fault, target, parameters[0]


def _explain_unlisted(definition: Definition, action: Mapping[str, Any]) -> list[Problem]:
    """Why an experiment of type `custom` can't run an action that no entry of the policy lists."""
    if (elsewhere := find_place_problem(definition, action)) is not None:
        return [elsewhere]
    unfit = find_unfit(str(action.get("actionId")), action.get("parameters", {}), registry.get_fault(FaultType.CUSTOM))
    return [unfit] if unfit else []


def list_replaced(template: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What of a template that is adopted has no effect, or is replaced by Squall's own: each with its path, and why."""
    for key, own in REPLACED.items():
        if template.get(key):
            yield key, f"Squall has {own}"
    if template.get("experimentOptions", {}).get("emptyTargetResolutionMode") == "skip":
        yield "experimentOptions.emptyTargetResolutionMode", "Squall refuses a run that finds no target"
    actions = template.get("actions", {})
    for name, action in actions.items():
        for parameter, own in DECIDED.items():
            if action.get("parameters", {}).get(parameter):
                yield extend_path("actions", name, "parameters", parameter), own
    used = {target for action in actions.values() for target in action.get("targets", {}).values()}
    for name in template.get("targets", {}):
        if name not in used:
            yield extend_path("targets", name), "is a target that no action uses"


def _choose_fault(definition: Definition, injecting: Mapping[str, Mapping[str, Any]], used: Mapping[str, Mapping[str, Any]]) -> AnyFault:
    """The fault of the experiment's type; or, where no module knows the action, that of the policy's entry. Raises
    InvalidInput with paths below the actions."""
    (planned,) = definition.experiment.plan
    name, action = next(iter(injecting.items()))
    if not is_known(action, planned.type):
        try:
            entry = choose_entry(definition, action, used)
        except InvalidInput as invalid:
            raise InvalidInput(prefix_paths(name, invalid.problems)) from None
        if entry is not None:
            return entry
        if planned.type is FaultType.CUSTOM:
            raise InvalidInput(prefix_paths(name, _explain_unlisted(definition, action)))
    return registry.get_fault(planned.type, _resource_type(planned.type, used.values()))


def _with_scenario(
    definition: Definition, actions: Mapping[str, Any], targets: Mapping[str, Any], problems: Sequence[Problem]
) -> Experiment:
    """The experiment with the faults of the template. Its length is that of those of which the template says none."""
    try:
        faults, observed = read_scenario(definition, actions, targets)
    except InvalidInput as invalid:
        raise InvalidInput(dict.fromkeys([*problems, *prefix_paths(PATH, invalid.problems)])) from None
    if problems:
        raise InvalidInput(problems)
    experiment = definition.experiment
    raw = {**experiment.model_dump(mode="json", exclude={"type", "target", "target_resources", "parameters"}), "faults": faults}
    adopted = _validate(raw)
    end = planned_end([BoundFault(planned, registry.bind_fault(planned, definition.environment)) for planned in adopted.plan])
    if observed is None or observed <= end:  # until then a scenario is watched in any case
        return adopted
    replaced = OBSERVATION in experiment.override_ranges and experiment.observation is not None
    if not replaced and experiment.observation not in (None, observed):
        message = f"a wait ends {format_length(observed)} after the first fault began, the observation lasts "
        message += format_length(experiment.observation or observed)
        raise InvalidInput([Problem(path=extend_path(PATH, "actions"), message=message, expected=format_length(observed))])
    return adopted if replaced else _validate({**raw, "observation": observed})


def _with_template(
    experiment: Experiment, fault_type: FaultType, target: Mapping[str, Any], parameters: Mapping[str, Any], observation: timedelta | None
) -> Experiment:
    """The experiment as if it had been written with these values. It is validated in the same way."""
    longer = observation if observation is not None and (experiment.observation is not None or observation > experiment.length) else None
    read = {"type": fault_type, "target": target, "parameters": parameters, "observation": longer}
    return _validate({**experiment.model_dump(mode="json"), **read})


def _with_rollback(definition: Definition, adopted: Experiment) -> Experiment:
    """The experiment with what undoes its custom actions by the policy's entries, which no template can say. Where one rollback
    does not undo all of them, it gets none, and is refused."""
    names = (str(planned.parameters.get("action")) for planned in adopted.plan if planned.type is FaultType.CUSTOM)
    entries = (definition.environment.custom_actions[name] for name in names)
    needed = [entry.rollback for entry in entries if not entry.self_reverting]
    if adopted.rollback is not None or not needed or any(rollback != needed[0] for rollback in needed):
        return adopted
    return adopted.model_copy(update={"rollback": needed[0]})


def _validate(raw: Mapping[str, Any]) -> Experiment:
    try:
        return Experiment.model_validate(raw)
    except ValidationError as error:
        raise InvalidInput(prefix_paths(PATH, list_validation_problems(error, raw, WHOLE, Experiment))) from None


def _find_surroundings(definition: Definition, template: Mapping[str, Any]) -> Iterator[Problem]:
    """Problems of the template as a whole: keys that Squall does not know, stop conditions that would be lost, and
    other accounts, which Squall does not hit."""
    yield from find_unknown_keys(template, KEYS)
    known = {definition.alarm_arn(alarm) for alarm in definition.experiment.stop_alarms}
    for number, condition in enumerate(template.get("stopConditions", ())):
        path = extend_path("stopConditions", number)
        yield from prefix_paths(path, find_unknown_keys(condition, ("source", "value")))
        alarm = str(condition.get("value", ""))
        match condition.get("source"):
            case "none":
                continue
            case "aws:cloudwatch:alarm" if alarm in known:
                continue
            case "aws:cloudwatch:alarm" if not definition.is_here(alarm):
                message = f"the template stops on {alarm}, an alarm of another account or Region"
                yield Problem(path=path, message=message, expected=f"an alarm of {definition.account} in {definition.region}")
            case "aws:cloudwatch:alarm":
                name = alarm.rpartition(":alarm:")[2]
                message = f"the template stops on the alarm {name!r}, the experiment does not"
                yield Problem(path=path, message=message, expected=f"stop_alarms with {name}")
            case other:
                message = f"the template stops on {other}, which Squall does not know"
                yield Problem(path=path, message=message, expected="aws:cloudwatch:alarm or none")
    options = template.get("experimentOptions", {})
    yield from prefix_paths("experimentOptions", find_unknown_keys(options, ("accountTargeting", "emptyTargetResolutionMode")))
    if options.get("accountTargeting") == "multi-account":
        yield Problem(path="experimentOptions.accountTargeting", message="it targets other accounts", expected="single-account")
    elif template.get("targetAccountConfigurationsCount"):
        yield Problem(path="targetAccountConfigurationsCount", message="it targets other accounts", expected="a template of one account")


def _resource_type(fault_type: FaultType, used: Iterable[Mapping[str, Any]]) -> ResourceType:
    """The type of the targets if the fault can be injected into it; else the first type that it can be injected
    into."""
    known, types = registry.resource_types(fault_type), {target.get("resourceType") for target in used}
    return next((kind for kind in known if kind in types), known[0])
