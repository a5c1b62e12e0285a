"""A workload that tests can break: instances in Auto Scaling groups behind target groups, with agents that take
commands."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import ceil
from typing import TYPE_CHECKING

from squall.domain.base.vocabulary import ResourceType
from squall.domain.resources.databases import Database, DatabaseCluster
from squall.domain.resources.host_groups import EcsCluster, Host, HostGroup, Nodegroup
from squall.domain.resources.instances import Instance
from squall.domain.resources.pods import EksPod
from squall.domain.resources.tasks import EcsTask
from squall.domain.resources.types import group_named
from squall.domain.resources.workload import Group, TargetGroup, Workload
from squall.domain.run.ssm_state import CommandState
from tests.fakes.clusters import FakeClusters
from tests.fakes.counting import Count
from tests.fakes.services import FakeServices

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from squall.domain.resources.types import OtherResource
    from tests.fakes.clock import FakeClock

ACCOUNT, REGION = "123456789012", "eu-west-1"
ZONES = (f"{REGION}a", f"{REGION}b")


@dataclass
class FakeInstance:
    id: str
    zone: str = ZONES[0]
    state: str = "running"
    tags: dict[str, str] = field(default_factory=dict)
    group: str | None = None
    lifecycle: str | None = None
    managed: bool = True
    healthy: bool = True
    """The health that a target group reports while the instance runs."""
    platform: str = "Linux"
    private_ip: str = "10.0.0.7"
    spot_request: str | None = None
    spot_status: str | None = None
    launched_at: datetime | None = None
    in_service_at: datetime | None = None

    @property
    def arn(self) -> str:
        return f"arn:aws:ec2:{self.zone[:-1]}:{ACCOUNT}:instance/{self.id}"

    @property
    def serving(self) -> bool:
        return self.state == "running" and self.healthy


@dataclass
class FakeGroup:
    name: str
    desired: int
    minimum: int = 1
    suspended: tuple[str, ...] = ()
    target_groups: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    replaces_after: float | None = 90
    """Seconds until a lost instance's replacement is in service; None: never."""


