"""ElastiCache replication groups as targets: node groups, each with nodes in several zones."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import FaultType, ResourceType
from squall.domain.resources.base import Resource

CUT_ZONE = "availabilityZoneIdentifier"
"""The parameter of FIS's targets that names the zone whose nodes lose their power."""


class CacheNode(Model):
    """A node of a node group."""

    id: str
    group: str
    """The id of its node group."""
    zone: str
    role: str = ""
    """`primary` or `replica`; empty if ElastiCache does not tell, as for groups in cluster mode."""


class ReplicationGroup(Resource):
    """A replication group. `zone` is set where the fault's parameter names a zone of its nodes. The parts that serve are the nodes of
    the node group that has the fewest left."""

    USABLE = frozenset({"available"})
    IDENTITY = ("arn", "state", "nodes")

    type: Literal[ResourceType.REPLICATION_GROUP] = ResourceType.REPLICATION_GROUP
    multi_az: str = ""
    """`enabled` or `disabled`."""
    automatic_failover: str = ""
    """`enabled` or `disabled`, or on its way to either."""
    node_groups: dict[str, str] = {}
    """The id of each node group to its status."""
    nodes: tuple[CacheNode, ...] = ()
    """Sorted by id."""

    def under(self, _fault_type: FaultType, parameters: Mapping[str, Any], /) -> Self:
        named = str(parameters.get(CUT_ZONE, ""))
        return self.model_copy(update={"zone": named if named in self.zones else ""})

    @property
    def zones(self) -> tuple[str, ...]:
        """The zones of its nodes, sorted."""
        return tuple(sorted({node.zone for node in self.nodes}))

    def list_left(self, group: str, zone: str) -> list[CacheNode]:
        """The nodes of a node group outside the zone."""
        return [node for node in self.nodes if node.group == group and node.zone != zone]

    @property
    def primaries(self) -> dict[str, CacheNode]:
        """The primary of each node group, as far as ElastiCache tells."""
        return {node.group: node for node in self.nodes if node.role == "primary"}

    @property
    def _weakest(self) -> list[CacheNode]:
        """The nodes of the node group that has the fewest left without the zone."""
        groups = sorted({node.group for node in self.nodes})
        weakest = min(groups, key=lambda group: (len(self.list_left(group, self.zone)) if self.zone else 0, group), default="")
        return [node for node in self.nodes if node.group == weakest]

    @property
    def agent(self) -> str | None:
        return None

    @property
    def own_domain(self) -> str:
        return self.arn

    @property
    def standing(self) -> frozenset[str]:
        return frozenset(node.id for node in self._weakest) if self.usable else frozenset()

    @property
    def size(self) -> int:
        return len(self._weakest)

    @property
    def hit(self) -> frozenset[str]:
        """The nodes in the zone; every node if it is not known which zone."""
        return frozenset(node.id for node in self._weakest if self.zone in {"", node.zone})

    @property
    def least(self) -> int | None:
        """1 in each node group, which serves or takes over."""
        return 1
