"""FIS actions that take a share of the hosts of a group away. FIS chooses which ones, and AWS does not document how it rounds:
the checks count the most that it may take, and the proof asks for the least."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import FaultType
from squall.domain.documents.rollback import Proof
from squall.domain.documents.safety import SafetyCheck
from squall.domain.policy.custom_actions import Grant
from squall.domain.resources.base import Resource
from squall.domain.resources.host_groups import DRAINING, ContainerInstance, EcsCluster, HostGroup, Nodegroup
from squall.domain.resources.workload import Workload
from squall.domain.result.finding_kinds import REDUNDANCY, SHUTDOWN
from squall.domain.run.commands import shell_command
from squall.faults.actions.generic import ActionFault
from squall.faults.base import Aftermath, Injection, Remnant
from squall.faults.checks import check_targets
from squall.faults.grants import format_arn, grant_tagged, grant_untagged

G = TypeVar("G", bound=HostGroup)
SCHEDULER = "ServiceSchedulerInitiated"
"""ECS's stop code of a task that its service stopped: in a rollout, while it scales in, or because its host drains."""


class HostFault(ActionFault[G]):
    """A share of the hosts of each target is taken away."""

    needs_signal = False
    proven_by_state = True
    leaves_at_once = True
    moves_metrics = ("healthy_hosts", "unhealthy_hosts")
    improvements_on_loss = (REDUNDANCY, SHUTDOWN)

    def read_percent(self, parameters: Model) -> int:
        """The share of the hosts that FIS is asked to take."""
        return int(getattr(parameters, self.kind.SHARE))

    def describe(self, parameters: Model, /) -> str:
        return f"{super().describe(parameters)}: {self.read_percent(parameters)} %"

    def check_targets(self, injection: Injection[G, Model], /) -> Iterable[SafetyCheck]:
        yield from super().check_targets(injection)
        groups, percent = injection.targets, self.read_percent(injection.parameters)
        out = [f"{host.id} of {group.id} is {host.state}" for group in groups for host in group.hosts if host.state not in group.SERVING]
        yield check_targets("hosts_in_service", groups, out, "; ".join(out), "every host is in service")
        few = [f"{percent} % of the {len(group.hosts)} hosts of {group.id}" for group in groups if not count_least(group, percent)]
        refusal = f"{'; '.join(few)} is less than one: FIS may take none"
        least = "; ".join(
            f"{count_least(group, percent)} to {group.most_taken} of {len(group.hosts)} hosts of {group.id}" for group in groups
        )
        yield check_targets("share_of_hosts", groups, few, refusal, f"FIS takes {least}")


def count_least(group: HostGroup, percent: int) -> int:
    """How many hosts FIS takes at least, of a share that it may round down."""
    return len(group.hosts) * percent // 100


class NodeTermination(HostFault[Nodegroup]):
    """`aws:eks:terminate-nodegroup-instances`: FIS terminates a share of the nodes, and their Auto Scaling group replaces
    them."""

    type = FaultType.TERMINATE_NODES
    kind = Nodegroup
    verb = "terminated nodes of"
    arns = ("ec2", "instance/*")
    targets_are_replaced = True
    loss_has_any_cause = True

    def grants(self) -> tuple[Grant, ...]:
        return (
            grant_tagged("ec2:TerminateInstances", *self.arns),
            grant_untagged("ec2:DescribeInstances", "tag:GetResources"),
            grant_untagged("eks:DescribeNodegroup", resources=(format_arn("eks", "nodegroup/*/*/*"),)),
        )

    def check_targets(self, injection: Injection[Nodegroup, Model], /) -> Iterable[SafetyCheck]:
        yield from super().check_targets(injection)
        known = {group.name for group in injection.workload.groups}
        alone = [
            f"{target.id} has {len(target.groups)} Auto Scaling groups" for target in injection.targets if target.belongs_to not in known
        ]
        names = ", ".join(str(target.belongs_to) for target in injection.targets)
        yield check_targets("in_auto_scaling_group", injection.targets, alone, "; ".join(alone), f"replaced by {names or 'nothing'}")

    def list_replaced(self, target: Nodegroup, workload: Workload, /) -> tuple[Resource, ...]:
        return tuple(instance for instance in workload.instances if instance.id in target.contains)

    def prove(self, aftermath: Aftermath, /) -> tuple[Proof, ...]:
        """The proof by the state of the nodes that there were: as many are gone as FIS takes at least."""
        return tuple(self._prove_group(target, aftermath) for target in aftermath.targets(Nodegroup))

    def _prove_group(self, before: Nodegroup, aftermath: Aftermath) -> Proof:
        percent = self.read_percent(aftermath.parameters) if aftermath.parameters is not None else before.percent
        least, gone = max(1, count_least(before, percent)), _find_gone(before, aftermath.workload)
        ran = self.find_action(aftermath.fis, before)
        detail = f"{len(gone)} of {len(before.hosts)} nodes of {before.id} are gone, and FIS takes {least} at least"
        detail += f": {', '.join(gone)}" if gone else ""
        if ran is None:
            detail = f"FIS did not terminate nodes of {before.id}"
        return Proof(target=before.id, proven=ran is not None and len(gone) >= least, kind="state", detail=detail, at=aftermath.workload.at)

    def find_changes(self, before: Nodegroup, now: Nodegroup | None, /) -> Iterable[str]:
        """What has changed about the node group itself. Its Auto Scaling group tells which nodes it lacks."""
        if now is None:
            yield f"{before.id} is gone"
        elif now.state != before.state:
            yield f"{now.id} is {now.state}, it was {before.state}"

    def lost_any(self, before: Sequence[Nodegroup], aftermath: Aftermath) -> bool:
        return any(_find_gone(target, aftermath.workload) for target in before)


