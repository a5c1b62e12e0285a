"""`squall status`: what is running, or how one execution stands."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table

from cli import output, session
from cli.commands.run import record_document
from cli.errors import CommandError
from cli.exits import Exit
from cli.names import execution_id
from cli.render import table, word
from cli.text import safe, seconds
from squall.domain.approval.votes import standing
from squall.domain.vocabulary import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from cli.aws import Deployment
    from cli.session import Options
    from squall.domain.run.queue import Line
    from squall.domain.run.record import ExecutionRecord

EVENTS = 8


def run(options: Options, execution: str | None) -> int:
    """0, also when nothing runs."""
    wanted = execution_id(execution) if execution is not None else None
    deployment = session.deployment(options)
    records = [find(deployment, wanted)] if wanted is not None else list(deployment.open_records())
    _note_halt(deployment)
    line = deployment.line() if any(record.status is Status.QUEUED for record in records) else None
    now = datetime.now(UTC)
    if options.json:
        documents = [record_document(record) | _queue_document(record, line, now) for record in records]
        output.write_json(documents[0] if wanted is not None else documents)
        return Exit.VALIDATED
    console = output.console()
    if wanted is not None:
        console.print(one(records[0], now, line))
    elif records:
        console.print(listing(records, now, line))
    else:
        console.print(f"Nothing is running in stack {deployment.stack}, {deployment.region}.")
    return Exit.VALIDATED


def _note_halt(deployment: Deployment) -> None:
    halted = deployment.halted()
    if halted is None:
        output.note("Whether the stack is halted could not be read; what can't be read counts as halted.")
    elif halted.engaged:
        output.note(f"The stack is {str(halted).upper()[:6]}{str(halted)[6:]}. Nothing starts until `squall resume --reason …`.")


def find(deployment: Deployment, execution: str) -> ExecutionRecord:
    """The record; refuses an id nobody has."""
    record = deployment.record(execution)
    if record is None:
        raise CommandError(
            f"There is no execution {execution} in stack {deployment.stack}, {deployment.region}.",
            "`squall status` lists what is running; check `--stack` and `--region`.",
            code=Exit.REFUSED,
        )
    return record


def _ahead(record: ExecutionRecord, line: Line | None, now: datetime) -> tuple[str, ...] | None:
    """Who is served before this one; None for one that does not wait in the queue, or if nobody can tell."""
    if line is None or record.status is not Status.QUEUED or record.id not in line.waiting(now):
        return None
    return line.ahead_of(record.id, now)


def _queue_document(record: ExecutionRecord, line: Line | None, now: datetime) -> dict[str, Any]:
    ahead = _ahead(record, line, now)
    return {} if ahead is None else {"queue": {"position": len(ahead) + 1, "ahead": list(ahead)}}


def _status(record: ExecutionRecord, line: Line | None, now: datetime) -> str:
    ahead = _ahead(record, line, now)
    return record.status.value + (f", position {len(ahead) + 1}" if ahead is not None else "")


def _queue(record: ExecutionRecord, line: Line | None, now: datetime) -> str:
    ahead = _ahead(record, line, now)
    if ahead is None or line is None:
        return ""
    behind = f", behind {', '.join(ahead)}" if ahead else ": the next free FIS slot is its own"
    holders = ", ".join(line.holders(now).values()) or "nobody"
    return f"position {len(ahead) + 1} of {len(line.waiting(now))}{behind}; slots are held by {holders}"


def listing(records: Sequence[ExecutionRecord], now: datetime, line: Line | None = None) -> RenderableType:
    """One row for each execution."""
    made = table(
        "Running, or over and not yet cleaned up", "Execution", "Experiment", "Environment", "Status", "State", "For", "Started by"
    )
    for record in records:
        made.add_row(
            safe(record.id),
            safe(record.experiment),
            safe(record.environment),
            word(_status(record, line, now)),
            safe(record.phase),
            seconds((now - record.started_at).total_seconds()),
            safe(record.requested_by),
        )
    return made


def one(record: ExecutionRecord, now: datetime, line: Line | None = None) -> RenderableType:
    """A record as a person reads it, with its last events."""
    grid = Table.grid(padding=(0, 2))
    for name, value in (*_facts(record, now), ("queue", _queue(record, line, now))):
        if value:
            grid.add_row(safe(name, "dim"), safe(value))
    events = Table.grid(padding=(0, 2))
    for event in record.events[-EVENTS:]:
        events.add_row(f"{event.at:%H:%M:%S}", safe(event.event), safe(event.detail))
    return Group(grid, safe(f"last events (of {len(record.events)})", "bold"), events)


def _facts(record: ExecutionRecord, now: datetime) -> list[tuple[str, str]]:
    since = f" for {seconds((now - record.phase_since).total_seconds())}" if record.phase_since and not record.final else ""
    length = seconds(((record.ended_at or now) - record.started_at).total_seconds())
    return [
        ("execution", record.id),
        ("experiment", record.experiment),
        ("environment", record.environment),
        ("status", record.status.value + (f", {record.verdict.value}" if record.verdict else "")),
        ("state", record.phase + since),
        ("started", f"{record.started_at:%Y-%m-%d %H:%M:%S} UTC, {length} {'in all' if record.final else 'ago'}"),
        ("started by", record.requested_by),
        ("approval", standing(record.ask, record.votes, now)[1] if record.ask else ""),
        *((vote.decision.value, f"{vote.arn} at {vote.at:%Y-%m-%d %H:%M:%S} UTC: {vote.comment}") for vote in record.votes),
        ("fault", _fault(record, now)),
        ("guards", ", ".join(record.guard_names)),
        ("abort", f"{record.abort.source.value}: {record.abort.reason}" if record.abort else ""),
        ("closed by", record.closed_by),
        ("why", record.reason),
    ]


def _fault(record: ExecutionRecord, now: datetime) -> str:
    if record.fault_started_at is None:
        return "" if record.final else "not started"
    spent = seconds(((record.fault_ended_at or now) - record.fault_started_at).total_seconds())
    state = "lasted" if record.fault_ended_at else "running for"
    return f"{record.fault_type}, {state} {spent} of {seconds(record.fault_seconds)}, {record.fis_experiment_id or ''}"
