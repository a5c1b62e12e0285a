"""`squall campaign`: the signatures of its commands."""

# ruff: noqa: PLC0415 - imports inside functions keep `squall --help` quick

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Campaigns: several experiments as one, or one experiment at several doses.")

Id = Annotated[str, typer.Argument(metavar="ID", help="The id of the campaign: the name of its execution.")]
Wait = Annotated[str | None, typer.Option(help="How long to wait at most, as 4h; the campaign goes on.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, and nothing else, on stdout.")]


@app.callback()
def group() -> None:
    """Campaigns: several experiments as one, or one experiment at several doses."""


@app.command()
def plan(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="NAME|FILE", help="A campaign in the folder campaigns, or its file.")],
    json: Json = False,
) -> None:
    """Show what a campaign would run, from the files here: no AWS, and nothing is started."""
    from cli.commands.campaigns import plan as command

    context.obj.json = json
    raise typer.Exit(command.plan_campaign(context.obj, source))


@app.command()
def run(  # noqa: PLR0913, PLR0917 - a command's options
    context: typer.Context,
    campaign: Annotated[str, typer.Argument(metavar="NAME", help="A deployed or published campaign.")],
    name: Annotated[str | None, typer.Option(help="Name of the execution; by default one is made.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Over several Regions: another value of a fault's parameter.")
    ] = None,
    duration: Annotated[str | None, typer.Option(help="Over several Regions: another length of the fault, as 10m.")] = None,
    only_plan: Annotated[bool, typer.Option("--plan", help="Over several Regions: prepare and check each part, inject nothing.")] = False,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", help="Follow it to its verdict, or only start it.")] = True,
    json: Json = False,
    wait_timeout: Wait = None,
) -> None:
    """Run a campaign and follow it to its verdict."""
    from cli.arguments.request import make_overrides
    from cli.commands.campaigns import runs as command

    context.obj.json = json
    overrides = make_overrides(settings or [], duration)
    changes = {**({"mode": "plan"} if only_plan else {}), **({"overrides": overrides} if overrides else {})}
    raise typer.Exit(command.run_campaign(context.obj, campaign, name, changes, follow=follow, wait_timeout=wait_timeout))


@app.command()
def status(context: typer.Context, campaign: Annotated[str | None, typer.Argument(metavar="[ID]")] = None, json: Json = False) -> None:
    """Show the newest campaigns, or the state of one."""
    from cli.commands.campaigns import runs as command

    context.obj.json = json
    raise typer.Exit(command.show_campaigns(context.obj, campaign))


@app.command()
def abort(
    context: typer.Context,
    campaign: Id,
    reason: Annotated[str, typer.Option(help="The reason; people are notified of it.")],
    json: Json = False,
    wait_timeout: Wait = None,
) -> None:
    """Start no further step of a campaign, and abort the running ones."""
    from cli.commands.campaigns import runs as command

    context.obj.json = json
    raise typer.Exit(command.abort_campaign(context.obj, campaign, reason, wait_timeout))


@app.command()
def show(
    context: typer.Context,
    campaign: Id,
    html: Annotated[
        str | None, typer.Option("--html", metavar="FILE", help="Save the report as one HTML file that needs no network.")
    ] = None,
    browse: Annotated[bool, typer.Option("--open", help="Save the report and open it in the browser.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the report for a pull request or a chat.")] = False,
    sarif: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the open findings as SARIF.")] = None,
    findings: Annotated[Path | None, typer.Option(metavar="FILE", help="Append each finding as a line of JSON.")] = None,
    json: Json = False,
) -> None:
    """Show how a campaign ended, with its steps; its report as a page or as Markdown."""
    from cli.ci.files import RunFiles
    from cli.commands.campaigns import runs as command

    context.obj.json = json
    files = RunFiles(sarif=sarif, findings=findings)
    raise typer.Exit(command.show_result(context.obj, campaign, html=html, browse=browse, markdown=markdown, files=files))


@app.command()
def note(
    context: typer.Context,
    campaign: Id,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What you see.")],
    json: Json = False,
) -> None:
    """Record what you see, with the time and a label that says who you are."""
    from cli.commands.campaigns import gameday as command

    context.obj.json = json
    raise typer.Exit(command.write_note(context.obj, campaign, text))


@app.command()
def answer(
    context: typer.Context,
    campaign: Id,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The answer.")],
    step: Annotated[str | None, typer.Option(help="The prompt; by default the one that waits.")] = None,
    stop: Annotated[bool, typer.Option("--stop", help="Start no further step.")] = False,
    json: Json = False,
) -> None:
    """Answer the prompt of a game day that waits, so that it goes on."""
    from cli.commands.campaigns import gameday as command

    context.obj.json = json
    raise typer.Exit(command.answer_prompt(context.obj, campaign, text, step=step, stops=stop))


@app.command()
def follow(
    context: typer.Context,
    campaign: Id,
    page: Annotated[str | None, typer.Option(metavar="FILE", help="Keep a live page of it: one HTML file for a screen.")] = None,
    json: Json = False,
    wait_timeout: Wait = None,
) -> None:
    """Follow a campaign to its end, with what people write; for a game day with a live page."""
    from cli.commands.campaigns import gameday as command

    context.obj.json = json
    raise typer.Exit(command.follow(context.obj, campaign, page, wait_timeout))


@app.command()
def retrospective(
    context: typer.Context,
    campaign: Id,
    file: Annotated[str | None, typer.Option("--output", metavar="FILE", help="Save it instead of printing it.")] = None,
) -> None:
    """Write the retrospective of a game day as Markdown: expected and real detection, who saw what when."""
    from cli.commands.campaigns import gameday as command

    raise typer.Exit(command.write_day(context.obj, campaign, file))
