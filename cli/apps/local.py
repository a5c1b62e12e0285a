"""`squall local`: the signatures of its commands."""

# ruff: noqa: PLC0415 - imports inside functions keep `squall --help` quick

from __future__ import annotations

from enum import StrEnum
from importlib.util import find_spec
from types import ModuleType
from typing import Annotated

import typer

from cli.errors import CommandError
from cli.exits import Exit

app = typer.Typer(no_args_is_help=True, help="The local chaos account: the same stack, on this machine.")
fleet = typer.Typer(no_args_is_help=True, help="Two local accounts in two Regions, with roles between them.")
app.add_typer(fleet, name="fleet")
regions = typer.Typer(no_args_is_help=True, help="Two Regions of one local account, whose stacks act with each other.")
app.add_typer(regions, name="regions")


class Profile(StrEnum):
    IDEAL = "ideal"
    PESSIMISTIC = "pessimistic"


def _import_commands() -> ModuleType:
    """Imports the commands. Raises CommandError if what the account runs on is not installed."""
    if find_spec("ministack") is None:
        raise CommandError("The local chaos account is not installed.", "It comes with the extra: squall[local].", code=Exit.REFUSED)
    from cli.commands import local

    return local


@app.command()
def up(
    profile: Annotated[Profile, typer.Option(help="pessimistic: late metrics, lost and doubled events, slow stops.")] = Profile.IDEAL,
    port: Annotated[int, typer.Option(help="Port of the AWS endpoint; 0 takes a free one.", min=0, max=65535)] = 0,
    deploy: Annotated[bool, typer.Option("--deploy/--no-deploy", help="Deploy the stack into it.")] = True,
    workload: Annotated[str | None, typer.Option(help="How resilient its sample workload is; docs/local.md lists them.")] = None,
) -> None:
    """Start the account and deploy Squall into it."""
    local = _import_commands()
    local.start_account(profile.value, port, deploy=deploy, workload=workload)


@app.command()
def down() -> None:
    """Stop the account and all its processes."""
    local = _import_commands()
    local.stop_account()


@app.command()
def status(
    context: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document, and nothing else, on stdout.")] = False,
) -> None:
    """Show whether the account runs, and where."""
    local = _import_commands()
    context.obj.json = json
    raise typer.Exit(local.show_status(as_json=json))


@app.command()
def env() -> None:
    """Print the variables that point any AWS tool at the account: eval "$(squall local env)"."""
    local = _import_commands()
    local.print_variables()


@fleet.callback()
def group() -> None:
    """Two local accounts in two Regions, with roles between them."""


@fleet.command("up")
def start_fleet() -> None:
    """Start home and a member, and deploy Squall into both."""
    local = _import_commands()
    local.start_fleet()


@fleet.command("down")
def stop_fleet() -> None:
    """Stop both accounts and all their processes."""
    local = _import_commands()
    local.stop_fleet()


@fleet.command("status")
def show_fleet(
    context: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document, and nothing else, on stdout.")] = False,
) -> None:
    """Show whether both accounts run, and where."""
    local = _import_commands()
    context.obj.json = json
    raise typer.Exit(local.show_fleet(as_json=json))


@fleet.command("env")
def print_fleet() -> None:
    """Print the variables of the user at home: eval "$(squall local fleet env)"."""
    local = _import_commands()
    local.print_fleet_variables()


@regions.callback()
def group_regions() -> None:
    """Two Regions of one local account, whose stacks act with each other."""


@regions.command("up")
def start_regions(
    workload: Annotated[str | None, typer.Option(help="How resilient both sample workloads are; docs/local.md lists them.")] = None,
) -> None:
    """Start the account in both Regions, and deploy Squall into each."""
    local = _import_commands()
    local.start_regions(workload)


@regions.command("down")
def stop_regions() -> None:
    """Stop the account in both Regions."""
    local = _import_commands()
    local.stop_regions()


@regions.command("status")
def show_regions(
    context: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document, and nothing else, on stdout.")] = False,
) -> None:
    """Show whether the account runs in both Regions, and where."""
    local = _import_commands()
    context.obj.json = json
    raise typer.Exit(local.show_regions(as_json=json))


@regions.command("env")
def print_region(region: Annotated[str, typer.Argument(help="The Region, such as us-east-1.")]) -> None:
    """Print the variables that point any AWS tool at one Region: eval "$(squall local regions env us-east-1)"."""
    local = _import_commands()
    local.print_region_variables(region)
