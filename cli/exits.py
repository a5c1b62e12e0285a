"""The exit codes of the `squall` command: the outcome table of the documentation."""

# ruff: noqa: PLC0415 - imports inside functions keep `squall --help` quick

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from squall.domain.base.vocabulary import Status, Verdict


class Exit(IntEnum):
    """The codes of `squall run`; other commands use VALIDATED for success and the last three for their failures."""

    VALIDATED = 0
    REFUTED = 1
    ABORTED = 2
    REFUSED = 3
    """The run was rejected or is invalid, or the command was refused (its arguments, its definition, the credentials, the
    Region or the stack's name; the local account is down): nothing was proven, and this command started nothing."""
    INCONCLUSIVE = 4
    """There is no answer, or none yet: the wait timeout passed."""
    FAILED = 5
    """Squall itself failed, or could not be reached."""


def exit_code(status: Status, verdict: Verdict | None) -> Exit:
    """The exit code for an execution that is over."""
    from squall.domain.judging.verdict import exit_code as verdict_exit_code

    return Exit(verdict_exit_code(status, verdict))
