"""ECS tasks as candidates, the services around them, and what Systems Manager knows about their agents. Only reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call, list_items, split_chunks
from squall.adapters.inventory.inventories import Found
from squall.domain.resources.tasks import EcsTask
from squall.domain.resources.types import group_named
from squall.domain.resources.workload import Group

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from squall.domain.resources.types import OtherResource

_TASKS_PER_CALL, _SERVICES_PER_CALL, _TAGS_PER_CALL = 100, 10, 5
"""Systems Manager takes five values in a filter."""
_OF_SERVICE = "service:"
_ROLE = "MANAGED_INSTANCE_ROLE_NAME"
_ARN_TAG = "ECS_TASK_ARN"
_NO_CLUSTER = frozenset({"ClusterNotFoundException"})


class EcsTasks:
    """Finds tasks by their ARN, by the ARN of their service, or by tags; the filters `cluster` and `service` narrow."""

    def __init__(self, ecs: Any, ssm: Any) -> None:
        self._ecs, self._ssm = ecs, ssm

    def find(self, names: Sequence[str], tags: Mapping[str, str], filters: Mapping[str, Sequence[str]]) -> Found:
        clusters, services = filters.get("cluster", ()), filters.get("service", ())
        groups = {name: group for name in names if (group := group_named(name))}
        if names:
            tasks = [name for name in names if name not in groups]
            entries = [*self._describe_named(tasks), *self._describe_members(groups.values())]
        else:
            entries = [entry for cluster in clusters or self._list_clusters() for entry in self._describe_running(cluster)] if tags else []
        found = [task for task in self._read_tasks(entries) if _is_within(task, clusters, services)]
        around = self._describe_services({*(task.group for task in found if task.group), *groups.values()})
        matching = [task for task in found if tags.items() <= task.tags.items()]
        chosen = [task for task in matching if not names or task.arn in names or task.group in groups.values()]
        known = {task.arn for task in found} | {name for name, group in groups.items() if group in around}
        return self._found(tuple(chosen), around, tuple(name for name in dict.fromkeys(names) if name not in known))

    def refresh(self, resources: Sequence[OtherResource]) -> Found:
        """The same tasks, and those that their services have started since."""
        known = [resource for resource in resources if isinstance(resource, EcsTask)]
        groups = {task.group for task in known if task.group}
        entries = {
            entry["taskArn"]: entry for entry in (*self._describe_named([task.arn for task in known]), *self._describe_members(groups))
        }
        tasks = tuple(self._read_tasks(entries.values()))
        seen = {task.arn for task in tasks}
        return self._found(tasks, self._describe_services(groups), tuple(task.arn for task in known if task.arn not in seen))

    def _found(self, tasks: tuple[EcsTask, ...], around: Mapping[str, Any], missing: tuple[str, ...]) -> Found:
        groups = tuple(self._make_group(name, entry) for name, entry in sorted(around.items()))
        return Found(tasks, missing, tuple(arn for group in groups for arn in group.target_groups), groups=groups)

    def _list_clusters(self) -> list[str]:
        return list(list_items(self._ecs, "list_clusters", "clusterArns"))

    def _describe_running(self, cluster: str) -> list[Any]:
        arns = list(list_items(self._ecs, "list_tasks", "taskArns", cluster=cluster))
        return self._describe(cluster, arns)

    def _describe_named(self, arns: Sequence[str]) -> Iterator[Any]:
        by_cluster: dict[str, list[str]] = {}
        for arn in dict.fromkeys(arns):
            if self._is_here(arn):
                by_cluster.setdefault(arn.split("/")[1], []).append(arn)
        for cluster, known in by_cluster.items():
            yield from self._describe(cluster, known)

    def _is_here(self, arn: str) -> bool:
        """Whether the task is in this Region: one of another Region would fail the whole call."""
        return arn.split(":")[3] == str(self._ecs.meta.region_name)

    def _describe_members(self, groups: Iterable[str]) -> Iterator[Any]:
        for group in dict.fromkeys(groups):
            cluster, _, service = group.partition("/")
            if self._describe_services([group]):
                arns = list(list_items(self._ecs, "list_tasks", "taskArns", cluster=cluster, serviceName=service))
                yield from self._describe(cluster, arns)

    def _describe(self, cluster: str, arns: Sequence[str]) -> list[Any]:
        found: list[Any] = []
        for chunk in split_chunks(arns, _TASKS_PER_CALL):
            answer = call(self._ecs, "describe_tasks", absent=_NO_CLUSTER, cluster=cluster, tasks=chunk, include=["TAGS"])
            found += answer["tasks"] if answer else []
        return found

    def _describe_services(self, names: Iterable[str]) -> dict[str, Any]:
        by_cluster: dict[str, list[str]] = {}
        for name in sorted(names):
            cluster, _, service = name.partition("/")
            by_cluster.setdefault(cluster, []).append(service)
        found = {}
        for cluster, services in by_cluster.items():
            for chunk in split_chunks(services, _SERVICES_PER_CALL):
                answer = call(self._ecs, "describe_services", absent=_NO_CLUSTER, cluster=cluster, services=chunk)
                active = [entry for entry in (answer["services"] if answer else []) if entry["status"] != "INACTIVE"]
                found.update({f"{cluster}/{entry['serviceName']}": entry for entry in active})
        return found

    def _make_group(self, name: str, entry: Mapping[str, Any]) -> Group:
        running = [task for task in self._describe_members([name]) if _state_of(task) == "RUNNING"]
        healthy = [task for task in running if task.get("healthStatus") != "UNHEALTHY"]
        balancers = entry.get("loadBalancers", ())
        return Group(
            kind="ecs",
            name=name,
            desired=entry["desiredCount"],
            minimum=0,
            rolling_out=len(entry.get("deployments", ())) > 1,
            in_service=tuple(sorted(task["taskArn"].rpartition("/")[2] for task in healthy)),
            target_groups=tuple(sorted(attached["targetGroupArn"] for attached in balancers if attached.get("targetGroupArn"))),
        )

    def _read_tasks(self, entries: Iterable[Mapping[str, Any]]) -> list[EcsTask]:
        known = {entry["taskArn"]: entry for entry in entries}
        definitions = {arn: self._describe_definition(arn) for arn in {entry["taskDefinitionArn"] for entry in known.values()}}
        agents = self._find_agents(list(known))
        return [_read_task(entry, definitions[entry["taskDefinitionArn"]], agents.get(arn, {})) for arn, entry in sorted(known.items())]

    def _describe_definition(self, arn: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = call(self._ecs, "describe_task_definition", taskDefinition=arn)["taskDefinition"]
        return found

    def _find_agents(self, arns: Sequence[str]) -> dict[str, dict[str, Any]]:
        """For each task's ARN its managed instance with tags: the newest one, where a container was started again."""
        found: dict[str, dict[str, Any]] = {}
        for chunk in split_chunks(arns, _TAGS_PER_CALL):
            filters = [{"Key": f"tag:{_ARN_TAG}", "Values": chunk}]
            for entry in list_items(self._ssm, "describe_instance_information", "InstanceInformationList", Filters=filters):
                tags = self._read_tags(entry["InstanceId"])
                before = found.get(tags.get(_ARN_TAG, ""))
                if before is None or _registered_at(entry) > _registered_at(before):
                    found[tags.get(_ARN_TAG, "")] = {**entry, "Tags": tags}
        return found

    def _read_tags(self, managed: str) -> dict[str, str]:
        answer = call(self._ssm, "list_tags_for_resource", ResourceType="ManagedInstance", ResourceId=managed)
        return {tag["Key"]: tag["Value"] for tag in answer["TagList"]}


