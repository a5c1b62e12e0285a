"""The manager's side of the inventory: starts its process, and restarts it if it dies.

No AWS fault hits the inventory itself; only the network to it can be disturbed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from local.workload.network.peers import INVENTORY, INVENTORY_NAME, INVENTORY_PORT
from local.workload.processes.child import Child


class Dependency:
    """The inventory's process. `tick` must be called on the manager's main thread: children die with the thread that
    starts them."""

    def __init__(self, folder: Path, changed: Callable[[], None]) -> None:
        self._log = folder / "logs" / "inventory.log"
        self._changed = changed
        self.child: Child | None = None
        self.port: int | None = None

    def tick(self) -> None:
        if self.child is None or not self.child.alive:
            self.kill()
            self.child = Child("local.workload.dependency.inventory", [], self._log, self._happened)

    def _happened(self, event: dict[str, Any]) -> None:
        self.port = event["port"]
        self._changed()

    def kill(self) -> None:
        self.port = None
        if self.child is not None:
            self.child.kill()

    def as_dict(self) -> dict[str, object]:
        return {
            "name": INVENTORY_NAME,
            "address": str(INVENTORY),
            "port": INVENTORY_PORT,
            "url": f"http://127.0.0.1:{self.port}" if self.port else None,
            "pid": self.child.pid if self.child and self.child.alive else None,
        }
