"""The present addresses of everything, as the manager tells every instance: the sample's name service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any


@dataclass(frozen=True)
class Node:
    """A database node: its address, and the port on loopback behind it."""

    address: IPv4Address
    port: int


@dataclass(frozen=True)
class Routes:
    """`database`: the node behind each endpoint (`writer`, `reader`); `names`: what the domain names resolve to;
    `orders`: port and path of the function's URL."""

    inventory: int | None = None
    database: Mapping[str, Node] = field(default_factory=dict)
    names: Mapping[str, IPv4Address] = field(default_factory=dict)
    orders: tuple[int, str] | None = None

    def as_dict(self) -> dict[str, object]:
        return {
            "inventory": self.inventory,
            "database": {endpoint: [str(node.address), node.port] for endpoint, node in self.database.items()},
            "names": {name: str(address) for name, address in self.names.items()},
            "orders": self.orders,
        }

    @classmethod
    def of(cls, routes: Mapping[str, Any]) -> Routes:
        """Read the result of `as_dict`."""
        nodes = {endpoint: Node(IPv4Address(address), port) for endpoint, (address, port) in routes["database"].items()}
        names = {name: IPv4Address(address) for name, address in routes["names"].items()}
        return cls(routes["inventory"], nodes, names, tuple(routes["orders"]) if routes["orders"] else None)
