"""What the sample workload consists of besides its web instances: parts that run only while a setting asks for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from local.workload.child import Child
from local.workload.cloud import Cloud
from local.workload.served import Served
from local.workload.settings import Settings


@dataclass(frozen=True)
class Surroundings:
    """What the manager gives every part."""

    cloud: Cloud
    subnets: Mapping[str, str]
    """Subnet by zone."""
    region: str
    folder: Path
    seed: int
    lock: threading.RLock
    """One for all that is served: a fault is looked up among all of it."""
    brief: Callable[[Child], None]
    """Tells a new process the settings and where things are."""
    changed: Callable[[], None]


class Part(Protocol):
    """One kind of target. Children die with the thread that starts them, so that only `tick` starts any: on the manager's main thread."""

    def tick(self, settings: Settings) -> None:
        """Compare what should be with what is, and act on the difference: start when asked for, end when not."""
        ...

    def settle(self, settings: Settings) -> None:
        """The settings have changed; processes that run are told. From any thread."""
        ...

    def whole(self, settings: Settings) -> bool:
        """Whether all that the settings ask for is there and healthy, or, when they ask for nothing, nothing."""
        ...

    def served(self) -> list[Served]:
        """The processes that faults can be brought to; to be asked with the lock held."""
        ...

    def find(self, name: str) -> Served | None:
        """The process that an agent's command reaches under this name."""
        ...

    def route(self) -> None:
        """Tell the load balancer its targets, if they changed."""
        ...

    def report(self) -> Mapping[str, Any]:
        """For the account (`ministack_truth`): `target_health` by target group, and whatever else it repeats."""
        ...

    def overview(self) -> Mapping[str, object]:
        """For people and tests; empty while nothing runs."""
        ...

    def kill(self) -> None:
        """Leave no process."""
        ...
