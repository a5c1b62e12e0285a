"""`squall show`: the result of an execution that is over, in the terminal, as a page or as Markdown."""

from __future__ import annotations

import sys
import webbrowser
from typing import TYPE_CHECKING

from cli import output, reports, session
from cli.commands.run import record_document
from cli.commands.status import find, one
from cli.errors import CommandError
from cli.exits import Exit
from cli.names import execution_id
from cli.render import result_view
from cli.text import clean, harmless
from cli.watch import parsed_result

if TYPE_CHECKING:
    from cli.aws import Deployment
    from cli.session import Options


def run(options: Options, execution: str, *, html: str | None = None, browse: bool = False, markdown: bool = False) -> int:
    """0 if there is a result (or, where one was asked for, a report)."""
    if sum([options.json, markdown, bool(html or browse)]) > 1:
        raise CommandError("One of --json, --markdown and --html or --open at a time.", "", code=Exit.REFUSED)
    wanted = execution_id(execution)
    deployment = session.deployment(options)
    record = find(deployment, wanted)
    if not record.final:
        raise CommandError(
            f"{wanted} is still running, in {clean(record.phase, 40)}.", f"`squall status {wanted}` says how it stands.", code=Exit.REFUSED
        )
    if html or browse:
        return _page(deployment, wanted, html, browse=browse)
    if markdown:
        sys.stdout.write(harmless(reports.fetch(deployment, wanted, "report.md")))
        return Exit.VALIDATED
    raw = deployment.document(wanted, "result")
    if options.json:
        output.write_json(raw if raw is not None else record_document(record))
        return Exit.VALIDATED
    result = parsed_result(raw)
    console = output.console()
    if result is None:
        console.print(one(record, record.ended_at or record.started_at))
        return Exit.VALIDATED
    console.print(result_view(result, deployment.document_url(wanted), report=deployment.file_url(wanted, reports.PAGE)))
    output.note(f"`squall show {wanted} --open` shows the report in the browser.")
    return Exit.VALIDATED


def _page(deployment: Deployment, execution: str, file: str | None, *, browse: bool) -> int:
    path = reports.save(reports.fetch(deployment, execution, reports.PAGE), file or f"squall-{execution}.html")
    output.console().print(str(path), soft_wrap=True)
    if browse and not webbrowser.open(path.resolve().as_uri()):
        output.note("No browser could be opened here; the file above holds everything.")
    return Exit.VALIDATED
