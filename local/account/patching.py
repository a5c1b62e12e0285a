"""Patch points: every replacement of ministack code names what it expects to find, or refuses to start."""

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

PINNED_MINISTACK = "1.5.33"


class PatchPointError(RuntimeError):
    """The installed ministack isn't the one these patches were written for."""


def require_names(owner: ModuleType | type, *names: str) -> None:
    """Fail unless every name exists on the owner."""
    missing = [name for name in names if not hasattr(owner, name)]
    if missing:
        raise PatchPointError(f"{owner.__name__} has no {', '.join(missing)}; patches are for {PINNED_MINISTACK}")


def find_original(owner: ModuleType | type, name: str, parameters: str) -> Callable[..., Any]:
    """The function to replace. Raises PatchPointError if its parameter names (blank separated) are not the expected
    ones."""
    require_names(owner, name)
    function: Callable[..., Any] = getattr(owner, name)
    actual = " ".join(inspect.signature(function).parameters)
    if actual != parameters:
        raise PatchPointError(f"{owner.__name__}.{name} takes ({actual}), expected ({parameters})")
    return function


def replace_function(
    owner: ModuleType | type,
    name: str,
    parameters: str,
    make: Callable[[Callable[..., Any]], Callable[..., Any]],
) -> None:
    """Replace a function by what ``make`` builds from the original."""
    setattr(owner, name, make(find_original(owner, name, parameters)))


def substitute_text(text: str, old: str, new: str, place: str) -> str:
    """The text with one known fragment replaced. Raises PatchPointError unless the fragment occurs exactly once."""
    if text.count(old) != 1:
        raise PatchPointError(f"{place}: expected fragment found {text.count(old)} times")
    return text.replace(old, new)