def _registered_at(entry: Mapping[str, Any]) -> float:
    at = entry.get("RegistrationDate")
    return at.timestamp() if at else 0.0


def _is_within(task: EcsTask, clusters: Sequence[str], services: Sequence[str]) -> bool:
    own = (task.group or "").rpartition("/")[2]
    return (not clusters or task.cluster in clusters) and (not services or own in services)


def _state_of(entry: Mapping[str, Any]) -> str:
    """The task's state; a running task that ECS is about to stop counts as stopping."""
    last = str(entry["lastStatus"])
    return "STOPPING" if last == "RUNNING" and entry.get("desiredStatus") == "STOPPED" else last


def _read_task(entry: Mapping[str, Any], definition: Mapping[str, Any], agent: Mapping[str, Any]) -> EcsTask:
    cluster = entry["clusterArn"].rpartition("/")[2]
    group = str(entry.get("group", ""))
    family = entry.get("platformFamily") or definition.get("runtimePlatform", {}).get("operatingSystemFamily", "")
    return EcsTask(
        id=entry["taskArn"].rpartition("/")[2],
        arn=entry["taskArn"],
        state=_state_of(entry),
        zone=entry.get("availabilityZone", ""),
        tags={tag["key"]: tag.get("value", "") for tag in entry.get("tags", ())},
        group=f"{cluster}/{group.removeprefix(_OF_SERVICE)}" if group.startswith(_OF_SERVICE) else None,
        launched_at=entry.get("createdAt"),
        in_service_at=entry.get("startedAt"),
        cluster=cluster,
        launch_type=entry.get("launchType", ""),
        definition=entry["taskDefinitionArn"],
        platform="Windows" if "windows" in family.lower() else "Linux",
        private_ip=_find_address(entry),
        network_mode=definition.get("networkMode", ""),
        pid_mode=definition.get("pidMode", ""),
        fault_injection=bool(definition.get("enableFaultInjection", False)),
        exec_enabled=bool(entry.get("enableExecuteCommand", False)),
        registers=any(_registers(container) for container in definition.get("containerDefinitions", ())),
        managed_id=agent.get("InstanceId"),
        managed=agent.get("PingStatus") == "Online",
        managed_tags=agent.get("Tags", {}),
        stop_code=entry.get("stopCode", ""),
    )


def _find_address(entry: Mapping[str, Any]) -> str | None:
    details = [
        detail
        for attachment in entry.get("attachments", ())
        if attachment.get("type") == "ElasticNetworkInterface"
        for detail in attachment.get("details", ())
    ]
    return next((detail["value"] for detail in details if detail.get("name") == "privateIPv4Address"), None)


def _registers(container: Mapping[str, Any]) -> bool:
    return any(variable.get("name") == _ROLE and variable.get("value") for variable in container.get("environment", ()))
