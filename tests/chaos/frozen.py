"""A function whose sandbox stands still in front of a call, and goes on when it is let, in a thread that runs while nobody else does."""

from __future__ import annotations

import importlib
import json
import threading
from typing import Any

from tests.workflow.driver import snake


class Frozen:
    def __init__(self, function: str, payload: dict[str, Any], call: int) -> None:
        self._function, self._payload, self._left = function, json.loads(json.dumps(payload)), call
        self._back, self._go = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.stands = False
        """Whether it has begun and not yet gone on."""

    def start(self) -> None:
        """Run it until it stands still, or has ended."""
        self._thread.start()
        self._back.acquire()

    def call(self, called: str) -> None:
        """At each call of a port, of whomever."""
        if threading.current_thread() is not self._thread:
            return
        self._left -= 1
        if self._left == 0:
            self.stands = True
            self._back.release()
            self._go.acquire()

    def go_on(self) -> None:
        """Run it to its end."""
        if self.stands:
            self.stands = False
            self._go.release()
            self._back.acquire()

    def _run(self) -> None:
        try:
            importlib.import_module(f"squall.handlers.{snake(self._function)}").handler(self._payload, None)
        except Exception:  # noqa: BLE001 - Step Functions has long given up on it: nobody hears of it
            pass
        finally:
            self._back.release()
