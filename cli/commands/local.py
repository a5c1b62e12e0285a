"""`squall local`: thin over `local/up.py`, with progress and errors as this command line words them."""

from __future__ import annotations

import shlex
import time
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

from cli import output
from cli.errors import CommandError
from cli.exits import Exit
from cli.session import state_folder
from cli.text import clean, safe
from local import up as launcher
from local.deploy import DeployError
from local.up import LocalAccountError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.up import Progress


def up(profile: str, port: int, *, deploy: bool, workload: str | None = None) -> None:
    """Start and deploy, a line for each step."""
    began = time.monotonic()
    with _explained(), _steps() as say:
        account = launcher.up(state_folder(), profile, port, deploy=deploy, workload=workload, on_progress=say)
    output.note(
        f"Ready in {time.monotonic() - began:.0f} s: {account.endpoint}, workload at {account.workload_url}, logs in {state_folder()}/logs."
    )
    output.note('`eval "$(squall local env)"` points every AWS tool at it; `squall --local …` does for one command.')


def down() -> None:
    """Stop everything of the account."""
    with _explained(), output.waiting("Stopping the local account …"):
        launcher.down(state_folder())
    output.note("The local account is down.")


def status(*, as_json: bool) -> int:
    """0 if it is up."""
    with _explained():
        found = launcher.status(state_folder())
    document = asdict(found)
    if document["account"]:
        document["account"].pop("secret_key", None)
    if as_json:
        output.write_json(document)
    else:
        where = f" at {found.account.endpoint}, workload at {found.account.workload_url}" if found.account else ""
        detail = f": {clean(found.detail)}" if found.detail else ""
        output.console().print(f"The local account is {found.state}{where}{detail}.", soft_wrap=True)
        if found.state != "up":
            output.note("`squall local up` starts it.")
    return Exit.VALIDATED if found.state == "up" else Exit.FAILED


def env() -> None:
    """Shell commands that point AWS tools at it."""
    with _explained():
        variables = launcher.env(state_folder())
    for name, value in variables.items():
        output.console().print(f"export {name}={shlex.quote(value)}", soft_wrap=True)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except LocalAccountError as error:
        raise CommandError(str(error), "`squall local status` says how it stands, `squall local down` clears up.") from error
    except DeployError as error:
        raise CommandError(str(error), "The account runs on without the stack; `squall local up` tries again.") from error


@contextmanager
def _steps() -> Iterator[Progress]:
    """A line for each step with its seconds, and on a terminal a spinner on the current one."""
    console = output.console(stderr=True)
    began = time.monotonic()

    def line(step: str) -> None:
        console.print(f"{time.monotonic() - began:6.1f} s  {clean(step)}", soft_wrap=True)

    if not console.is_terminal:
        yield line
        return
    with console.status(safe("starting …")) as spinner:

        def say(step: str) -> None:
            line(step)
            spinner.update(safe(f"{step} …"))

        yield say