class FakeFleet:
    """The instances, and what Auto Scaling does about them."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.region = REGION
        self.instances: dict[str, FakeInstance] = {}
        self.groups: dict[str, FakeGroup] = {}
        self.target_groups: dict[str, str | None] = {}
        """By target group ARN, the load balancer's ARN."""
        self.others: dict[str, OtherResource] = {}
        """By ARN: the resources that are not instances."""
        self.wanted_tasks: dict[str, int] = {}
        """By service: how many tasks on the hosts of a cluster it wants."""
        self.services = FakeServices(clock, self.others)
        self.clusters = FakeClusters(clock, self.others)
        self.tells_activities = True
        """Whether Auto Scaling still knows when an instance came into service."""
        self._ids = Count(1)

    def now(self) -> datetime:
        return self._clock.now()

    def add(self, instance: FakeInstance) -> FakeInstance:
        self.instances[instance.id] = instance
        return instance

    def add_group(self, group: FakeGroup, load_balancer: str | None = None) -> list[FakeInstance]:
        """Add a group at its desired capacity, spread over the zones, each instance healthy in the group's target
        groups."""
        self.groups[group.name] = group
        self.target_groups.update(dict.fromkeys(group.target_groups, load_balancer))
        return [self._launch(group, f"{self.region}{'ab'[index % 2]}") for index in range(group.desired)]

    def add_other(self, resource: OtherResource) -> OtherResource:
        self.others[resource.arn] = resource
        return resource

    def fail_over(self, arn: str) -> None:
        """Fail over immediately: the standby's zone serves, or the first available reader becomes the writer."""
        item = self.others[arn]
        if isinstance(item, Database):
            self.others[arn] = item.model_copy(update={"zone": item.secondary_zone or item.zone, "secondary_zone": item.zone})
        elif isinstance(item, DatabaseCluster) and item.readers:
            chosen = item.readers[0]
            members = tuple(member.model_copy(update={"writer": member.id == chosen}) for member in item.members)
            zone = next(member.zone for member in members if member.writer)
            self.others[arn] = item.model_copy(update={"members": members, "zone": zone})

    def reboot_database(self, arn: str) -> None:
        """Restart it in place: half a minute later RDS has an event of it."""
        self._clock.after(30, lambda: self._restart(arn))

    def _restart(self, arn: str) -> None:
        self.others[arn] = self.others[arn].model_copy(update={"restarted_at": self._clock.now()})

    def terminate_nodes(self, arn: str, percent: int) -> None:
        """Terminate that share of the nodes of a node group, rounded up."""
        hosts = list_hosts(self, self.others[arn])
        for host in hosts[: ceil(len(hosts) * percent / 100)]:
            self.terminate(host.id)

    def members(self, group: str) -> list[FakeInstance]:
        return [instance for instance in self.instances.values() if instance.group == group]

    def terminate(self, instance_id: str) -> None:
        self._lose(self.instances[instance_id], "terminated")

    def stop(self, instance_id: str) -> None:
        self._lose(self.instances[instance_id], "stopped")

    def start(self, instance_id: str) -> None:
        instance = self.instances[instance_id]
        if instance.state == "stopped":
            instance.state, instance.launched_at = "running", self._clock.now()

    def announce_interruption(self, instance_id: str, seconds: float) -> None:
        """Mark the Spot request, and terminate the instance so many seconds later."""
        self.instances[instance_id].spot_status = "instance-terminated-by-experiment"
        self._clock.after(seconds, lambda: self.terminate(instance_id))

    def _lose(self, instance: FakeInstance, state: str) -> None:
        if instance.state == "terminated":
            return
        instance.state = state
        group = self.groups.get(instance.group or "")
        if group is None:
            return
        instance.group = instance.lifecycle = None
        blocked = {"Launch", "HealthCheck"} & set(group.suspended)
        if group.replaces_after is not None and not blocked:
            lost_at = self._clock.now()
            self._clock.after(group.replaces_after, lambda: self._replace(group, instance, lost_at))

    def _replace(self, group: FakeGroup, lost: FakeInstance, lost_at: datetime) -> None:
        """Auto Scaling terminates an unhealthy member, such as a stopped one, and launches another."""
        if len(self.members(group.name)) < group.desired:
            lost.state = "terminated"
            launched = self._launch(group, lost.zone)
            launched.launched_at = lost_at
            launched.in_service_at = self._clock.now() if self.tells_activities else None

    def _launch(self, group: FakeGroup, zone: str) -> FakeInstance:
        tags = {**group.tags, "aws:autoscaling:groupName": group.name}
        return self.add(FakeInstance(f"i-{next(self._ids):017x}", zone=zone, tags=tags, group=group.name, lifecycle="InService"))


