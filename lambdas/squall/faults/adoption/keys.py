"""The closed sets of keys of a FIS template: what is not in them is refused by its path, never dropped."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from squall.domain.base.problems import Problem, show_value
from squall.domain.experiment.experiment import Experiment

PATH = "fis_template_id"
"""The key of an experiment that adopts a template."""


def find_unknown_keys(value: Mapping[str, Any], known: Collection[str]) -> Iterator[Problem]:
    """Keys whose values would be lost. A key without a value (null, or empty) says nothing."""
    for name in sorted(str(name) for name in value if name not in known and value[name] not in (None, "", {}, [])):
        message = f"{show_value(value[name])} would not be carried over"
        yield Problem(path=name, message=message, expected=f"no such key beside {', '.join(sorted(known))}")


def find_double(experiment: Experiment) -> Iterator[Problem]:
    """What the experiment says besides a template that says it, too."""
    fields = {
        "target_resources": experiment.target_resources,
        "target": experiment.target,
        "parameters": experiment.parameters,
        "faults": experiment.faults,
    }
    for field, value in fields.items():
        if value:
            yield Problem(path=field, message="comes from the template", expected=f"no such key beside {PATH}")
