"""Everything that a scan found, as plain values."""

from datetime import datetime

from discovery.things.alarms import Alarm, Objective
from discovery.things.base import Gap, Thing
from discovery.things.caches import Cache
from discovery.things.databases import Database
from discovery.things.ecs_services import EcsService
from discovery.things.eks_workloads import PodWorkload
from discovery.things.functions import Function
from discovery.things.instances import Instance
from discovery.things.load_balancers import HealthCheck, LoadBalancer
from discovery.things.network import SecurityGroup, Subnet
from discovery.things.resilience_policies import Application
from discovery.things.scaling_groups import ScalingGroup
from discovery.things.tables import Table
from squall.domain.base.model import Model
from squall.domain.resources.workload import TargetGroup

SHORTEST = 6
"""Characters. A shorter name in an environment variable is not taken as a reference: it may be any word."""


class Inventory(Model):
    """The account at one moment."""

    account: str
    region: str
    at: datetime
    scaling_groups: tuple[ScalingGroup, ...] = ()
    instances: tuple[Instance, ...] = ()
    ecs_services: tuple[EcsService, ...] = ()
    pod_workloads: tuple[PodWorkload, ...] = ()
    functions: tuple[Function, ...] = ()
    databases: tuple[Database, ...] = ()
    caches: tuple[Cache, ...] = ()
    tables: tuple[Table, ...] = ()
    subnets: tuple[Subnet, ...] = ()
    security_groups: tuple[SecurityGroup, ...] = ()
    load_balancers: tuple[LoadBalancer, ...] = ()
    health_checks: tuple[HealthCheck, ...] = ()
    target_groups: tuple[TargetGroup, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    objectives: tuple[Objective, ...] = ()
    applications: tuple[Application, ...] = ()
    gaps: tuple[Gap, ...] = ()

    def is_blind(self, *actions: str) -> bool:
        """Whether one of these calls failed. What it would have listed is then unknown, not absent."""
        return any(gap.action in actions for gap in self.gaps)


def list_endpoints(things: tuple[Thing, ...]) -> dict[str, str]:
    """The names by which an environment variable may refer to a thing (its ARN, its endpoints), each with its id."""
    known: dict[str, str] = {}
    for thing in things:
        names = [thing.id, *getattr(thing, "endpoints", ()), getattr(thing, "endpoint", "")]
        names += [thing.name] if isinstance(thing, Table) else []
        known.update({name: thing.id for name in names if len(name) >= SHORTEST})
    return known
