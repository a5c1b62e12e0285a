"""`squall abort`: stops the fault now, then waits until the execution is over."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from cli import output, session
from cli.arguments import durations
from cli.arguments.names import parse_execution_id
from cli.commands.run import follow_to_end, make_record_document, show_ending
from cli.commands.status import find_record
from cli.errors import CommandError
from cli.exits import Exit
from cli.text import clean_block, clean_line

if TYPE_CHECKING:
    from cli.aws.stack import Deployment
    from cli.session import Options
    from squall.domain.run.record import ExecutionRecord

REASON_CHARACTERS = 500


def abort_execution(options: Options, execution: str, reason: str, *, yes: bool, wait_timeout: str | None) -> int:
    """Returns 0 once the execution is over, whatever its outcome."""
    execution_id = parse_execution_id(execution)
    timeout = durations.parse_seconds(wait_timeout) if wait_timeout else None
    deployment = session.find_deployment(options)
    record = find_record(deployment, execution_id)
    if record.final:
        return _abort_closed_run(options, deployment, record, reason)
    # A person may have mistyped the id; a script in an emergency must not be asked.
    if not yes and sys.stdin.isatty():
        _confirm_abort(record)
    answer = deployment.abort(execution_id, clean_line(reason, REASON_CHARACTERS), deployment.caller())
    if not options.json:
        output.make_console().print(f"The abort function answered: {clean_block(answer)}", soft_wrap=True)
    ending = follow_to_end(deployment, record.experiment, execution_id, timeout, as_json=options.json)
    if options.json:
        output.write_json({"abort": answer, "record": make_record_document(ending.record)})
    else:
        show_ending(deployment, ending, as_json=False)
    return Exit.VALIDATED


def _abort_closed_run(options: Options, deployment: Deployment, record: ExecutionRecord, reason: str) -> int:
    """The record says that the run is over, but FIS decides: the abort function stops what still runs of it."""
    answer = deployment.abort(record.id, clean_line(reason, REASON_CHARACTERS), deployment.caller())
    stopped = answer.get("stopped") if isinstance(answer, dict) else None
    if stopped:
        output.write_note(f"{record.id} is recorded as {record.status.value}, but its fault was running: {clean_block(answer)}")
    else:
        output.write_note(f"{record.id} is over already: {record.status.value}. There is nothing to abort.")
    if options.json:
        output.write_json({"abort": answer if stopped else None, "record": make_record_document(record)})
    return Exit.VALIDATED


def _confirm_abort(record: ExecutionRecord) -> None:
    question = f"Abort {record.id} ({clean_line(record.experiment, 80)}, in {clean_line(record.phase, 40)})?"
    if not typer.confirm(question, err=True):
        raise CommandError("Nothing was aborted.", code=Exit.REFUSED)
