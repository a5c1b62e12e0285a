"""RDS instances and Aurora clusters as targets."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, Self

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import FaultType, ResourceType
from squall.domain.resources.base import Resource


class Database(Resource):
    """An RDS DB instance that is a member of no cluster; `zone` is the zone of its primary."""

    USABLE = frozenset({"available"})
    IDENTITY = ("arn", "state", "zone", "secondary_zone")

    type: Literal[ResourceType.DATABASE] = ResourceType.DATABASE
    engine: str = ""
    multi_az: bool = False
    secondary_zone: str | None = None
    """The zone of its standby; None: it has none, or none yet."""
    cluster: str | None = None
    """Identifier of the DB cluster it is a member of."""
    restarted_at: datetime | None = None
    """When it was last restarted, by RDS's events of one day; None: not within that day."""
    standby_takes_over: bool = True
    """Whether its standby serves once a fault has taken the primary away."""

    def under(self, fault_type: FaultType, _parameters: Mapping[str, Any], /) -> Self:
        return self.model_copy(update={"standby_takes_over": fault_type is not FaultType.REBOOT_DATABASES})

    @property
    def belongs_to(self) -> str | None:
        return self.cluster

    @property
    def own_domain(self) -> str:
        return f"rds/cluster/{self.cluster}" if self.cluster else f"rds/db/{self.id}"

    @property
    def standing(self) -> frozenset[str]:
        both = {f"{self.id} primary", *([f"{self.id} standby"] if self.secondary_zone else [])}
        return frozenset(both) if self.usable else frozenset()

    @property
    def size(self) -> int:
        return 2 if self.multi_az else 1

    @property
    def hit(self) -> frozenset[str]:
        """The primary; and the standby with it, if that does not take over."""
        return frozenset({f"{self.id} primary"}) if self.standby_takes_over else frozenset({f"{self.id} primary", f"{self.id} standby"})

    @property
    def least(self) -> int | None:
        """1, which takes over; 0 if nothing does, because the database is then lost as a whole."""
        return 1 if self.standby_takes_over else 0


class ClusterMember(Model):
    """An instance of a DB cluster."""

    id: str
    zone: str
    state: str
    """RDS's status: available, rebooting, failing-over …"""
    writer: bool


class DatabaseCluster(Resource):
    """An RDS DB cluster, Aurora or Multi-AZ; `zone` is the zone of its writer."""

    USABLE = frozenset({"available"})
    IDENTITY = ("arn", "state", "zone", "members")

    type: Literal[ResourceType.DATABASE_CLUSTER] = ResourceType.DATABASE_CLUSTER
    engine: str = ""
    members: tuple[ClusterMember, ...] = ()
    """Sorted by id."""

    @property
    def writer(self) -> str | None:
        return next((member.id for member in self.members if member.writer), None)

    @property
    def readers(self) -> tuple[str, ...]:
        """Ids of the readers that could take over: those that are available."""
        return tuple(member.id for member in self.members if not member.writer and member.state == "available")

    @property
    def own_domain(self) -> str:
        return f"rds/cluster/{self.id}"

    @property
    def standing(self) -> frozenset[str]:
        return frozenset(member.id for member in self.members if member.state == "available")

    @property
    def size(self) -> int:
        return len(self.members)

    @property
    def hit(self) -> frozenset[str]:
        return frozenset({self.writer} if self.writer else ())

    @property
    def least(self) -> int | None:
        return 1
