"""`squall fleet`: the signatures of its commands."""

# ruff: noqa: PLC0415 - imports inside functions keep `squall --help` quick

from __future__ import annotations

from typing import Annotated

import typer

from cli.errors import CommandError
from cli.exits import Exit

_HELP = "The stacks of several accounts and Regions, commanded from one: see fleet.yaml."
app = typer.Typer(no_args_is_help=True, help=_HELP)

File = Annotated[str, typer.Option("--file", metavar="FILE", help="The fleet's file.")]
Only = Annotated[list[str] | None, typer.Option("--only", metavar="NAME", help="Only this member, or home; repeatable.")]
Seconds = Annotated[int, typer.Option("--seconds", help="How long to wait for answers at most.", min=1, max=900)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, and nothing else, on stdout.")]
FILE = "fleet.yaml"


@app.callback()
def group() -> None:
    """The stacks of several accounts and Regions, commanded from one: see fleet.yaml."""


@app.command()
def status(context: typer.Context, file: File = FILE, only: Only = None, seconds: Seconds = 60, json: Json = False) -> None:
    """Show what runs in every stack, which are halted, and which could not be reached."""
    from cli.commands.fleet import status as command

    context.obj.json = json
    raise typer.Exit(command.show_fleet(context.obj, file, only or [], seconds))


@app.command()
def halt(
    context: typer.Context,
    reason: Annotated[str, typer.Option(help="The reason; people are notified of it. Not needed in an emergency.")] = "no reason given",
    file: File = FILE,
    only: Only = None,
    seconds: Seconds = 90,
    json: Json = False,
) -> None:
    """Stop every running experiment of every stack now, and prevent new ones until `squall fleet resume`."""
    from cli.commands.fleet import halt as command

    context.obj.json = json
    raise typer.Exit(command.halt_fleet(context.obj, file, only or [], reason, seconds, engage=True))


@app.command()
def resume(
    context: typer.Context,
    reason: Annotated[str, typer.Option(help="The reason; people are notified of it.")],
    file: File = FILE,
    only: Only = None,
    seconds: Seconds = 90,
    json: Json = False,
) -> None:
    """Allow experiments to start again in every stack that lets home end a halt."""
    from cli.commands.fleet import halt as command

    context.obj.json = json
    raise typer.Exit(command.halt_fleet(context.obj, file, only or [], reason, seconds, engage=False))


@app.command()
def run(  # noqa: PLR0913, PLR0917 - a command's options
    context: typer.Context,
    member: Annotated[str, typer.Argument(metavar="MEMBER", help="The member, as fleet.yaml names it.")],
    source: Annotated[str | None, typer.Argument(metavar="[NAME|FILE]", help="The experiment, as for `squall run`.")] = None,
    campaign: Annotated[str | None, typer.Option(help="A deployed campaign instead of an experiment.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A parameter of the fault; repeatable.")] = None,
    duration: Annotated[str | None, typer.Option(help="How long the fault lasts: 45s, 10m, PT45S.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the execution; by default one is made.")] = None,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", help="Follow it to its verdict, or only start it.")] = True,
    wait_timeout: Annotated[str | None, typer.Option(help="How long to wait at most, as 30m; the execution goes on.")] = None,
    file: File = FILE,
    json: Json = False,
) -> None:
    """Run an experiment or a campaign in a member, and follow it to its verdict."""
    from cli.arguments.request import Request
    from cli.commands.fleet import run as command

    context.obj.json = json
    if (source is None) == (campaign is None):
        raise CommandError("It takes an experiment or a campaign.", "Name one: NAME, or `--campaign NAME`.", code=Exit.REFUSED)
    if campaign is not None and (settings or duration):
        raise CommandError("A campaign's doses are in its file.", "Leave `--set` and `--duration` out.", code=Exit.REFUSED)
    wanted = campaign if source is None else Request.of(source, "run", settings or [], duration, name)
    raise typer.Exit(command.run_in_member(context.obj, file, member, wanted or "", name, follow=follow, wait_timeout=wait_timeout))


@app.command()
def report(
    context: typer.Context,
    days: Annotated[int, typer.Option(help="The number of days until now.")] = 30,
    file: File = FILE,
    only: Only = None,
    seconds: Seconds = 120,
    json: Json = False,
) -> None:
    """Show the experiments of a period in every stack: numbers, findings and the weakest workload of each."""
    from cli.commands.fleet import report as command

    context.obj.json = json
    raise typer.Exit(command.report_fleet(context.obj, file, only or [], seconds, days))


@app.command()
def doctor(context: typer.Context, file: File = FILE, only: Only = None, seconds: Seconds = 120, json: Json = False) -> None:
    """Try every role of every member, also with a wrong external id; changes nothing."""
    from cli.commands.fleet import doctor as command

    context.obj.json = json
    raise typer.Exit(command.examine_fleet(context.obj, file, only or [], seconds))
