"""What a planner decides: the steps to start now, what to ask people, or how the campaign ends."""

from dataclasses import dataclass

from squall.domain.base.vocabulary import Verdict


@dataclass(frozen=True)
class Ending:
    """How a campaign that nobody aborted ends."""

    verdict: Verdict
    reason: str


@dataclass(frozen=True)
class Choice:
    """Exactly one of the three."""

    start: tuple[str, ...] = ()
    """The names of the steps to start side by side."""
    ask: str = ""
    """The name of the prompt to show to people."""
    ending: Ending | None = None
