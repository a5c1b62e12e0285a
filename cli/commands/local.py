"""`squall local`: calls `local/up.py`, and shows its progress and errors."""

from __future__ import annotations

import shlex
import signal
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from cli import output
from cli.errors import CommandError
from cli.exits import Exit
from cli.session import state_folder
from cli.text import clean_line, safe_text
from local import fleet as fleets
from local import regions as local_regions
from local import up as launcher
from local.deploy import DeployError
from local.up import LocalAccountError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from local.up import Progress

_EXITS = {"up": Exit.VALIDATED, "down": Exit.REFUSED}
"""The exit codes of `squall local status`. An account that nobody has started is nobody's failure."""


def start_account(profile: str, port: int, *, deploy: bool, workload: str | None = None) -> None:
    """Starts the account and deploys into it, with a line for each step."""
    began = time.monotonic()
    signal.signal(signal.SIGTERM, _end_with_clean_up)
    with _explain_failures(), _show_steps() as show_step:
        account = launcher.start_account(state_folder(), profile, port, deploy=deploy, workload=workload, on_progress=show_step)
    output.write_note('`eval "$(squall local env)"` points every AWS tool at the account; `squall --local …` does for one command.')
    output.write_note(
        f"Ready in {time.monotonic() - began:.0f} s: {account.endpoint}, workload at {account.workload_url}, logs in {state_folder()}/logs."
    )


def stop_account() -> None:
    """Stops all processes of the account."""
    with _explain_failures(), output.show_waiting("Stopping the local account …"):
        launcher.stop_account(state_folder())
        launcher.delete_unpacked(state_folder())
    output.write_note("The local account is down.")


def show_status(*, as_json: bool) -> int:
    """Shows whether the account runs; returns 0 if it does, 3 if it is down, and 5 if only a part of it runs or answers."""
    with _explain_failures():
        status = launcher.read_status(state_folder())
    document = asdict(status)
    if document["account"]:
        document["account"].pop("secret_key", None)
    if as_json:
        output.write_json(document)
    else:
        place = f" at {status.account.endpoint}, workload at {status.account.workload_url}" if status.account else ""
        detail = f": {clean_line(status.detail)}" if status.detail else ""
        output.make_console().print(f"The local account is {status.state}{place}{detail}.", soft_wrap=True)
        if status.state != "up":
            output.write_note("`squall local up` starts it.")
        elif status.account and not status.account.outputs:
            output.write_note("Squall is not deployed in it. `squall local up` deploys it.")
    return _EXITS.get(status.state, Exit.FAILED)


def print_variables() -> None:
    """Prints shell commands that point AWS tools at the account; if it is not up, at no account at all."""
    try:
        variables = launcher.list_variables(state_folder())
    except LocalAccountError as error:
        _print_exports(launcher.list_poison())
        hint = "These variables reach no account. `squall local up` starts one; a new shell has its own credentials again."
        raise CommandError(str(error), hint) from error
    _print_exports(variables)


def start_fleet() -> None:
    """Starts both accounts of the fleet and deploys into them, with a line for each step."""
    began = time.monotonic()
    signal.signal(signal.SIGTERM, _end_with_clean_up)
    with _explain_failures(), _show_steps() as show_step:
        fleet = fleets.start_fleet(_fleet_folder(), on_progress=show_step)
    output.write_note(f'`eval "$(squall local fleet env)"`, then `squall fleet status --file {fleet.file}`.')
    output.write_note(f"Ready in {time.monotonic() - began:.0f} s: {', '.join(f'{n} {a.endpoint}' for n, a in fleet.accounts.items())}.")


def stop_fleet() -> None:
    """Stops all processes of both accounts."""
    with _explain_failures(), output.show_waiting("Stopping the local fleet …"):
        fleets.stop_fleet(_fleet_folder())
    output.write_note("The local fleet is down.")


def show_fleet(*, as_json: bool) -> int:
    """Shows whether both accounts run; returns 0 if they do."""
    return _show_states(fleets.read_fleet_status(_fleet_folder()), as_json=as_json)


