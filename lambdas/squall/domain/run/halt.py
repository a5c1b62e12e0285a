"""The halt flag. While it is engaged, nothing starts in this stack. Dataclasses only, because the halt path must start
fast."""

import json
from dataclasses import dataclass
from datetime import datetime

from squall.domain.base.printable import one_line
from squall.domain.run.commands import delete_item_command, shell_command


class UnreadableHaltError(ValueError):
    """The content of the flag can't be understood, which counts as engaged."""


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
    """The name of the parameter that holds the stack's flag."""
    return f"/squall/{stack}/halt"


def combine_flags(flag: Halt, copy: Halt) -> Halt:
    """The flag and its copy combined: engaged if either of them is, because one may have been broken when the other was
    written."""
    return copy if copy.engaged and not flag.engaged else flag


def to_json(halt: Halt) -> str:
    """The flag as it is stored, in Parameter Store and in the table."""
    at = halt.at.isoformat() if halt.at else None
    return json.dumps({"engaged": halt.engaged, "reason": halt.reason, "by": halt.by, "at": at})


def from_json(text: str) -> Halt:
    """The flag as it is stored. A person may have written it by hand, so only `engaged` is required. Raises
    UnreadableHaltError."""
    try:
        flag = json.loads(text)
        at = datetime.fromisoformat(flag["at"]) if flag.get("at") else None
        if isinstance(flag["engaged"], bool):
            return Halt(flag["engaged"], one_line(str(flag.get("reason") or "")), one_line(str(flag.get("by") or "")), at)
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise UnreadableHaltError(f"not a halt flag: {text[:200]!r}")


@dataclass(frozen=True)
class Lever:
    """FIS's safety lever. While it is engaged, no experiment runs in the account and Region, of this stack or any
    other."""

    engaged: bool
    reason: str = ""


def lever_mark(stack: str) -> str:
    """The beginning of the lever's reason when a halt of this stack engaged it, so that the lever shows who engaged
    it."""
    return f"Squall {stack} halted"


def move_lever_command(reason: str, *, engaged: bool) -> str:
    """The AWS CLI command that moves the lever."""
    legal = "".join(letter for letter in reason if letter.isalnum() or letter in " .:-_/@")[:200]
    state = f"status={'engaged' if engaged else 'disengaged'},reason={legal}"
    return shell_command("aws", "fis", "update-safety-lever-state", "--id", "default", "--state", state)


def put_flag_command(stack: str, *, engaged: bool) -> str:
    """The AWS CLI command that sets the flag."""
    value = json.dumps({"engaged": engaged, "reason": "by hand"})
    name = parameter_name(stack)
    return shell_command("aws", "ssm", "put-parameter", "--name", name, "--type", "String", "--overwrite", "--value", value)


def delete_copy_command(table: str) -> str:
    """The AWS CLI command that deletes the flag's copy from the table."""
    return delete_item_command(table, "HALT", "HALT")
