"""The manager of the sample workload goes on after a call that failed."""

from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import pytest

from local.workload.manager import Manager
from local.workload.settings import CONTROLLER, PLAIN, RESILIENT, WORKLOADS, Settings


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


def test_a_part_that_still_follows_earlier_settings_is_not_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A shape that was left and asked for again while it was being left looked whole, and was gone a second later."""
    manager = Manager("http://127.0.0.1:9", "us-east-1", tmp_path, seed=0, settings=WORKLOADS[RESILIENT])
    whole: list[bool] = []

    class Part:
        def whole(self, settings: Settings) -> bool:
            return settings.shape == CONTROLLER

        def tick(self, settings: Settings) -> None:
            if settings.shape == PLAIN:
                manager.settings = settings.changed({"shape": CONTROLLER})
            whole.append(manager._parts_whole())

    quiet = SimpleNamespace(tick=lambda *_: None)
    for name, value in {"dependency": quiet, "database": quiet, "_supervisor": quiet, "_parts": [Part()]}.items():
        monkeypatch.setattr(manager, name, value, raising=False)
    for name in ("_tell_acls", "_tell_routes", "_report_state"):
        monkeypatch.setattr(manager, name, lambda: None)
    for _ in range(2):
        manager._tick()
        whole.append(manager._parts_whole())
    assert whole == [False, False, False, True]
