"""Commands in messages stand as the user has to type them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.arguments.invocation import as_typed, remember_options
from scripts.install import WRAPPER
from tests.patience import PATIENCE


@pytest.fixture(autouse=True)
def _forget(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("SQUALL_PROGRAM", raising=False)
    yield
    remember_options([])


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program `squall` in an environment below the working directory, which the shell does not search."""
    program = tmp_path / ".venv" / "bin" / "squall"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")
    return program


@pytest.mark.parametrize("absolute", [True, False])
def test_a_program_that_the_shell_does_not_find_is_named_by_its_path(
    installed: Path, monkeypatch: pytest.MonkeyPatch, *, absolute: bool
) -> None:
    monkeypatch.setattr(sys, "argv", [str(installed) if absolute else ".venv/bin/squall", "status"])
    assert as_typed("Look: `squall show run-1 --open`.") == "Look: `.venv/bin/squall show run-1 --open`."


def test_a_program_that_the_shell_finds_has_its_short_name(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{installed.parent}{os.pathsep}/nowhere")
    monkeypatch.setattr(sys, "argv", [str(installed)])
    assert as_typed("`squall status`") == "`squall status`"


def test_the_options_of_the_call_are_repeated() -> None:
    remember_options(["--local", "--stack", "My Stack"])
    assert as_typed("`squall status a` shows it, `squall campaign abort b` ends it.") == (
        "`squall --local --stack 'My Stack' status a` shows it, `squall --local --stack 'My Stack' campaign abort b` ends it."
    )


@pytest.mark.parametrize("message", ["`squall local up`", "`squall new experiment`", "`squall --local …`", "squall status", "`squall`"])
def test_what_needs_no_account_or_is_no_command_stays(message: str) -> None:
    remember_options(["--local"])
    assert as_typed(message) == message


@pytest.mark.parametrize("typed", [".venv/bin/squall", "squall"])
def test_the_program_that_make_setup_writes_is_named_as_it_was_typed(installed: Path, typed: str) -> None:
    """It is a script that starts Python, which alone would not know its name."""
    installed.write_text(WRAPPER.format(python=sys.executable))
    path = os.pathsep.join([*([str(installed.parent)] if typed == "squall" else []), "/usr/bin", "/bin"])
    done = subprocess.run(
        ["/bin/sh", "-c", f"{typed} --local status"],
        cwd=installed.parents[2], env={"PATH": path}, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert f"Start one with `{typed} local up`" in done.stdout + done.stderr
