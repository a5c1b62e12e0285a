"""`squall new`: the signatures of its commands."""

# ruff: noqa: PLC0415 - imports inside functions keep `squall --help` quick

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Write a valid experiment or policy, from flags or a few questions.")

File = Annotated[Path | None, typer.Argument(metavar="[FILE]", help="The file to write; by default named after what it holds.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, and nothing else, on stdout.")]


@app.command()
def experiment(  # noqa: PLR0913, PLR0917 - a command's options
    context: typer.Context,
    file: File = None,
    name: Annotated[str | None, typer.Option(help="Name in reports, as 'Cache loss'.")] = None,
    fault: Annotated[str | None, typer.Option("--type", help="The kind of fault, as network_latency.")] = None,
    target: Annotated[list[str] | None, typer.Option(metavar="ID|ARN", help="A candidate; repeatable.")] = None,
    tag: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="A tag that every candidate has; repeatable.")] = None,
    where: Annotated[list[str] | None, typer.Option("--filter", metavar="KEY=A,B", help="A filter of the candidates; repeatable.")] = None,
    on: Annotated[str | None, typer.Option(metavar="RESOURCE_TYPE", help="What is hit, as aws:ecs:task, if targets do not say.")] = None,
    environment: Annotated[str | None, typer.Option(help="The environment whose policy holds.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A parameter of the fault; repeatable.")] = None,
    owner: Annotated[str | None, typer.Option(help="The team that owns it.")] = None,
    json: Json = False,
) -> None:
    """Write an experiment that validates, and ask on a terminal for what is missing."""
    from cli.commands import new as command

    context.obj.json = json
    flags = {"name": name, "type": fault, "target": target or [], "tag": tag or [], "filter": where or [], "on": on}
    flags |= {"environment": environment, "set": settings or [], "owner": owner}
    raise typer.Exit(command.write_experiment(context.obj, file, flags))


@app.command()
def environment(
    context: typer.Context,
    file: File = None,
    name: Annotated[str | None, typer.Option(help="Name, and value of the opt-in tag.")] = None,
    description: Annotated[str | None, typer.Option(help="What the environment is for.")] = None,
    approvers: Annotated[int, typer.Option(min=0, max=5, help="How many people approve each run; 0: nobody is asked.")] = 0,
    closed: Annotated[str | None, typer.Option("--closed-hours", metavar="TIMEZONE", help="Nothing runs in its working hours.")] = None,
    json: Json = False,
) -> None:
    """Write a careful policy of an environment, and ask on a terminal for what is missing."""
    from cli.commands import new as command

    context.obj.json = json
    flags = {"name": name, "description": description, "approvers": approvers, "timezone": closed}
    raise typer.Exit(command.write_environment(context.obj, file, flags))
