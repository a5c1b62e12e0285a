"""The dependencies that a service's configuration names, with the addresses that a fault needs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from discovery.analysis.services import Service
    from discovery.proposals.idea import Surroundings

MOST = 2
"""Dependencies of one service that get an experiment. More of them would leave no room for other experiments."""


@dataclass(frozen=True)
class Dependency:
    name: str
    address: str
    """A domain name, or `DYNAMODB`."""

    @property
    def slug(self) -> str:
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")[:40]


def list_dependencies(service: Service, around: Surroundings) -> list[Dependency]:
    """The dependencies of a service: hosts outside the account first, because no other proposal covers them."""
    return list(_find_dependencies(service, around))[:MOST]


def _find_dependencies(service: Service, around: Surroundings) -> Iterator[Dependency]:
    yield from (Dependency(host, host) for host in service.hosts)
    lookup = around.lookup
    for used in service.uses:
        store = lookup.databases.get(used) or lookup.caches.get(used)
        if store and store.endpoints:
            yield Dependency(store.name, store.endpoints[0])
    if any(used in lookup.tables for used in service.uses):
        yield Dependency("DynamoDB", "DYNAMODB")
