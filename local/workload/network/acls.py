"""Decides from EC2's answers which packets the network ACLs of the subnets let through.

An ACL is at a subnet's edge and is stateless: requests and answers are checked separately, by the matching rule with
the lowest number. Traffic inside a subnet is not checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any

_OF_TCP = ("-1", "6")


@dataclass(frozen=True, order=True)
class Rule:
    """One rule of an ACL that applies to TCP, whatever the port."""

    number: int
    allows: bool
    outgoing: bool
    network: IPv4Network


@dataclass(frozen=True)
class Edge:
    """A subnet and the rules at its edge, lowest number first."""

    network: IPv4Network
    rules: tuple[Rule, ...]

    def passes(self, outside: IPv4Address) -> bool:
        """Whether packets pass in both directions between the subnet and this address."""
        return all(self._decided(outside, outgoing) for outgoing in (True, False))

    def _decided(self, outside: IPv4Address, outgoing: bool) -> bool:
        decisions = (rule.allows for rule in self.rules if rule.outgoing is outgoing and outside in rule.network)
        return next(decisions, False)


@dataclass(frozen=True)
class Acls:
    """Every subnet with its ACL. Without any, nothing is denied."""

    edges: tuple[Edge, ...] = ()

    def passes(self, address: IPv4Address, other: IPv4Address) -> bool:
        """Whether packets pass between the two addresses, in both directions."""
        ends = {address, other}
        for edge in self.edges:
            outside = {end for end in ends if end not in edge.network}
            if len(outside) == 1 and not edge.passes(outside.pop()):
                return False
        return True

    @classmethod
    def described(cls, subnets: Iterable[Mapping[str, Any]], acls: Iterable[Mapping[str, Any]]) -> Acls:
        """The ACLs in EC2's answers to DescribeSubnets and DescribeNetworkAcls."""
        rules = {
            association["SubnetId"]: tuple(sorted(_parse_rules(acl["Entries"])))
            for acl in acls
            for association in acl.get("Associations", ())
            if association.get("SubnetId")
        }
        edges = [Edge(IPv4Network(subnet["CidrBlock"]), rules[subnet["SubnetId"]]) for subnet in subnets if subnet["SubnetId"] in rules]
        return cls(tuple(sorted(edges, key=lambda edge: edge.network)))

    def as_list(self) -> list[object]:
        return [
            [str(edge.network), [[rule.number, rule.allows, rule.outgoing, str(rule.network)] for rule in edge.rules]]
            for edge in self.edges
        ]

    @classmethod
    def of(cls, listed: Iterable[Any]) -> Acls:
        """Read the result of `as_list`."""
        return cls(
            tuple(
                Edge(
                    IPv4Network(network),
                    tuple(Rule(number, allows, outgoing, IPv4Network(cidr)) for number, allows, outgoing, cidr in rules),
                )
                for network, rules in listed
            )
        )


def _parse_rules(entries: Iterable[Mapping[str, Any]]) -> Iterable[Rule]:
    for entry in entries:
        if entry.get("CidrBlock") and entry["Protocol"] in _OF_TCP:
            yield Rule(entry["RuleNumber"], entry["RuleAction"] == "allow", entry["Egress"], IPv4Network(entry["CidrBlock"]))
