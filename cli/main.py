"""`squall`: every command's signature and help; what a command does lives in `cli.commands`, imported when it runs."""

# ruff: noqa: PLC0415 - what a command does not need is not imported: `squall --help` must be quick

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli import local_app
from cli.app import app as squall
from cli.session import Options

__all__ = ["main", "squall"]

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, and nothing else, on stdout.")]
Source = Annotated[
    str, typer.Argument(metavar="NAME|FILE", help="A catalogue name, or a YAML or JSON file (where the environment allows it).")
]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A parameter of the fault, as latency_ms=300; repeatable.")
]
Duration = Annotated[str | None, typer.Option(help="How long the fault lasts: 45s, 10m, PT45S.")]
Name = Annotated[str | None, typer.Option(help="Execution name; else one is made.")]
Wait = Annotated[str | None, typer.Option(help="The longest to wait, as 30m; the execution goes on.")]
Reason = Annotated[str, typer.Option(help="Why; people are told.")]
Comment = Annotated[str, typer.Option(help="Why; it is signed and stands in the record.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="Execution id or ARN.")]

squall.add_typer(local_app.app, name="local")


def _options(context: typer.Context, *, json: bool) -> Options:
    options: Options = context.obj
    options.json = json
    return options


@squall.command()
def validate(context: typer.Context, files: Annotated[list[str], typer.Argument(metavar="FILE…")], json: Json = False) -> None:
    """Check experiment files: every problem at once, without AWS."""
    from cli.commands import validate as command

    raise typer.Exit(command.run(_options(context, json=json), files))


@squall.command()
def plan(
    context: typer.Context,
    source: Source,
    settings: Settings = None,
    duration: Duration = None,
    name: Name = None,
    json: Json = False,
    wait_timeout: Wait = None,
) -> None:
    """Do everything but inject: targets, safety checks, the exact FIS template, cost and quota."""
    from cli.commands import plan as command
    from cli.request import Request

    request = Request.of(source, "plan", settings or [], duration, name)
    raise typer.Exit(command.run(_options(context, json=json), request, wait_timeout))


@squall.command()
def run(
    context: typer.Context,
    source: Source,
    settings: Settings = None,
    duration: Duration = None,
    name: Name = None,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", help="Watch it to its verdict, or only start it.")] = True,
    json: Json = False,
    wait_timeout: Wait = None,
) -> None:
    """Run an experiment and, unless told otherwise, follow it to its verdict."""
    from cli.commands import run as command
    from cli.request import Request

    request = Request.of(source, "run", settings or [], duration, name)
    raise typer.Exit(command.run(_options(context, json=json), request, follow=follow, wait_timeout=wait_timeout))


@squall.command()
def status(context: typer.Context, execution: Annotated[str | None, typer.Argument(metavar="[ID]")] = None, json: Json = False) -> None:
    """What is running, or how one execution stands."""
    from cli.commands import status as command

    raise typer.Exit(command.run(_options(context, json=json), execution))


@squall.command()
def abort(
    context: typer.Context,
    execution: Id,
    reason: Annotated[str, typer.Option(help="Why; stands in the record.")] = "aborted with the squall command",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    json: Json = False,
    wait_timeout: Wait = "5m",
) -> None:
    """Stop an execution's fault now, and wait until everything is put back."""
    from cli.commands import abort as command

    raise typer.Exit(command.run(_options(context, json=json), execution, reason, yes=yes, wait_timeout=wait_timeout))


@squall.command()
def halt(context: typer.Context, reason: Reason, json: Json = False) -> None:
    """Stop every running experiment of the stack now, and let nothing start until `squall resume`."""
    from cli.commands import halt as command

    raise typer.Exit(command.run(_options(context, json=json), reason, engage=True))


@squall.command()
def resume(context: typer.Context, reason: Reason, json: Json = False) -> None:
    """Let experiments start again after a halt."""
    from cli.commands import halt as command

    raise typer.Exit(command.run(_options(context, json=json), reason, engage=False))


@squall.command()
def doctor(
    context: typer.Context,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="PATH", help="Try this way to stop a fault alone; repeatable.")
    ] = None,
    json: Json = False,
) -> None:
    """Try every way to stop a fault on experiments that do nothing, and measure it. Costs some cents."""
    from cli.commands import doctor as command

    raise typer.Exit(command.run(_options(context, json=json), only or []))


