"""Commands in messages stand as the user has to type them."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.arguments.invocation import as_typed, remember_options


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
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
