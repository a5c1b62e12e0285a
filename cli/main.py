"""`squall`: the signature and help of every command. The commands themselves are in `cli.commands`, imported when they
run."""

# ruff: noqa: PLC0415 - imports inside functions keep `squall --help` quick

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.app import app as squall
from cli.apps import campaign as campaign_app
from cli.apps import catalogue as catalogue_app
from cli.apps import fleet as fleet_app
from cli.apps import local as local_app
from cli.drafting import app as new_app
from cli.session import Options

__all__ = ["main", "squall"]

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, and nothing else, on stdout.")]
Source = Annotated[
    str, typer.Argument(metavar="NAME|FILE", help="A catalogue name, or a YAML or JSON file if the environment allows inline definitions.")
]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A parameter of the fault, as latency_ms=300; repeatable.")
]
Duration = Annotated[str | None, typer.Option(help="How long the fault lasts: 45s, 10m, PT45S.")]
Name = Annotated[str | None, typer.Option(help="Name of the execution; by default one is made.")]
Wait = Annotated[str | None, typer.Option(help="How long to wait at most, as 30m; the execution goes on.")]
Reason = Annotated[str, typer.Option(help="The reason; people are notified of it.")]
Comment = Annotated[str, typer.Option(help="The reason; it is signed, and kept in the record.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation; needed where there is no terminal.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="Execution id or ARN.")]

squall.add_typer(local_app.app, name="local")
squall.add_typer(new_app.app, name="new")
squall.add_typer(catalogue_app.app, name="catalogue")
squall.add_typer(campaign_app.app, name="campaign")
squall.add_typer(fleet_app.app, name="fleet")


def _set_json(context: typer.Context, *, json: bool) -> Options:
    options: Options = context.obj
    options.json = json
    return options


@squall.command()
def validate(context: typer.Context, files: Annotated[list[str], typer.Argument(metavar="FILE…")], json: Json = False) -> None:
    """Check experiments, campaigns, environment policies and fleets: every problem at once, without AWS."""
    from cli.commands import validate as command

    raise typer.Exit(command.validate_files(_set_json(context, json=json), files))


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
    """Do everything except inject the fault: targets, safety checks, the exact FIS template, cost and quota."""
    from cli.arguments.request import Request
    from cli.commands import plan as command

    request = Request.of(source, "plan", settings or [], duration, name)
    raise typer.Exit(command.plan_experiment(_set_json(context, json=json), request, wait_timeout))


@squall.command()
def run(  # noqa: PLR0913, PLR0917 - a command's options
    context: typer.Context,
    source: Source,
    settings: Settings = None,
    duration: Duration = None,
    name: Name = None,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", help="Follow it to its verdict, or only start it.")] = True,
    json: Json = False,
    wait_timeout: Wait = None,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the verdict and criteria as JUnit XML, for CI.")] = None,
    summary: Annotated[Path | None, typer.Option(metavar="FILE", help="Append a summary in Markdown, for a CI job.")] = None,
    sarif: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the open findings as SARIF.")] = None,
    findings: Annotated[Path | None, typer.Option(metavar="FILE", help="Append the findings as lines of JSON.")] = None,
) -> None:
    """Run an experiment and follow it to its verdict."""
    from cli.arguments.request import Request
    from cli.ci.files import RunFiles
    from cli.commands import run as command

    request = Request.of(source, "run", settings or [], duration, name)
    files = RunFiles(junit, summary, sarif, findings)
    raise typer.Exit(command.run_experiment(_set_json(context, json=json), request, files, follow=follow, wait_timeout=wait_timeout))


@squall.command()
def gate(
    context: typer.Context,
    files: Annotated[list[str], typer.Argument(metavar="FILE…", help="Experiments, as experiments/*.yaml.")],
    within: Annotated[int, typer.Option(metavar="DAYS", help="How many days ago a run may have validated it.")] = 30,
    rerun: Annotated[bool, typer.Option("--rerun", help="Run each one that does not pass, by its file name in the catalogue.")] = False,
    json: Json = False,
) -> None:
    """Pass only if each experiment was validated lately, by the definition that its file has now."""
    from cli.ci import gate as command

    raise typer.Exit(command.check_experiments(_set_json(context, json=json), files, within, rerun=rerun))


@squall.command()
def publish(context: typer.Context, files: Annotated[list[str], typer.Argument(metavar="FILE…")], json: Json = False) -> None:
    """Publish experiments and campaigns without a deployment, each under its file's name; if one is not valid, none is."""
    from cli.commands import publish as command

    raise typer.Exit(command.publish_files(_set_json(context, json=json), files))


@squall.command("import")
def import_sources(
    context: typer.Context,
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="SOURCE…", help="FIS templates, CloudFormation, Terraform plans, Chaos Toolkit."),
    ] = None,
    ids: Annotated[list[str] | None, typer.Option("--id", metavar="EXT…", help="A FIS template of the account; repeatable.")] = None,
    folder: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where the files go.")] = Path("experiments"),
    environment: Annotated[str, typer.Option(help="The environment whose policy holds.")] = "staging",
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
    json: Json = False,
) -> None:
    """Make an experiment of each fault in a source. Exit code 4: something was lost, or is to be decided."""
    from cli.commands import import_sources as command

    wishes = command.Wishes(folder, environment, force)
    raise typer.Exit(command.import_sources(_set_json(context, json=json), files or [], ids or [], wishes))


