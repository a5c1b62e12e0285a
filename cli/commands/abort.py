"""`squall abort`: stops the fault now, then waits until the execution is over."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import typer

from cli import output, session
from cli.arguments import durations
from cli.arguments.names import parse_execution_id
from cli.commands.run import follow_to_end, make_record_document, show_ending
from cli.commands.status import find_record
from cli.errors import CommandError
from cli.exits import Exit
from cli.text import clean_line

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        console = output.make_console()
        for line in describe_answer(answer):
            console.print(clean_line(line), soft_wrap=True)
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
        output.write_note(f"{record.id} is recorded as {record.status.value}, but its fault was running.")
        for line in describe_answer(answer):
            output.write_note(line)
    else:
        output.write_note(f"{record.id} is over already: {record.status.value}. There is nothing to abort.")
    if options.json:
        output.write_json({"abort": answer if stopped else None, "record": make_record_document(record)})
    return Exit.VALIDATED


def describe_answer(answer: Any) -> Iterator[str]:
    """The answer of the abort function as sentences: what FIS says of each experiment, and what was left alone or
    failed."""
    if not isinstance(answer, dict):
        yield f"The abort function answered: {clean_line(answer)}"
        return
    experiments = answer.get("experiments") or {}
    if not experiments:
        yield "FIS has no experiment of this execution; it ends before its fault."
    asked = answer.get("stopped") or ()
    for fis, status in experiments.items():
        yield f"FIS was asked to stop {fis}: it is {status}." if fis in asked else f"{fis} is {status}."
    yield from (f"Left alone: {left}" for left in answer.get("left_alone") or ())
    if answer.get("late"):
        yield f"The abort is not recorded: {answer['late']}."
    elif answer.get("error"):
        yield f"The abort is not recorded yet: {answer['error']}"


def _confirm_abort(record: ExecutionRecord) -> None:
    question = f"Abort {record.id} ({clean_line(record.experiment, 80)}, in {clean_line(record.phase, 40)})?"
    if not typer.confirm(question, err=True):
        raise CommandError("Nothing was aborted.", code=Exit.REFUSED)
