"""Which parameters an execution may override, and with what: the experiment lists both.

Inside the fault's own ranges an override could still aim the fault elsewhere: another dependency, another port, a wider
network. Whoever reviewed the experiment has not seen that fault, so nothing is overridable that the experiment does not
list.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from squall.domain.base.problems import Problem, extend_path, show_value
from squall.domain.experiment.experiment import Experiment


def override_problems(experiment: Experiment, parameters: Mapping[str, Any]) -> list[Problem]:
    """What the experiment does not let an execution override, by the path of the parameter."""
    return [
        Problem(path=f"parameters.{name}", message=message, expected=expected)
        for name, value in _flatten(experiment.parameters, parameters)
        for message, expected in _refusals(experiment, name, value)
    ]


def _flatten(own: Mapping[str, Any], parameters: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each parameter with its value; each value of a custom action as `values.<name>`.

    `own` are the experiment's. An override replaces all values of a custom action, so a value that it leaves out is
    overridden, too: with None.
    """
    for name, value in parameters.items():
        if isinstance(value, Mapping) and value:
            before = own.get(name)
            left_out = dict.fromkeys(before) if isinstance(before, Mapping) else {}
            yield from ((extend_path(name, str(inner)), inner_value) for inner, inner_value in {**left_out, **value}.items())
        else:
            yield name, value


def _refusals(experiment: Experiment, name: str, value: object) -> Iterator[tuple[str, str]]:
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
    yield f"{show_value(value)} is not what the experiment lets it be overridden with", " or ".join(allowed)
