"""The peers of an instance, at the addresses that a definition can name.

Everything really listens on loopback, at free ports. For the APIs, the documents and the experiments the sample
workload lives in the account's default VPC, with these addresses:

| who | address | port | names |
|---|---|---|---|
| load balancers | 172.31.0.10 | | |
| inventory, the dependency | 172.31.0.30 | tcp 8080 | `inventory.sample.internal` |
| database node `sample-db-1` | 172.31.0.41 | tcp 5432 | its endpoints in the RDS API |
| database node `sample-db-2` | 172.31.16.42 | tcp 5432 | its endpoints in the RDS API |

An instance serves at tcp 80, its target group's port; so does a container, at an address of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

SERVICE_PORT = 80
LOAD_BALANCER = IPv4Address("172.31.0.10")
INVENTORY = IPv4Address("172.31.0.30")
INVENTORY_PORT = 8080
INVENTORY_NAME = "inventory.sample.internal"
INVENTORY_URL = f"http://{INVENTORY_NAME}:{INVENTORY_PORT}"
DATABASE_PORT = 5432
DATABASE_NODES = {"sample-db-1": IPv4Address("172.31.0.41"), "sample-db-2": IPv4Address("172.31.16.42")}

_ZONES = {letter: IPv4Network(f"172.31.{number * 16}.0/20") for number, letter in enumerate("abc")}
_ZONE = re.compile(r"[a-z]{2,4}(?:-[a-z]+)+-\d([a-c])")
_ZONE_ID = re.compile(r"[a-z]{2,4}\d-az([1-3])")


@dataclass(frozen=True)
class Flow:
    """An exchange of the instance with a peer: the peer's address, the TCP port of the serving side, and which side
    asks."""

    peer: IPv4Address
    port: int
    inbound: bool


INBOUND = Flow(LOAD_BALANCER, SERVICE_PORT, inbound=True)
TO_INVENTORY = Flow(INVENTORY, INVENTORY_PORT, inbound=False)


def zone_network(zone: str) -> IPv4Network:
    """The subnet of the Availability Zone with this name."""
    return _ZONES[zone[-1]]


def resolve_sources(sources: str, names: Mapping[str, IPv4Address]) -> tuple[IPv4Network, ...]:
    """The networks to which the `Sources` of a document resolve now: addresses, networks, Availability Zones, domain
    names.

    `names`: addresses by domain name, in addition to the inventory's. DYNAMODB and S3 resolve to nothing, because the
    sample does not use them. Raises ValueError for anything else, as the document fails for a name that can't be
    resolved.
    """
    return tuple(
        network for source in sources.split(",") for network in _resolve_source(source.strip(), {INVENTORY_NAME: INVENTORY, **names})
    )


def _resolve_source(source: str, names: Mapping[str, IPv4Address]) -> list[IPv4Network]:
    if source in ("DYNAMODB", "S3"):
        return []
    if source in names:
        return [IPv4Network(names[source])]
    if zone := _ZONE.fullmatch(source):
        return [_ZONES[zone[1]]]
    if zone := _ZONE_ID.fullmatch(source):
        return [_ZONES["abc"[int(zone[1]) - 1]]]
    try:
        return [IPv4Network(source, strict=False)]
    except ValueError:
        raise ValueError(f"{source!r} is no address, network, Availability Zone or name that can be resolved") from None
