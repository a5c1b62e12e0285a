"""`squall catalogue`: the signatures of its commands."""

# ruff: noqa: PLC0415 - imports inside functions keep `squall --help` quick

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="List, show and retire the experiments that the stack can run by name.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name of a published experiment or campaign.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, and nothing else, on stdout.")]


@app.command("list")
def list_command(context: typer.Context, json: Json = False) -> None:
    """List the deployed and the published experiments."""
    from cli.commands import catalogue as command

    context.obj.json = json
    raise typer.Exit(command.list_experiments(context.obj))


@app.command()
def show(
    context: typer.Context,
    name: Name,
    version: Annotated[int | None, typer.Option(min=1, help="The version; by default the newest.")] = None,
    json: Json = False,
) -> None:
    """Show a published experiment, who published it and when."""
    from cli.commands import catalogue as command

    context.obj.json = json
    raise typer.Exit(command.show_experiment(context.obj, name, version))


@app.command()
def retire(context: typer.Context, name: Name, json: Json = False) -> None:
    """Retire a published experiment: nothing starts by its name any more, and its schedule goes."""
    from cli.commands import catalogue as command

    context.obj.json = json
    raise typer.Exit(command.retire_experiment(context.obj, name))
