"""`squall show`: shows the result of an execution that is over, in the terminal, as a page or as Markdown."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from cli import output, reports, session
from cli.arguments.names import parse_execution_id
from cli.commands.campaigns import runs as campaigns
from cli.commands.run import make_record_document
from cli.commands.status import describe_part, find_record, make_record_view
from cli.errors import CommandError
from cli.exits import Exit
from cli.following.watch import parse_result
from cli.render import make_result_view
from cli.text import clean_document, clean_line

if TYPE_CHECKING:
    from cli.session import Options


def show_result(options: Options, execution: str, *, html: str | None = None, browse: bool = False, markdown: bool = False) -> int:
    """Returns 0 if there is a result, or the report that the options ask for. The id of a run over several Regions, or of another
    campaign, shows that."""
    if sum([options.json, markdown, bool(html or browse)]) > 1:
        raise CommandError("Use only one of --json, --markdown, and --html with --open.", "", code=Exit.REFUSED)
    execution_id = parse_execution_id(execution)
    deployment = session.find_deployment(options)
    if deployment.record(execution_id) is None and deployment.campaign(execution_id) is not None:
        campaigns.show_result(options, execution_id, html=html, browse=browse, markdown=markdown)
        return Exit.VALIDATED
    record = find_record(deployment, execution_id)
    if not record.final:
        raise CommandError(
            f"{execution_id} is still running, in {clean_line(record.phase, 40)}.",
            f"`squall status {execution_id}` shows its state.",
            code=Exit.REFUSED,
        )
    if html or browse:
        page = reports.fetch_report(deployment, execution_id, reports.PAGE)
        reports.show_page(page, html or f"squall-{execution_id}.html", browse=browse)
        return Exit.VALIDATED
    if markdown:
        sys.stdout.write(clean_document(reports.fetch_report(deployment, execution_id, "report.md")))
        return Exit.VALIDATED
    raw = deployment.document(execution_id, "result")
    if options.json:
        output.write_json(raw if raw is not None else make_record_document(record))
        return Exit.VALIDATED
    result = parse_result(raw)
    console = output.make_console()
    if result is None:
        console.print(make_record_view(record, record.ended_at or record.started_at))
        return Exit.VALIDATED
    console.print(make_result_view(result, deployment.document_url(execution_id), report=deployment.file_url(execution_id, reports.PAGE)))
    output.write_note(f"`squall show {execution_id} --open` shows the report in the browser.")
    if part := record.part:
        output.write_note(f"Part of {describe_part(part)}: `squall show {part.run} --region {part.home}` shows the whole run.")
    return Exit.VALIDATED
