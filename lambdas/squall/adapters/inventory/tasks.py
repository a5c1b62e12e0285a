"""ECS tasks as candidates, the services around them, and what Systems Manager knows about their agents. Only reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call, list_items, split_chunks
from squall.adapters.inventory.containers.ecs_services import EcsServices, find_address, find_detail, service_of, state_of
from squall.adapters.inventory.inventories import Found
from squall.domain.resources.tasks import EcsTask
from squall.domain.resources.types import group_named

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from squall.domain.resources.types import OtherResource

_CLUSTERS_PER_CALL, _TAGS_PER_CALL = 100, 5
"""Systems Manager takes five values in a filter."""
_ROLE = "MANAGED_INSTANCE_ROLE_NAME"
_ARN_TAG = "ECS_TASK_ARN"
_NO_INSTANCE = frozenset({"InvalidResourceId"})
"""A managed instance goes with its task."""
_NO_DEFINITION = frozenset({"ClientException"})


class EcsTasks:
    """Finds tasks by their ARN, by the ARN of their service, or by tags; the filters `cluster`, `service` and
    `availability-zone` narrow."""

    def __init__(self, ecs: Any, ssm: Any, ec2: Any) -> None:
        self._ecs, self._ssm, self._ec2, self._services = ecs, ssm, ec2, EcsServices(ecs)

    def find(self, names: Sequence[str], tags: Mapping[str, str], filters: Mapping[str, Sequence[str]]) -> Found:
        clusters, services, zones = (filters.get(name, ()) for name in ("cluster", "service", "availability-zone"))
        asked = {name: group for name in names if (group := group_named(name))}
        around = self._services.describe_services(asked.values())
        groups = {name: group for name, group in asked.items() if group in around and around[group].get("serviceArn", name) == name}
        unreadable: list[str] = []
        if names:
            entries = [
                *self._describe_named([name for name in names if name not in asked]),
                *self._services.describe_members(groups.values()),
            ]
        else:
            entries = [
                entry for cluster in clusters or self._list_clusters() for entry in self._services.describe_running(cluster, unreadable)
            ]
        tasks = [task for task in self._read_tasks(entries) if _is_within(task, clusters, services)] if names or tags else []
        unreadable += [f"no task of the ECS service {name} was found" for name in services if not _has_member(tasks, name)]
        around = self._services.describe_services({*(task.group for task in tasks if task.group), *groups.values()})
        matching = [task for task in tasks if tags.items() <= task.tags.items() and (not zones or task.zone in zones)]
        chosen = [task for task in matching if not names or task.arn in names or task.group in groups.values()]
        known = {task.arn for task in tasks} | {name for name, group in groups.items() if group in around}
        missing = tuple(name for name in dict.fromkeys(names) if name not in known)
        return self._found(tuple(chosen), around, missing, entries, tuple(unreadable))

    def refresh(self, resources: Sequence[OtherResource]) -> Found:
        """The same tasks, and those that their services have started since."""
        known = [resource for resource in resources if isinstance(resource, EcsTask)]
        groups = {task.group for task in known if task.group}
        entries = {
            entry["taskArn"]: entry
            for entry in (*self._describe_named([task.arn for task in known]), *self._services.describe_members(groups))
        }
        tasks = tuple(self._read_tasks(entries.values()))
        present = {task.arn for task in tasks}
        return self._found(
            tasks, self._services.describe_services(groups), tuple(task.arn for task in known if task.arn not in present), (), ()
        )

    def _found(
        self,
        tasks: tuple[EcsTask, ...],
        around: Mapping[str, Any],
        missing: tuple[str, ...],
        entries: Iterable[Mapping[str, Any]],
        unreadable: tuple[str, ...],
    ) -> Found:
        """What was found. `entries`: the tasks as ECS describes them, whose addresses may be registered in any target
        group."""
        groups = tuple(self._services.make_group(name, entry) for name, entry in sorted(around.items()))
        chosen = {task.arn for task in tasks}
        return Found(
            tasks,
            missing,
            tuple(arn for group in groups for arn in group.target_groups),
            registered=self._locate([entry for entry in entries if entry["taskArn"] in chosen]),
            groups=groups,
            unreadable=unreadable,
        )

    def _locate(self, entries: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """The address of each of these tasks, with the VPC of its network interface."""
        placed = {address: subnet for entry in entries if (address := find_address(entry)) and (subnet := find_detail(entry, "subnetId"))}
        if not placed:
            return {}
        filters = [{"Name": "subnet-id", "Values": sorted(set(placed.values()))}]
        vpcs = {subnet["SubnetId"]: subnet["VpcId"] for subnet in list_items(self._ec2, "describe_subnets", "Subnets", Filters=filters)}
        return {address: vpcs[subnet] for address, subnet in placed.items() if subnet in vpcs}

    def _list_clusters(self) -> list[str]:
        return list(list_items(self._ecs, "list_clusters", "clusterArns"))

    def _describe_named(self, arns: Sequence[str]) -> Iterator[Any]:
        by_cluster: dict[str, list[str]] = {}
        for arn in dict.fromkeys(arns):
            if self._is_here(arn):
                by_cluster.setdefault(arn.split("/")[1], []).append(arn)
        for cluster, known in by_cluster.items():
            yield from self._services.describe(cluster, known)

    def _is_here(self, arn: str) -> bool:
        """Whether the task is in this Region: one of another Region would fail the whole call."""
        return arn.split(":")[3] == str(self._ecs.meta.region_name)

    def _read_tasks(self, entries: Iterable[Mapping[str, Any]]) -> list[EcsTask]:
        known = {entry["taskArn"]: entry for entry in entries}
        definitions = {arn: self._describe_definition(arn) for arn in {entry["taskDefinitionArn"] for entry in known.values()}}
        agents = self._find_agents(list(known))
        insights = self._read_insights({entry["clusterArn"] for entry in known.values()})
        return [
            _read_task(entry, definitions[entry["taskDefinitionArn"]], agents.get(arn, {}), insights.get(entry["clusterArn"]))
            for arn, entry in sorted(known.items())
        ]

    def _read_insights(self, clusters: Iterable[str]) -> dict[str, str]:
        """The setting `containerInsights` of each cluster, by its ARN."""
        settings: dict[str, str] = {}
        for chunk in split_chunks(sorted(clusters), _CLUSTERS_PER_CALL):
            for cluster in call(self._ecs, "describe_clusters", clusters=chunk, include=["SETTINGS"])["clusters"]:
                found = {setting["name"]: setting["value"] for setting in cluster.get("settings", ())}
                if value := found.get("containerInsights"):
                    settings[cluster["clusterArn"]] = str(value)
        return settings

    def _describe_definition(self, arn: str) -> Mapping[str, Any]:
        """The task definition; empty if it was deleted."""
        answer = call(self._ecs, "describe_task_definition", absent=_NO_DEFINITION, taskDefinition=arn)
        definition: Mapping[str, Any] = answer["taskDefinition"] if answer else {}
        return definition

    def _find_agents(self, arns: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The managed instance of each task with its tags, by the task's ARN: the newest after a restart."""
        agents: dict[str, dict[str, Any]] = {}
        for chunk in split_chunks(arns, _TAGS_PER_CALL):
            filters = [{"Key": f"tag:{_ARN_TAG}", "Values": chunk}]
            for entry in list_items(self._ssm, "describe_instance_information", "InstanceInformationList", Filters=filters):
                tags = self._read_tags(entry["InstanceId"])
                before = agents.get(tags.get(_ARN_TAG, ""))
                if before is None or _registered_at(entry) > _registered_at(before):
                    agents[tags.get(_ARN_TAG, "")] = {**entry, "Tags": tags}
        return agents

    def _read_tags(self, managed: str) -> dict[str, str]:
        answer = call(self._ssm, "list_tags_for_resource", absent=_NO_INSTANCE, ResourceType="ManagedInstance", ResourceId=managed)
        return {tag["Key"]: tag["Value"] for tag in answer["TagList"]} if answer else {}


