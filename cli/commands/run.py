"""`squall run`: start an execution, follow it to its verdict, exit with what the verdict means."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from cli import durations, output, reports, session
from cli.errors import CommandError
from cli.exits import Exit
from cli.follow import Ending, follow
from cli.render import result_view
from cli.text import clean
from cli.views import Lines, View, view_for
from cli.watch import parsed_result
from squall.domain.approval.votes import Decision

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.aws import Deployment, Started
    from cli.request import Request
    from cli.session import Options
    from squall.domain.run.record import ExecutionRecord


def run(options: Options, request: Request, *, follow: bool, wait_timeout: str | None) -> int:
    """The exit code of the outcome; of a start alone, 0."""
    timeout = durations.total_seconds(wait_timeout) if wait_timeout else None
    deployment = session.deployment(options)
    started = start(deployment, request)
    if not follow:
        tell_started(deployment, started, as_json=options.json)
        return Exit.VALIDATED
    output.note(f"Started {started.execution_id} ({request.title}) in {deployment.region}.")
    ending = follow_to_end(
        deployment, request.title, started.execution_id, timeout, as_json=options.json, on_ask=lambda record: claim(deployment, record)
    )
    show_ending(deployment, ending, as_json=options.json)
    return ending.exit_code


def start(deployment: Deployment, request: Request) -> Started:
    """Start the execution, by a name nobody has used."""
    payload = request.payload(deployment.caller())
    if deployment.record(request.name) is not None:
        # Step Functions forgets a name after 90 days, results are kept for years.
        raise CommandError(f"An execution named {request.name} exists already.", "Give another `--name`, or none.", code=Exit.REFUSED)
    return deployment.start(request.name, payload)


def tell_started(deployment: Deployment, started: Started, *, as_json: bool) -> None:
    """The id alone on stdout: a script may catch it."""
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
        output.console().print(started.execution_id)
        output.note(f"Started; `squall status {started.execution_id}` looks, `squall abort {started.execution_id}` ends it.")


def claim(deployment: Deployment, record: ExecutionRecord) -> None:
    """Prove who asked for the run, so that one other person is enough; without it, people have to be one more."""
    if record.ask is None:
        return
    try:
        answer = deployment.vote(record.execution_arn, record.id, record.ask.plan, Decision.REQUEST, "")
    except CommandError as error:
        answer = {"recorded": False, "message": error.message}
    known = isinstance(answer, dict) and answer.get("recorded") is True
    said = clean(answer.get("message", ""), 500) if isinstance(answer, dict) else clean(answer, 500)
    state = "You are recorded as who asked for it" if known else "Who asked for it is not proven, so it needs one person more"
    output.note(f"{record.id} awaits approval by somebody else: squall approve {record.id} --comment … ({state}: {said})")


def follow_to_end(
    deployment: Deployment,
    title: str,
    execution_id: str,
    timeout: float | None,
    *,
    as_json: bool,
    on_ask: Callable[[ExecutionRecord], None] | None = None,
) -> Ending:
    """Follow with a view that fits where the output goes; Ctrl-C leaves the execution running and says so."""
    view: View = Lines(output.console(stderr=True)) if as_json else view_for(output.console(), title, deployment.region)
    try:
        return follow(deployment, execution_id, view, timeout, on_ask=on_ask)
    except KeyboardInterrupt:
        output.note(f"{execution_id} goes on: `squall status {execution_id}` looks, `squall abort {execution_id}` ends it.")
        raise


def show_ending(deployment: Deployment, ending: Ending, *, as_json: bool) -> None:
    """The result as a document or as a person reads it; the lines before it were the timeline."""
    record = ending.record
    if as_json:
        output.write_json(ending.result if ending.result is not None else record_document(record))
        return
    console = output.console()
    result = parsed_result(ending.result)
    if result is None:
        console.print(f"{record.id}: {record.status.value}. {clean(record.reason)}", soft_wrap=True)
        return
    report = deployment.file_url(record.id, reports.PAGE)
    console.print(result_view(result, deployment.document_url(record.id), report=report, timeline=False))
    output.note(f"`squall show {record.id} --open` shows the report in the browser, `--markdown` prints it for a pull request.")


def record_document(record: Any) -> dict[str, Any]:
    """A record as JSON, without what is none of a reader's business: a token wakes the workflow."""
    return {name: value for name, value in asdict(record).items() if name not in {"task_token", "token_generation"}}
