"""What AWS documents about an action of FIS: its targets, its parameters, how it ends, and the permissions it needs."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from squall.domain.base.vocabulary import Risk

Kind = Literal["text", "list", "integer", "number", "flag", "choice", "length", "json"]
"""`list`: several texts with commas between them. `length`: an ISO 8601 duration."""
MINUTE, LONGEST = timedelta(minutes=1), timedelta(hours=12)


@dataclass(frozen=True)
class ActionParameter:
    """A parameter of an action. FIS takes every value as text."""

    name: str
    kind: Kind
    required: bool = False
    default: str | None = None
    """The value that FIS takes if the parameter is left out; None if it is required, or if AWS documents none."""
    least: float | None = None
    greatest: float | None = None
    """The bounds of a number, both included; of a length, in seconds. None: AWS documents no bound."""
    choices: tuple[str, ...] = ()
    """The values of a choice, and of each entry of a list if they are a closed set."""
    entry: str = r"[^\s,]+"
    """A regular expression of each entry of a list."""
    example: str = "no spaces"
    """What such a list looks like."""


@dataclass(frozen=True)
class FisAction:
    """A row of the table of actions."""

    id: str
    does: str
    """What it does to its targets, as a verb with its object."""
    permissions: tuple[str, ...]
    """The IAM actions that AWS documents for FIS's role, in AWS's order."""
    undo: str
    """What FIS undoes when the action ends or is stopped, as a sentence."""
    state: str
    """What to read of the targets before and after the action; empty if no call shows what the action did."""
    risk: Risk
    resource_type: str | None = None
    """The type of the targets, as FIS names it; None: the action has no targets."""
    target_key: str | None = None
    """The name of the targets in the action."""
    parameters: tuple[ActionParameter, ...] = ()
    target_parameters: tuple[ActionParameter, ...] = ()
    """The parameters that FIS requires of the targets, not of the action."""
    length_parameter: str | None = None
    """The parameter that says how long the action lasts at most; None: it is over at once."""
    refused: str = ""
    """Why Squall does not run the action even where it can read its targets; empty: nothing speaks against it."""

    @property
    def lasts(self) -> bool:
        """Whether the action always lasts. Others are over at once, or last only if a parameter asks for it."""
        return any(parameter.name == self.length_parameter and parameter.required for parameter in self.parameters)


def text(name: str, *, required: bool = False, default: str | None = None) -> ActionParameter:
    """A parameter with any text."""
    return ActionParameter(name, "text", required, default)


def text_list(name: str, *choices: str, required: bool = False, entry: str = r"[^\s,]+", example: str = "no spaces") -> ActionParameter:
    """A parameter with several texts, with commas between them: words of a closed set, or matches of `entry`."""
    if choices:
        entry, example = "|".join(choices), ",".join(choices)
    return ActionParameter(name, "list", required, choices=choices, entry=entry, example=example)


def json_text(name: str, *, required: bool = False) -> ActionParameter:
    """A parameter with a JSON object as text."""
    return ActionParameter(name, "json", required)


def choice(name: str, *choices: str, default: str | None = None) -> ActionParameter:
    """A parameter with one of several words; required if it has no default."""
    return ActionParameter(name, "choice", default is None, default, choices=choices)


def flag(name: str, *, default: str | None = None) -> ActionParameter:
    """`true` or `false`; required if it has no default."""
    return ActionParameter(name, "flag", default is None, default, choices=("true", "false"))


def integer(
    name: str, least: float | None = None, greatest: float | None = None, *, required: bool = False, default: str | None = None
) -> ActionParameter:
    """A parameter with a whole number."""
    return ActionParameter(name, "integer", required, default, least, greatest)


def percent(name: str, *, least: float = 1, required: bool = False, default: str | None = None) -> ActionParameter:
    """A parameter with a whole number of percent."""
    return ActionParameter(name, "integer", required, default, least, 100)


def number(name: str, least: float, greatest: float, *, default: str) -> ActionParameter:
    """A parameter with a number that may have decimals."""
    return ActionParameter(name, "number", False, default, least, greatest)


def length(name: str = "duration", *, least: timedelta = MINUTE, greatest: timedelta = LONGEST, required: bool = True) -> ActionParameter:
    """A parameter with an ISO 8601 duration."""
    return ActionParameter(name, "length", required, None, least.total_seconds(), greatest.total_seconds())
