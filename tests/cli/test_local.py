"""`squall local env` where no account is up: nothing that follows may reach another account."""

from __future__ import annotations

from pathlib import Path

import pytest

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
