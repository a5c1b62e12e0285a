"""What the tests of the command share: a runner, and a deployment in memory instead of AWS."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli import main, session
from cli.following import follow
from tests.cli.fakes import FakeDeployment

Squall = Callable[..., Result]


@pytest.fixture
def squall(monkeypatch: pytest.MonkeyPatch) -> Squall:
    """Runs a command line, without a terminal, waiting for nothing."""
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "COLUMNS", "SQUALL_STACK_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(follow, "LOOK_SECONDS", 0.0)

    def run(*arguments: str, stdin: str | None = None) -> Result:
        words: Sequence[str] = [str(argument) for argument in arguments]
        return CliRunner().invoke(main.squall, words, input=stdin)

    return run


@pytest.fixture
def deployment(monkeypatch: pytest.MonkeyPatch) -> FakeDeployment:
    fake = FakeDeployment()
    monkeypatch.setattr(session, "find_deployment", lambda options: fake)
    return fake


@pytest.fixture
def no_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment that points nowhere: no keys, no Region, no files, no instance metadata."""
    for name in (
        "AWS_ENDPOINT_URL",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_PROFILE",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setattr(session, "state_folder", lambda: tmp_path / ".local")
    return monkeypatch
