"""What an examination says."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    OK = "ok"
    SLOW = "slow"
    """It works, and takes longer than promised."""
    FAILED = "failed"
    UNKNOWN = "unknown"
    """Could not be examined: nothing was found out."""


@dataclass(frozen=True)
class Finding:
    name: str
    outcome: Outcome
    detail: str
    promised: str = ""
    measured: str = ""

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "outcome": self.outcome.value}


def unknown(name: str, error: Exception | str, promised: str = "") -> Finding:
    """Nothing could be found out, and why."""
    return Finding(name, Outcome.UNKNOWN, f"could not be examined: {error}"[:400], promised)
