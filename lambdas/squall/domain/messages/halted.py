"""The message that the stack was halted or resumed, or that this failed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from squall.domain.messages.message import Message, Section, facts_of


@dataclass(frozen=True)
class HaltChange:
    """What a halt or a resume did."""

    outcome: str
    """HALTED, NOT HALTED, RESUMED or NOT RESUMED."""
    stack: str
    by: str
    reason: str
    lever: str = ""
    """What happened to FIS's safety lever; empty if nobody asked to move it."""
    stopped: Mapping[str, str] | None = None
    """Id of each FIS experiment that FIS was asked to stop to its execution and what FIS says of it now."""
    aborted: Iterable[str] = ()
    """Executions that have the halt as their reason to abort."""
    not_done: Iterable[str] = ()
    """What failed, each with its error and the command that does it by hand."""


_NEXT = {"HALTED": "Nothing starts until it is resumed: squall resume --reason …", "RESUMED": "Experiments start again."}


def make_message(change: HaltChange) -> Message:
    """The message: who changed what and why, what was stopped, and what is left to do by hand."""
    return Message(
        subject=f"Squall: {change.outcome}: {change.stack}",
        facts=facts_of(
            [
                f"{change.outcome}: stack {change.stack}, by {change.by}: {change.reason}",
                _NEXT.get(change.outcome, "By hand: see below."),
                f"FIS's safety lever: {change.lever}" if change.lever else "",
                *(f"asked to stop: FIS experiment {fis} ({state})" for fis, state in (change.stopped or {}).items()),
                *(f"aborted: {execution}" for execution in change.aborted),
            ]
        ),
        sections=(Section("NOT DONE; by hand:", facts_of(change.not_done)),),
        attributes={"status": change.outcome.lower().replace(" ", "_")},
    )
