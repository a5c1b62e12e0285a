"""What everything that a fault can hit has in common."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Self, TypeVar

from squall.domain.model import Model
from squall.domain.policy.environment import Environment
from squall.domain.vocabulary import ResourceType

R = TypeVar("R", bound="Resource")


class Resource(Model):
    """A candidate as the account describes it."""

    USABLE: ClassVar[frozenset[str]]
    """States in which a fault means something."""
    LOST: ClassVar[frozenset[str]] = frozenset()
    """States from which nothing brings it back; gone altogether is lost, too."""
    IDENTITY: ClassVar[tuple[str, ...]] = ("arn", "state", "zone")
    """Fields that must not change between being chosen and being hit."""

    type: ResourceType
    id: str
    arn: str
    state: str
    """The service's own word."""
    zone: str = ""
    """Empty where it lives in no single zone."""
    tags: dict[str, str] = {}

    def under(self, parameters: Mapping[str, Any]) -> Self:  # noqa: ARG002 - for overriding
        """What a fault with these parameters would hit of it."""
        return self

    def in_policy(self, environment: Environment) -> Self:  # noqa: ARG002 - for overriding
        """With what the environment's policy says about faults on it."""
        return self

    @property
    def answers_to(self) -> frozenset[str]:
        """Names by which an experiment may mean it, those of what it belongs to excepted."""
        return frozenset({self.id, self.arn})

    @property
    def measured_as(self) -> str:
        """What the dimensions of its metrics call it."""
        return self.id

    @property
    def usable(self) -> bool:
        return self.state in self.USABLE

    @property
    def belongs_to(self) -> str | None:
        """Name of the group, cluster or service around it."""
        return None

    @property
    def registered_as(self) -> str | None:
        """Its name in target groups of load balancers; None: its type is never registered in one."""
        return None

    @property
    def contains(self) -> frozenset[str]:
        """What stands and falls with it and belongs to groups of its own: ids of instances, addresses; empty: it is itself what belongs."""
        return frozenset()

    @property
    def agent(self) -> str | None:
        """Its id in Systems Manager, where commands sent to it are found; None: it has none there."""
        return self.id

    @property
    def own_domain(self) -> str:
        """The failure domain it is, where nothing around it is a larger one."""
        raise NotImplementedError

    @property
    def standing(self) -> frozenset[str]:
        """What of it serves or could take over now: itself, or the members it consists of."""
        return frozenset({self.id}) if self.usable else frozenset()

    @property
    def size(self) -> int:
        """How much `standing` is when nothing is wrong."""
        return 1

    @property
    def hit(self) -> frozenset[str]:
        """What of `standing` a fault on it takes away."""
        return frozenset({self.id})

    @property
    def least(self) -> int | None:
        """How much of `standing` must be left; None: the environment's healthy share decides."""
        return None


class Member(Resource):
    """One of many that a group replaces when it is lost."""

    group: str | None = None
    """Name of the group around it: an Auto Scaling group, an ECS service as `cluster/service`, or what controls a pod as
    `cluster/namespace/kind/name`."""
    launched_at: datetime | None = None
    """When it was asked for: EC2's LaunchTime, ECS's createdAt."""
    in_service_at: datetime | None = None
    """When it came into service: the end of Auto Scaling's activity (only of those that joined after Discover), ECS's startedAt."""

    @property
    def belongs_to(self) -> str | None:
        return self.group
