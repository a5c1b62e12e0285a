"""Compares the version of the deployed stack with that of the command."""

from __future__ import annotations

from cli.text import clean_line
from squall.version import VERSION

OUTPUT = "SquallVersion"


def describe_difference(stack: str, version: str | None, own: str = VERSION) -> str:
    """One sentence if the stack's version, None if the stack does not say it, is not the command's; otherwise empty."""
    if version == own:
        return ""
    name = clean_line(stack, 60)
    if version is None:
        return f"The stack {name} does not say its version, so it is older than this command ({own}): deploy it again."
    return (
        f"The stack {name} has version {clean_line(version, 30)}, this command has {own}: what they expect of each other may differ. "
        "Deploy the stack again, or install the command in the stack's version."
    )
