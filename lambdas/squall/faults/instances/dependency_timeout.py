"""Let what pinned instances send to a dependency go nowhere: calls hang until somebody gives up. Or late: a slow dependency."""

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from squall.domain.documents.safety import SafetyCheck
from squall.domain.model import Model
from squall.domain.resources.instances import Instance
from squall.domain.resources.workload import Workload
from squall.domain.vocabulary import FaultType
from squall.faults.base import check
from squall.faults.mechanisms.network_sources import INTERFACE, LONGEST_SOURCES, SERVICES, ZONE, Addressed, check_source, network_of, split
from squall.faults.mechanisms.send_command import SendCommandFault

LOSS, LATENCY, BLACKHOLE = (
    "AWSFIS-Run-Network-Packet-Loss-Sources",
    "AWSFIS-Run-Network-Latency-Sources",
    "AWSFIS-Run-Network-Blackhole-Port",
)
WIDEST_PRIVATE, WIDEST_PUBLIC = 16, 24
"""Prefix lengths. A dependency is not a network: the wider it is, the likelier the endpoints of Systems Manager are in it."""
LEAST_PORT = 444
"""53, 80 and 443 are how the Systems Manager agent finds its endpoints, its credentials and its commands."""
_AGENT = frozenset({"ssm", "ssmmessages", "ec2messages"})
_LINK_LOCAL, _LOOPBACK = ipaddress.IPv4Network("169.254.0.0/16"), ipaddress.IPv4Network("127.0.0.0/8")
_LEASES = frozenset({67, 547})
"""DHCP and DHCPv6 servers: a lease that can't be renewed ends in an instance without an address."""


def by_address(given: object, info: ValidationInfo) -> object:
    """What no document says of a port. Raises ValueError where it is given beside one."""
    if given is not None and info.data.get("port") is not None:
        raise ValueError("dependency instead of port: no document delays, or keeps to one interface, what goes to a port")
    return given


class Dependency(Model):
    """`dependency` or `port`: no document takes both. Of whatever calls the dependency."""

    port: Annotated[int, Field(strict=True, ge=1, le=65535)] | None = None
    """Of the dependency: everything the instances send to this port, wherever it goes."""
    protocol: Literal["tcp", "udp"] = "tcp"
    """Of `port`."""
    latency_ms: Annotated[int, Field(strict=True, ge=1, le=60_000)] | None = None
    """How late everything to `dependency` leaves; None: it never does."""
    jitter_ms: Annotated[int, Field(strict=True, ge=0, le=10_000)] = 10
    """Of `latency_ms`."""
    dependency: Annotated[str | None, Field(min_length=1, max_length=LONGEST_SOURCES, validate_default=True)] = None
    """Comma-separated: IPv4 addresses and narrow networks, domain names, DYNAMODB, S3."""

    @field_validator("protocol")
    @classmethod
    def _keeps_its_address(cls, protocol: str, info: ValidationInfo) -> str:
        if protocol == "udp" and info.data.get("port") in _LEASES:
            raise ValueError(f"not udp {info.data['port']}: the instance would lose its address, and with it the Systems Manager agent")
        return protocol

    @field_validator("latency_ms")
    @classmethod
    def _by_address(cls, given: object, info: ValidationInfo) -> object:
        return by_address(given, info)

    @field_validator("dependency")
    @classmethod
    def _narrow(cls, dependency: str | None, info: ValidationInfo) -> str | None:
        if "port" not in info.data:  # refused itself
            return dependency
        if (dependency is None) == (info.data["port"] is None):
            raise ValueError("exactly one of dependency (addresses, networks, domain names, DYNAMODB, S3) and port")
        for source in [] if dependency is None else split(dependency):
            _check(source)
        return dependency


class Parameters(Dependency):
    interface: Annotated[str, Field(pattern=INTERFACE)] | None = None
    """Network interface; None: the document's default."""

    @field_validator("interface")
    @classmethod
    def _of_address(cls, given: object, info: ValidationInfo) -> object:
        return by_address(given, info)


