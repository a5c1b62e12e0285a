"""The services of ECS clusters, and their tasks as ECS describes them. Only reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call, list_items, split_chunks
from squall.domain.resources.workload import Group
from squall.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_TASKS_PER_CALL, _SERVICES_PER_CALL = 100, 10
_OF_SERVICE = "service:"
_NO_CLUSTER = frozenset({"ClusterNotFoundException"})
_ENDED = frozenset({"COMPLETED", "FAILED"})
"""Rollout states of a deployment that changes nothing any more."""


class EcsServices:
    """Describes services and tasks."""

    def __init__(self, ecs: Any) -> None:
        self._ecs = ecs

    def describe_running(self, cluster: str, unreadable: list[str]) -> list[Any]:
        """The tasks of a cluster; one that does not exist is added to `unreadable`."""
        try:
            return self.describe(cluster, list(list_items(self._ecs, "list_tasks", "taskArns", cluster=cluster)))
        except Unavailable as error:
            if error.code not in _NO_CLUSTER:
                raise
            unreadable.append(f"the ECS cluster {cluster} does not exist in this account and Region")
            return []

    def describe_members(self, groups: Iterable[str]) -> Iterator[Any]:
        for group in dict.fromkeys(groups):
            cluster, _, service = group.partition("/")
            if self.describe_services([group]):
                arns = list(list_items(self._ecs, "list_tasks", "taskArns", cluster=cluster, serviceName=service))
                yield from self.describe(cluster, arns)

    def describe(self, cluster: str, arns: Sequence[str]) -> list[Any]:
        described: list[Any] = []
        for chunk in split_chunks(arns, _TASKS_PER_CALL):
            answer = call(self._ecs, "describe_tasks", absent=_NO_CLUSTER, cluster=cluster, tasks=chunk, include=["TAGS"])
            described += answer["tasks"] if answer else []
        return described

    def describe_services(self, names: Iterable[str]) -> dict[str, Any]:
        by_cluster: dict[str, list[str]] = {}
        for name in sorted(names):
            cluster, _, service = name.partition("/")
            by_cluster.setdefault(cluster, []).append(service)
        services_by_name = {}
        for cluster, services in by_cluster.items():
            for chunk in split_chunks(services, _SERVICES_PER_CALL):
                answer = call(self._ecs, "describe_services", absent=_NO_CLUSTER, cluster=cluster, services=chunk)
                active = [entry for entry in (answer["services"] if answer else []) if entry["status"] != "INACTIVE"]
                services_by_name.update({f"{cluster}/{entry['serviceName']}": entry for entry in active})
        return services_by_name

    def make_group(self, name: str, entry: Mapping[str, Any]) -> Group:
        running = [task for task in self.describe_members([name]) if state_of(task) == "RUNNING"]
        healthy = [task for task in running if task.get("healthStatus") != "UNHEALTHY"]
        return Group(
            kind="ecs",
            name=name,
            desired=entry["desiredCount"],
            minimum=0,
            rolling_out=_is_rolling_out(entry),
            in_service=tuple(sorted(task["taskArn"].rpartition("/")[2] for task in healthy)),
            target_groups=tuple(sorted(_list_target_groups(entry))),
        )


def state_of(entry: Mapping[str, Any]) -> str:
    """The task's state; a running task that ECS is about to stop counts as stopping."""
    last = str(entry["lastStatus"])
    return "STOPPING" if last == "RUNNING" and entry.get("desiredStatus") == "STOPPED" else last


def service_of(entry: Mapping[str, Any]) -> str | None:
    """The service of the task, as `cluster/service`; None if it belongs to none."""
    group = str(entry.get("group", ""))
    return f"{entry['clusterArn'].rpartition('/')[2]}/{group.removeprefix(_OF_SERVICE)}" if group.startswith(_OF_SERVICE) else None


def find_address(entry: Mapping[str, Any]) -> str | None:
    """The address of the task's own network interface; None if it has none."""
    return find_detail(entry, "privateIPv4Address")


def find_detail(entry: Mapping[str, Any], name: str) -> str | None:
    """A detail of the task's own network interface; None if it has none."""
    details = [
        detail
        for attachment in entry.get("attachments", ())
        if attachment.get("type") == "ElasticNetworkInterface"
        for detail in attachment.get("details", ())
    ]
    return next((detail["value"] for detail in details if detail.get("name") == name), None)


def _is_rolling_out(entry: Mapping[str, Any]) -> bool:
    """Whether the service is being deployed, by any kind of controller. ECS's own controller has deployments, the
    others have task sets."""
    deployments, sets = entry.get("deployments", ()), entry.get("taskSets", ())
    unfinished = any(deployment.get("rolloutState", "COMPLETED") not in _ENDED for deployment in deployments)
    unsteady = any(task_set.get("stabilityStatus", "STEADY_STATE") != "STEADY_STATE" for task_set in sets)
    return len(deployments) > 1 or len(sets) > 1 or unfinished or unsteady


def _list_target_groups(entry: Mapping[str, Any]) -> set[str]:
    """The target groups of the service and of its task sets. Under CodeDeploy, only the task sets name them."""
    owners = [entry, *entry.get("taskSets", ())]
    attached = [balancer for owner in owners for balancer in owner.get("loadBalancers", ())]
    alternate = [balancer.get("advancedConfiguration", {}).get("alternateTargetGroupArn") for balancer in attached]
    return {arn for arn in (*(balancer.get("targetGroupArn") for balancer in attached), *alternate) if arn}
