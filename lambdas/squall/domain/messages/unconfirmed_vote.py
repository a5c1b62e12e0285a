"""The message that a vote could not be confirmed: for those who believe that the run is approved."""

from collections.abc import Iterable

from squall.domain.approval.votes import Ask
from squall.domain.base.vocabulary import Status
from squall.domain.messages.message import Message, Section, facts_of
from squall.domain.run.commands import shell_command
from squall.domain.run.record import ExecutionRecord


def make_message(record: ExecutionRecord, ask: Ask, refusals: Iterable[str], standing: str, *, stack: str) -> Message:
    """`refusals`: whose votes do not count, each with the reason. `standing`: a sentence about the request as it is
    without them."""
    where = ("--stack", stack, "--region", record.execution_arn.split(":")[3])
    return Message(
        subject=f"Squall: vote does not count: {record.experiment or record.id}",
        facts=facts_of(
            [
                f"Execution {record.id} in {record.environment}: AWS could not confirm a recorded vote, so it does not count.",
                f"Without it: {standing}",
            ]
        ),
        sections=(
            Section("Not confirmed", facts_of(refusals)),
            Section(
                f"To vote again, until {ask.expires_at:%Y-%m-%d %H:%M:%S} UTC",
                facts_of([f'{shell_command("squall", "approve", record.id)} --comment "…" {shell_command(*where)}']),
            ),
        ),
        attributes={
            "status": Status.AWAITING_APPROVAL.value,
            "verdict": "none",
            "environment": record.environment,
            "experiment": record.experiment,
        },
    )