class FakeInventory:
    def __init__(self, fleet: FakeFleet) -> None:
        self._fleet = fleet

    def describe(
        self,
        targets: Sequence[str],
        tags: Mapping[str, str],
        filters: Mapping[str, Sequence[str]],
        at: datetime,
        *,
        resource_type: ResourceType = ResourceType.INSTANCE,
        service: str | None = None,
    ) -> Workload:
        if resource_type is not ResourceType.INSTANCE:
            return self._others(targets, tags, resource_type, service, at)
        known = self._fleet.instances
        by_name = {name: instance for instance in known.values() for name in (instance.id, instance.arn)}
        if targets:
            of_groups = [member for target in targets if group_named(target) for member in self._fleet.members(group_named(target) or "")]
            results = [*(by_name[target] for target in dict.fromkeys(targets) if target in by_name), *of_groups]
        else:
            living = "instance-state-name" in filters
            results = [instance for instance in known.values() if (tags or filters) and (living or instance.state != "terminated")]
        chosen = {entry.id: entry for entry in results if tags.items() <= entry.tags.items() and _matches(entry, filters)}
        missing = [target for target in dict.fromkeys(targets) if target not in by_name and group_named(target) not in self._fleet.groups]
        named = [service] if service in self._fleet.target_groups else []
        return self._workload(chosen.values(), [], named, missing, at).model_copy(update={"service": service})

    def _others(
        self,
        targets: Sequence[str],
        tags: Mapping[str, str],
        resource_type: ResourceType,
        service: str | None,
        at: datetime,
        known_hosts: Iterable[str] = (),
    ) -> Workload:
        known = [resource for resource in self._fleet.others.values() if resource.type is resource_type and (targets or tags)]
        of_groups = {group for target in targets if (group := group_named(target)) in self._fleet.services.services}
        wanted = [entry for entry in known if not targets or entry.answers_to & set(targets) or entry.belongs_to in of_groups]
        chosen = [_with_hosts(self._fleet, item) for item in wanted if tags.items() <= item.tags.items()]
        there = {name for entry in known for name in entry.answers_to}
        missing = tuple(target for target in dict.fromkeys(targets) if target not in there and group_named(target) not in of_groups)
        named = {*known_hosts, *(name for item in chosen for name in item.contains)}
        inside = [self._fleet.instances[name] for name in sorted(named) if name in self._fleet.instances]
        services = self._fleet.services.groups([entry for entry in chosen if isinstance(entry, EcsTask)])
        workloads = self._fleet.clusters.groups([item for item in chosen if isinstance(item, EksPod)])
        registered = [arn for group in workloads for arn in self._fleet.clusters.deployments[group.name].target_groups]
        arns = [*([service] if service else []), *(arn for group in services for arn in group.target_groups), *registered]
        around = self._workload(inside, [], [arn for arn in arns if arn in self._fleet.target_groups], missing, at)
        on_hosts = [group for item in chosen if isinstance(item, EcsCluster) for group in self._services_of(item)]
        groups = (*around.groups, *services, *workloads, *on_hosts)
        closed = self._fleet.clusters.unreadable if resource_type is ResourceType.POD else ()
        return around.model_copy(update={"others": tuple(chosen), "groups": groups, "unreadable": closed, "service": service})

    def _services_of(self, cluster: EcsCluster) -> list[Group]:
        """The services with tasks on the hosts of a cluster; each wants as many as it had first."""
        tasks = [task for host in cluster.hosts for task in host.tasks]
        running = {name: tuple(sorted(task.id for task in tasks if task.service == name)) for name in sorted(cluster.carries)}
        wanted = {name: self._fleet.wanted_tasks.setdefault(name, len(running[name])) for name in running}
        return [Group(kind="ecs", name=name, desired=wanted[name], minimum=0, in_service=running[name]) for name in running]

    def refresh(self, workload: Workload, at: datetime) -> Workload:
        if workload.others:
            joined = [task.arn for group in workload.groups for task in self._fleet.services.tasks(group.name)]
            joined += [pod.arn for group in workload.groups for pod in self._fleet.clusters.pods(group.name)]
            arns = list(dict.fromkeys([*(resource.arn for resource in workload.others), *joined]))
            hosts = [host for resource in workload.others if isinstance(resource, HostGroup) for host in resource.contains]
            again = self._others(arns, {}, workload.others[0].type, workload.service, at, hosts)
            return again.model_copy(update={"missing": tuple(dict.fromkeys([*workload.missing, *again.missing]))})
        names = [group.name for group in workload.groups]
        known = [instance.id for instance in workload.instances]
        before = {member for group in workload.groups for member in group.in_service}
        joined = [entry.id for name in names for entry in self._fleet.members(name) if entry.id not in before]
        results = [self._fleet.instances[item] for item in dict.fromkeys([*known, *joined]) if item in self._fleet.instances]
        missing = [*workload.missing, *(entry for entry in known if entry not in self._fleet.instances)]
        again = self._workload(results, names, [group.arn for group in workload.target_groups], missing, at)
        return again.model_copy(update={"service": workload.service})

    def _workload(
        self, instances: Iterable[FakeInstance], groups: Sequence[str], target_groups: Sequence[str], missing: Sequence[str], at: datetime
    ) -> Workload:
        instances = sorted(instances, key=lambda entry: entry.id)
        names = {*groups, *(instance.group for instance in instances if instance.group)} & self._fleet.groups.keys()
        around = [self._group(self._fleet.groups[name]) for name in sorted(names)]
        arns = {*target_groups, *(arn for group in around for arn in group.target_groups)}
        return Workload(
            at=at,
            instances=tuple(_instance(instance) for instance in instances),
            groups=tuple(around),
            target_groups=tuple(self._target_group(arn) for arn in sorted(arns)),
            missing=tuple(dict.fromkeys(missing)),
        )

    def _group(self, group: FakeGroup) -> Group:
        in_service = [
            member.id for member in self._fleet.members(group.name) if member.lifecycle == "InService" and member.state == "running"
        ]
        return Group(
            name=group.name,
            desired=group.desired,
            minimum=group.minimum,
            in_service=tuple(sorted(in_service)),
            suspended=tuple(sorted(group.suspended)),
            target_groups=tuple(sorted(group.target_groups)),
        )

    def _target_group(self, arn: str) -> TargetGroup:
        behind = [name for name, group in self._fleet.groups.items() if arn in group.target_groups]
        members = [member for name in behind for member in self._fleet.members(name)]
        services = [name for name, service in self._fleet.services.services.items() if arn in service.target_groups]
        tasks = [task for name in services for task in self._fleet.services.tasks(name) if task.usable]
        clusters = self._fleet.clusters
        deployments = [name for name, deployment in clusters.deployments.items() if arn in deployment.target_groups]
        pods = [pod for name in deployments for pod in clusters.pods(name) if pod.usable]
        addresses = [address for address in (*(task.private_ip for task in tasks), *(pod.pod_ip for pod in pods)) if address]
        balancer = self._fleet.target_groups.get(arn)
        return TargetGroup(
            arn=arn,
            load_balancer=balancer,
            load_balancer_groups=list(self._fleet.target_groups.values()).count(balancer) if balancer else None,
            protocol="HTTP",
            ports=(80,) if members or addresses else (),
            health_ports=(80,) if members or addresses else (),
            unhealthy_after_seconds=65,
            healthy=tuple(sorted([*(member.id for member in members if member.serving), *addresses])),
            unhealthy=tuple(sorted(member.id for member in members if not member.serving)),
        )


