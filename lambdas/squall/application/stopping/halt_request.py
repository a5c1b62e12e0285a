"""What the Halt function is asked to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from squall.domain.printable import one_line


class Action(StrEnum):
    HALT = "halt"
    RESUME = "resume"


class NotAHaltError(ValueError):
    """The event is neither a halt nor a resume."""


@dataclass(frozen=True)
class HaltRequest:
    action: Action
    reason: str
    by: str


def parse(event: Mapping[str, Any]) -> HaltRequest:
    """`{}` halts: in an emergency nobody should have to look up a payload. A resume must be asked for, with a reason.

    Raises NotAHaltError.
    """
    action = event.get("action", Action.HALT.value)
    if action not in list(Action):
        raise NotAHaltError(f"action is {action!r:.80}; expected halt or resume")
    reason = one_line(str(event.get("reason") or ""), 500)
    if action == Action.RESUME and not reason:
        raise NotAHaltError("to resume, give a reason")
    by = one_line(str(event.get("requested_by") or ""), 256) or "someone who called the Halt function"
    return HaltRequest(Action(action), reason or "no reason given", by)
