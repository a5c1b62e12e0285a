"""Messages about what a run left behind, and the section that lists it with the commands that remove it by hand."""

from collections.abc import Iterable, Sequence

from squall.domain.messages.message import Message, Section, facts_of
from squall.domain.run.record import ExecutionRecord


def still_there(leftovers: Iterable[object]) -> Section:
    """The section of what Squall could not remove yet. Each leftover reads as `what: command`."""
    return Section("STILL THERE, Squall keeps trying; by hand:", facts_of(map(str, leftovers)))


def not_cleaned_up(record: ExecutionRecord, leftovers: Iterable[object]) -> Message:
    """What still exists of a run whose ending people already know."""
    return Message(
        subject=f"Squall: NOT CLEANED UP: {record.experiment or record.id}",
        facts=facts_of([f"Of execution {record.id}:"]),
        sections=(still_there(leftovers),),
        attributes={"status": "not_cleaned_up"},
        thread=record.id,
    )


def rollback_failed(record: ExecutionRecord, outcome: str) -> Message:
    """A rollback document that failed after people were told how the run ended; `outcome` is a sentence."""
    return Message(
        subject=f"Squall: ROLLBACK FAILED: {record.experiment or record.id}",
        facts=facts_of([f"Of execution {record.id}:", outcome]),
        sections=(Section("Again, by hand:", facts_of([record.rollback_command])),),
        attributes={"status": "rollback_failed"},
        thread=record.id,
        commands=(record.rollback_command,),
    )


def make_sweep_message(stack: str, removed: Sequence[str], left: Sequence[str]) -> Message:
    """What a sweep removed of executions that no longer run, and what it could not remove, each with the command that
    removes it."""
    outcome = "NOT CLEANED UP" if left else "swept"
    title = "Resources of executions that no longer run, older than ten minutes and seen in two sweeps:"
    return Message(
        subject=f"Squall: {outcome}: {len(removed) + len(left)} leftovers of {stack}",
        facts=facts_of([f"Stack {stack}: {len(removed)} leftovers removed, {len(left)} still there"]),
        sections=(Section(title, facts_of(removed)), still_there(left)),
        attributes={"status": "not_cleaned_up" if left else "swept"},
    )
