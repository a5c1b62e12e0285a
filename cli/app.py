"""The typer application: global options, exit codes of errors, and commands that import only what they need."""

# ruff: noqa: PLC0415 - what a command does not need is not imported: `squall --help` must be quick

from __future__ import annotations

import os
import sys
import traceback
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from cli.errors import CommandError
from cli.exits import Exit
from cli.session import DEFAULT_STACK, Options

if TYPE_CHECKING:
    from collections.abc import Sequence

_FLAGS = ("--local",)
_VALUED = ("--stack", "--region")


class Squall(TyperGroup):
    """Global options may stand anywhere, and no error ends with a code that means a verdict."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, hoisted(args))

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().make_context(*args, **kwargs)
        except typer.TyperException as error:
            raise _refused(error) from None

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except typer.TyperException as error:
            raise _refused(error) from None
        except CommandError as error:
            raise typer.Exit(_failed(ctx, error)) from None
        except (typer.Exit, typer.Abort, KeyboardInterrupt, EOFError):
            raise
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(Exit.FAILED) from None
        except Exception as error:  # noqa: BLE001 - Python's own exit code for a crash, 1, would mean `refuted`
            traceback.print_exc()
            crash = CommandError(f"squall itself failed: {type(error).__name__}: {error}", "Please report it with the lines above.")
            raise typer.Exit(_failed(ctx, crash)) from None


def hoisted(arguments: Sequence[str]) -> list[str]:
    """The arguments with global options moved before the command, as far as `--`."""
    front: list[str] = []
    rest: list[str] = []
    waiting = list(arguments)
    while waiting:
        argument = waiting.pop(0)
        if argument == "--":
            rest += [argument, *waiting]
            break
        if argument in _FLAGS or argument.startswith(tuple(f"{name}=" for name in _VALUED)):
            front.append(argument)
        elif argument in _VALUED and waiting:
            front += [argument, waiting.pop(0)]
        else:
            rest.append(argument)
    return front + rest


def _refused(error: typer.TyperException) -> typer.TyperException:
    # click's code for a wrong command line, 2, would mean `aborted`.
    if getattr(error, "exit_code", None) is not None:
        error.exit_code = Exit.REFUSED
    return error


def _failed(ctx: Any, error: CommandError) -> int:
    from cli.output import report

    options = ctx.obj if isinstance(ctx.obj, Options) else Options()
    report(error, as_json=options.json)
    return int(error.code)


app = typer.Typer(
    name="squall",
    cls=Squall,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="""Chaos experiments on AWS: judged, guarded and always stopped.

    Exit codes: 0 validated (or done), 1 refuted, 2 aborted, 3 refused or invalid, 4 inconclusive or not told in time, 5 Squall failed.""",
)


@app.callback()
def options(
    context: typer.Context,
    stack: Annotated[str, typer.Option(envvar="SQUALL_STACK_NAME", help="Name of the deployed stack.")] = DEFAULT_STACK,
    region: Annotated[str | None, typer.Option(help="AWS Region; else the environment's.")] = None,
    local: Annotated[bool, typer.Option("--local", help="Use the local chaos account of `squall local up`.")] = False,
) -> None:
    """Options of every command."""
    context.obj = Options(stack=stack, region=region, local=local)