def list_hosts(fleet: FakeFleet, resource: OtherResource) -> tuple[Host, ...]:
    """The instances in the groups of a node group."""
    groups = resource.groups if isinstance(resource, Nodegroup) else ()
    members = [member for group in groups for member in fleet.members(group)]
    return tuple(Host(id=member.id, zone=member.zone, state=member.lifecycle or "") for member in members)


def _with_hosts(fleet: FakeFleet, resource: OtherResource) -> OtherResource:
    return resource.model_copy(update={"hosts": list_hosts(fleet, resource)}) if isinstance(resource, Nodegroup) else resource


def _instance(instance: FakeInstance) -> Instance:
    return Instance(
        id=instance.id,
        arn=instance.arn,
        state=instance.state,
        zone=instance.zone,
        tags=dict(instance.tags),
        group=instance.group,
        lifecycle=instance.lifecycle,
        managed=instance.managed and instance.state == "running",
        platform=instance.platform,
        private_ip=instance.private_ip,
        spot_request=instance.spot_request,
        spot_status=instance.spot_status,
        launched_at=instance.launched_at,
        in_service_at=instance.in_service_at,
    )


def _matches(instance: FakeInstance, filters: Mapping[str, Sequence[str]]) -> bool:
    values = {"availability-zone": instance.zone, "instance-state-name": instance.state, "instance-id": instance.id}
    answer = {**values, **{f"tag:{key}": value for key, value in instance.tags.items()}}
    return all(answer.get(name) in wanted for name, wanted in filters.items())


class FakeCommands:
    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.invocations: list[CommandState] = []
        self.dispatch_seconds: float = 0
        """Seconds until an agent has accepted a command and installed what it needs."""
        self._ids = Count(1)

    def send(self, instance_id: str, document: str) -> str:
        command = CommandState(f"command-{next(self._ids)}", instance_id, document, "Pending", self._clock.now())
        self.invocations.append(command)
        if self.dispatch_seconds:
            self._clock.after(self.dispatch_seconds, lambda: self._start(command.id))
        else:
            self._start(command.id)
        return command.id

    def _start(self, command_id: str) -> None:
        for index, invocation in enumerate(self.invocations):
            if invocation.id == command_id and invocation.status == "Pending":
                self.invocations[index] = replace(invocation, status="InProgress", started_at=self._clock.now())

    def end(self, command_id: str, status: str) -> None:
        for index, invocation in enumerate(self.invocations):
            if invocation.id == command_id and invocation.active:
                self.invocations[index] = replace(invocation, status=status, ended_at=self._clock.now(), detail=status)

    def on(self, instance_id: str, documents: Sequence[str], since: datetime) -> Sequence[CommandState]:
        names = {document.rpartition("document/")[2] for document in documents}
        sent = [invocation for invocation in self.invocations if invocation.instance_id == instance_id and invocation.document in names]
        matching_commands = [message for message in sent if message.requested_at >= since]
        return sorted(matching_commands, key=lambda entry: entry.requested_at, reverse=True)
