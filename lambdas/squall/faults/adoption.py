"""A FIS template somebody else made, read and turned into an experiment's own words: what is then compiled and started is Squall's.

Nothing of the template survives that an experiment of the catalogue could not say. Whatever disagrees is a problem by its path.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter, ValidationError

from squall.domain.experiment.experiment import Experiment
from squall.domain.metrics.periods import format_length
from squall.domain.problems import WHOLE, InvalidInput, Problem, extend_path, list_validation_problems, prefix_paths
from squall.domain.vocabulary import BlastRadius, FaultType, ResourceType
from squall.faults import registry
from squall.faults.base import WAIT, Fault
from squall.faults.functions.base import FunctionFault
from squall.faults.mechanisms.lasting import LastingFault
from squall.faults.mechanisms.momentary import MomentaryFault
from squall.faults.mechanisms.send_command import SendCommandFault
from squall.faults.tasks.base import TaskFault

PATH = "fis_template_id"
SEND = "aws:ssm:send-command"
FILTERS: Mapping[ResourceType, Mapping[str, str]] = {
    ResourceType.INSTANCE: {"State.Name": "instance-state-name", "Placement.AvailabilityZone": "availability-zone"},
}
"""FIS's paths, as the filters of the service that describes such resources."""
PARAMETERS: Mapping[ResourceType, Mapping[str, str]] = {ResourceType.ECS_TASK: {"cluster": "cluster", "service": "service"}}
"""What else narrows FIS's targets, as the same filters."""
Lasting = LastingFault[Any, Any] | FunctionFault[Any] | TaskFault[Any]
_LENGTH = TypeAdapter(timedelta)


def adopt(experiment: Experiment, template: Mapping[str, Any]) -> Experiment:
    """The experiment with the template's targets and parameters. `template` is what GetExperimentTemplate answers.

    Raises InvalidInput with everything in which the two disagree, or that Squall would not do.
    """
    problems = [*_said_twice(experiment), *prefix_paths(PATH, _around(experiment, template))]
    injecting = [action for action in template.get("actions", {}).values() if action.get("actionId") != WAIT]
    if not injecting:
        problems.append(Problem(path=extend_path(PATH, "actions"), message="nothing is injected", expected="an action that is no wait"))
    used = _used(template.get("targets", {}), injecting)
    fault = registry.get(experiment.type, _resource_type(experiment.type, used))
    parameters: list[dict[str, Any]] = []
    for name, action in template.get("actions", {}).items():
        found: list[Problem] = []
        parameters += _action(action, fault, experiment, found)
        problems += prefix_paths(extend_path(PATH, "actions", name), found)
    if any(given != parameters[0] for given in parameters):
        message = "the actions differ in their parameters: an experiment has one fault"
        problems.append(Problem(path=extend_path(PATH, "actions"), message=message, expected="the same parameters in each"))
    problems += prefix_paths(extend_path(PATH, "targets"), _targets_problems(experiment, used, fault) if injecting else ())
    if problems:
        raise InvalidInput(dict.fromkeys(problems))
    return _said_by(experiment, _target(used, fault.resource_type), parameters[0])


def adoptable(fault: Fault) -> bool:
    """Whether what its actions say can be read back as the fault's parameters."""
    if fault.resource_type is ResourceType.POD:  # FIS's targets are no ARNs, and its selectors are drawn from
        return False
    return isinstance(fault, SendCommandFault | LastingFault | FunctionFault | TaskFault) or not fault.parameters.model_fields


def _said_by(experiment: Experiment, target: Mapping[str, Any], parameters: Mapping[str, Any]) -> Experiment:
    """The experiment as if it had said this itself: what it could not have said is refused as it would have been."""
    raw = {**experiment.model_dump(mode="json"), "target": target, "parameters": parameters}
    try:
        return Experiment.model_validate(raw)
    except ValidationError as error:
        raise InvalidInput(prefix_paths(PATH, list_validation_problems(error, raw, WHOLE, Experiment))) from None


def _said_twice(experiment: Experiment) -> Iterator[Problem]:
    given = {
        "target_resources": experiment.target_resources,
        "target": experiment.target,
        "parameters": experiment.parameters,
    }
    for field, value in given.items():
        if value:
            yield Problem(path=field, message="is the template's to say", expected=f"no such key beside {PATH}")


def _around(experiment: Experiment, template: Mapping[str, Any]) -> Iterator[Problem]:
    """What would be lost: stop conditions; what would be meant otherwise: other accounts."""
    known = {alarm.rpartition(":alarm:")[2] for alarm in experiment.stop_alarms}
    for condition in template.get("stopConditions", ()):
        alarm = str(condition.get("value", "")).rpartition(":alarm:")[2]
        if condition.get("source") == "aws:cloudwatch:alarm" and alarm not in known:
            message = f"the template stops on the alarm {alarm!r}, the experiment does not"
            yield Problem(path="stopConditions", message=message, expected=f"stop_alarms with {alarm}")
    many = template.get("experimentOptions", {}).get("accountTargeting") == "multi-account"
    if many or template.get("targetAccountConfigurationsCount"):
        yield Problem(path="experimentOptions", message="it targets other accounts", expected="a template of one account")


