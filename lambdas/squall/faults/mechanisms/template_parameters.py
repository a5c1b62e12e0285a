"""What the parameters of a FIS action say in a fault's own words: of templates that somebody else made."""

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel

from squall.faults.base import numeric

Names = Mapping[str, tuple[str, str | None]]
"""FIS's parameter to ours, and the value that FIS takes where it is left out; None: FIS needs it."""
Fixed = Mapping[str, tuple[str, str]]
"""FIS's parameter to the only value that a fault gives it, and the one that FIS takes where it is left out."""


def read(given: Mapping[str, str], names: Names, fixed: Fixed, model: type[BaseModel], who: str) -> dict[str, Any]:
    """The fault's parameters, unchecked; what is left out has FIS's default, not ours. `who`: what the fault is called.

    Raises ValueError for a parameter that is not known, that FIS needs, or that the fault would always give otherwise.
    """
    if unknown := sorted(set(given) - set(names) - set(fixed)):
        raise ValueError(f"{', '.join(unknown)}: not known of this action")
    if lacking := sorted(name for name, (_, default) in names.items() if default is None and name not in given):
        raise ValueError(f"{', '.join(lacking)}: must be given")
    for name, (wanted, default) in fixed.items():
        if (said := given.get(name, default)).lower() != wanted:
            raise ValueError(f"{name} is {said}, in {who} it is {wanted}")
    told = {ours: given.get(name, default or "") for name, (ours, default) in names.items()}
    return {ours: _typed(value, model.model_fields[ours].annotation) for ours, value in told.items()}


def _typed(value: str, annotation: object) -> object:
    """As the parameter is written in a definition; what it can't be stays a string, which the model then refuses."""
    if numeric(annotation) and value.isdecimal():
        return int(value)
    if _logical(annotation) and value in {"true", "false"}:
        return value == "true"
    return value


def _logical(annotation: object) -> bool:
    return annotation is bool or any(_logical(part) for part in get_args(annotation))
