"""The manager's side of a child process: start, orders, events, and a kill that leaves no process."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, cast

ROOT = Path(__file__).resolve().parents[3]

REAP_SECONDS = 60.0
"""How long the kernel may take to end a killed process."""

OnEvent = Callable[[dict[str, Any]], None]


class Child:
    """One process of the workload, in its own process group, so that its own children die with it."""

    def __init__(self, module: str, arguments: Sequence[str], log: Path, on_event: OnEvent) -> None:
        self._on_event = on_event
        self._writing = threading.Lock()
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, "-E", "-s", "-m", module, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                start_new_session=True,
                cwd=ROOT,
            )
        self._orders = cast(IO[bytes], self._process.stdin)
        self._events = cast(IO[bytes], self._process.stdout)
        self.pid = self._process.pid
        threading.Thread(target=self._read, name=f"events-{self.pid}", daemon=True).start()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def order(self, **order: object) -> bool:
        """Send a command to the process; False if the process is gone."""
        line = (json.dumps(order, separators=(",", ":")) + "\n").encode()
        with self._writing:
            try:
                self._orders.write(line)
                self._orders.flush()
            except (BrokenPipeError, ValueError, OSError):
                return False
        return True

    def terminate(self) -> None:
        """Send SIGTERM to the process itself, which decides how it ends."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()

    def kill(self) -> None:
        """Send SIGKILL to the whole process group, like a power cut of the machine, and reap the process."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait(timeout=REAP_SECONDS)
        with self._writing, contextlib.suppress(OSError):
            self._orders.close()

    def _read(self) -> None:
        for line in self._events:
            self._on_event(json.loads(line))
