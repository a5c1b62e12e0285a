"""What Application Recovery Controller can shift away from a zone: load balancers, Auto Scaling groups and EKS clusters."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, Self

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import FaultType, ResourceType
from squall.domain.resources.base import Resource

ZONE_PARAMETER = "availabilityZoneIdentifier"
"""The parameter of FIS's action that names the zone, by its name or by its id."""
BY_FIS = "FIS_EXPERIMENT"
"""The type of the shifts that FIS starts."""
Kind = Literal["ALB", "NLB", "ASG", "EKS"]
"""A kind of such resources, as FIS names it."""

PATTERNS: Mapping[Kind, re.Pattern[str]] = {
    "ALB": re.compile(r"arn:[^:]+:elasticloadbalancing:[^:]+:\d*:loadbalancer/app/[A-Za-z0-9-]+/[0-9a-f]+"),
    "NLB": re.compile(r"arn:[^:]+:elasticloadbalancing:[^:]+:\d*:loadbalancer/net/[A-Za-z0-9-]+/[0-9a-f]+"),
    "ASG": re.compile(r"arn:[^:]+:autoscaling:[^:]+:\d*:autoScalingGroup:[^:]*:autoScalingGroupName/[^\s:]+"),
    "EKS": re.compile(r"arn:[^:]+:eks:[^:]+:\d*:cluster/[A-Za-z0-9][A-Za-z0-9_-]*"),
}
"""The ARNs of each kind."""


def kind_named(arn: str) -> Kind | None:
    """The kind of resource with this ARN; None if ARC can't shift it."""
    return next((kind for kind, pattern in PATTERNS.items() if pattern.fullmatch(arn)), None)


def name_in(arn: str) -> str:
    """The name in an ARN of such a resource, as its service's metrics have it: `app/shop/0123` of a load balancer."""
    return arn.rpartition("loadbalancer/")[2] if ":loadbalancer/" in arn else arn.rpartition("/")[2]


class ZonalShift(Model):
    """A zonal shift that ARC knows of, active or over."""

    id: str
    by: str
    """What started it, as ARC names it: `FIS_EXPERIMENT`, `ZONAL_SHIFT`, `PRACTICE_RUN` …"""
    away_from: str
    """The id of the zone."""
    status: str
    """`ACTIVE`, `EXPIRED` or `CANCELED`."""
    started_at: datetime
    expires_at: datetime | None = None
    """When it ends unless it is renewed or cancelled. None in documents of earlier versions."""


class Pool(Model):
    """What serves behind a resource: a target group of a load balancer, or the instances of an Auto Scaling group."""

    name: str
    size: int
    """How many members it should have."""
    serving: dict[str, int] | None = None
    """The id of each zone to its members that serve. None if the zones of the members are not known."""

    def count_left(self, zones: frozenset[str]) -> int:
        """How many members serve in these zones."""
        return sum(count for zone, count in (self.serving or {}).items() if zone in zones)


class ShiftableResource(Resource):
    """A resource that is registered with ARC. `zone` is set where the fault's parameter names one of its zones. The parts
    that serve are its zones, by their ids."""

    USABLE = frozenset({"managed"})
    IDENTITY = ("arn", "state", "weights")

    type: Literal[ResourceType.SHIFTABLE] = ResourceType.SHIFTABLE
    kind: Kind
    weights: dict[str, float]
    """The id of each of its zones to its weight: 0 if it is shifted away from the zone."""
    zones: dict[str, str] = {}
    """The ids of its zones to their names in this account."""
    autoshift: str = "DISABLED"
    """Whether AWS may shift it: `ENABLED` or `DISABLED`."""
    autoshifts: tuple[str, ...] = ()
    """The ids of the zones that AWS has shifted it away from."""
    shifts: tuple[ZonalShift, ...] = ()
    """Its zonal shifts, as far as ARC still lists them."""
    pools: tuple[Pool, ...] = ()
    """What serves behind it; empty if it is not known."""
    away_from: str = ""
    """The id of the zone that the fault shifts it away from; empty if it is not known, or none of its zones."""

    def under(self, _fault_type: FaultType, parameters: Mapping[str, Any], /) -> Self:
        zone = self.find_zone(parameters.get(ZONE_PARAMETER))
        return self.model_copy(update={"away_from": zone, "zone": self.zones.get(zone, "")})

    def find_zone(self, named: object) -> str:
        """The id of its zone with this name or id; empty if it has no such zone."""
        return next((zone for zone in self.weights if named in {zone, self.zones.get(zone)}), "")

    @property
    def belongs_to(self) -> str | None:
        """An Auto Scaling group is a group itself: whoever disturbs its instances meets this fault."""
        return self.id if self.kind == "ASG" else None

    @property
    def agent(self) -> str | None:
        return None

    @property
    def own_domain(self) -> str:
        return self.arn

    @property
    def standing(self) -> frozenset[str]:
        return frozenset(zone for zone, weight in self.weights.items() if weight > 0)

    @property
    def weakest_pool(self) -> Pool | None:
        """The pool of which the smallest share is left without the zone. None if the zones of any pool are not known."""
        pools = [pool for pool in self.pools if pool.size]
        if any(pool.serving is None for pool in pools):
            return None
        left = self.standing - self.hit
        return min(pools, key=lambda pool: (pool.count_left(left) / pool.size, pool.name), default=None)

    @property
    def size(self) -> int:
        """The members that the weakest pool should have; the number of zones if the pools are not known."""
        pool = self.weakest_pool
        return pool.size if pool else len(self.weights)

    @property
    def part_weights(self) -> Mapping[str, int]:
        pool = self.weakest_pool
        return {zone: (pool.serving or {}).get(zone, 0) for zone in self.weights} if pool else {}

    @property
    def hit(self) -> frozenset[str]:
        """The zone that it is shifted away from; every zone if it is not known which."""
        return frozenset({self.away_from}) if self.away_from else frozenset(self.weights)