class DependencyTimeout(SendCommandFault[Parameters]):
    """The network documents on outgoing traffic: all packets lost, all delayed, or all to a port dropped."""

    type = FaultType.DEPENDENCY_TIMEOUT
    title = "Dependency timeout"
    risk = "high"
    ssm_documents = (LOSS, LATENCY, BLACKHOLE)
    parameters = Parameters
    action = "dependency"
    names = {
        "Port": ("port", None),
        "Protocol": ("protocol", None),
        "Sources": ("dependency", None),
        "DelayMilliseconds": ("latency_ms", None),
        "JitterMilliseconds": ("jitter_ms", None),
        "Interface": ("interface", None),
    }
    always = {"TrafficType": ("egress", "ingress")}
    unless_allowed = {"port": (LEAST_PORT, 65535)}

    def read(self, document: str, given: Mapping[str, str]) -> dict[str, Any]:
        told = dict(given)
        if document == LOSS and (loss := told.pop("LossPercent", "7")) != "100":
            raise ValueError(f"LossPercent is {loss}, in {self.type.value} it is 100")
        if document == LATENCY:
            told.setdefault("DelayMilliseconds", "200")
        return super().read(document, told)

    def document(self, parameters: Parameters) -> str:
        if parameters.port is not None:
            return BLACKHOLE
        return LOSS if parameters.latency_ms is None else LATENCY

    def describe(self, parameters: Parameters) -> str:
        if parameters.port is not None:
            return f"Drop what is sent to {parameters.protocol} {parameters.port}"
        late = parameters.latency_ms
        return f"{'Drop' if late is None else 'Delay'} what is sent to the dependency" + (f" by {late} ms" if late is not None else "")

    def document_parameters(self, parameters: Parameters) -> dict[str, str]:
        if parameters.port is not None:
            return {"Protocol": parameters.protocol, "Port": str(parameters.port), "TrafficType": "egress"}
        given = {"Sources": parameters.dependency or "", "TrafficType": "egress"}
        if parameters.latency_ms is None:
            given["LossPercent"] = "100"
        else:
            given |= {"DelayMilliseconds": str(parameters.latency_ms), "JitterMilliseconds": str(parameters.jitter_ms)}
        if parameters.interface is not None:
            given["Interface"] = parameters.interface
        return given

    def needs(self, workload: Workload, pinned: Sequence[Instance], parameters: Parameters) -> tuple[SafetyCheck, ...]:  # noqa: ARG002
        return (check("dependency_apart", *apart(pinned, parameters)),)


def _check(source: str) -> None:
    """Raises ValueError for what is no dependency, or would take the agent with it."""
    check_source(source)
    if ZONE.fullmatch(source):
        raise ValueError(f"addresses, narrow networks and domain names, not {source}: a whole zone is no dependency")
    labels = source.lower().split(".")
    if "amazonaws" in labels and _AGENT & set(labels):
        raise ValueError(f"not {source}: it brings the Systems Manager agent the command that ends the fault")
    network = network_of(source)
    if network is None:
        return
    widest = WIDEST_PRIVATE if network.is_private else WIDEST_PUBLIC
    if network.prefixlen < widest:
        raise ValueError(f"networks of /{widest} or narrower, not {source}: the endpoints of Systems Manager may be in it")
    if network.overlaps(_LINK_LOCAL):
        raise ValueError(f"not {source}: the agent's credentials, the time and the name server are there")
    if network.overlaps(_LOOPBACK):
        raise ValueError(f"not {source}: what an instance sends to itself passes no network interface that is disturbed")


def apart(pinned: Sequence[Addressed], parameters: Dependency) -> tuple[bool, str]:
    """Whether the targets themselves stand outside: name server, load balancer and endpoints of their own network would go silent too.

    Whether anything talks to the dependency can't be told beforehand.
    """
    if parameters.port is not None:
        return bool(pinned), f"taken at your word that the workload depends on {parameters.protocol} {parameters.port}"
    named = parameters.dependency or ""
    networks = [network for source in named.split(",") if source not in SERVICES and (network := network_of(source))]
    inside = [
        f"{one.id} at {one.private_ip or 'no private IPv4 address'}"
        for one in pinned
        if networks and (not one.private_ip or any(ipaddress.ip_address(one.private_ip) in network for network in networks))
    ]
    if inside:
        return False, f"{', '.join(inside)} is itself in {named}: its name server and load balancer may be too; name the dependency alone"
    return bool(pinned), f"no target is itself in {named}; taken at your word that the workload depends on it"
