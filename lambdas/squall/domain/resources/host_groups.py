"""Groups of hosts of which FIS takes a share that it chooses itself: the nodes of an EKS node group, and the container
instances of an ECS cluster."""

from collections.abc import Mapping
from math import ceil
from typing import Any, ClassVar, Literal, Self

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import FaultType, ResourceType
from squall.domain.resources.base import Resource
from squall.domain.resources.instances import IN_SERVICE

ACTIVE, DRAINING = "ACTIVE", "DRAINING"


class Host(Model):
    """An instance that runs the group's containers."""

    id: str
    """Id of the EC2 instance, or of the container instance."""
    zone: str
    state: str
    """The state of the host in its group: Auto Scaling's lifecycle state, or ECS's status."""

    @property
    def names(self) -> frozenset[str]:
        """What is lost with it, by the names under which groups and target groups know it."""
        return frozenset({self.id})


class HostGroup(Resource):
    """A group whose hosts are hit, not the group itself. AWS does not document how FIS rounds a share of them, so the
    most that it may take is counted, rounded up."""

    IDENTITY = ("arn", "state", "host_ids")
    SERVING: ClassVar[frozenset[str]]
    """States of hosts that serve."""
    SHARE: ClassVar[str]
    """The parameter of the fault that says which percentage of the hosts is taken."""

    hosts: tuple[Host, ...] = ()
    """Sorted by id."""
    percent: int = 100
    """The share of the hosts that a fault takes."""

    def under(self, _fault_type: FaultType, parameters: Mapping[str, Any], /) -> Self:
        return self.model_copy(update={"percent": parameters.get(self.SHARE, 100)})

    @property
    def host_ids(self) -> tuple[str, ...]:
        return tuple(host.id for host in self.hosts)

    @property
    def contains(self) -> frozenset[str]:
        return frozenset(self.host_ids)

    @property
    def agent(self) -> str | None:
        return None

    @property
    def standing(self) -> frozenset[str]:
        return frozenset(host.id for host in self.hosts if host.state in self.SERVING)

    @property
    def size(self) -> int:
        return len(self.hosts)

    @property
    def hit(self) -> frozenset[str]:
        """All hosts: FIS may take any of them."""
        return frozenset[str]().union(*self.units)

    @property
    def units(self) -> tuple[frozenset[str], ...]:
        return tuple(host.names for host in self.hosts)

    @property
    def most_taken(self) -> int:
        return ceil(len(self.hosts) * self.percent / 100)


class Nodegroup(HostGroup):
    """A managed node group of an EKS cluster. `id` is `cluster/name`; `zone` is set if all of its nodes are in one."""

    USABLE = frozenset({"ACTIVE"})
    SERVING = frozenset({IN_SERVICE})
    SHARE = "instanceTerminationPercentage"

    type: Literal[ResourceType.NODEGROUP] = ResourceType.NODEGROUP
    groups: tuple[str, ...] = ()
    """Names of the Auto Scaling groups that make its nodes: AWS makes one."""

    @property
    def belongs_to(self) -> str | None:
        return self.groups[0] if len(self.groups) == 1 else None

    @property
    def own_domain(self) -> str:
        return f"nodegroup/{self.id}"


class HostedTask(Model):
    """A task of a service, on a container instance."""

    id: str
    service: str
    """As `cluster/service`."""
    address: str | None = None
    """Address of its own network interface; None: it has none."""


class ContainerInstance(Host):
    """A container instance of a cluster. One whose agent is not connected has another state than ACTIVE."""

    instance: str
    """Id of the EC2 instance; another one if it is none of EC2."""
    tags: dict[str, str] = {}
    """Its own tags, by which IAM judges who may drain it."""
    tasks: tuple[HostedTask, ...] = ()
    """The running tasks of services on it, sorted by id. Draining leaves other tasks alone."""

    @property
    def names(self) -> frozenset[str]:
        addresses = {task.address for task in self.tasks if task.address}
        return frozenset({self.id, self.instance, *(task.id for task in self.tasks), *addresses})


class EcsCluster(HostGroup):
    """An ECS cluster with its container instances; `zone` is set if all of these are in one."""

    USABLE = frozenset({ACTIVE})
    SERVING = frozenset({ACTIVE})
    SHARE = "drainagePercentage"

    type: Literal[ResourceType.ECS_CLUSTER] = ResourceType.ECS_CLUSTER
    hosts: tuple[ContainerInstance, ...] = ()
    """Sorted by id."""
    stopped: dict[str, str] = {}
    """The tasks among those that were known before which have stopped since, with ECS's stop code of each."""

    @property
    def contains(self) -> frozenset[str]:
        addresses = (task.address for host in self.hosts for task in host.tasks if task.address)
        return frozenset({*(host.instance for host in self.hosts), *addresses})

    @property
    def carries(self) -> frozenset[str]:
        return frozenset(task.service for host in self.hosts for task in host.tasks)

    @property
    def tagged_parts(self) -> Mapping[str, Mapping[str, str]]:
        return {host.id: host.tags for host in self.hosts}

    @property
    def own_domain(self) -> str:
        return f"ecs/{self.id}"
