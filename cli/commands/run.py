"""`squall run`: starts an execution, follows it to its verdict, and exits with the code of the verdict."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cli import output, reports, session
from cli.arguments import durations
from cli.commands.campaigns.regions import look_up, run_regions
from cli.errors import CommandError, NameInUseError, commands_for
from cli.exits import Exit
from cli.following.follow import Ending, follow_execution
from cli.following.views import Lines, View, choose_view
from cli.following.watch import parse_result
from cli.render import make_result_view
from cli.text import clean_line
from squall.domain.approval.votes import Decision
from squall.domain.documents.result import Result

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.arguments.request import Request
    from cli.aws.stack import Deployment, Started
    from cli.ci.files import RunFiles
    from cli.session import Options
    from squall.domain.run.record import ExecutionRecord

_NOT_SHOWN = frozenset({"task_token", "token_generation", "proofs"})
"""Fields of a record that only Squall's functions need: tokens and signatures."""


def run_experiment(options: Options, request: Request, files: RunFiles, *, follow: bool, wait_timeout: str | None) -> int:
    """Returns the exit code of the outcome; 0 if the execution is only started."""
    if files.wanted and not follow:
        raise CommandError("A run that is not followed has no result to write.", "Leave --no-follow out.", code=Exit.REFUSED)
    files.prepare()
    timeout = durations.parse_seconds(wait_timeout) if wait_timeout else None
    deployment = session.find_deployment(options)
    if regional := look_up(deployment, request):
        return run_regions(options, regional, request, files, follow=follow, wait_timeout=wait_timeout)
    started = start_execution(deployment, request)
    if not follow:
        show_started(deployment, started, as_json=options.json)
        return Exit.VALIDATED
    output.write_note(f"Started {started.execution_id} ({request.title}) in {deployment.region}.")
    ending = follow_to_end(
        deployment,
        request.title,
        started.execution_id,
        timeout,
        as_json=options.json,
        on_ask=lambda record: claim_request(deployment, record),
    )
    show_ending(deployment, ending, as_json=options.json)
    if files.wanted:
        result = parse_result(ending.result) or make_bare_result(ending.record)
        files.write(result, request.source, deployment.file_url(ending.record.id, reports.PAGE))
    return ending.exit_code


def make_bare_result(record: ExecutionRecord) -> Result:
    """The result of a run that was closed without a document: what its record says, and no criterion."""
    return Result(
        execution_id=record.id,
        experiment_name=record.experiment,
        environment=record.environment or None,
        status=record.status,
        verdict=record.verdict,
        start_time=record.started_at,
        end_time=record.ended_at,
        hypothesis_validated=None,
        observations=(),
        issues_discovered=(),
        improvements_identified=(),
        metrics_collected={},
        reason=record.reason,
    )


def start_execution(deployment: Deployment, request: Request) -> Started:
    """Starts the execution. Raises CommandError if its name was used before."""
    payload = request.payload(deployment.caller())
    # Step Functions forgets a name after 90 days, but results are kept for years.
    if deployment.record(request.name) is not None:
        raise NameInUseError(request.name)
    return deployment.start(request.name, payload)


def show_started(deployment: Deployment, started: Started, *, as_json: bool) -> None:
    """Shows the started execution; stdout gets only its id, so that a script can capture it."""
    if as_json:
        output.write_json(
            {
                "execution_id": started.execution_id,
                "execution_arn": started.arn,
                "started_at": started.started_at.isoformat(),
                "result": deployment.document_url(started.execution_id),
            }
        )
    else:
        output.make_console().print(started.execution_id)
        output.write_note(f"Started. {commands_for(started.execution_id)}")


def claim_request(deployment: Deployment, record: ExecutionRecord) -> None:
    """Proves that the caller requested the run: then one approver fewer is enough than for an unknown requester."""
    if record.ask is None:
        return
    try:
        answer = deployment.vote(record.execution_arn, record.id, record.ask.plan, Decision.REQUEST, "")
    except CommandError as error:
        answer = {"recorded": False, "message": error.message}
    proven = isinstance(answer, dict) and answer.get("recorded") is True
    message = clean_line(answer.get("message", ""), 500) if isinstance(answer, dict) else clean_line(answer, 500)
    state = "You are recorded as the requester" if proven else "The requester is not proven, so one more person has to approve"
    output.write_note(f"{record.id} awaits approval by somebody else: `squall approve {record.id} --comment …` ({state}: {message})")


def follow_to_end(
    deployment: Deployment,
    title: str,
    execution_id: str,
    timeout: float | None,
    *,
    as_json: bool,
    on_ask: Callable[[ExecutionRecord], None] | None = None,
) -> Ending:
    """Follows the execution with a view that suits the terminal or pipe. Ctrl-C leaves the execution running and says
    so."""
    view: View = Lines(output.make_console(stderr=True)) if as_json else choose_view(output.make_console(), title, deployment.region)
    try:
        return follow_execution(deployment, execution_id, view, timeout, on_ask=on_ask)
    except KeyboardInterrupt:
        output.write_note(f"{execution_id} goes on. {commands_for(execution_id)}")
        raise


def show_ending(deployment: Deployment, ending: Ending, *, as_json: bool) -> None:
    """Writes the result, as JSON or for people; it omits the timeline, which the view has shown."""
    record = ending.record
    if as_json:
        output.write_json(ending.result if ending.result is not None else make_record_document(record))
        return
    console = output.make_console()
    result = parse_result(ending.result)
    if result is None:
        console.print(f"{record.id}: {record.status.value}. {clean_line(record.reason)}", soft_wrap=True)
        return
    report = deployment.file_url(record.id, reports.PAGE)
    console.print(make_result_view(result, deployment.document_url(record.id), report=report, timeline=False))
    output.write_note(f"`squall show {record.id} --open` shows the report in the browser, `--markdown` prints it for a pull request.")


def make_record_document(record: Any) -> dict[str, Any]:
    """A record as plain data without its task token: whoever has the token can wake the workflow."""
    document = {name: value for name, value in asdict(record).items() if name not in _NOT_SHOWN}
    written: dict[str, Any] = write_dates(document)
    return written


def write_dates(value: Any) -> Any:
    """The value with each date as in `result.json`: 2026-03-02T20:00:00Z."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, dict):
        return {key: write_dates(inner) for key, inner in value.items()}
    return [write_dates(inner) for inner in value] if isinstance(value, list | tuple) else value
