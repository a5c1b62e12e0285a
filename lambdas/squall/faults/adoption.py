"""Reads a FIS template that somebody else made as an experiment. What is then compiled and started is Squall's own
template.

Only what an experiment of the catalogue could also say is taken from the template. Every disagreement is a problem with
its path.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from squall.domain.base.problems import WHOLE, InvalidInput, Problem, extend_path, list_validation_problems, prefix_paths
from squall.domain.base.vocabulary import BlastRadius, FaultType, ResourceType
from squall.domain.experiment.experiment import Experiment
from squall.faults import registry
from squall.faults.base import AnyFault
from squall.faults.fis import WAIT
from squall.faults.mechanisms.send_command import SEND, document_of
from squall.faults.parameters import length_problems

PATH = "fis_template_id"
FILTERS: Mapping[ResourceType, Mapping[str, str]] = {
    ResourceType.INSTANCE: {"State.Name": "instance-state-name", "Placement.AvailabilityZone": "availability-zone"},
}
"""FIS's filter paths to the filters of Squall."""
PARAMETERS: Mapping[ResourceType, Mapping[str, str]] = {ResourceType.ECS_TASK: {"cluster": "cluster", "service": "service"}}
"""Parameters of FIS's targets that narrow the choice, to the same filters."""


def apply_template(experiment: Experiment, template: Mapping[str, Any]) -> Experiment:
    """The experiment with the template's targets and parameters. `template` is what GetExperimentTemplate answers.

    Raises InvalidInput with every disagreement between the two, and with everything in the template that Squall would
    not do.
    """
    problems = [*_find_double(experiment), *prefix_paths(PATH, _find_surroundings(experiment, template))]
    actions: Mapping[str, Mapping[str, Any]] = template.get("actions", {})
    injecting = [action for action in actions.values() if action.get("actionId") != WAIT]
    if not injecting:
        problems.append(Problem(path=extend_path(PATH, "actions"), message="nothing is injected", expected="an action other than a wait"))
    used = _targets_of(template.get("targets", {}), injecting)
    fault = registry.get_fault(experiment.type, _resource_type(experiment.type, used))
    parameters: list[dict[str, Any]] = []
    for name, action in actions.items():
        try:
            parameters += _read_action(action, fault, experiment)
        except InvalidInput as invalid:
            problems += prefix_paths(extend_path(PATH, "actions", name), invalid.problems)
    if any(other != parameters[0] for other in parameters):
        message = "the actions differ in their parameters: an experiment has one fault"
        problems.append(Problem(path=extend_path(PATH, "actions"), message=message, expected="the same parameters in each"))
    problems += prefix_paths(extend_path(PATH, "targets"), _find_target_problems(experiment, used, fault) if injecting else ())
    if problems:
        raise InvalidInput(dict.fromkeys(problems))
    return _with_template(experiment, _make_target(used, fault.resource_type), parameters[0])


def _with_template(experiment: Experiment, target: Mapping[str, Any], parameters: Mapping[str, Any]) -> Experiment:
    """The experiment as if it had been written with these values. It is validated in the same way."""
    raw = {**experiment.model_dump(mode="json"), "target": target, "parameters": parameters}
    try:
        return Experiment.model_validate(raw)
    except ValidationError as error:
        raise InvalidInput(prefix_paths(PATH, list_validation_problems(error, raw, WHOLE, Experiment))) from None


def _find_double(experiment: Experiment) -> Iterator[Problem]:
    fields = {
        "target_resources": experiment.target_resources,
        "target": experiment.target,
        "parameters": experiment.parameters,
    }
    for field, value in fields.items():
        if value:
            yield Problem(path=field, message="comes from the template", expected=f"no such key beside {PATH}")


def _find_surroundings(experiment: Experiment, template: Mapping[str, Any]) -> Iterator[Problem]:
    """Problems of the template as a whole: stop conditions that would be lost, and other accounts, which Squall does
    not hit."""
    known = {alarm.rpartition(":alarm:")[2] for alarm in experiment.stop_alarms}
    for condition in template.get("stopConditions", ()):
        alarm = str(condition.get("value", "")).rpartition(":alarm:")[2]
        if condition.get("source") == "aws:cloudwatch:alarm" and alarm not in known:
            message = f"the template stops on the alarm {alarm!r}, the experiment does not"
            yield Problem(path="stopConditions", message=message, expected=f"stop_alarms with {alarm}")
    many = template.get("experimentOptions", {}).get("accountTargeting") == "multi-account"
    if many or template.get("targetAccountConfigurationsCount"):
        yield Problem(path="experimentOptions", message="it targets other accounts", expected="a template of one account")


def _read_action(action: Mapping[str, Any], fault: AnyFault, experiment: Experiment) -> list[dict[str, Any]]:
    """The fault's parameters in this action; empty for a wait. Raises InvalidInput with paths below the action."""
    action_id, parameters = str(action.get("actionId")), action.get("parameters", {})
    problems: list[Problem] = []
    raw: list[dict[str, Any]] = []
    if action.get("startAfter"):
        message = f"starts after {', '.join(action['startAfter'])}"
        problems.append(Problem(path="startAfter", message=message, expected="a fault of which everything begins at once"))
    if action_id == WAIT:
        problems += length_problems("parameters.duration", parameters.get("duration"), experiment.length)
    elif unfit := _find_unfit(action_id, parameters, fault):
        problems.append(unfit)
    else:
        try:
            raw = [fault.read_template(action_id, parameters, experiment.length)]
        except InvalidInput as invalid:
            problems += invalid.problems
    if problems:
        raise InvalidInput(problems)
    return raw


