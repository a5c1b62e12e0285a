"""The halt flag, kept as text: a value that does not survive Parameter Store does not survive here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squall.domain.run.halt import Halt, Lever, UnreadableHaltError, from_json, to_json
from squall.errors import Unavailable

if TYPE_CHECKING:
    from datetime import datetime

    from tests.fakes.fis import FakeFaults


class FakeHaltFlag:
    def __init__(self) -> None:
        self.value: str | None = None

    def get(self) -> Halt:
        try:
            return Halt(engaged=False) if self.value is None else from_json(self.value)
        except UnreadableHaltError as error:
            raise Unavailable("fake", "Get", "Unreadable", str(error), retryable=False) from error

    def engage(self, reason: str, by: str, at: datetime) -> None:
        self.value = to_json(Halt(True, reason, by, at))

    def release(self, reason: str, by: str, at: datetime) -> None:
        self.value = to_json(Halt(False, reason, by, at))


class FakeLever:
    """FIS's safety lever: engaged, it stops running experiments and cancels new ones."""

    def __init__(self, faults: FakeFaults) -> None:
        self._faults = faults
        self.state = Lever(engaged=False)

    def get(self) -> Lever:
        return self.state

    def set(self, lever: Lever) -> bool:
        if lever.engaged == self.state.engaged:
            return False
        self.state = lever
        self._faults.lever_engaged = lever.engaged
        for running in self._faults.active() if lever.engaged else ():
            self._faults.stop(running.id)
        return True
