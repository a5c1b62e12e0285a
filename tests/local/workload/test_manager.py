"""The manager of the sample workload goes on after a call that failed."""

from pathlib import Path
from typing import NoReturn

import pytest

from local.workload.manager import Manager
from local.workload.settings import RESILIENT, WORKLOADS


@pytest.mark.parametrize("step", ["_tick", "_wait"])
def test_a_call_that_the_account_does_not_answer_ends_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, step: str) -> None:
    """The account was stopped for 22 seconds while the manager passed on changes: the manager died of that."""
    manager = Manager("http://127.0.0.1:9", "us-east-1", tmp_path, seed=0, settings=WORKLOADS[RESILIENT])
    steps: list[str] = []

    def fail() -> NoReturn:
        steps.append("failed")
        monkeypatch.setattr(manager, step, succeed)
        raise TimeoutError("no answer within 10 s")

    def succeed() -> None:
        steps.append("succeeded")
        manager.stop()

    monkeypatch.setattr(manager, "_tick", lambda: None)
    monkeypatch.setattr(manager, "kill", lambda: steps.append("ended"))
    monkeypatch.setattr(manager, step, fail)
    manager.run()
    assert steps == ["failed", "succeeded", "ended"]
