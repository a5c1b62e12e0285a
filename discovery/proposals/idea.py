"""What a proposal is made of: a fault on one service, what it teaches, and what its users have at present."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from discovery.analysis.levels import UNKNOWN, Level
from squall.domain.base.vocabulary import BlastRadius, FaultType, ResourceType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from discovery.analysis.aspects import Lookup
    from discovery.analysis.relations import Relation
    from discovery.analysis.services import Service
    from discovery.things.alarms import Alarm, Objective
    from squall.domain.resources.workload import TargetGroup


@dataclass(frozen=True, kw_only=True)
class Idea:
    """A fault on a service, before its sentences are written."""

    service: Service
    fault: FaultType
    resource: ResourceType
    name: str
    """Ends the name of the file."""
    title: str
    condition: str
    """What happens, after "If"."""
    mitigation: str
    """What the workload then does, after "will"."""
    why: str
    """One sentence for people: why this teaches something here."""
    teaches: int
    """How much is learnt, 0 to 100; risk is taken off later."""
    target: dict[str, Any]
    """The fields of the experiment that say what is hit."""
    rollback_plan: str
    parameters: dict[str, Any] = field(default_factory=dict)
    radius: BlastRadius = BlastRadius.SINGLE_INSTANCE
    lost_percent: float = 0.0
    """The share of requests that is lost by arithmetic, over the fault, even if everything works."""
    slower_seconds: float = 0.0
    """How much later the average answer is by arithmetic."""
    criteria: tuple[str, ...] = ()
    """Besides those on what users see."""
    tag_commands: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    """What has to be there, and can't be read from outside."""


@dataclass(frozen=True)
class Obstacle:
    """An experiment that would teach something, and can't run as things are."""

    service: str
    title: str
    reason: str


@dataclass(frozen=True)
class Users:
    """Whose requests are judged: those of a target group."""

    front: Service
    group: TargetGroup
    level: Level
    alarms: tuple[Alarm, ...]
    objectives: tuple[Objective, ...]
    recovery_seconds: int | None
    """The shortest recovery time objective of Resilience Hub for a lost host or zone."""


@dataclass(frozen=True)
class Surroundings:
    """What proposals are made from."""

    lookup: Lookup
    services: Sequence[Service]
    relations: Sequence[Relation]
    levels: dict[str, Level]
    environment: str
    """Where services run that have opted in to none."""

    def environment_of(self, service: Service) -> str:
        return service.environment or self.environment

    def why_unknown(self, *actions: str) -> str:
        """Why something is not known, if one of these calls was denied or failed; else empty."""
        blind = [action for action in actions if self.lookup.inventory.is_blind(action)]
        return f"{' and '.join(blind)} was denied or failed, so it is not known whether it could run" if blind else ""

    def level_of(self, service: Service) -> Level:
        return self.levels.get(service.id, UNKNOWN)
