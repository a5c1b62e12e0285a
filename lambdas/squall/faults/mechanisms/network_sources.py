"""The `Sources` of the network documents: whose traffic is disturbed. Characters that a shell interprets are
refused."""

import ipaddress
import re
from collections.abc import Sequence
from typing import Annotated, Protocol

from pydantic import AfterValidator, Field

from squall.faults.mechanisms.zones import ZONE_ID, ZONE_NAME

WIDEST = 8
"""Prefix length of the widest network: that of the widest private network."""
LONGEST_SOURCES = 700
"""Characters: the document's other parameters need room in FIS's 1,024, too."""
SERVICES = frozenset({"DYNAMODB", "S3"})
INTERFACE_WHOLE = "INTERFACE"
"""In place of sources: everything that leaves by a network interface, as AWS's older documents disturb it. The agent's
own traffic is in it, so it may be disturbed only as far as a command still arrives."""
LATEST, FAINTEST = 2000, 30
"""The longest delay in milliseconds, and the highest loss in percent, at which a command still reaches the agent that
ends the fault: with 30 % a packet and its six repetitions are lost once in 4,500 times."""
ZONE = re.compile(f"{ZONE_NAME}|{ZONE_ID}")
DOMAIN = re.compile(r"(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", re.IGNORECASE)
INTERFACE = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,14}(\.\d{1,4})?$"
_SHELL = re.compile(r"[^A-Za-z0-9.,:/_-]")


class Addressed(Protocol):
    """An instance or task that may have an address in its VPC."""

    @property
    def id(self) -> str: ...
    @property
    def private_ip(self) -> str | None: ...


def split_sources(sources: str) -> list[str]:
    """The single sources. Raises ValueError for a character that occurs in no address, network, zone or name."""
    strange = _SHELL.search(sources)
    if strange:
        raise ValueError(f"addresses, networks, zones and domain names without {strange.group()!r}")
    return sources.split(",")


def check_source(source: str) -> None:
    """Check one source. Raises ValueError if the documents don't understand it, or if it is the whole Internet, which
    includes the agent's own traffic."""
    if source in SERVICES or ZONE.fullmatch(source):
        return
    try:
        network = ipaddress.ip_network(source, strict=False)
    except ValueError:
        if not DOMAIN.fullmatch(source):
            raise ValueError(f"an IPv4 address or network, an Availability Zone, a domain name, DYNAMODB or S3, not {source!r}") from None
        return
    if network.prefixlen == 0:
        raise ValueError(f"not {source}: it includes the Systems Manager agent's traffic, which brings the command that ends the fault")
    if network.version != 4:
        raise ValueError(f"IPv4, not {source}: the document disturbs no IPv6 traffic")
    if network.prefixlen < WIDEST:
        raise ValueError(f"a network of /{WIDEST} or narrower, not {source}: two halves are everything, the agent's traffic included")


def _validate_sources(sources: str) -> str:
    for source in split_sources(sources):
        check_source(source)
    return sources


def _validate_sources_or_interface(sources: str) -> str:
    return sources if sources == INTERFACE_WHOLE else _validate_sources(sources)


SourcesOrInterface = Annotated[str, Field(min_length=1, max_length=LONGEST_SOURCES), AfterValidator(_validate_sources_or_interface)]
"""Comma-separated, each checked; or INTERFACE alone."""
Sources = Annotated[str, Field(min_length=1, max_length=LONGEST_SOURCES), AfterValidator(_validate_sources)]
"""Comma-separated, each checked."""


def network_of(source: str) -> ipaddress.IPv4Network | None:
    """The network or single address of a source; None for a name, a zone or a service."""
    try:
        return ipaddress.IPv4Network(source, strict=False)
    except ValueError:
        return None


def check_reach(targets: Sequence[Addressed], sources: str) -> tuple[bool, str]:
    """Whether the delayed networks contain the targets. The command succeeds also if they don't.

    Single addresses, names, zones and services are chosen peers; whether anything talks to them can't be told
    beforehand.
    """
    if sources == INTERFACE_WHOLE:
        return bool(targets), "everything that the targets send is delayed, whoever receives it"
    networks = [network for source in sources.split(",") if (network := network_of(source))]
    if not networks or len(networks) < len(sources.split(",")) or all(network.num_addresses == 1 for network in networks):
        return bool(targets), f"the delayed peers are named one by one: {sources}"
    outside = [
        target
        for target in targets
        if not target.private_ip or not any(ipaddress.ip_address(target.private_ip) in network for network in networks)
    ]
    if outside:
        named = ", ".join(f"{target.id} at {target.private_ip or 'no private IPv4 address'}" for target in outside)
        return False, f"{named} is in none of {sources}: its VPC's traffic would not be delayed; put the VPC's networks into sources"
    return bool(targets), f"every target's own address is in {sources}"
