"""The sentinel: Squall's own look at the workload's URL, every few seconds of a run, as a client has it.

What an experiment may ask for, what an environment allows, which addresses are never probed, and how probes become metrics.
"""

import re
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from squall.domain.durations import Span, refused
from squall.domain.model import Model
from squall.domain.problems import pattern

HIGH_RESOLUTION_KEPT = timedelta(hours=3)
"""How long CloudWatch keeps points of less than a minute."""
MINIMUM_PROBES_PER_PERIOD = 2
"""At least so many: one alone may end just before or after its period, and leave it empty."""
MAXIMUM_PROBES_PER_SECOND = 20
"""Probes; policies allow less, or none beside the sentinel's own."""
MAXIMUM_BODY_BYTES = 65_536
"""Read of an answer at most."""


StatusCode = Annotated[int, Field(ge=100, le=599, strict=True)]


class Expected(Model):
    """What an answer must be; whatever isn't counts as failed."""

    status: StatusCode | Annotated[tuple[StatusCode, ...], Field(max_length=20)] = ()
    """One, or a list. Empty: any from 200 to 399; redirects are answers and not followed."""
    body: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """Text that the first 64 KiB hold."""
    within_ms: Annotated[int, Field(ge=50, le=10_000, strict=True)] = 5000
    """The whole answer; a client would not wait longer."""

    def accepts(self, status: int) -> bool:
        """Whether the status is one that is expected."""
        wanted = (self.status,) if isinstance(self.status, int) else self.status
        return status in wanted if wanted else 200 <= status < 400


class Sentinel(Model):
    """A probe of the workload's URL from before the baseline to the end of the recovery."""

    url: Annotated[str, Field(max_length=2048), pattern(r"^https?://[\x21-\x7e]+$", "an http or https URL")]
    """Asked by GET. It stands in reports: no secret belongs into it."""
    every: Span = timedelta(seconds=5)
    expect: Expected = Expected()
    load_per_second: Annotated[float, Field(ge=0, le=MAXIMUM_PROBES_PER_SECOND, allow_inf_nan=False)] = 0
    """Requests a second in all where nobody else asks anything; each is a probe as well. 0: the probes alone."""

    @field_validator("url")
    @classmethod
    def _plain(cls, value: str) -> str:
        try:
            parts = urlsplit(value)
            named, _ = parts.hostname, parts.port
        except ValueError as error:
            raise refused(f"it is no URL: {error}", "http or https, a host, a path") from None
        if not named:
            raise refused("it names no host", "http or https, a host, a path")
        if "@" in parts.netloc:
            raise refused("it holds a user or password", "none: it would stand in every report")
        if "#" in value:
            raise refused("it holds a fragment, which no server sees", "none")
        return value

    @property
    def host(self) -> str:
        """In lower case, without port."""
        return urlsplit(self.url).hostname or ""

    @property
    def rate(self) -> float:
        """Probes a second."""
        return max(1 / self.every.total_seconds(), self.load_per_second)


_NAME = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")


def _host(value: str) -> str:
    if _address(value) is None and not _NAME.fullmatch(value):
        raise refused(f"{value!r:.80} is no host", "a name in lower case, *. before it for any name below it, or an address; no port")
    return value


class SentinelPolicy(Model):
    """What of an environment may be probed."""

    hosts: Annotated[tuple[Annotated[str, Field(max_length=253)], ...], Field(min_length=1, max_length=100)]
    """`shop.example.com`, `*.staging.example.com` for any name below, or an address. An address that leads into the machine or its
    network (loopback, link-local, metadata) is probed only where it stands here itself."""
    maximum_load_per_second: Annotated[float, Field(ge=0, le=MAXIMUM_PROBES_PER_SECOND, allow_inf_nan=False)] = 0
    """Load that experiments may ask for. 0: none."""

    @field_validator("hosts")
    @classmethod
    def _hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_host(host) for host in value)

    def allows(self, host: str) -> bool:
        """Whether URLs of the host may be probed."""
        return any(host == one or (one.startswith("*.") and host.endswith(one[1:])) for one in self.hosts)


Address = IPv4Address | IPv6Address
_METADATA = frozenset({ip_address("fd00:ec2::254"), ip_address("fd00:ec2::253"), ip_address("fd00:ec2::23")})
"""Of instances, their resolver and of tasks, by IPv6; by IPv4 they are link-local."""
_CARRIES_IPV4 = ip_network("64:ff9b::/96")
_PRIVATE = tuple(ip_network(network) for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"))


def _address(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def why_address_refused(address: str, host: str) -> str:
    """Why the address a host resolved to may not be probed; empty if it may.

    Private addresses may: the policy names the host, and internal load balancers have such. An address that is itself the host has been
    named by the policy.
    """
    found = _address(address.partition("%")[0])
    if found is None:
        return f"{address} is no address"
    if _address(host) == found:
        return ""
    inner = _carried(found)
    if inner is not None:
        return why_address_refused(str(inner), host)
    kinds = {
        "loopback": found.is_loopback,
        "link-local": found.is_link_local,
        "multicast": found.is_multicast,
        "unspecified": found.is_unspecified,
        "metadata": found in _METADATA,
        "reserved": not (found.is_global or any(found in network for network in _PRIVATE)),
    }
    kind = next((kind for kind, applies in kinds.items() if applies), "")
    return f"{host} resolves to {address}, a {kind} address" if kind else ""


def _carried(address: Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 one stands for."""
    if isinstance(address, IPv4Address):
        return None
    if address in _CARRIES_IPV4:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
