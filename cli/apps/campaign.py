"""`squall campaign`: the signatures of its commands."""

# ruff: noqa: PLC0415 - imports inside functions keep `squall --help` quick

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Campaigns: several experiments as one, or one experiment at several doses.")

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
    from cli.commands import campaign as command

    context.obj.json = json
    raise typer.Exit(command.plan_campaign(context.obj, source))
