"""The halt flag: engaged, nothing starts in this stack, whoever starts it. Dataclasses: the halt path imports this and must start fast."""

import json
from dataclasses import dataclass
from datetime import datetime

from squall.domain.run.commands import delete_item_command, shell_command


class UnreadableHaltError(ValueError):
    """What stands in the flag is not understood: it counts as engaged."""


@dataclass(frozen=True)
class Halt:
    engaged: bool
    reason: str = ""
    by: str = ""
    at: datetime | None = None

    def __str__(self) -> str:
        since = f" since {self.at:%Y-%m-%d %H:%M:%S} UTC" if self.at else ""
        who = f" by {self.by}" if self.by else ""
        why = f": {self.reason}" if self.reason else ""
        return f"{'halted' if self.engaged else 'not halted'}{since}{who}{why}"


def parameter_name(stack: str) -> str:
    """Where Parameter Store keeps a stack's flag."""
    return f"/squall/{stack}/halt"


def effective(flag: Halt, copy: Halt) -> Halt:
    """Engaged if either is: one of the two may have been the broken part when it was written."""
    return copy if copy.engaged and not flag.engaged else flag


def to_json(halt: Halt) -> str:
    """As it is kept."""
    at = halt.at.isoformat() if halt.at else None
    return json.dumps({"engaged": halt.engaged, "reason": halt.reason, "by": halt.by, "at": at})


def from_json(text: str) -> Halt:
    """Also what a person wrote by hand: only `engaged` is needed. Raises UnreadableHaltError."""
    try:
        found = json.loads(text)
        at = datetime.fromisoformat(found["at"]) if found.get("at") else None
        if isinstance(found["engaged"], bool):
            return Halt(found["engaged"], str(found.get("reason") or ""), str(found.get("by") or ""), at)
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise UnreadableHaltError(f"not a halt flag: {text[:200]!r}")


@dataclass(frozen=True)
class Lever:
    """FIS's safety lever: engaged, nobody's experiment runs in the account and Region."""

    engaged: bool
    reason: str = ""


def lever_mark(stack: str) -> str:
    """How the reason begins that a halt of this stack gives the lever: the lever itself then tells whose it is, whatever is lost."""
    return f"Squall {stack} halted"


def move_lever_command(reason: str, *, engaged: bool) -> str:
    """The plain command that moves the lever."""
    said = "".join(letter for letter in reason if letter.isalnum() or letter in " .:-_/@")[:200]
    state = f"status={'engaged' if engaged else 'disengaged'},reason={said}"
    return shell_command("aws", "fis", "update-safety-lever-state", "--id", "default", "--state", state)


def put_flag_command(stack: str, *, engaged: bool) -> str:
    """The plain command that sets the flag."""
    value = json.dumps({"engaged": engaged, "reason": "by hand"})
    name = parameter_name(stack)
    return shell_command("aws", "ssm", "put-parameter", "--name", name, "--type", "String", "--overwrite", "--value", value)


def delete_copy_command(table: str) -> str:
    """The plain command that takes the flag's copy out of the table."""
    return delete_item_command(table, "HALT", "HALT")
