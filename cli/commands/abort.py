"""`squall abort`: stop the fault now, then wait until the record is closed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from cli import durations, output, session
from cli.commands.run import follow_to_end, record_document, show_ending
from cli.commands.status import find
from cli.errors import CommandError
from cli.exits import Exit
from cli.names import execution_id
from cli.text import clean, clean_block

if TYPE_CHECKING:
    from cli.session import Options
    from squall.domain.run.record import ExecutionRecord

REASON_CHARACTERS = 500


def run(options: Options, execution: str, reason: str, *, yes: bool, wait_timeout: str | None) -> int:
    """0 once the execution is over, however it ended."""
    wanted = execution_id(execution)
    timeout = durations.total_seconds(wait_timeout) if wait_timeout else None
    deployment = session.deployment(options)
    record = find(deployment, wanted)
    if record.final:
        output.note(f"{wanted} is over already: {record.status.value}. There is nothing to abort.")
        if options.json:
            output.write_json({"abort": None, "record": record_document(record)})
        return Exit.VALIDATED
    # Somebody at a keyboard may have mistyped; a script in an emergency is not to be asked.
    if not yes and sys.stdin.isatty():
        _confirm(record)
    answer = deployment.abort(wanted, clean(reason, REASON_CHARACTERS), deployment.caller())
    if not options.json:
        output.console().print(f"The abort function answered: {clean_block(answer)}", soft_wrap=True)
    ending = follow_to_end(deployment, record.experiment, wanted, timeout, as_json=options.json)
    if options.json:
        output.write_json({"abort": answer, "record": record_document(ending.record)})
    else:
        show_ending(deployment, ending, as_json=False)
    return Exit.VALIDATED


def _confirm(record: ExecutionRecord) -> None:
    question = f"Abort {record.id} ({clean(record.experiment, 80)}, in {clean(record.phase, 40)})?"
    if not typer.confirm(question, err=True):
        raise CommandError("Nothing was aborted.", code=Exit.REFUSED)