def _action(action: Mapping[str, Any], fault: Fault, experiment: Experiment, found: list[Problem]) -> list[dict[str, Any]]:
    """The fault's parameters as this action gives them; nothing for a wait. Adds what is wrong to `found`."""
    action_id, given = str(action.get("actionId")), action.get("parameters", {})
    if action.get("startAfter"):
        message = f"starts after {', '.join(action['startAfter'])}"
        found.append(Problem(path="startAfter", message=message, expected="a fault of which everything begins at once"))
    if action_id == WAIT:
        _same_length("parameters.duration", given.get("duration"), experiment.length, found)
        return []
    able = [one for one in registry.faults() if action_id in one.fis_actions]
    known = [one for one in able if action_id != SEND or _document(given) in one.ssm_documents]
    if fault not in known:
        message = f"{_named(action_id, given)} is no {fault.type.value}"
        types = dict.fromkeys(f"{one.type.value} on {one.resource_type.value}" for one in known)
        expected = f"type: {' or '.join(types)}" if types else f"an action of {', '.join(registry.available())}"
        found.append(Problem(path="actionId", message=message, expected=expected))
        return []
    if isinstance(fault, SendCommandFault):
        return _command(given, fault, experiment, found)
    if isinstance(fault, LastingFault | FunctionFault | TaskFault):
        return _lasting(action_id, given, fault, experiment, found)
    if not adoptable(fault):
        message = f"templates of {fault.type.value} on {fault.resource_type.value} can't be read yet"
        found.append(Problem(path="actionId", message=message, expected="the experiment's own target and parameters"))
        return []
    own = dict(fault.action_parameters()) if isinstance(fault, MomentaryFault) else {}
    if given != own:
        message = f"{_listed(given)}, in {fault.type.value} {_listed(own)}"
        found.append(Problem(path="parameters", message=message, expected=_listed(own)))
    return [{}]


def _listed(parameters: Mapping[str, str]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in sorted(parameters.items())) or "no parameters"


def _named(action_id: str, given: Mapping[str, str]) -> str:
    return f"{action_id} with {_document(given) or 'no document'}" if action_id == SEND else action_id


def _document(given: Mapping[str, str]) -> str:
    """Name of one of AWS's own documents: another's of the same name is another."""
    arn = given.get("documentArn", "")
    owner = arn.split(":")[4] if arn.count(":") >= 5 else ""
    return arn.rpartition("document/")[2] if not owner else arn


def _command(given: Mapping[str, str], fault: SendCommandFault[Any], experiment: Experiment, found: list[Problem]) -> list[dict[str, Any]]:
    told = _object(given.get("documentParameters", "{}"))
    if told is None:
        found.append(Problem(path="parameters.documentParameters", message="is not understood", expected="a JSON object"))
        return []
    document = {str(name): str(value) for name, value in told.items()}
    seconds = document.pop("DurationSeconds", "")
    _same_length("parameters.documentParameters.DurationSeconds", f"PT{seconds}S" if seconds else None, experiment.length, found)
    if (lasting := _length(given.get("duration"))) is not None and lasting < experiment.length:
        message = f"FIS would call it over after {format_length(lasting)}, while the command runs on"
        found.append(Problem(path="parameters.duration", message=message, expected=f"{format_length(experiment.length)} or more"))
    try:
        raw = fault.read(_document(given), document)
        fault.parse(raw)
    except ValueError as error:
        found.append(Problem(path="parameters.documentParameters", message=str(error), expected=f"what {fault.type.value} can be given"))
        return []
    except InvalidInput as invalid:
        found += prefix_paths("parameters.documentParameters", invalid.problems)
        return []
    return [raw]


def _lasting(
    action_id: str, given: Mapping[str, str], fault: Lasting, experiment: Experiment, found: list[Problem]
) -> list[dict[str, Any]]:
    told = dict(given)
    if isinstance(fault, LastingFault) or fault.lasts(action_id):
        _same_length("parameters.duration", told.pop("duration", None), experiment.length, found)
    try:
        raw = fault.read(told) if isinstance(fault, LastingFault) else fault.read(action_id, told)
        fault.parse(raw)
    except ValueError as error:
        found.append(Problem(path="parameters", message=str(error), expected=f"what {fault.type.value} can be given"))
        return []
    except InvalidInput as invalid:
        found += prefix_paths("parameters", invalid.problems)
        return []
    return [raw]


