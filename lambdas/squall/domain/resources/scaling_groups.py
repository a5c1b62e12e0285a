"""Auto Scaling groups as targets themselves: how and where they launch, and which launches found no capacity."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, Self

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import FaultType, ResourceType
from squall.domain.resources.base import Resource


class FailedLaunch(Model):
    """A scaling activity that failed because EC2 had no capacity."""

    id: str
    at: datetime
    said: str
    """The reason in Auto Scaling's words."""


class ScalingGroup(Resource):
    """An Auto Scaling group whose launches fail. Its instances are not touched. `zone` is set where launches fail in one
    zone only: the group's only one, or the one that the fault's parameter `zones` names."""

    USABLE = frozenset({"active"})
    IDENTITY = ("arn", "state", "zones", "launch_template")

    type: Literal[ResourceType.SCALING_GROUP] = ResourceType.SCALING_GROUP
    zones: tuple[str, ...] = ()
    zone_ids: tuple[str, ...] = ()
    """The ids of the same zones; empty if Auto Scaling does not tell them."""
    launch_template: bool = False
    """Whether it launches by a launch template, alone or in a mixed instances policy."""
    suspended: tuple[str, ...] = ()
    instances: tuple[str, ...] = ()
    """Ids of its instances."""
    failed: tuple[FailedLaunch, ...] = ()
    """The failed launches among its newest hundred activities."""

    def under(self, _fault_type: FaultType, parameters: Mapping[str, Any], /) -> Self:
        named = parameters.get("zones")
        return self.model_copy(update={"zone": named}) if named in self.zones else self

    @property
    def contains(self) -> frozenset[str]:
        return frozenset(self.instances)

    @property
    def belongs_to(self) -> str | None:
        return self.id

    @property
    def own_domain(self) -> str:
        return f"asg/{self.id}"

    @property
    def hit(self) -> frozenset[str]:
        """Always empty: its instances keep running, and only new ones fail to launch."""
        return frozenset()
