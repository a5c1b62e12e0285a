"""The parts of the sample workload besides its web instances and their load balancer. Each runs only while a setting
asks for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from local.workload.cloud import Cloud
from local.workload.processes.child import Child
from local.workload.processes.served import Served
from local.workload.settings import Settings


@dataclass(frozen=True)
class Surroundings:
    """What the manager passes to every part."""

    cloud: Cloud
    subnets: Mapping[str, str]
    """Subnet by zone."""
    region: str
    folder: Path
    seed: int
    lock: threading.RLock
    """One lock for all processes that serve requests: a fault's target is looked up among all of them."""
    brief: Callable[[Child], None]
    """Tells a new process the settings and the routes."""
    changed: Callable[[], None]


class Part(Protocol):
    """One kind of target. Only `tick` starts processes, on the manager's main thread: children die with the thread that
    starts them."""

    def tick(self, settings: Settings) -> None:
        """Compare the desired state with the actual one, and act on the difference: start what is asked for, end what
        is not."""
        ...

    def settle(self, settings: Settings) -> None:
        """Send the changed settings to running processes. May be called from any thread."""
        ...

    def whole(self, settings: Settings) -> bool:
        """Whether everything that the settings ask for is there and healthy. If they ask for nothing: whether nothing
        is running."""
        ...

    def served(self) -> list[Served]:
        """The processes that faults can hit. Callers hold the lock."""
        ...

    def find(self, name: str) -> Served | None:
        """The process that a command to the agent of this name reaches."""
        ...

    def route(self) -> None:
        """Tell the load balancer its targets, if they changed."""
        ...

    def report(self) -> Mapping[str, Any]:
        """The report for the account (`ministack_truth`): `target_health` by target group, `groups` by name, and
        the part's own records."""
        ...

    def overview(self) -> Mapping[str, object]:
        """State for people and tests; empty while nothing runs."""
        ...

    def kill(self) -> None:
        """Kill every process."""
        ...