def _object(text: str) -> dict[str, Any] | None:
    try:
        told = json.loads(text)
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def _same_length(path: str, given: str | None, length: timedelta, found: list[Problem]) -> None:
    told = _length(given)
    if told != length:
        message = f"lasts {format_length(told) if told is not None else given or 'no time'}, the experiment {format_length(length)}"
        found.append(Problem(path=path, message=message, expected=format_length(length)))


def _length(given: str | None) -> timedelta | None:
    try:
        return None if given is None else _LENGTH.validate_python(given)
    except ValidationError:
        return None


def _used(targets: Mapping[str, Any], injecting: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The targets that something is injected into, by name."""
    names = dict.fromkeys(name for action in injecting for name in action.get("targets", {}).values())
    return {name: targets.get(name, {}) for name in names}


def _resource_type(fault_type: FaultType, used: Mapping[str, Mapping[str, Any]]) -> ResourceType:
    """What the targets are of, as far as the fault can be injected into it; else what it can be injected into first."""
    known = [kind for kind in registry.resource_types(fault_type) if kind is not ResourceType.POD]
    return next((kind for kind in known if any(target.get("resourceType") == kind for target in used.values())), known[0])


def _targets_problems(experiment: Experiment, used: Mapping[str, Mapping[str, Any]], fault: Fault) -> Iterator[Problem]:
    for name, target in used.items():
        yield from prefix_paths(name, _target_problems(experiment, target, fault))
    if len(used) > 1 and any(target.get(how) for target in used.values() for how in ("resourceTags", "filters", "parameters")):
        yield Problem(path=WHOLE, message="several targets, chosen by tags or filters", expected="one target, or targets by ARN")
    if not used:
        yield Problem(path=WHOLE, message="there is none", expected="a target")


def _target(used: Mapping[str, Mapping[str, Any]], kind: ResourceType) -> dict[str, Any]:
    """The template's targets as candidates; the blast radius then pins among them as among any others."""
    paths, narrowed = FILTERS.get(kind, {}), PARAMETERS.get(kind, {})
    everything = all(target.get("selectionMode") == "ALL" for target in used.values())
    return {
        "resource_type": kind,
        "arns": [arn for target in used.values() for arn in target.get("resourceArns", ())],
        "tags": {name: value for target in used.values() for name, value in target.get("resourceTags", {}).items()},
        "filters": {
            **{paths[one["path"]]: one["values"] for target in used.values() for one in target.get("filters", ())},
            **{narrowed[name]: [value] for target in used.values() for name, value in target.get("parameters", {}).items()},
        },
        "select": "all" if everything else "radius",
    }


def _another(given: object, fault: Fault) -> str:
    """What is wrong with targets of another type than the fault's."""
    if given == ResourceType.POD:
        return f"targets of {given} can't be read yet: the experiment's own target and parameters can say them"
    if given in registry.resource_types(fault.type):
        return f"{given} beside {fault.resource_type.value}: one experiment is one fault"
    return f"{fault.type.value} can't be injected into {given}"


def _target_problems(experiment: Experiment, target: Mapping[str, Any], fault: Fault) -> Iterator[Problem]:
    kind, paths = fault.resource_type, FILTERS.get(fault.resource_type, {})
    if target.get("resourceType") != kind:
        yield Problem(path="resourceType", message=_another(target.get("resourceType"), fault), expected=kind.value)
    if unknown := sorted(set(target.get("parameters", {})) - set(PARAMETERS.get(kind, {}))):
        known = ", ".join(PARAMETERS.get(kind, {})) or "none"
        yield Problem(path="parameters", message=f"{', '.join(unknown)}: not understood", expected=known)
    for one in target.get("filters", ()):
        if one.get("path") not in paths:
            yield Problem(path="filters", message=f"{one.get('path')!r} is not understood", expected=", ".join(sorted(paths)) or "none")
    said = [one.get("path") for one in target.get("filters", ())]
    if len(said) > len(set(said)):
        yield Problem(path="filters", message="the same path twice", expected="each path once, with all its values")
    if not target.get("resourceArns") and not target.get("resourceTags"):
        yield Problem(path=WHOLE, message="says nothing about which resources", expected="resourceArns or resourceTags")
    mode = str(target.get("selectionMode", ""))
    single = experiment.blast_radius is BlastRadius.SINGLE_INSTANCE
    if mode == "ALL" or (mode == "COUNT(1)" and single):
        return
    if mode.startswith("PERCENT"):
        message = f"{mode} is drawn anew in each run, and of few targets it may be none"
    else:
        message = f"{mode} with {experiment.blast_radius.value}: a blast radius counts by itself"
    yield Problem(path="selectionMode", message=message, expected="ALL, or COUNT(1) with single_instance")
