"""`squall local`: what it says of an account that is down, or half made, and what an interruption leaves behind."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local.up import Account, Status
from tests.cli.conftest import Squall


def test_without_an_account_the_variables_reach_none(squall: Squall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.commands.local.state_folder", lambda: tmp_path)
    done = squall("local", "env")
    assert done.exit_code == 5
    assert "is down" in done.stderr
    variables = dict(line.removeprefix("export ").split("=", 1) for line in done.stdout.splitlines())
    assert variables["AWS_ENDPOINT_URL"] == "http://127.0.0.1:9"
    assert variables["AWS_ACCESS_KEY_ID"] == "THE-LOCAL-ACCOUNT-IS-NOT-UP"
    assert "AWS_SECRET_ACCESS_KEY" in variables


@pytest.fixture
def account() -> Account:
    return Account("http://127.0.0.1:1", "us-east-1", "000000000000", "key", "secret", "http://127.0.0.1:2", "ideal", "Squall", {}, {}, {})


@pytest.mark.parametrize(("outputs", "hint"), [({}, True), ({"ResultsTableName": "results"}, False)])
def test_an_account_without_the_stack_says_so(
    squall: Squall, account: Account, monkeypatch: pytest.MonkeyPatch, outputs: dict[str, str], hint: bool
) -> None:
    up = Status("up", {}, replace(account, outputs=outputs))
    monkeypatch.setattr("cli.commands.local.launcher.read_status", lambda _: up)
    done = squall("local", "status")
    assert done.exit_code == 0
    assert ("Squall is not deployed in it" in done.stderr) is hint


@pytest.mark.parametrize(("state", "code"), [("up", 0), ("down", 3), ("half-alive", 5)])
def test_the_exit_code_tells_an_account_that_nobody_started_from_one_that_is_broken(
    squall: Squall, account: Account, monkeypatch: pytest.MonkeyPatch, state: Any, code: int
) -> None:
    monkeypatch.setattr("cli.commands.local.launcher.read_status", lambda _: Status(state, {}, account if state != "down" else None))
    done = squall("local", "status")
    assert (done.exit_code, f"The local account is {state}" in done.stdout) == (code, True)


def test_a_start_that_is_terminated_cleans_up_as_an_interrupted_one_does(squall: Squall, monkeypatch: pytest.MonkeyPatch) -> None:
    cleaned: list[str] = []

    def start(*_: Any, **__: Any) -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        except BaseException:
            cleaned.append("cleaned")
            raise

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr("cli.commands.local.launcher.start_account", start)
    try:
        done = squall("local", "up")
    finally:
        signal.signal(signal.SIGTERM, before)
    assert cleaned == ["cleaned"]
    assert done.exit_code == 128 + signal.SIGTERM