def _find_unfit(action_id: str, parameters: Mapping[str, str], fault: AnyFault) -> Problem | None:
    """Why the action does not inject this fault, or can't be read as its action."""
    able = [other for other in registry.list_faults() if action_id in other.fis_actions]
    known = [other for other in able if action_id != SEND or document_of(parameters) in other.ssm_documents]
    if fault not in known:
        name = f"{action_id} with {document_of(parameters) or 'no document'}" if action_id == SEND else action_id
        types = dict.fromkeys(f"{other.type.value} on {other.resource_type.value}" for other in known)
        expected = f"type: {' or '.join(types)}" if types else f"an action of {', '.join(registry.list_types())}"
        return Problem(path="actionId", message=f"{name} is no {fault.type.value}", expected=expected)
    if not fault.reads_templates:
        message = f"templates of {fault.type.value} on {fault.resource_type.value} can't be read yet"
        return Problem(path="actionId", message=message, expected="the experiment's own target and parameters")
    return None


def _targets_of(targets: Mapping[str, Any], injecting: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The targets of the actions that inject something, by name."""
    names = dict.fromkeys(name for action in injecting for name in action.get("targets", {}).values())
    return {name: targets.get(name, {}) for name in names}


def _resource_type(fault_type: FaultType, used: Mapping[str, Mapping[str, Any]]) -> ResourceType:
    """The type of the targets if the fault can be injected into it; else the first type that it can be injected
    into."""
    known = [kind for kind in registry.resource_types(fault_type) if kind is not ResourceType.POD]
    return next((kind for kind in known if any(target.get("resourceType") == kind for target in used.values())), known[0])


def _find_target_problems(experiment: Experiment, used: Mapping[str, Mapping[str, Any]], fault: AnyFault) -> Iterator[Problem]:
    for name, target in used.items():
        yield from prefix_paths(name, _check_target(experiment, target, fault))
    if len(used) > 1 and any(target.get(how) for target in used.values() for how in ("resourceTags", "filters", "parameters")):
        yield Problem(path=WHOLE, message="several targets, chosen by tags or filters", expected="one target, or targets by ARN")
    if not used:
        yield Problem(path=WHOLE, message="there is none", expected="a target")


def _make_target(used: Mapping[str, Mapping[str, Any]], kind: ResourceType) -> dict[str, Any]:
    """The template's targets as candidates. The blast radius then pins some of them, as with any other candidates."""
    paths, narrowed = FILTERS.get(kind, {}), PARAMETERS.get(kind, {})
    everything = all(target.get("selectionMode") == "ALL" for target in used.values())
    return {
        "resource_type": kind,
        "arns": [arn for target in used.values() for arn in target.get("resourceArns", ())],
        "tags": {name: value for target in used.values() for name, value in target.get("resourceTags", {}).items()},
        "filters": {
            **{paths[condition["path"]]: condition["values"] for target in used.values() for condition in target.get("filters", ())},
            **{narrowed[name]: [value] for target in used.values() for name, value in target.get("parameters", {}).items()},
        },
        "select": "all" if everything else "radius",
    }


def _check_target(experiment: Experiment, target: Mapping[str, Any], fault: AnyFault) -> Iterator[Problem]:
    kind = fault.resource_type
    if target.get("resourceType") != kind:
        yield Problem(path="resourceType", message=_describe_other_type(target.get("resourceType"), fault), expected=kind.value)
    yield from _check_narrowing(target, kind)
    if not target.get("resourceArns") and not target.get("resourceTags"):
        yield Problem(path=WHOLE, message="says nothing about which resources", expected="resourceArns or resourceTags")
    mode = str(target.get("selectionMode", ""))
    single = experiment.blast_radius is BlastRadius.SINGLE_INSTANCE
    if mode == "ALL" or (mode == "COUNT(1)" and single):
        return
    if mode.startswith("PERCENT"):
        message = f"{mode} chooses other targets in each run, and of few targets possibly none"
    else:
        message = f"{mode} with {experiment.blast_radius.value}: the blast radius already says how many"
    yield Problem(path="selectionMode", message=message, expected="ALL, or COUNT(1) with single_instance")


def _check_narrowing(target: Mapping[str, Any], kind: ResourceType) -> Iterator[Problem]:
    known, paths = PARAMETERS.get(kind, {}), FILTERS.get(kind, {})
    if unknown := sorted(set(target.get("parameters", {})) - set(known)):
        yield Problem(path="parameters", message=f"{', '.join(unknown)}: not understood", expected=", ".join(known) or "none")
    used = [condition.get("path") for condition in target.get("filters", ())]
    for path in used:
        if path not in paths:
            yield Problem(path="filters", message=f"{path!r} is not understood", expected=", ".join(sorted(paths)) or "none")
    if len(used) > len(set(used)):
        yield Problem(path="filters", message="the same path twice", expected="each path once, with all its values")


def _describe_other_type(type_name: object, fault: AnyFault) -> str:
    """What is wrong with targets of a type that the fault does not hit."""
    if type_name == ResourceType.POD:
        return f"targets of {type_name} can't be read yet: write them as the experiment's own target and parameters"
    if type_name in registry.resource_types(fault.type):
        return f"{type_name} beside {fault.resource_type.value}: one experiment is one fault"
    return f"{fault.type.value} can't be injected into {type_name}"
