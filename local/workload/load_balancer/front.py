"""A load balancer beside the web instances' own: its processes, one target group, and what CloudWatch gets of both."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

from local.workload import metrics
from local.workload.load_balancer.traffic import Traffic
from local.workload.parts import Surroundings
from local.workload.processes.served import Roster
from local.workload.settings import Settings

log = logging.getLogger(__name__)

Also = Callable[[float], None]
"""Publishes what else there is to publish of a period, which is identified by its start."""


def _publish_nothing(_start: float) -> None:
    pass


class Front:
    """Runs from its construction until `close`. Its users send nothing before `settle`."""

    def __init__(
        self,
        name: str,
        load_balancer_arn: str,
        target_group_arn: str,
        roster: Roster,
        around: Surroundings,
        also: Also = _publish_nothing,
    ) -> None:
        self._name, self._around, self._also = name, around, also
        self._dimensions = load_balancer_arn.partition(":loadbalancer/")[2], target_group_arn.rpartition(":")[2]
        self._traffic = Traffic(roster, around.folder, around.seed, around.changed, f"{name}-")
        threading.Thread(target=self._publish_all, name=f"publisher-{name}", daemon=True).start()

    def settle(self, settings: Settings) -> None:
        """Set the load that the settings ask for, and how the balancer treats its targets."""
        self._traffic.settle(settings)

    def route(self) -> None:
        """Tell the balancer its targets, if they changed."""
        self._traffic.route()

    def close(self) -> None:
        """Kill both processes, and end the publisher after the periods that it has."""
        self._traffic.kill()
        self._traffic.periods.put(None)

    def overview(self) -> Mapping[str, object]:
        """State for people and tests."""
        return {
            "balancer_url": f"http://127.0.0.1:{self._traffic.port}",
            "load": self._traffic.load,
            "pids": [self._traffic.balancer.pid, self._traffic.client.pid],
        }

    def _publish_all(self) -> None:
        """Publish every period after its end. As with a real agent, a refused period is lost and logged."""
        while (period := self._traffic.periods.get()) is not None:
            try:
                self._publish(*period)
            except Exception:
                log.exception("period %s of %s was not published", period[0], self._name)

    def _publish(self, start: float, counts: dict[str, Any]) -> None:
        self._around.cloud.put_metrics("AWS/ApplicationELB", metrics.balancer_data(start, counts, *self._dimensions))
        self._also(start)