def _show_states(states: Mapping[str, launcher.Status], *, as_json: bool) -> int:
    if as_json:
        documents = {name: asdict(status) for name, status in states.items()}
        for document in documents.values():
            (document["account"] or {}).pop("secret_key", None)
        output.write_json(documents)
    else:
        for name, status in states.items():
            account = status.account
            place = f", account {account.account_id} in {account.region} at {account.endpoint}" if account else ""
            output.make_console().print(f"{name} is {status.state}{place}.", soft_wrap=True)
    return Exit.VALIDATED if all(status.state == "up" for status in states.values()) else Exit.FAILED


def print_fleet_variables() -> None:
    """Prints shell commands that point AWS tools at home, as its user; if the fleet is not up, at no account at all."""
    try:
        variables = fleets.list_fleet_variables(_fleet_folder())
    except LocalAccountError as error:
        _print_exports(launcher.list_poison())
        raise CommandError(str(error), "These variables reach no account. `squall local fleet up` starts the fleet.") from error
    _print_exports(variables)


def _fleet_folder() -> Path:
    return state_folder() / fleets.FOLDER_NAME


def start_regions(workload: str | None) -> None:
    """Starts the account in both Regions and deploys into each, with a line for each step."""
    began = time.monotonic()
    signal.signal(signal.SIGTERM, _end_with_clean_up)
    with _explain_failures(), _show_steps() as show_step:
        accounts = local_regions.start_regions(_regions_folder(), workload=workload, on_progress=show_step)
    output.write_note(f'`eval "$(squall local regions env {next(iter(accounts))})"` points every AWS tool at that Region.')
    output.write_note(f"Ready in {time.monotonic() - began:.0f} s: {', '.join(f'{n} {a.endpoint}' for n, a in accounts.items())}.")


def stop_regions() -> None:
    """Stops all processes of both Regions."""
    with _explain_failures(), output.show_waiting("Stopping both Regions …"):
        local_regions.stop_regions(_regions_folder())
    output.write_note("Both Regions are down.")


def show_regions(*, as_json: bool) -> int:
    """Shows whether the account runs in both Regions; returns 0 if it does."""
    return _show_states(local_regions.read_regions_status(_regions_folder()), as_json=as_json)


def print_region_variables(region: str) -> None:
    """Prints shell commands that point AWS tools at one Region; if it does not run, at no account at all."""
    try:
        variables = local_regions.list_region_variables(region, _regions_folder())
    except LocalAccountError as error:
        _print_exports(launcher.list_poison())
        raise CommandError(str(error), "These variables reach no account. `squall local regions up` starts both Regions.") from error
    _print_exports(variables)


def _regions_folder() -> Path:
    return state_folder() / local_regions.FOLDER_NAME


def _print_exports(variables: Mapping[str, str]) -> None:
    for name, value in variables.items():
        output.make_console().print(f"export {name}={shlex.quote(value)}", soft_wrap=True)


def _end_with_clean_up(number: int, _: object) -> None:
    """Ends the command as an interruption from the keyboard does, so that it stops what it has started."""
    sys.exit(128 + number)


@contextmanager
def _explain_failures() -> Iterator[None]:
    try:
        yield
    except LocalAccountError as error:
        raise CommandError(str(error), "`squall local status` shows its state, `squall local down` stops what is left.") from error
    except DeployError as error:
        raise CommandError(str(error), "The account runs without the stack; `squall local up` tries again.") from error


@contextmanager
def _show_steps() -> Iterator[Progress]:
    """Shows a line for each step with the seconds since the start, and on a terminal a spinner for the current step."""
    console = output.make_console(stderr=True)
    began = time.monotonic()

    def write_line(step: str) -> None:
        console.print(f"{time.monotonic() - began:6.1f} s  {clean_line(step)}", soft_wrap=True)

    if not console.is_terminal:
        yield write_line
        return
    with console.status(safe_text("starting …")) as spinner:

        def show_step(step: str) -> None:
            write_line(step)
            spinner.update(safe_text(f"{step} …"))

        yield show_step
