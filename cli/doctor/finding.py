"""The result of an examination."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    OK = "ok"
    SLOW = "slow"
    """It works, but takes longer than promised."""
    FAILED = "failed"
    UNKNOWN = "unknown"
    """It could not be examined."""


@dataclass(frozen=True)
class Finding:
    """What was examined, and with what outcome."""

    name: str
    outcome: Outcome
    detail: str
    promised: str = ""
    measured: str = ""

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "outcome": self.outcome.value}


def unknown_finding(name: str, error: Exception | str, promised: str = "") -> Finding:
    """The finding for something that could not be examined because of the error."""
    return Finding(name, Outcome.UNKNOWN, f"could not be examined: {error}"[:400], promised)
