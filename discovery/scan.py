"""Reads the account with one reader for each kind of thing. A few readers run at a time; each can be resumed."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from discovery.inventory import Inventory, list_endpoints
from discovery.things.alarms import Alarm, Objective, read_alarms, read_objectives
from discovery.things.base import Thing
from discovery.things.caches import Cache, read_caches
from discovery.things.databases import Database, read_databases
from discovery.things.ecs_services import EcsService, read_ecs_services
from discovery.things.eks_workloads import PodWorkload, read_eks_workloads
from discovery.things.functions import Function, read_functions
from discovery.things.instances import Instance, read_instances
from discovery.things.load_balancers import HealthCheck, LoadBalancer, read_health_checks, read_load_balancers
from discovery.things.network import SecurityGroup, Subnet, read_security_groups, read_subnets
from discovery.things.resilience_policies import Application, read_applications
from discovery.things.scaling_groups import ScalingGroup, read_scaling_groups
from discovery.things.tables import Table, read_tables
from squall.adapters.inventory.target_groups import TargetGroups

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from discovery.account import AwsAccount
    from discovery.journal import Journal
    from squall.domain.resources.workload import TargetGroup

    Progress = Callable[[str, int], None]

AT_ONCE = 4
"""How many readers run at the same time. More of them would only be throttled more."""


@dataclass(frozen=True)
class Reader:
    """The reader of one kind of thing."""

    title: str
    field: str
    """The field of the inventory that it fills."""
    kind: type[Thing]
    read: Callable[[Any], Iterator[Thing]]


FIRST = (
    Reader("databases", "databases", Database, read_databases),
    Reader("caches", "caches", Cache, read_caches),
    Reader("DynamoDB tables", "tables", Table, read_tables),
    Reader("load balancers", "load_balancers", LoadBalancer, read_load_balancers),
    Reader("target groups", "health_checks", HealthCheck, read_health_checks),
    Reader("instances", "instances", Instance, read_instances),
    Reader("subnets", "subnets", Subnet, read_subnets),
    Reader("security groups", "security_groups", SecurityGroup, read_security_groups),
    Reader("alarms", "alarms", Alarm, read_alarms),
    Reader("SLOs", "objectives", Objective, read_objectives),
    Reader("resiliency policies", "applications", Application, read_applications),
)
SECOND = (
    Reader("Auto Scaling groups", "scaling_groups", ScalingGroup, read_scaling_groups),
    Reader("ECS services", "ecs_services", EcsService, read_ecs_services),
    Reader("EKS workloads", "pod_workloads", PodWorkload, read_eks_workloads),
    Reader("Lambda functions", "functions", Function, read_functions),
)
"""These readers compare environment variables with the things that the readers in FIRST found."""


@dataclass(frozen=True)
class Scope:
    """The account and Region that are scanned, and the time of the scan."""

    account: str
    region: str
    at: datetime


def scan_account(account: AwsAccount, journal: Journal, scope: Scope, progress: Progress) -> Inventory:
    """The inventory of the account. A call that fails leaves a gap in it, and the scan goes on."""
    by_field = _run_readers(FIRST, account, journal, progress)
    account.endpoints = list_endpoints(tuple(thing for things in by_field.values() for thing in things))
    by_field |= _run_readers(SECOND, account, journal, progress)
    groups = _read_target_groups(account, [thing.id for thing in by_field["health_checks"]])
    progress("health of targets", len(groups))
    fields: dict[str, Any] = {field: tuple(things) for field, things in by_field.items()}
    return Inventory(account=scope.account, region=scope.region, at=scope.at, target_groups=groups, gaps=account.gaps, **fields)


def _run_readers(readers: Sequence[Reader], account: AwsAccount, journal: Journal, progress: Progress) -> dict[str, list[Thing]]:
    def run_reader(reader: Reader) -> list[Thing]:
        is_done = journal.is_done(reader.title)
        things = _resume_reader(reader, account, journal) if is_done else _read_things(reader, account, journal, progress)
        progress(reader.title, len(things))
        return things

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return {reader.field: things for reader, things in zip(readers, pool.map(run_reader, readers), strict=True)}


def _resume_reader(reader: Reader, account: AwsAccount, journal: Journal) -> list[Thing]:
    account.remember(journal.gaps(reader.title))
    return sorted(journal.list_things([reader.kind]), key=lambda thing: thing.id)


def _read_things(reader: Reader, account: AwsAccount, journal: Journal, progress: Progress) -> list[Thing]:
    things: dict[str, Thing] = {}
    for thing in reader.read(account):
        journal.add(thing)
        things[thing.id] = thing
        if len(things) % 100 == 0:
            progress(reader.title, len(things))
    journal.finish(reader.title, account.gaps)
    return [things[key] for key in sorted(things)]


def _read_target_groups(account: AwsAccount, arns: Iterable[str]) -> tuple[TargetGroup, ...]:
    """Every target group with its use and the health of its targets, read by the same adapter as in a run."""
    wanted = list(arns)
    if not wanted:
        return ()
    return tuple(account.attempt(lambda: TargetGroups(account.client("elbv2")).find(wanted, {}), []))