def _registered_at(entry: Mapping[str, Any]) -> float:
    at = entry.get("RegistrationDate")
    return at.timestamp() if at else 0.0


def _is_within(task: EcsTask, clusters: Sequence[str], services: Sequence[str]) -> bool:
    """Whether the task is in one of these clusters and services, given by name or by ARN. ARNs are compared whole."""
    place = ":".join(task.arn.split(":")[:5])
    own = (task.group or "").rpartition("/")[2]
    of_cluster = {task.cluster, f"{place}:cluster/{task.cluster}"}
    of_service = {own, f"{place}:service/{task.group}"}
    return (not clusters or bool(of_cluster & set(clusters))) and (not services or bool(of_service & set(services)))


def _has_member(tasks: Iterable[EcsTask], service: str) -> bool:
    return any(_is_within(task, (), (service,)) for task in tasks)


def _read_task(entry: Mapping[str, Any], definition: Mapping[str, Any], agent: Mapping[str, Any], insights: str | None) -> EcsTask:
    cluster = entry["clusterArn"].rpartition("/")[2]
    containers = definition.get("containerDefinitions", ())
    family = entry.get("platformFamily") or definition.get("runtimePlatform", {}).get("operatingSystemFamily", "")
    return EcsTask(
        id=entry["taskArn"].rpartition("/")[2],
        arn=entry["taskArn"],
        state=state_of(entry),
        zone=entry.get("availabilityZone", ""),
        tags={tag["key"]: tag.get("value", "") for tag in entry.get("tags", ())},
        group=service_of(entry),
        launched_at=entry.get("createdAt"),
        in_service_at=entry.get("startedAt"),
        cluster=cluster,
        launch_type=entry.get("launchType", ""),
        definition=entry["taskDefinitionArn"],
        platform="Windows" if "windows" in family.lower() else "Linux",
        private_ip=find_address(entry),
        network_mode=definition.get("networkMode", ""),
        pid_mode=definition.get("pidMode", ""),
        fault_injection=bool(definition.get("enableFaultInjection", False)),
        exec_enabled=bool(entry.get("enableExecuteCommand", False)),
        health_checked=any("healthCheck" in container for container in containers) if containers else None,
        registers=any(_has_role(container) for container in containers),
        managed_id=agent.get("InstanceId"),
        managed=agent.get("PingStatus") == "Online",
        managed_tags=agent.get("Tags", {}),
        insights=insights,
        stop_code=entry.get("stopCode", ""),
    )


def _has_role(container: Mapping[str, Any]) -> bool:
    return any(variable.get("name") == _ROLE and variable.get("value") for variable in container.get("environment", ()))