@squall.command()
def approve(context: typer.Context, execution: Id, comment: Comment, yes: Yes = False, json: Json = False) -> None:
    """Approve a run that waits for people, after showing what it would do; signed with your AWS credentials."""
    from cli.commands import approve as command
    from squall.domain.approval.votes import Decision

    raise typer.Exit(command.run(_options(context, json=json), execution, comment, Decision.APPROVE, yes=yes))


@squall.command()
def reject(context: typer.Context, execution: Id, comment: Comment, yes: Yes = False, json: Json = False) -> None:
    """Reject a run, also one that is approved, as long as its fault has not started."""
    from cli.commands import approve as command
    from squall.domain.approval.votes import Decision

    raise typer.Exit(command.run(_options(context, json=json), execution, comment, Decision.REJECT, yes=yes))


@squall.command()
def show(
    context: typer.Context,
    execution: Id,
    html: Annotated[
        str | None, typer.Option("--html", metavar="FILE", help="Save the report, one HTML file that needs no network.")
    ] = None,
    browse: Annotated[bool, typer.Option("--open", help="Save the report and open it in the browser.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the report for a pull request or a chat.")] = False,
    json: Json = False,
) -> None:
    """The result of an execution that is over; its report as a page or as Markdown."""
    from cli.commands import show as command

    raise typer.Exit(command.run(_options(context, json=json), execution, html=html, browse=browse, markdown=markdown))


@squall.command()
def history(
    context: typer.Context,
    experiment: Annotated[str | None, typer.Argument(metavar="[EXPERIMENT]", help="Its name; else all of them.")] = None,
    days: Annotated[int, typer.Option(help="How far back, without a name.")] = 30,
    limit: Annotated[int, typer.Option(help="At most so many runs.")] = 20,
    json: Json = False,
) -> None:
    """Earlier runs, newest first: how each ended, how fast it recovered, what it found."""
    from cli.commands import history as command

    raise typer.Exit(command.run(_options(context, json=json), experiment, days, limit))


@squall.command()
def compare(context: typer.Context, before: Id, after: Id, json: Json = False) -> None:
    """What got better or worse from one run to another, with intervals."""
    from cli.commands import compare as command

    raise typer.Exit(command.run(_options(context, json=json), before, after))


@squall.command()
def report(  # noqa: PLR0913, PLR0917 - a command's options
    context: typer.Context,
    days: Annotated[int, typer.Option(help="The last so many days.")] = 30,
    start: Annotated[str | None, typer.Option("--from", metavar="DAY", help="First day, as 2026-11-01 (UTC).")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="DAY", help="Last day, included.")] = None,
    environment: Annotated[str | None, typer.Option(help="Only this environment.")] = None,
    workload: Annotated[str | None, typer.Option(help="Only this workload, as asg/web.")] = None,
    fault: Annotated[str | None, typer.Option("--type", help="Only this fault type.")] = None,
    owner: Annotated[str | None, typer.Option(help="Only experiments of this owner.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the page too.")] = None,
    json: Json = False,
) -> None:
    """What the experiments of a period say together: numbers, coverage, findings, what to do next."""
    from cli.commands import report as command
    from squall.domain.history.period_report import Filters

    filters = Filters(environment=environment, workload=workload, type=fault, owner=owner)
    raise typer.Exit(command.run(_options(context, json=json), days, start, end, filters, html))


def main() -> None:
    """Entry point of the installed command."""
    squall()
