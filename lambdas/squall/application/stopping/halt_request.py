"""What the Halt function and the Resume function are asked to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from squall.domain.base.printable import one_line


class NotAHaltError(ValueError):
    """The event does not ask for a halt."""


class NotAResumeError(ValueError):
    """The event does not ask for a resume."""


@dataclass(frozen=True)
class HaltRequest:
    """Who wants to halt or to resume, and why."""

    reason: str
    by: str


def parse_halt(event: Mapping[str, Any]) -> HaltRequest:
    """`{}` halts: in an emergency nobody should have to look up a payload.

    Raises NotAHaltError, also for a resume: permission to halt is no permission to resume.
    """
    action = event.get("action", "halt")
    if action == "resume":
        raise NotAHaltError("this function only halts: call the Resume function (stack output ResumeFunctionName) or `squall resume`")
    if action != "halt":
        raise NotAHaltError(f"action is {action!r:.80}; expected halt")
    return HaltRequest(_reason_of(event) or "no reason given", _caller_of(event, "Halt"))


def parse_resume(event: Mapping[str, Any]) -> HaltRequest:
    """A resume must have a reason. Raises NotAResumeError."""
    action = event.get("action", "resume")
    if action != "resume":
        raise NotAResumeError(f"this function only resumes; action is {action!r:.80}")
    reason = _reason_of(event)
    if not reason:
        raise NotAResumeError("to resume, give a reason")
    return HaltRequest(reason, _caller_of(event, "Resume"))


def _reason_of(event: Mapping[str, Any]) -> str:
    return one_line(str(event.get("reason") or ""), 500)


def _caller_of(event: Mapping[str, Any], function: str) -> str:
    return one_line(str(event.get("requested_by") or ""), 256) or f"someone who called the {function} function"
