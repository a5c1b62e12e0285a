"""The parts of a proposal: a fault on one service, what it teaches, and what the service's users get at present."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from discovery.analysis.levels import UNKNOWN, Level
from squall.domain.base.vocabulary import BlastRadius, FaultType, ResourceType
from squall.domain.policy.environment import Timing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from discovery.analysis.aspects import Lookup
    from discovery.analysis.relations import Relation
    from discovery.analysis.services import Service
    from discovery.things.alarms import Alarm, Objective
    from squall.domain.resources.workload import TargetGroup


PERIODS = 10
"""The length of a proposed fault in metric periods: with fewer, the lag of the metrics and the guards' reaction would
leave too little to judge."""
SHORT_PERCENT = 25
"""Percent of CPU, memory or disk in use. From here on a stress fault, which takes 80 % and more of what there is, leaves less than
the service uses now."""


def choose_minutes(timing: Timing) -> int:
    """The length of a proposed fault at the pace of its environment, in whole minutes: ten at AWS's pace, one at the pace
    of the local account."""
    return math.ceil(max(PERIODS * timing.metric_period_seconds, timing.minimum_duration_seconds, 60) / 60)


def choose_recovery_minutes(timing: Timing) -> int:
    """How long recovery is watched, in whole minutes."""
    return max(1, math.ceil(timing.recovery_seconds / 60))


@dataclass(frozen=True, kw_only=True)
class Idea:
    """A fault on a service, before its sentences are written."""

    service: Service
    fault: FaultType
    resource: ResourceType
    name: str
    """The end of the file's name, without `.yaml`."""
    title: str
    condition: str
    """The part of the hypothesis after "If": what happens."""
    mitigation: str
    """The part of the hypothesis after "will": what the workload then does."""
    why: str
    """One sentence for people: what the experiment teaches about this service."""
    teaches: int
    """How much it teaches, 0 to 100. The score subtracts the risk from it."""
    target: dict[str, Any]
    """The fields of the experiment that select its targets."""
    rollback_plan: str
    parameters: dict[str, Any] = field(default_factory=dict)
    radius: BlastRadius = BlastRadius.SINGLE_INSTANCE
    lost_share_percent: float = 0.0
    """The calculated share of requests that the fault loses, while it loses any, even if the workload reacts as it
    should."""
    lost_seconds: float = 0.0
    """How long it loses them."""
    slower_seconds: float = 0.0
    """How much longer the average response takes, calculated."""
    criteria: tuple[str, ...] = ()
    """Success criteria besides those on what users see."""
    tag_commands: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    """Prerequisites that can't be read from the account."""

    def lost_percent(self, timing: Timing) -> float:
        """The calculated share of the requests of the whole fault that is lost."""
        return self.lost_share_percent * min(1.0, self.lost_seconds / (60 * choose_minutes(timing)))


@dataclass(frozen=True)
class Obstacle:
    """An experiment that would teach something, but can't run at present."""

    service: str
    title: str
    reason: str


@dataclass(frozen=True)
class Users:
    """The users whose requests are judged: those of a target group."""

    front: Service
    group: TargetGroup
    level: Level
    alarms: tuple[Alarm, ...]
    objectives: tuple[Objective, ...]
    recovery_seconds: int | None
    """The shortest recovery time objective of Resilience Hub for a lost host or zone."""


@dataclass(frozen=True)
class Surroundings:
    """Everything that proposals are made from."""

    lookup: Lookup
    services: Sequence[Service]
    relations: Sequence[Relation]
    levels: dict[str, Level]
    environment: str
    """The environment of services that have not opted in to one."""
    timings: Mapping[str, Timing] = field(default_factory=dict)
    """The pace of each environment whose policy is known. The others have AWS's."""

    def environment_of(self, service: Service) -> str:
        return service.environment or self.environment

    def timing_of(self, service: Service) -> Timing:
        return self.timings.get(self.environment_of(service), Timing())

    def why_unknown(self, *actions: str) -> str:
        """The reason why something is unknown, if one of these calls was denied or failed; else empty."""
        blind = [action for action in actions if self.lookup.inventory.is_blind(action)]
        return f"{' and '.join(blind)} was denied or failed, so it is not known whether it could run" if blind else ""

    def level_of(self, service: Service) -> Level:
        return self.levels.get(service.id, UNKNOWN)
