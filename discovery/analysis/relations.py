"""Relations between services: which one calls which, the evidence for it, and whether that evidence is certain."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Literal

from discovery.analysis.services import STORES, Service
from squall.domain.base.model import Model

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from discovery.inventory import Inventory

Evidence = Literal["registration", "event source", "configuration", "security group", "tag"]
CERTAIN: frozenset[Evidence] = frozenset({"registration", "event source", "configuration"})
"""A security group only allows a connection, and a tag only says that two things belong together."""
_NO_APPLICATION = re.compile(
    r"(aws:|squall[:.]|k8s|eks:).*|name|owner|team|env|environment|stage|region|account|cost.*|managed.?by", re.IGNORECASE
)
"""Tags that do not say which application a thing belongs to."""


class Relation(Model):
    caller: str
    """Id of a service, of a load balancer, or of a queue or stream; never a host name."""
    callee: str
    evidence: Evidence
    detail: str = ""
    """The evidence itself, for example a tag or security groups."""

    @property
    def certain(self) -> bool:
        return self.evidence in CERTAIN


def find_relations(inventory: Inventory, services: Sequence[Service]) -> tuple[Relation, ...]:
    """Every relation. Of several between the same two things only the one with the strongest evidence is kept."""
    candidates = [
        *_list_registrations(inventory, services),
        *_list_event_sources(inventory),
        *_list_references(inventory, services),
        *_list_admitted(inventory, services),
        *_list_tagged(services),
    ]
    strongest: dict[tuple[str, str], Relation] = {}
    for relation in candidates:
        if relation.caller != relation.callee:
            strongest.setdefault((relation.caller, relation.callee), relation)
    return tuple(strongest[key] for key in sorted(strongest))


def _list_registrations(inventory: Inventory, services: Sequence[Service]) -> Iterator[Relation]:
    balancer = {group.arn: group.load_balancer for group in inventory.target_groups}
    for service in services:
        for arn in service.target_groups:
            if owner := balancer.get(arn):
                yield Relation(caller=owner, callee=service.id, evidence="registration", detail=arn)


def _list_event_sources(inventory: Inventory) -> Iterator[Relation]:
    tables = {table.id: table.id for table in inventory.tables}
    for function in inventory.functions:
        for source in function.sources:
            table = tables.get(source.partition("/stream/")[0], source)
            yield Relation(caller=table, callee=function.id, evidence="event source", detail=source)


def _list_references(inventory: Inventory, services: Sequence[Service]) -> Iterator[Relation]:
    """Relations to what the configuration of a service names. A load balancer stands for the services behind it."""
    balancers = {balancer.id for balancer in inventory.load_balancers}
    known = {service.id for service in services} | balancers
    for service in services:
        for used in service.uses:
            if used in known:
                yield Relation(caller=service.id, callee=used, evidence="configuration")
        for host in service.hosts:
            yield Relation(caller=service.id, callee=host, evidence="configuration")


def _list_admitted(inventory: Inventory, services: Sequence[Service]) -> Iterator[Relation]:
    """Relations from services to data stores whose security groups admit the service's security group."""
    admits = {group.id: group.admits for group in inventory.security_groups}
    holders: dict[str, list[Service]] = defaultdict(list)
    for service in services:
        for group in service.security_groups:
            if service.kind not in STORES:
                holders[group].append(service)
    for store in services:
        for own in store.security_groups if store.kind in STORES else ():
            for admitted in admits.get(own, ()):
                for caller in holders.get(admitted, ()):
                    yield Relation(caller=caller.id, callee=store.id, evidence="security group", detail=f"{own} admits {admitted}")


def _list_tagged(services: Sequence[Service]) -> Iterator[Relation]:
    """Relations by tags. A thing that shares a tag with exactly one service that users reach counts as called by it."""
    sharing: dict[tuple[str, str], list[Service]] = defaultdict(list)
    for service in services:
        for pair in service.tags.items():
            if not _NO_APPLICATION.fullmatch(pair[0]) and pair[1]:
                sharing[pair].append(service)
    for (key, value), members in sharing.items():
        fronts = [service for service in members if service.target_groups]
        if len(fronts) == 1:
            for service in members:
                if not service.target_groups:
                    yield Relation(caller=fronts[0].id, callee=service.id, evidence="tag", detail=f"{key}={value}")


def find_fronts(service: Service, relations: Sequence[Relation], services: Sequence[Service]) -> tuple[Service, ...]:
    """The services with users that call this one, directly or not, nearest first. A service with users is its own
    front."""
    by_id = {known.id: known for known in services}
    callers: dict[str, list[str]] = defaultdict(list)
    for relation in sorted(relations, key=lambda relation: not relation.certain):
        callers[relation.callee].append(relation.caller)
    fronts: list[Service] = []
    pending, visited = [service.id], {service.id}
    while pending:
        current = pending.pop(0)
        known = by_id.get(current)
        if known is not None and known.target_groups:
            fronts.append(known)
            continue
        pending += [caller for caller in callers[current] if caller not in visited]
        visited.update(callers[current])
    return tuple(fronts)
