"""What the `squall` command's exit code says: the outcome table of the documentation, and nothing else."""

# ruff: noqa: PLC0415 - what a command does not need is not imported: `squall --help` must be quick

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from squall.domain.vocabulary import Status, Verdict


class Exit(IntEnum):
    """Codes of `squall run`; other commands use VALIDATED for success and the codes of the last three for their kind of failure."""

    VALIDATED = 0
    REFUTED = 1
    ABORTED = 2
    REFUSED = 3
    """Rejected, invalid, or a command line or definition that was never sent: nothing was proven, nothing is running."""
    INCONCLUSIVE = 4
    """The answer could not be told, also because waiting for it took longer than allowed."""
    FAILED = 5
    """Squall itself failed, or could not be reached."""


def exit_code(status: Status, verdict: Verdict | None) -> Exit:
    """The code of an execution that is over."""
    from squall.domain.judging.verdict import exit_code as verdict_exit_code

    return Exit(verdict_exit_code(status, verdict))
