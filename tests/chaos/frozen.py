"""A function whose sandbox freezes before a call and goes on later. Its thread runs only while no other thread does."""

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
        """Whether the function is frozen: it has begun, and has not gone on yet."""

    def start(self) -> None:
        """Run the function until it freezes, or has ended."""
        self._thread.start()
        self._back.acquire()

    def call(self, called: str) -> None:
        """Called before each call of a port, by any function."""
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
