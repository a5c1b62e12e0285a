"""What a planner decides: the steps to start now, or how the campaign ends."""

from dataclasses import dataclass

from squall.domain.base.vocabulary import Verdict


@dataclass(frozen=True)
class Ending:
    """How a campaign that nobody aborted ends."""

    verdict: Verdict
    reason: str


@dataclass(frozen=True)
class Choice:
    """Exactly one of both."""

    start: tuple[str, ...] = ()
    """The names of the steps to start side by side."""
    ending: Ending | None = None
