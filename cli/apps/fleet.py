"""`squall fleet`: the signatures of its commands."""

# ruff: noqa: PLC0415 - imports inside functions keep `squall --help` quick

from __future__ import annotations

from typing import Annotated

import typer

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
