"""What an execution may override: the lengths of the fault and of its observation, and the number of targets and the
parameters that the experiment lists with their values.

The fault's own ranges are not enough: inside them an override could aim the fault at another dependency, another port
or a wider network. The people who reviewed the experiment have not seen that fault, so an override may set only what
the experiment lists.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from squall.admission.experiment import find_parameter_problems
from squall.admission.policy import find_range_problems, resolve_parameters
from squall.domain.base.problems import InvalidInput, Problem, extend_path, show_value
from squall.domain.base.vocabulary import BlastRadius, FaultType
from squall.domain.experiment.execution_input import Overrides
from squall.domain.experiment.experiment import Experiment
from squall.domain.experiment.form import find_observation_problem
from squall.domain.experiment.target import Selection
from squall.domain.metrics import periods
from squall.domain.policy.environment import Environment


def apply_overrides(experiment: Experiment, overrides: Overrides, environment: Environment) -> Experiment:
    """The experiment with other lengths or other parameters. Raises InvalidInput with everything that the experiment,
    the fault or the environment does not allow."""
    changes: dict[str, Any] = {}
    if experiment.faults:
        return _refuse_for_scenario(experiment, overrides)
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
    problems += _find_override_problems(experiment, overrides.parameters)
    problems += _find_target_problems(experiment, overrides.targets)
    if fault.type is FaultType.CUSTOM and "action" in overrides.parameters:
        message = "only the definition may name the action"
        problems.append(Problem(path="parameters.action", message=message, expected="values only"))
    problems += _find_length_problems(changed, overrides, environment) if changes else []
    if problems:
        raise InvalidInput(problems)
    return changed


def _refuse_for_scenario(experiment: Experiment, overrides: Overrides) -> Experiment:
    """The scenario as it is. Raises InvalidInput if something is to be overridden: it would not say in which fault."""
    changed = [name for name in ("duration", "duration_minutes", "observation", "parameters", "targets") if getattr(overrides, name)]
    if changed:
        message = "nothing of a scenario can be overridden: each of its faults has its own"
        raise InvalidInput([Problem(path=name, message=message, expected="no such key") for name in changed])
    return experiment


def _find_length_problems(changed: Experiment, overrides: Overrides, environment: Environment) -> list[Problem]:
    """Why the lengths, after the override, are not allowed."""
    problems = []
    expected = f"at most {periods.format_length(environment.maximum_duration)}"
    if changed.length > environment.maximum_duration:
        field = "duration" if overrides.duration is not None else "duration_minutes"
        problems.append(Problem(path=field, message=f"longer than {environment.name} allows", expected=expected))
    elif changed.observed_length > environment.maximum_duration:
        problems.append(Problem(path="observation", message=f"longer than {environment.name} allows", expected=expected))
    if wrong := find_observation_problem(changed.length, changed.observation):
        problems.append(Problem(path="observation", message=wrong[0], expected=f"{wrong[1]}; overridden together with the duration"))
    return problems


def _find_override_problems(experiment: Experiment, parameters: Mapping[str, Any]) -> list[Problem]:
    """What the experiment does not let an execution override, by the path of the parameter."""
    return [
        Problem(path=f"parameters.{name}", message=message, expected=expected)
        for name, value in _flatten_parameters(experiment.parameters, parameters)
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
