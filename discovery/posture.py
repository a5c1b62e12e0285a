"""The posture of an account: services, relations, what is covered, what is missing, and what to try next."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from discovery.analysis.alarms import AlarmIndex
from discovery.analysis.aspects import Aspect, Lookup, list_aspects
from discovery.analysis.levels import UNKNOWN, Level
from discovery.analysis.relations import Relation, find_relations
from discovery.analysis.services import Service, find_services
from discovery.proposals.idea import Surroundings
from discovery.proposals.propose import Proposal, propose_experiments
from discovery.things.base import Gap
from squall.domain.base.model import Model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from discovery.inventory import Inventory
    from squall.domain.policy.environment import Timing

VERSION = 1


class NotProposed(Model):
    title: str
    reason: str


class ServicePosture(Model):
    service: Service
    environment: str | None
    """The environment that the service has opted in to; None if it has not."""
    level: Level
    aspects: tuple[Aspect, ...]
    """The missing ones first."""
    proposals: tuple[str, ...]
    """Names of its proposals, in order of their score."""
    not_proposed: tuple[NotProposed, ...]


class Entry(Model):
    """A thing on the map that is not a service: a load balancer, a queue or stream, a host outside the account."""

    id: str
    name: str
    kind: str


class Posture(Model):
    """The document `posture.json`."""

    version: int
    account: str
    region: str
    at: datetime
    counts: dict[str, int]
    """How many of each kind of thing were found."""
    gaps: tuple[Gap, ...]
    services: tuple[ServicePosture, ...]
    entries: tuple[Entry, ...]
    relations: tuple[Relation, ...]
    proposals: tuple[Proposal, ...]
    """In order of their score, the highest first."""


def build_posture(
    inventory: Inventory, levels: Mapping[str, Level], environment: str, timings: Mapping[str, Timing] | None = None
) -> Posture:
    """The posture of the account. `environment`: the environment of services without an opt-in tag. `timings`: the pace
    of each environment whose policy is known."""
    services = find_services(inventory)
    relations = find_relations(inventory, services)
    lookup = Lookup(inventory, AlarmIndex(inventory))
    around = Surroundings(lookup, services, relations, dict(levels), environment, timings or {})
    proposals, obstacles = propose_experiments(around)
    postures = tuple(
        ServicePosture(
            service=service,
            environment=service.environment,
            level=levels.get(service.id, UNKNOWN),
            aspects=list_aspects(service, lookup),
            proposals=tuple(proposal.name for proposal in proposals if proposal.service == service.id),
            not_proposed=tuple(NotProposed(title=o.title, reason=o.reason) for o in obstacles if o.service == service.id),
        )
        for service in services
    )
    return Posture(
        version=VERSION,
        account=inventory.account,
        region=inventory.region,
        at=inventory.at,
        counts={name: len(things) for name, things in inventory if isinstance(things, tuple) and name != "gaps"},
        gaps=inventory.gaps,
        services=postures,
        entries=_list_entries(inventory, services, relations),
        relations=relations,
        proposals=proposals,
    )


def _list_entries(inventory: Inventory, services: tuple[Service, ...], relations: tuple[Relation, ...]) -> tuple[Entry, ...]:
    """The ends of relations that are not services."""
    known = {service.id for service in services}
    balancers = {balancer.id: balancer.name for balancer in inventory.load_balancers}
    ids = dict.fromkeys(end for relation in relations for end in (relation.caller, relation.callee) if end not in known)
    return tuple(Entry(id=name, name=balancers.get(name) or _short(name), kind=_kind(name, balancers)) for name in sorted(ids))


def _kind(name: str, balancers: Mapping[str, str]) -> str:
    if name in balancers or ":loadbalancer/" in name:
        return "load balancer"
    return "outside" if not name.startswith("arn:") else {"sqs": "queue"}.get(name.split(":")[2], "stream")


def _short(name: str) -> str:
    return name.rpartition(":")[2].rpartition("/")[2] if name.startswith("arn:") else name