@squall.command()
def discover(
    context: typer.Context,
    folder: Annotated[Path, typer.Option("--output", metavar="FOLDER", help="Where the page and the experiments go.")] = Path(
        "squall-discovery"
    ),
    environment: Annotated[str, typer.Option(help="The environment of services that have opted in to none yet.")] = "staging",
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew, even if an interrupted scan could go on.")] = False,
    policy: Annotated[bool, typer.Option("--policy", help="Print the IAM policy that this command needs, and do nothing.")] = False,
    json: Json = False,
) -> None:
    """Look at the account without changing anything, and propose experiments: a page, and a valid file for each."""
    from cli.commands import discover as command

    if policy:
        raise typer.Exit(command.show_policy())
    raise typer.Exit(command.discover_account(_set_json(context, json=json), command.Wishes(folder, environment, fresh)))


@squall.command()
def status(context: typer.Context, execution: Annotated[str | None, typer.Argument(metavar="[ID]")] = None, json: Json = False) -> None:
    """Show what is running, or the state of one execution."""
    from cli.commands import status as command

    raise typer.Exit(command.show_status(_set_json(context, json=json), execution))


@squall.command()
def abort(
    context: typer.Context,
    execution: Id,
    reason: Annotated[str, typer.Option(help="The reason; it is kept in the record.")] = "no reason given",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation; without a terminal nobody is asked.")] = False,
    json: Json = False,
    wait_timeout: Wait = "5m",
) -> None:
    """Stop the fault of an execution now, and wait until the execution is over."""
    from cli.commands import abort as command

    raise typer.Exit(command.abort_execution(_set_json(context, json=json), execution, reason, yes=yes, wait_timeout=wait_timeout))


@squall.command()
def halt(
    context: typer.Context,
    reason: Annotated[str, typer.Option(help="The reason; people are notified of it. Not needed in an emergency.")] = "no reason given",
    json: Json = False,
) -> None:
    """Stop every running experiment of the stack now, and prevent new ones until `squall resume`."""
    from cli.commands import halt as command

    raise typer.Exit(command.halt_stack(_set_json(context, json=json), reason, engage=True))


@squall.command()
def resume(context: typer.Context, reason: Reason, json: Json = False) -> None:
    """Allow experiments to start again after a halt."""
    from cli.commands import halt as command

    raise typer.Exit(command.halt_stack(_set_json(context, json=json), reason, engage=False))


