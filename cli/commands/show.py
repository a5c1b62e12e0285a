"""`squall show`: the result of an execution that is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli import output, session
from cli.commands.run import record_document
from cli.commands.status import find, one
from cli.errors import CommandError
from cli.exits import Exit
from cli.names import execution_id
from cli.render import result_view
from cli.text import clean
from cli.watch import parsed_result

if TYPE_CHECKING:
    from cli.session import Options


def run(options: Options, execution: str) -> int:
    """0 if there is a result."""
    wanted = execution_id(execution)
    deployment = session.deployment(options)
    record = find(deployment, wanted)
    if not record.final:
        raise CommandError(
            f"{wanted} is still running, in {clean(record.phase, 40)}.", f"`squall status {wanted}` says how it stands.", code=Exit.REFUSED
        )
    raw = deployment.document(wanted, "result")
    if options.json:
        output.write_json(raw if raw is not None else record_document(record))
        return Exit.VALIDATED
    result = parsed_result(raw)
    console = output.console()
    if result is None:
        console.print(one(record, record.ended_at or record.started_at))
        return Exit.VALIDATED
    console.print(result_view(result, deployment.document_url(wanted)))
    return Exit.VALIDATED
