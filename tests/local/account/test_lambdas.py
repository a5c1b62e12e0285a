"""When the environments of functions end in the local account."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ministack.core import lambda_runtime

from local.account import lambdas
from local.account.settings import Settings

LONG_AGO = 100.0
"""Seconds since an idle worker was used last."""


@dataclass(eq=False)
class Worker:
    in_use: bool
    last_used: float


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Worker]:
    """Those of two functions."""
    now = time.time()
    made = {
        "busy": Worker(in_use=True, last_used=now - LONG_AGO),
        "new": Worker(in_use=False, last_used=now),
        "idle": Worker(in_use=False, last_used=now - LONG_AGO),
        "last": Worker(in_use=False, last_used=now - LONG_AGO),
    }
    pools = {"f": [made["busy"], made["new"], made["idle"]], "g": [made["last"]]}
    monkeypatch.setattr(lambda_runtime, "_workers", pools)
    return made


@pytest.mark.parametrize(("idle_seconds", "ends"), [(20, {"idle", "last"}), (200, set())])
def test_an_environment_ends_when_it_has_been_idle_for_as_long_as_the_account_says(
    monkeypatch: pytest.MonkeyPatch, workers: dict[str, Worker], idle_seconds: int, ends: set[str]
) -> None:
    ended: list[Any] = []
    monkeypatch.setattr(lambdas, "get_settings", lambda: Settings(0, Path(), "", idle_seconds=idle_seconds))
    monkeypatch.setattr(lambda_runtime, "kill_workers", ended.extend)
    assert lambdas._with_idle_ends(pytest.fail)(5.0) == len(ends)
    left = [worker for each in lambda_runtime._workers.values() for worker in each]
    assert {name for name, worker in workers.items() if worker in ended} == ends
    assert {name for name, worker in workers.items() if worker not in left} == ends


def test_without_a_limit_the_emulator_decides(monkeypatch: pytest.MonkeyPatch, workers: dict[str, Worker]) -> None:
    monkeypatch.setattr(lambdas, "get_settings", lambda: Settings(0, Path(), ""))
    monkeypatch.setattr(lambda_runtime, "kill_workers", pytest.fail)
    assert lambdas._with_idle_ends(round)(5.0) == 5
