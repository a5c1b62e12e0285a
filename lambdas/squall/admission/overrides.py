"""What an execution may override: the lengths of the fault and of its observation, and the number of targets and the
parameters that the experiment lists with their values.

The fault's own ranges are not enough: inside them an override could aim the fault at another dependency, another port
or a wider network. The people who reviewed the experiment have not seen that fault, so an override may set only what
the experiment lists.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from squall.admission.experiment import find_parameter_problems
from squall.admission.policy import find_range_problems, resolve_parameters
from squall.admission.scenario import find_scenario_problems
from squall.domain.base.problems import InvalidInput, Problem, extend_path, show_value, suggest_name
from squall.domain.base.vocabulary import BlastRadius, FaultType
from squall.domain.experiment.execution_input import Overrides
from squall.domain.experiment.experiment import Experiment
from squall.domain.experiment.form import find_observation_problem
from squall.domain.experiment.scenario import PlannedFault
from squall.domain.experiment.target import Selection
from squall.domain.metrics import periods
from squall.domain.policy.environment import Environment
from squall.faults.adoption.lengths import DURATION, OBSERVATION


def apply_overrides(experiment: Experiment, overrides: Overrides, environment: Environment) -> Experiment:
    """The experiment with other lengths or other parameters. Raises InvalidInput with everything that the experiment,
    the fault or the environment does not allow."""
    changes: dict[str, Any] = {}
    if experiment.faults:
        return _apply_to_scenario(experiment, overrides, environment)
    if overrides.duration is not None or overrides.duration_minutes is not None:
        changes |= {"duration": overrides.duration, "duration_minutes": overrides.duration_minutes}
    if overrides.observation is not None:
        changes["observation"] = overrides.observation
    if overrides.parameters:
        changes["parameters"] = {**experiment.parameters, **overrides.parameters}
    if overrides.targets is not None and experiment.target is not None:
        changes["target"] = experiment.target.model_copy(update={"select": Selection(count=overrides.targets)})
    changed = experiment.model_copy(update=changes)
    parsed_here = bool(overrides.parameters) and changed.fis_template_id is None
    (fault,) = changed.plan
    problems = find_parameter_problems(fault.type, fault.resource_type, fault.parameters) if parsed_here else []
    problems += find_range_problems(fault, resolve_parameters(fault, overrides.parameters.keys()), environment)
    problems += _find_override_problems(experiment, experiment.parameters, overrides.parameters)
    problems += _find_target_problems(experiment, overrides.targets)
    problems += _find_action_problems(fault, overrides.parameters)
    problems += _find_length_problems(changed, overrides, environment) if changes else []
    if problems:
        raise InvalidInput(problems)
    return changed


def _apply_to_scenario(experiment: Experiment, overrides: Overrides, environment: Environment) -> Experiment:
    """The scenario with other lengths, or with other parameters of single faults (`slow.latency_ms`). Raises InvalidInput as
    `apply_overrides` does."""
    by_fault, problems = _group_by_fault(experiment, overrides.parameters)
    changes: dict[str, Any] = {}
    if overrides.duration is not None or overrides.duration_minutes is not None:
        changes |= {"duration": overrides.duration, "duration_minutes": overrides.duration_minutes}
        problems += _find_own_lengths(experiment, overrides)
    if overrides.observation is not None:
        changes["observation"] = overrides.observation
    if by_fault:
        given = {name: {**experiment.faults[name].parameters, **values} for name, values in by_fault.items()}
        faults = {
            name: fault.model_copy(update={"parameters": given.get(name, fault.parameters)}) for name, fault in experiment.faults.items()
        }
        changes["faults"] = faults
    if overrides.targets is not None:
        message = "the faults of a scenario choose their targets together"
        problems.append(Problem(path="targets", message=message, expected="no such key: select in the experiment"))
    changed = experiment.model_copy(update=changes)
    for fault in changed.plan:
        values = by_fault.get(fault.name, {})
        found = find_parameter_problems(fault.type, fault.resource_type, fault.parameters) if values else []
        found += find_range_problems(fault, resolve_parameters(fault, values.keys()), environment)
        found += _find_action_problems(fault, values)
        problems += [
            p.model_copy(update={"path": extend_path("parameters", fault.name, p.path.removeprefix("parameters."))}) for p in found
        ]
    before = {f"{name}.{parameter}": value for name, fault in experiment.faults.items() for parameter, value in fault.parameters.items()}
    problems += _find_override_problems(experiment, before, overrides.parameters)
    if changes and not problems:
        problems += [*_find_length_problems(changed, overrides, environment), *find_scenario_problems(changed)]
    if problems:
        raise InvalidInput(problems)
    return changed


def _group_by_fault(experiment: Experiment, parameters: Mapping[str, Any]) -> tuple[dict[str, dict[str, Any]], list[Problem]]:
    """The overridden parameters of each fault, and the names that say no parameter of a fault."""
    by_fault: dict[str, dict[str, Any]] = {}
    problems = []
    for name, value in parameters.items():
        fault, _, parameter = name.partition(".")
        if fault in experiment.faults and parameter:
            by_fault.setdefault(fault, {})[parameter] = value
        else:
            message = f"says no parameter of a fault{suggest_name(fault, experiment.faults)}"
            expected = f"<fault>.<parameter>, where the fault is one of {', '.join(experiment.faults)}"
            problems.append(Problem(path=f"parameters.{name}", message=message, expected=expected))
    return by_fault, problems


def _find_own_lengths(experiment: Experiment, overrides: Overrides) -> Iterator[Problem]:
    """Why another length would change nothing."""
    if all(fault.duration is not None for fault in experiment.faults.values()):
        field = "duration" if overrides.duration is not None else "duration_minutes"
        message = "every fault of the scenario has a length of its own"
        yield Problem(path=field, message=message, expected="no such key: it is the length of faults that give none")


def _find_action_problems(fault: PlannedFault, parameters: Mapping[str, Any]) -> list[Problem]:
    if fault.type is not FaultType.CUSTOM or "action" not in parameters:
        return []
    return [Problem(path="parameters.action", message="only the definition may name the action", expected="values only")]


def _find_length_problems(changed: Experiment, overrides: Overrides, environment: Environment) -> list[Problem]:
    """Why the lengths, after the override, are not allowed."""
    problems = [*_find_length_refusals(changed, overrides)]
    expected = f"at most {periods.format_length(environment.maximum_duration)}"
    if changed.length > environment.maximum_duration:
        field = "duration" if overrides.duration is not None else "duration_minutes"
        problems.append(Problem(path=field, message=f"longer than {environment.name} allows", expected=expected))
    elif changed.observed_length > environment.maximum_duration:
        problems.append(Problem(path="observation", message=f"longer than {environment.name} allows", expected=expected))
    if wrong := find_observation_problem(changed.length, changed.observation):
        problems.append(Problem(path="observation", message=wrong[0], expected=f"{wrong[1]}; overridden together with the duration"))
    return problems


def _find_length_refusals(changed: Experiment, overrides: Overrides) -> Iterator[Problem]:
    """Lengths outside of the ranges that the experiment lists, if it lists any."""
    field = "duration" if overrides.duration is not None else "duration_minutes"
    given = overrides.duration or (timedelta(minutes=overrides.duration_minutes) if overrides.duration_minutes else None)
    for path, name, length in ((field, DURATION, given), ("observation", OBSERVATION, overrides.observation)):
        if length is not None and name in changed.override_ranges:
            minutes = length / timedelta(minutes=1)
            for message, expected in _find_refusals(changed, name, int(minutes) if minutes.is_integer() else minutes):
                yield Problem(path=path, message=message, expected=f"{expected} minutes")


def _find_override_problems(experiment: Experiment, before: Mapping[str, Any], parameters: Mapping[str, Any]) -> list[Problem]:
    """What the experiment does not let an execution override, by the path of the parameter. `before`: the parameters that the
    experiment gives."""
    return [
        Problem(path=f"parameters.{name}", message=message, expected=expected)
        for name, value in _flatten_parameters(before, parameters)
        for message, expected in _find_refusals(experiment, name, value)
    ]


def _find_target_problems(experiment: Experiment, targets: int | None) -> Iterator[Problem]:
    """Why the execution may not hit this number of targets."""
    if targets is None:
        return
    for message, expected in _find_refusals(experiment, "targets", targets):
        yield Problem(path="targets", message=message, expected=expected)
    if experiment.target is None or experiment.fis_template_id is not None:
        message = "the experiment does not choose its targets among candidates"
        yield Problem(path="targets", message=message, expected="an experiment with target, and without fis_template_id")
    if targets > 1 and experiment.blast_radius is BlastRadius.SINGLE_INSTANCE:
        message = f"{targets} targets are more than single_instance allows"
        yield Problem(path="targets", message=message, expected="1, or an experiment with a wider blast_radius")


def _flatten_parameters(before: Mapping[str, Any], parameters: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each overridden parameter with its value; each value of a custom action as `values.<name>`.

    `before` are the experiment's parameters. An override replaces all values of a custom action, so a value that it
    leaves out is overridden, too: with None.
    """
    for name, value in parameters.items():
        if isinstance(value, Mapping) and value:
            replaced = before.get(name)
            left_out = dict.fromkeys(replaced) if isinstance(replaced, Mapping) else {}
            yield from ((extend_path(name, str(inner)), inner_value) for inner, inner_value in {**left_out, **value}.items())
        else:
            yield name, value


def _find_refusals(experiment: Experiment, name: str, value: object) -> Iterator[tuple[str, str]]:
    """The message and what is expected instead, if the experiment does not allow this value."""
    listed, bounds = experiment.override_values.get(name), experiment.override_ranges.get(name)
    if listed is None and bounds is None:
        known = sorted({*experiment.override_ranges, *experiment.override_values})
        yield "the experiment does not let this parameter be overridden", ", ".join(known) or "no parameter: it lists none"
        return
    if listed is not None and any(value is option or (isinstance(value, str) and value == option) for option in listed):
        return
    if bounds is not None and isinstance(value, int | float) and not isinstance(value, bool) and bounds[0] <= value <= bounds[1]:
        return
    allowed = [f"{bounds[0]:g} to {bounds[1]:g}"] if bounds else []
    allowed += [show_value(option) for option in listed or ()]
    yield f"{show_value(value)} is not a value that the experiment lists for overrides", " or ".join(allowed)
