"""What all resources that a fault can hit have in common."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Self, TypeVar

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import FaultType, ResourceType
from squall.domain.policy.environment import Environment

R = TypeVar("R", bound="Resource")


class Resource(Model):
    """A resource as the account describes it: a candidate, or a target."""

    USABLE: ClassVar[frozenset[str]]
    """States in which a fault on the resource makes sense."""
    LOST: ClassVar[frozenset[str]] = frozenset()
    """States from which the resource never returns. A resource that no longer exists is lost, too."""
    IDENTITY: ClassVar[tuple[str, ...]] = ("arn", "state", "zone")
    """Fields that must not change between pinning and the fault."""

    type: ResourceType
    id: str
    arn: str
    state: str
    """The state, as the service names it."""
    zone: str = ""
    """The Availability Zone; empty if it lives in no single zone."""
    tags: dict[str, str] = {}

    def under(self, _fault_type: FaultType, _parameters: Mapping[str, Any], /) -> Self:
        """This resource, with the part of it that a fault of this type with these parameters would hit."""
        return self

    def in_policy(self, _environment: Environment, /) -> Self:
        """This resource, with what the environment's policy says about faults on it."""
        return self

    def known_as(self, _registered: frozenset[str], /) -> Self:
        """This resource, with those of the names in target groups that mean it, or something that runs in it."""
        return self

    @property
    def answers_to(self) -> frozenset[str]:
        """The names by which an experiment may choose this resource. The name of its group is none of them."""
        return frozenset({self.id, self.arn})

    @property
    def measured_as(self) -> str:
        """The name of this resource in the dimensions of its metrics."""
        return self.id

    @property
    def usable_states(self) -> frozenset[str]:
        """The states in which a fault on this resource makes sense."""
        return self.USABLE

    @property
    def usable(self) -> bool:
        """Whether a fault on this resource makes sense now."""
        return self.state in self.usable_states

    @property
    def belongs_to(self) -> str | None:
        """Name of the group, cluster or service that contains this resource; None if there is none."""
        return None

    @property
    def condition(self) -> str:
        """Its state in words, with all that decides whether a fault on it makes sense."""
        return self.state

    @property
    def registered_names(self) -> frozenset[str]:
        """Every name under which target groups may know this resource: its id, and its addresses.

        Empty if resources of its type are never registered in one.
        """
        return frozenset()

    @property
    def own_names(self) -> frozenset[str]:
        """The names in `registered_names` that belong to this resource itself, and not to something that runs on it."""
        return self.registered_names

    @property
    def tagged_parts(self) -> Mapping[str, Mapping[str, str]]:
        """What else has to carry the opt-in tag, because IAM asks for it there: ids to tags."""
        return {}

    @property
    def contains(self) -> frozenset[str]:
        """Ids of instances, and addresses, that are lost together with this resource and belong to groups themselves.

        Empty if nothing is; then the resource itself may belong to a group.
        """
        return frozenset()

    @property
    def carries(self) -> frozenset[str]:
        """Names of the groups that have members in this resource, besides those of the instances in it."""
        return frozenset()

    @property
    def agent(self) -> str | None:
        """The id in Systems Manager under which commands sent to this resource are found; None if it has none."""
        return self.id

    @property
    def own_domain(self) -> str:
        """The failure domain of this resource if it belongs to no larger one."""
        raise NotImplementedError

    @property
    def standing(self) -> frozenset[str]:
        """The parts of this resource that serve, or could take over, now: itself, or its members."""
        return frozenset({self.id}) if self.usable else frozenset()

    @property
    def size(self) -> int:
        """The number of parts in `standing` when everything is in order."""
        return 1

    @property
    def part_weights(self) -> Mapping[str, int]:
        """How much of `size` each part in `standing` stands for; one if it is not named."""
        return {}

    @property
    def hit(self) -> frozenset[str]:
        """The parts of `standing` that a fault on this resource takes away."""
        return frozenset({self.id})

    @property
    def units(self) -> tuple[frozenset[str], ...]:
        """The parts in `hit`, in units of which a fault takes all or nothing."""
        return (self.hit,)

    @property
    def most_taken(self) -> int:
        """How many of the units a fault takes at most. Which ones, only FIS decides if it is not all."""
        return len(self.units)

    @property
    def least(self) -> int | None:
        """How many parts of `standing` must be left; None if the environment's healthy share decides."""
        return None


class Member(Resource):
    """A resource that its group replaces when it is lost."""

    group: str | None = None
    """Name of its group: an Auto Scaling group, an ECS service as `cluster/service`, or the controller of a pod as
    `cluster/namespace/kind/name`."""
    launched_at: datetime | None = None
    """When it was asked for: EC2's LaunchTime, ECS's createdAt."""
    in_service_at: datetime | None = None
    """When it came into service: the end of Auto Scaling's activity (known only for instances that joined after
    Discover), or ECS's startedAt."""

    @property
    def belongs_to(self) -> str | None:
        return self.group
