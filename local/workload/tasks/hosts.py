"""The container instances of an ECS cluster: instances of EC2 with ECS's agent, on which tasks run as processes.

The account knows their status, which FIS and people set (`local.account.tasks.container_instances`); the scheduler of the
workload (`local.workload.tasks.tasks`) follows it.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from local.workload.cloud import ENVIRONMENT_TAG, WORKLOAD_TAG
from local.workload.parts import Surroundings
from local.workload.tasks.resources import Kind

ACTIVE, DRAINING = "ACTIVE", "DRAINING"
_RUNNING = frozenset({"pending", "running"})


@dataclass
class Host:
    """One container instance."""

    id: str
    instance: str
    """Id of the EC2 instance."""
    zone: str
    status: str = ACTIVE


class Hosts:
    """The container instances of one kind of service."""

    def __init__(self, around: Surroundings, kind: Kind, ecs: Any) -> None:
        self._around, self._kind, self._ecs = around, kind, ecs
        self._hosts: dict[str, Host] = {}
        self.tags = {ENVIRONMENT_TAG: "staging", WORKLOAD_TAG: "host"}

    def launch(self) -> None:
        """Launch the instances, as many in each zone."""
        zones = list(self._around.subnets.items())
        for number in range(self._kind.hosts):
            zone, subnet = zones[number % len(zones)]
            machine = self._around.cloud.run_instance(subnet, {"Name": "sample-host", **self.tags})
            host = Host(secrets.token_hex(16), machine.id, zone)
            with self._around.lock:
                self._hosts[host.id] = host

    def close(self) -> None:
        if self._hosts:
            self._around.cloud.terminate(host.instance for host in self._hosts.values())
        with self._around.lock:
            self._hosts.clear()

    def tick(self) -> None:
        """Read the status of each, and forget those whose instance is gone: ECS deregisters them."""
        if not self._hosts:
            return
        described = self._ecs.describe_container_instances(cluster=self._kind.cluster, containerInstances=list(self._hosts))
        for entry in described["containerInstances"]:
            self._hosts[entry["containerInstanceArn"].rpartition("/")[2]].status = entry["status"]
        states = self._around.cloud.states()
        for host in [host for host in self._hosts.values() if states.get(host.instance) not in _RUNNING]:
            with self._around.lock:
                del self._hosts[host.id]
            self._around.changed()

    def knows(self, host_id: str) -> bool:
        return host_id in self._hosts

    def is_draining(self, host_id: str) -> bool:
        host = self._hosts.get(host_id)
        return host is not None and host.status == DRAINING

    def place(self, zone: str, taken: Iterable[str]) -> Host | None:
        """Where a task goes: to the container instance with the fewest tasks, of this zone if it has one that takes tasks. None:
        nowhere. `taken`: the container instance of each task."""
        tasks = Counter(taken)
        free = [host for host in self._hosts.values() if host.status == ACTIVE]
        return min(free, key=lambda host: (host.zone != zone, tasks[host.id], host.id), default=None)

    def report(self) -> list[dict[str, Any]]:
        """The report for the account, which knows the status itself."""
        return [{"id": host.id, "instance": host.instance, "zone": host.zone, "tags": self.tags} for host in self._hosts.values()]

    def overview(self) -> dict[str, object]:
        return {"hosts": [asdict(host) for host in self._hosts.values()]} if self._kind.hosts else {}

    @property
    def whole(self) -> bool:
        return len(self._hosts) == self._kind.hosts and all(host.status == ACTIVE for host in self._hosts.values())