@squall.command()
def doctor(
    context: typer.Context,
    only: Annotated[list[str] | None, typer.Option("--only", metavar="PATH", help="Try only this way to stop a fault; repeatable.")] = None,
    json: Json = False,
) -> None:
    """Try every way to stop a fault, on experiments that do nothing, and measure the time. Costs some cents."""
    from cli.commands import doctor as command

    raise typer.Exit(command.examine_stop_paths(_set_json(context, json=json), only or []))


@squall.command()
def approve(context: typer.Context, execution: Id, comment: Comment, yes: Yes = False, json: Json = False) -> None:
    """Show what a waiting run would do, ask, and approve it; signed with your AWS credentials."""
    from cli.commands import approve as command
    from squall.domain.approval.votes import Decision

    raise typer.Exit(command.answer_request(_set_json(context, json=json), execution, comment, Decision.APPROVE, yes=yes))


@squall.command()
def reject(context: typer.Context, execution: Id, comment: Comment, yes: Yes = False, json: Json = False) -> None:
    """Reject a run, even an approved one, as long as its fault has not started."""
    from cli.commands import approve as command
    from squall.domain.approval.votes import Decision

    raise typer.Exit(command.answer_request(_set_json(context, json=json), execution, comment, Decision.REJECT, yes=yes))


@squall.command()
def show(
    context: typer.Context,
    execution: Id,
    html: Annotated[
        str | None, typer.Option("--html", metavar="FILE", help="Save the report as one HTML file that needs no network.")
    ] = None,
    browse: Annotated[bool, typer.Option("--open", help="Save the report and open it in the browser.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the report for a pull request or a chat.")] = False,
    json: Json = False,
) -> None:
    """Show the result of an execution that is over; its report as a page or as Markdown."""
    from cli.commands import show as command

    raise typer.Exit(command.show_result(_set_json(context, json=json), execution, html=html, browse=browse, markdown=markdown))


@squall.command()
def history(
    context: typer.Context,
    experiment: Annotated[str | None, typer.Argument(metavar="[EXPERIMENT]", help="The name of an experiment; by default all.")] = None,
    days: Annotated[int, typer.Option(help="How many days back; only without a name.")] = 30,
    limit: Annotated[int, typer.Option(help="The largest number of runs.")] = 20,
    json: Json = False,
) -> None:
    """Show earlier runs, newest first: verdict, recovery time and findings of each."""
    from cli.commands import history as command

    raise typer.Exit(command.show_history(_set_json(context, json=json), experiment, days, limit))


@squall.command()
def compare(context: typer.Context, before: Id, after: Id, json: Json = False) -> None:
    """Show what became better or worse from one run to another, with confidence intervals."""
    from cli.commands import compare as command

    raise typer.Exit(command.compare_runs(_set_json(context, json=json), before, after))


@squall.command()
def report(  # noqa: PLR0913, PLR0917 - a command's options
    context: typer.Context,
    days: Annotated[int, typer.Option(help="The number of days until now.")] = 30,
    start: Annotated[str | None, typer.Option("--from", metavar="DAY", help="The first day, as 2026-11-01 (UTC).")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="DAY", help="The last day, included.")] = None,
    environment: Annotated[str | None, typer.Option(help="Only this environment.")] = None,
    workload: Annotated[str | None, typer.Option(help="Only this workload, as asg/web.")] = None,
    fault: Annotated[str | None, typer.Option("--type", help="Only this fault type.")] = None,
    owner: Annotated[str | None, typer.Option(help="Only experiments of this owner.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Also save the report as an HTML file.")] = None,
    json: Json = False,
) -> None:
    """Show the experiments of a period together: numbers, coverage, findings and recommendations."""
    from cli.commands import report as command
    from squall.domain.history.period_report import Filters

    filters = Filters(environment=environment, workload=workload, type=fault, owner=owner)
    raise typer.Exit(command.report_period(_set_json(context, json=json), days, start, end, filters, html))


def main() -> None:
    """The entry point of the installed command."""
    squall(prog_name="squall")  # not `python -m cli`, which help and completion would name otherwise
