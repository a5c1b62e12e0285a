"""The sentinel: Squall requests the workload's URL every few seconds of a run, as a client does.

This module says what an experiment may ask for, what an environment allows, and which addresses are never probed.
"""

import re
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from squall.domain.base.durations import Span, validation_error
from squall.domain.base.model import Model
from squall.domain.base.problems import require_pattern

HIGH_RESOLUTION_KEPT = timedelta(hours=3)
"""How long CloudWatch keeps points of less than a minute."""
MINIMUM_PROBES_PER_PERIOD = 2
"""A single probe may end just before or just after its period, which then has no data."""
MAXIMUM_PROBES_PER_SECOND = 20
"""Policies allow fewer, or no load beside the sentinel's own probes."""
MAXIMUM_BODY_BYTES = 65_536
"""How much of an answer is read."""

StatusCode = Annotated[int, Field(ge=100, le=599, strict=True)]


class Expected(Model):
    """What an answer must be. Any other answer counts as failed."""

    status: StatusCode | Annotated[tuple[StatusCode, ...], Field(max_length=20)] = ()
    """One status or a list. Empty: any from 200 to 399. A redirect is an answer, it is not followed."""
    body: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """Text that must be in the first 64 KiB of the body."""
    within_ms: Annotated[int, Field(ge=50, le=10_000, strict=True)] = 5000
    """Time limit of the whole answer, in milliseconds: how long a client would wait."""

    def accepts(self, status: int) -> bool:
        """Whether the status is an expected one."""
        wanted = (self.status,) if isinstance(self.status, int) else self.status
        return status in wanted if wanted else 200 <= status < 400


class Sentinel(Model):
    """Probes of the workload's URL, from before the baseline to the end of the recovery."""

    url: Annotated[str, Field(max_length=2048), require_pattern(r"^https?://[\x21-\x7e]+$", "an http or https URL")]
    """Requested by GET. Reports show it, so it must hold no secret."""
    every: Span = timedelta(seconds=5)
    """The time between two probes: `5s`, or ISO 8601 (`PT5S`)."""
    expect: Expected = Expected()
    """Which answers count as good."""
    load_per_second: Annotated[float, Field(ge=0, le=MAXIMUM_PROBES_PER_SECOND, allow_inf_nan=False, strict=True)] = 0
    """Requests per second in all, for workloads without traffic of their own. Each is a probe. 0: only the probes of
    `every`."""

    @field_validator("url")
    @classmethod
    def _check_url(cls, value: str) -> str:
        try:
            parts = urlsplit(value)
            named, _ = parts.hostname, parts.port
        except ValueError as error:
            raise validation_error(f"is not a URL: {error}", "http or https, a host, a path") from None
        if not named:
            raise validation_error("names no host", "http or https, a host, a path")
        if "@" in parts.netloc:
            raise validation_error("holds a user or a password, which every report would show", "a URL without them")
        if "#" in value:
            raise validation_error("holds a fragment, which no server sees", "a URL without #")
        return value

    @property
    def host(self) -> str:
        """The host of the URL, in lower case, without port."""
        return urlsplit(self.url).hostname or ""

    @property
    def rate(self) -> float:
        """Probes per second."""
        return max(1 / self.every.total_seconds(), self.load_per_second)


_NAME = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")


def _check_host(value: str) -> str:
    if _parse_address(value) is None and not _NAME.fullmatch(value):
        raise validation_error(
            f"{value!r:.80} is not a host", "a name in lower case, *. and a name for all below it, or an address; no port"
        )
    return value


class SentinelPolicy(Model):
    """What may be probed in an environment."""

    hosts: Annotated[tuple[Annotated[str, Field(max_length=253)], ...], Field(min_length=1, max_length=100)]
    """`shop.example.com`, `*.staging.example.com` for all names below it, or an address. An address of the machine
    itself or of its link (loopback, link-local, metadata) is probed only if this list holds that address."""
    maximum_load_per_second: Annotated[float, Field(ge=0, le=MAXIMUM_PROBES_PER_SECOND, allow_inf_nan=False, strict=True)] = 0
    """The most requests per second that an experiment may ask for. 0: none."""

    @field_validator("hosts")
    @classmethod
    def _check_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_check_host(host) for host in value)

    def allows(self, host: str) -> bool:
        """Whether URLs of the host may be probed."""
        return any(host == name or (name.startswith("*.") and host.endswith(name[1:])) for name in self.hosts)


Address = IPv4Address | IPv6Address
_METADATA = frozenset({ip_address("fd00:ec2::254"), ip_address("fd00:ec2::253"), ip_address("fd00:ec2::23")})
"""The IPv6 addresses of the instance metadata service, of its resolver and of the task metadata. By IPv4 they are
link-local."""
_CARRY_IPV4 = tuple(ip_network(network) for network in ("64:ff9b::/96", "::/96", "::ffff:0:0:0/96"))
"""Networks whose addresses end with an IPv4 address: NAT64, IPv4-compatible (deprecated), IPv4-translated."""
_TRANSLATED = ip_network("64:ff9b:1::/48")
"""Local NAT64: where in the address the IPv4 address stands is the network's own choice."""
_PRIVATE = tuple(ip_network(network) for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"))


def _parse_address(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def why_address_refused(address: str, host: str) -> str:
    """Why the address that a host resolved to may not be probed; empty if it may be.

    Private addresses may be probed: internal load balancers have them, and the policy names the host. If the host is
    itself an address, it may be probed, because the policy names it.
    """
    parsed = _parse_address(address.partition("%")[0])
    if parsed is None:
        return f"{address} is not an address"
    if _parse_address(host) == parsed:
        return ""
    inner = _carried_ipv4(parsed)
    if inner is not None:
        return why_address_refused(str(inner), host)
    kinds = {
        "loopback": parsed.is_loopback,
        "link-local": parsed.is_link_local,
        "multicast": parsed.is_multicast,
        "unspecified": parsed.is_unspecified,
        "metadata": parsed in _METADATA,
        "translated": parsed in _TRANSLATED,
        "site-local": isinstance(parsed, IPv6Address) and parsed.is_site_local,
        "reserved": not (parsed.is_global or any(parsed in network for network in _PRIVATE)),
    }
    kind = next((kind for kind, applies in kinds.items() if applies), "")
    return f"{host} resolves to {address}, a {kind} address" if kind else ""


def _carried_ipv4(address: Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for; None if it stands for none."""
    if isinstance(address, IPv4Address):
        return None
    if int(address) > 1 and any(address in network for network in _CARRY_IPV4):  # `::` and `::1` carry none
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
