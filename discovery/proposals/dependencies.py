"""What a service depends on, as far as its configuration says it for certain, with the address that a fault needs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from discovery.analysis.services import Service
    from discovery.proposals.idea import Surroundings

MOST = 2
"""More experiments on dependencies of one service would crowd out everything else."""


@dataclass(frozen=True)
class Dependency:
    name: str
    address: str
    """A domain name, or `DYNAMODB`."""

    @property
    def slug(self) -> str:
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")[:40]


def list_dependencies(service: Service, around: Surroundings) -> list[Dependency]:
    """What its configuration names: outside hosts first, because nobody else looks at those."""
    return list(_find(service, around))[:MOST]


def _find(service: Service, around: Surroundings) -> Iterator[Dependency]:
    yield from (Dependency(host, host) for host in service.hosts)
    lookup = around.lookup
    for used in service.uses:
        store = lookup.databases.get(used) or lookup.caches.get(used)
        if store and store.endpoints:
            yield Dependency(store.name, store.endpoints[0])
    if any(used in lookup.tables for used in service.uses):
        yield Dependency("DynamoDB", "DYNAMODB")
