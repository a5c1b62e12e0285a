"""The typer application: global options, and the exit codes of errors."""

# ruff: noqa: PLC0415 - imports inside functions keep `squall --help` quick

from __future__ import annotations

import os
import sys
import traceback
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from cli.arguments.invocation import remember_options
from cli.errors import CommandError
from cli.exits import Exit
from cli.session import DEFAULT_STACK, Options

if TYPE_CHECKING:
    from collections.abc import Sequence

_FLAGS = ("--local",)
_VALUED = ("--stack", "--region")


class Squall(TyperGroup):
    """Accepts global options anywhere on the command line, and never ends an error with an exit code that means a
    verdict."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, move_global_options_first(args))

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().make_context(*args, **kwargs)
        except typer.TyperException as error:
            raise _set_refused_code(error) from None

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except typer.TyperException as error:
            raise _set_refused_code(error) from None
        except CommandError as error:
            raise typer.Exit(_report_error(ctx, error)) from None
        except (typer.Exit, typer.Abort, KeyboardInterrupt, EOFError):
            raise
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(Exit.FAILED) from None
        except Exception as error:  # noqa: BLE001 - Python's own exit code for a crash, 1, would mean `refuted`
            traceback.print_exc()
            crash = CommandError(f"squall itself failed: {type(error).__name__}: {error}", "Please report it with the lines above.")
            raise typer.Exit(_report_error(ctx, crash)) from None


def move_global_options_first(arguments: Sequence[str]) -> list[str]:
    """The arguments with the global options moved before the command; arguments after `--` stay where they are."""
    front: list[str] = []
    rest: list[str] = []
    remaining = list(arguments)
    while remaining:
        argument = remaining.pop(0)
        if argument == "--":
            rest += [argument, *remaining]
            break
        if argument in _FLAGS or argument.startswith(tuple(f"{name}=" for name in _VALUED)):
            front.append(argument)
        elif argument in _VALUED and remaining:
            front += [argument, remaining.pop(0)]
        else:
            rest.append(argument)
    return front + rest


def _set_refused_code(error: typer.TyperException) -> typer.TyperException:
    # The code that click uses for a wrong command line, 2, would mean `aborted`.
    if getattr(error, "exit_code", None) is not None:
        error.exit_code = Exit.REFUSED
    return error


def _report_error(ctx: Any, error: CommandError) -> int:
    from cli.output import write_error

    options = ctx.obj if isinstance(ctx.obj, Options) else Options()
    write_error(error, as_json=options.json)
    return int(error.code)


app = typer.Typer(
    name="squall",
    cls=Squall,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="""Chaos experiments on AWS: judged, guarded and always stopped.

    Exit codes: 0 validated (or done), 1 refuted, 2 aborted, 3 refused or invalid, 4 inconclusive or still running, 5 Squall failed.""",
)


def _show_version(requested: bool) -> None:
    if requested:
        from squall.version import VERSION

        typer.echo(f"squall {VERSION}")
        raise typer.Exit(Exit.VALIDATED)


@app.callback()
def read_options(
    context: typer.Context,
    stack: Annotated[str, typer.Option(envvar="SQUALL_STACK_NAME", help="Name of the deployed stack.")] = DEFAULT_STACK,
    region: Annotated[str | None, typer.Option(help="AWS Region; else the environment's.")] = None,
    local: Annotated[bool, typer.Option("--local", help="Use the local chaos account of `squall local up`.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version of this command and exit.")
    ] = False,
) -> None:
    """Stores the global options in the context, for every command."""
    context.obj = Options(stack=stack, region=region, local=local)
    given: list[tuple[str, ...]] = [("--local",)] if local else []
    if stack not in {DEFAULT_STACK, os.environ.get("SQUALL_STACK_NAME")}:
        given.append(("--stack", stack))
    if region:
        given.append(("--region", region))
    remember_options([word for option in given for word in option])
