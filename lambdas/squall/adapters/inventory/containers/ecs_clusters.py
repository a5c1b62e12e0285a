"""ECS clusters as candidates, with their container instances and the tasks of services on them. Only reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call, list_items, split_chunks
from squall.adapters.inventory.containers.ecs_services import EcsServices, find_address, service_of, state_of
from squall.adapters.inventory.inventories import Found, select_named
from squall.domain.base.vocabulary import ResourceType
from squall.domain.resources.host_groups import ACTIVE, ContainerInstance, EcsCluster, HostedTask
from squall.domain.resources.types import type_named

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from squall.domain.resources.types import OtherResource

_PER_CALL = 100
_ZONE = "ecs.availability-zone"
_GONE = "INACTIVE"
"""The status of a cluster that was deleted."""


class EcsClusters:
    """Finds clusters by ARN, or by tags."""

    def __init__(self, ecs: Any) -> None:
        self._ecs, self._services = ecs, EcsServices(ecs)

    def find(self, names: Sequence[str], tags: Mapping[str, str], _filters: Mapping[str, Sequence[str]], /) -> Found:
        if not names and not tags:
            return Found(())
        return self._find(names, tags, {})

    def refresh(self, resources: Sequence[OtherResource]) -> Found:
        """The same clusters, and what became of the tasks that were known before."""
        known = {resource.arn: resource for resource in resources if isinstance(resource, EcsCluster)}
        return self._find(list(known), {}, known)

    def _find(self, names: Sequence[str], tags: Mapping[str, str], before: Mapping[str, EcsCluster]) -> Found:
        arns = [name for name in names if self._is_here(name)] if names else list(list_items(self._ecs, "list_clusters", "clusterArns"))
        entries = [entry for entry in self._describe(arns) if entry["status"] != _GONE]
        selected = select_named(names, tags, [_read_cluster(entry) for entry in entries])
        bare = [cluster for cluster in selected.resources if isinstance(cluster, EcsCluster)]
        clusters = tuple(self._read_hosts(cluster, before.get(cluster.arn)) for cluster in bare)
        around = self._services.describe_services({name for cluster in clusters for name in cluster.carries})
        groups = tuple(self._services.make_group(name, entry) for name, entry in sorted(around.items()))
        return Found(
            clusters,
            selected.missing,
            target_groups=tuple(arn for group in groups for arn in group.target_groups),
            instances=tuple(sorted({host.instance for cluster in clusters for host in cluster.hosts})),
            groups=groups,
        )

    def _is_here(self, name: str) -> bool:
        """Whether it is the ARN of a cluster in this Region: one of another Region would fail the whole call."""
        return type_named(name) is ResourceType.ECS_CLUSTER and name.split(":")[3] == str(self._ecs.meta.region_name)

    def _describe(self, arns: Sequence[str]) -> list[Any]:
        answers = [call(self._ecs, "describe_clusters", clusters=chunk, include=["TAGS"]) for chunk in split_chunks(arns, _PER_CALL)]
        return [entry for answer in answers for entry in answer["clusters"]]

    def _read_hosts(self, cluster: EcsCluster, before: EcsCluster | None) -> EcsCluster:
        tasks: dict[str, list[HostedTask]] = {}
        for entry in self._services.describe_running(cluster.arn, []):
            service = service_of(entry)
            if service and entry.get("containerInstanceArn") and state_of(entry) == "RUNNING":
                task = HostedTask(id=entry["taskArn"].rpartition("/")[2], service=service, address=find_address(entry))
                tasks.setdefault(entry["containerInstanceArn"], []).append(task)
        hosts = tuple(sorted((_read_host(entry, tasks) for entry in self._list_hosts(cluster.arn)), key=lambda host: host.id))
        zones = {host.zone for host in hosts}
        return cluster.model_copy(
            update={
                "hosts": hosts,
                "zone": next(iter(zones)) if len(zones) == 1 else "",
                "stopped": self._find_stopped(before, hosts) if before else {},
            }
        )

    def _list_hosts(self, cluster: str) -> list[Any]:
        arns = list(list_items(self._ecs, "list_container_instances", "containerInstanceArns", cluster=cluster))
        answers = [
            call(self._ecs, "describe_container_instances", cluster=cluster, containerInstances=chunk, include=["TAGS"])
            for chunk in split_chunks(arns, _PER_CALL)
        ]
        return [entry for answer in answers for entry in answer["containerInstances"]]

    def _find_stopped(self, before: EcsCluster, hosts: Iterable[ContainerInstance]) -> dict[str, str]:
        """The stop codes of the tasks that ran before and do not any more. ECS forgets them after an hour."""
        running = {task.id for host in hosts for task in host.tasks}
        gone = sorted({task.id for host in before.hosts for task in host.tasks} - running)
        arns = [f"{before.arn.replace(':cluster/', ':task/')}/{name}" for name in gone]
        entries = self._services.describe(before.arn, arns)
        return {entry["taskArn"].rpartition("/")[2]: entry["stopCode"] for entry in entries if entry.get("stopCode")}


def _read_cluster(entry: Mapping[str, Any]) -> EcsCluster:
    return EcsCluster(id=entry["clusterName"], arn=entry["clusterArn"], state=entry["status"], tags=_read_tags(entry))


def _read_host(entry: Mapping[str, Any], tasks: Mapping[str, Sequence[HostedTask]]) -> ContainerInstance:
    zone = next((attribute.get("value", "") for attribute in entry.get("attributes", ()) if attribute["name"] == _ZONE), "")
    apart = entry["status"] == ACTIVE and not entry.get("agentConnected", False)
    arn = entry["containerInstanceArn"]
    return ContainerInstance(
        id=arn.rpartition("/")[2],
        zone=zone,
        state=f"{ACTIVE}, but its agent is not connected" if apart else entry["status"],
        instance=entry.get("ec2InstanceId", ""),
        tags=_read_tags(entry),
        tasks=tuple(sorted(tasks.get(arn, ()), key=lambda task: task.id)),
    )


def _read_tags(entry: Mapping[str, Any]) -> dict[str, str]:
    return {tag["key"]: tag.get("value", "") for tag in entry.get("tags", ())}
