"""`squall local`: the signatures of its commands."""

# ruff: noqa: PLC0415 - imports inside functions keep `squall --help` quick

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="The local chaos account: the same stack, on this machine.")


class Profile(StrEnum):
    IDEAL = "ideal"
    PESSIMISTIC = "pessimistic"


@app.command()
def up(
    profile: Annotated[Profile, typer.Option(help="pessimistic: late metrics, lost and doubled events, slow stops.")] = Profile.IDEAL,
    port: Annotated[int, typer.Option(help="Port of the AWS endpoint; 0 takes a free one.", min=0, max=65535)] = 0,
    deploy: Annotated[bool, typer.Option("--deploy/--no-deploy", help="Deploy the stack into it.")] = True,
    workload: Annotated[str | None, typer.Option(help="How resilient its sample workload is; docs/local.md lists them.")] = None,
) -> None:
    """Start the account and deploy Squall into it."""
    from cli.commands import local

    local.start_account(profile.value, port, deploy=deploy, workload=workload)


@app.command()
def down() -> None:
    """Stop the account and all its processes."""
    from cli.commands import local

    local.stop_account()


@app.command()
def status(
    context: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document, and nothing else, on stdout.")] = False,
) -> None:
    """Show whether the account runs, and where."""
    from cli.commands import local

    context.obj.json = json
    raise typer.Exit(local.show_status(as_json=json))


@app.command()
def env() -> None:
    """Print the variables that point any AWS tool at the account: eval "$(squall local env)"."""
    from cli.commands import local

    local.print_variables()
