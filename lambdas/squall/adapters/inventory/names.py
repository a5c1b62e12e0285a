"""The names by which target groups may know targets."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Network, IPv6Network

_FUNCTION = ":function:"
_PARTS_OF_ARN = 7
"""Parts of the ARN of a function; an eighth is its version or alias."""


@dataclass(frozen=True)
class Names:
    """Ids of instances, addresses, networks of addresses (in CIDR notation), and ARNs of functions."""

    exact: frozenset[str]
    networks: tuple[IPv4Network | IPv6Network, ...]

    @classmethod
    def of(cls, names: Iterable[str]) -> Names:
        known = frozenset(names)
        networks = tuple(ip_network(name) for name in sorted(known) if "/" in name)
        return cls(frozenset(name for name in known if "/" not in name), networks)

    def match(self, registered: Iterable[str]) -> frozenset[str]:
        """The registered names that mean one of these names. A network stands for every address in it, a function for
        all of its versions and aliases."""
        return frozenset(name for name in registered if _without_qualifier(name) in self.exact or self._has_address(name))

    def _has_address(self, name: str) -> bool:
        if not self.networks or name.startswith(("i-", "arn:")):
            return False
        address = ip_address(name)
        return any(address in network for network in self.networks)


def _without_qualifier(name: str) -> str:
    return ":".join(name.split(":")[:_PARTS_OF_ARN]) if _FUNCTION in name else name
