"""`squall status`: shows what is running, or the state of one execution."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table

from cli import output, session
from cli.arguments.names import parse_execution_id
from cli.commands.run import make_record_document, write_dates
from cli.errors import CommandError
from cli.exits import Exit
from cli.following.watch import describe_state
from cli.render import make_table, style_word
from cli.text import format_seconds, safe_text
from squall.domain.approval.standing import find_standing
from squall.domain.approval.votes import Decision
from squall.domain.base.vocabulary import Status
from squall.domain.run.timeline import EventName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from cli.aws.stack import Deployment
    from cli.session import Options
    from squall.domain.approval.votes import Vote
    from squall.domain.run.halt import Halt
    from squall.domain.run.part import Part
    from squall.domain.run.queue import Line
    from squall.domain.run.record import ExecutionRecord

EVENTS = 8


def show_status(options: Options, execution: str | None) -> int:
    """Returns 0, also if nothing runs."""
    execution_id = parse_execution_id(execution) if execution is not None else None
    deployment = session.find_deployment(options)
    if execution_id is not None and _is_starting(deployment, execution_id):
        return _show_starting(options, execution_id)
    records = [find_record(deployment, execution_id)] if execution_id is not None else list(deployment.open_records())
    halted = deployment.halted()
    _note_halt(halted)
    line = deployment.line() if any(record.status is Status.QUEUED for record in records) else None
    now = datetime.now(UTC)
    if options.json:
        halt = {"halt": _make_halt_document(halted)}
        documents = [make_record_document(record) | _make_queue_document(record, line, now) | halt for record in records]
        output.write_json(documents[0] if execution_id is not None else documents)
        return Exit.VALIDATED
    console = output.make_console()
    if execution_id is not None:
        console.print(make_record_view(records[0], now, line))
    elif records:
        console.print(make_listing(records, now, line))
    else:
        console.print(f"Nothing is running in stack {deployment.stack}, {deployment.region}.")
    return Exit.VALIDATED


def _is_starting(deployment: Deployment, execution_id: str) -> bool:
    """Whether the execution runs in Step Functions and has no record yet: Admit writes it in its first seconds."""
    if deployment.record(execution_id) is not None:
        return False
    machine = deployment.machine(execution_id)
    return machine is not None and not machine.over and deployment.record(execution_id) is None


def _show_starting(options: Options, execution_id: str) -> int:
    if options.json:
        output.write_json({"id": execution_id, "status": "starting"})
    else:
        output.make_console().print(f"{execution_id} has just started; its record is written in its first state.", soft_wrap=True)
    return Exit.VALIDATED


def _make_halt_document(halted: Halt | None) -> Any:
    """The halt of the stack as `squall status --json` shows it; None if the flag could not be read, which counts as
    halted."""
    return None if halted is None else write_dates(asdict(halted))


def _note_halt(halted: Halt | None) -> None:
    if halted is None:
        output.write_note("The halt flag could not be read; Squall treats the stack as halted until it can be.")
    elif halted.engaged:
        output.write_note(f"The stack is {str(halted).upper()[:6]}{str(halted)[6:]}. Nothing starts until `squall resume --reason …`.")


def find_record(deployment: Deployment, execution_id: str) -> ExecutionRecord:
    """The record of an execution. Raises CommandError if there is none."""
    record = deployment.record(execution_id)
    if record is None:
        if deployment.campaign(execution_id) is not None:
            hint = f"`squall campaign status {execution_id}` shows it, and `squall campaign --help` the rest."
            raise CommandError(f"{execution_id} is a campaign, and no single execution.", hint, code=Exit.REFUSED)
        raise CommandError(
            f"There is no execution {execution_id} in stack {deployment.stack}, {deployment.region}.",
            "`squall status` lists what is running; check `--stack` and `--region`.",
            code=Exit.REFUSED,
        )
    return record


def _list_ahead(record: ExecutionRecord, line: Line | None, now: datetime) -> tuple[str, ...] | None:
    """The executions that get a slot before this one; None if this one is not in the queue, or the queue could not be
    read."""
    if line is None or record.status is not Status.QUEUED or record.id not in line.waiting(now):
        return None
    return line.ahead_of(record.id, now)


def _make_queue_document(record: ExecutionRecord, line: Line | None, now: datetime) -> dict[str, Any]:
    ahead = _list_ahead(record, line, now)
    return {} if ahead is None else {"queue": {"position": len(ahead) + 1, "ahead": list(ahead)}}


def _describe_status(record: ExecutionRecord, line: Line | None, now: datetime) -> str:
    ahead = _list_ahead(record, line, now)
    return ("plan: " if record.only_plans else "") + record.status.value + (f", position {len(ahead) + 1}" if ahead is not None else "")


def _describe_queue(record: ExecutionRecord, line: Line | None, now: datetime) -> str:
    ahead = _list_ahead(record, line, now)
    if ahead is None or line is None:
        return ""
    behind = f", behind {', '.join(ahead)}" if ahead else ": it gets the next free FIS slot"
    holders = ", ".join(line.holders(now).values()) or "nobody"
    return f"position {len(ahead) + 1} of {len(line.waiting(now))}{behind}; slots are held by {holders}"


def make_listing(records: Sequence[ExecutionRecord], now: datetime, line: Line | None = None) -> RenderableType:
    """One row per execution."""
    table = make_table(
        "Running, or over and not yet cleaned up", "Execution", "Experiment", "Environment", "Status", "State", "For", "Started by"
    )
    for record in records:
        table.add_row(
            safe_text(record.id),
            safe_text(record.experiment),
            safe_text(record.environment),
            style_word(_describe_status(record, line, now)),
            safe_text(describe_state(record)),
            format_seconds((now - record.started_at).total_seconds()),
            safe_text(record.requested_by),
        )
    return table


def make_record_view(record: ExecutionRecord, now: datetime, line: Line | None = None) -> RenderableType:
    """A record with its last events."""
    grid = Table.grid(padding=(0, 2))
    for name, value in (*_list_facts(record, now), ("queue", _describe_queue(record, line, now))):
        if value:
            grid.add_row(safe_text(name, "dim"), safe_text(value))
    events = Table.grid(padding=(0, 2))
    for event in record.events[-EVENTS:]:
        events.add_row(f"{event.at:%H:%M:%S}", safe_text(event.event), safe_text(event.detail))
    return Group(grid, safe_text(f"last events (of {len(record.events)})", "bold"), events)


def _list_facts(record: ExecutionRecord, now: datetime) -> list[tuple[str, str]]:
    since = f" for {format_seconds((now - record.phase_since).total_seconds())}" if record.phase_since and not record.final else ""
    length = format_seconds(((record.ended_at or now) - record.started_at).total_seconds())
    return [
        ("execution", record.id),
        ("experiment", record.experiment),
        ("environment", record.environment),
        ("part of", describe_part(record.part) if record.part else ""),
        ("mode", "plan: everything but the fault" if record.only_plans else ""),
        ("status", record.status.value + (f", {record.verdict.value}" if record.verdict else "")),
        ("state", describe_state(record) + since),
        ("started", f"{record.started_at:%Y-%m-%d %H:%M:%S} UTC, {length} {'in all' if record.final else 'ago'}"),
        ("started by", record.requested_by),
        ("approval", find_standing(record.ask, record.confirmed_votes, now)[1] if record.ask else ""),
        *((vote.decision.value, _describe_vote(record, vote)) for vote in record.current_votes),
        ("fault", _describe_fault(record, now)),
        ("guards", ", ".join(record.guard_names)),
        ("abort", f"{record.abort.source.value}: {record.abort.reason}" if record.abort else ""),
        ("closed by", record.closed_by),
        ("why", record.reason),
    ]


def describe_part(part: Part) -> str:
    """The run over several Regions that a part belongs to."""
    return f"{part.run}, over {', '.join(part.regions)}; home is {part.home}"


def _describe_vote(record: ExecutionRecord, vote: Vote) -> str:
    return f"{vote.arn} at {vote.at:%Y-%m-%d %H:%M:%S} UTC ({describe_confirmation(record, vote)}): {vote.comment}"


def describe_confirmation(record: ExecutionRecord, vote: Vote) -> str:
    """Whether a vote on the newest request counts, in words."""
    if vote.decision is Decision.REJECT:
        return "needs no confirmation"
    if vote in record.confirmed_votes:
        return "confirmed"
    return "not confirmed yet" if vote in record.pending_votes and not record.final else "not confirmed, so not counted"


def _describe_fault(record: ExecutionRecord, now: datetime) -> str:
    if record.begins_at is None:
        return "" if record.final or record.only_plans else "not started"
    elapsed = format_seconds(max(0.0, ((record.fault_ended_at or now) - record.begins_at).total_seconds()))
    if not record.observation_seconds:
        state = "lasted" if record.fault_ended_at else "running for"
        return f"{record.fault_type}, {state} {elapsed} of {format_seconds(record.fault_seconds)}, {record.fis_experiment_id or ''}"
    observed = f"observed {'' if record.fault_ended_at else 'for '}{elapsed} of {format_seconds(record.observation_seconds)}"
    over = record.happened(EventName.FAULT_OVER)
    end = f"over since {over[0].at:%H:%M:%S} UTC, " if over else ""
    return f"{record.fault_type} for {format_seconds(record.fault_seconds)}, {end}{observed}, {record.fis_experiment_id or ''}"