def _find_gone(before: Nodegroup, now: Workload) -> list[str]:
    """Ids of the nodes that are terminated, or that EC2 does not know any more."""
    living = {instance.id for instance in now.instances if instance.state not in instance.LOST}
    return [host.id for host in before.hosts if host.id not in living]


class ContainerInstanceDrain(HostFault[EcsCluster]):
    """`aws:ecs:drain-container-instances`: ECS places no task on a share of the container instances, and moves the tasks of
    services elsewhere. At the end FIS makes them ACTIVE again."""

    type = FaultType.DRAIN_CONTAINER_INSTANCES
    kind = EcsCluster
    verb = "drained container instances of"
    arns = ("ecs", "container-instance/*/*")

    def grants(self) -> tuple[Grant, ...]:
        # IAM judges the container instances, not the cluster: they have to carry the tag, too.
        clusters = (format_arn("ecs", "cluster/*"),)
        return (
            grant_tagged("ecs:UpdateContainerInstancesState", *self.arns),
            grant_untagged("ecs:DescribeClusters", "ecs:ListContainerInstances", resources=clusters),
            grant_untagged("tag:GetResources"),
        )

    def check_targets(self, injection: Injection[EcsCluster, Model], /) -> Iterable[SafetyCheck]:
        yield from super().check_targets(injection)
        clusters = injection.targets
        others = [f"{host.id} of {cluster.id} is no EC2 instance" for cluster in clusters for host in _find_others(cluster)]
        yield check_targets("on_ec2", clusters, others, "; ".join(others), "every container instance is an EC2 instance")
        idle = [f"no task of a service runs on {cluster.id}" for cluster in clusters if not cluster.carries]
        moved = ", ".join(sorted(name for cluster in clusters for name in cluster.carries))
        yield check_targets("services_on_hosts", clusters, idle, "; ".join(idle), f"tasks on them are of {moved}")
        around = {name for cluster in clusters for name in cluster.carries}
        moving = [group.name for group in injection.workload.groups if group.name in around and group.rolling_out]
        yield check_targets(
            "no_rollout", clusters, moving, f"{', '.join(moving)} is being deployed", "nothing on the clusters is being deployed"
        )

    def prove(self, aftermath: Aftermath, /) -> tuple[Proof, ...]:
        """The proof by ECS: container instances that still drain, or whose tasks their services have all stopped while they
        stayed in the cluster. Whether one without tasks was drained, nobody can tell afterwards."""
        return tuple(self._prove_cluster(target, aftermath) for target in aftermath.targets(EcsCluster))

    def _prove_cluster(self, before: EcsCluster, aftermath: Aftermath) -> Proof:
        now, ran = aftermath.workload.now(before), self.find_action(aftermath.fis, before)
        if now is None or ran is None:
            detail = f"{before.id} is gone" if now is None else f"FIS did not drain {before.id}"
            return Proof(target=before.id, proven=False, kind="state", detail=detail)
        percent = self.read_percent(aftermath.parameters) if aftermath.parameters is not None else before.percent
        empty = sum(not host.tasks for host in before.hosts)
        least = max(1, count_least(before, percent) - empty)
        drained = [host.id for host in before.hosts if _was_drained(host, now)]
        detail = (
            f"services left {len(drained)} of {len(before.hosts)} container instances of {before.id}, of which FIS drains {least} at least"
        )
        detail += f": {', '.join(drained)}" if drained else f" and {empty} had no tasks" if empty else ""
        return Proof(target=before.id, proven=len(drained) >= least, kind="state", detail=detail, at=aftermath.workload.at)

    def find_changes(self, before: EcsCluster, now: EcsCluster | None, /) -> Iterable[str]:
        """What has changed about the cluster itself, apart from what still drains. Its services tell which tasks they lack."""
        if now is None:
            yield f"{before.id} is gone"
            return
        if now.state != before.state:
            yield f"{now.id} is {now.state}, it was {before.state}"
        states = {host.id: host.state for host in now.hosts}
        for host in before.hosts:
            state = states.get(host.id, "no longer in the cluster")
            if state not in {host.state, DRAINING}:
                yield f"container instance {host.id} of {now.id} is {state}, it was {host.state}"

    def find_target_remnants(self, before: EcsCluster, now: EcsCluster | None, /) -> Iterable[Remnant]:
        then = {host.id: host.state for host in before.hosts}
        for host in now.hosts if now else ():
            if host.state == DRAINING and then.get(host.id, DRAINING) != DRAINING:
                region = before.arn.split(":")[3]
                place = ("--region", region, "--cluster", before.id, "--container-instances", host.id, "--status", "ACTIVE")
                command = shell_command("aws", "ecs", "update-container-instances-state", *place)
                yield Remnant(f"container instance {host.id} of {before.id} is still DRAINING", command)


def _find_others(cluster: EcsCluster) -> list[ContainerInstance]:
    return [host for host in cluster.hosts if not host.instance.startswith("i-")]


def _was_drained(before: ContainerInstance, now: EcsCluster) -> bool:
    """Whether the host drains now, or its services have stopped all the tasks that it had. A task of which ECS knows nothing
    any more may have been stopped by its service."""
    host = next((known for known in now.hosts if known.id == before.id), None)
    if host is None:
        return False
    if host.state == DRAINING:
        return before.state != DRAINING
    left = {task.id for task in before.tasks} - {task.id for task in host.tasks}
    return bool(before.tasks) and len(left) == len(before.tasks) and all(now.stopped.get(name, SCHEDULER) == SCHEDULER for name in left)
