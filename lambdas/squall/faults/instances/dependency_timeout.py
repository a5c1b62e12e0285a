"""Drops what pinned instances send to a dependency, so that calls hang until they time out; or delays it, as a slow
dependency does."""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import FaultType
from squall.domain.documents.safety import SafetyCheck
from squall.domain.resources.instances import Instance
from squall.faults.base import Injection
from squall.faults.checks import make_check
from squall.faults.mechanisms.network_sources import (
    INTERFACE,
    LONGEST_SOURCES,
    SERVICES,
    ZONE,
    Addressed,
    check_source,
    network_of,
    split_sources,
)
from squall.faults.mechanisms.send_command import SendCommandFault

LOSS, LATENCY, BLACKHOLE = (
    "AWSFIS-Run-Network-Packet-Loss-Sources",
    "AWSFIS-Run-Network-Latency-Sources",
    "AWSFIS-Run-Network-Blackhole-Port",
)
WIDEST_PRIVATE, WIDEST_PUBLIC = 16, 24
"""Prefix lengths of the widest networks that count as a dependency. The wider a network is, the likelier the endpoints
of Systems Manager are in it."""
LEAST_PORT = 444
"""The Systems Manager agent needs 53, 80 and 443 for its endpoints, its credentials and its commands."""
_AGENT = frozenset({"ssm", "ssmmessages", "ec2messages"})
_LINK_LOCAL, _LOOPBACK = ipaddress.IPv4Network("169.254.0.0/16"), ipaddress.IPv4Network("127.0.0.0/8")
_LEASES = frozenset({67, 547})
"""The ports of DHCP and DHCPv6 servers: without a renewed lease the instance loses its address."""


def refuse_beside_port(value: object, info: ValidationInfo) -> object:
    """Refuse a parameter that no document accepts together with a port. Raises ValueError if both are given."""
    if value is not None and info.data.get("port") is not None:
        raise ValueError("dependency instead of port: no document can delay what goes to a port, or limit it to one interface")
    return value


class Dependency(Model):
    """The parameters that every dependency fault has: `dependency` or `port`, because no document accepts both."""

    port: Annotated[int, Field(strict=True, ge=1, le=65535)] | None = None
    """The dependency's port: everything that is sent to this port is dropped, to whatever address."""
    protocol: Literal["tcp", "udp"] = "tcp"
    """The protocol of `port`."""
    latency_ms: Annotated[int, Field(strict=True, ge=1, le=60_000)] | None = None
    """How late everything to `dependency` leaves; None: it is lost."""
    jitter_ms: Annotated[int, Field(strict=True, ge=0, le=10_000)] = 10
    """How much `latency_ms` varies."""
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
    def _by_address(cls, value: object, info: ValidationInfo) -> object:
        return refuse_beside_port(value, info)

    @field_validator("dependency")
    @classmethod
    def _narrow(cls, dependency: str | None, info: ValidationInfo) -> str | None:
        if "port" not in info.data:  # the port itself is refused
            return dependency
        if (dependency is None) == (info.data["port"] is None):
            raise ValueError("exactly one of dependency (addresses, networks, domain names, DYNAMODB, S3) and port")
        for source in [] if dependency is None else split_sources(dependency):
            _check_dependency(source)
        return dependency


class Parameters(Dependency):
    interface: Annotated[str, Field(pattern=INTERFACE)] | None = None
    """Network interface; None: the document's default."""

    @field_validator("interface")
    @classmethod
    def _of_address(cls, value: object, info: ValidationInfo) -> object:
        return refuse_beside_port(value, info)


class DependencyTimeout(SendCommandFault[Parameters]):
    """Drops everything that instances send to `dependency`, or delays it by `latency_ms`; with `port`, drops everything
    sent to that port."""

    type = FaultType.DEPENDENCY_TIMEOUT
    verb = "cut a dependency off from"
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

    def read_action(self, document: str, parameters: Mapping[str, str], /) -> dict[str, Any]:
        values = dict(parameters)
        if document == LOSS and (loss := values.pop("LossPercent", "7")) != "100":
            raise ValueError(f"LossPercent is {loss}, in {self.type.value} it is 100")
        if document == LATENCY:
            values.setdefault("DelayMilliseconds", "200")
        return super().read_action(document, values)

    def document(self, parameters: Parameters, /) -> str:
        if parameters.port is not None:
            return BLACKHOLE
        return LOSS if parameters.latency_ms is None else LATENCY

    def describe(self, parameters: Parameters, /) -> str:
        if parameters.port is not None:
            return f"Drop what is sent to {parameters.protocol} {parameters.port}"
        late = parameters.latency_ms
        return f"{'Drop' if late is None else 'Delay'} what is sent to the dependency" + (f" by {late} ms" if late is not None else "")

    def document_parameters(self, parameters: Parameters, /) -> dict[str, str]:
        if parameters.port is not None:
            return {"Protocol": parameters.protocol, "Port": str(parameters.port), "TrafficType": "egress"}
        values = {"Sources": parameters.dependency or "", "TrafficType": "egress"}
        if parameters.latency_ms is None:
            values["LossPercent"] = "100"
        else:
            values |= {"DelayMilliseconds": str(parameters.latency_ms), "JitterMilliseconds": str(parameters.jitter_ms)}
        if parameters.interface is not None:
            values["Interface"] = parameters.interface
        return values

    def check_instances(self, injection: Injection[Instance, Parameters], /) -> Iterable[SafetyCheck]:
        yield make_check("dependency_apart", *check_apart(injection.targets, injection.parameters))


def _check_dependency(source: str) -> None:
    """Check one source of a dependency. Raises ValueError if it is none, or if losing it would cut off the Systems
    Manager agent."""
    check_source(source)
    if ZONE.fullmatch(source):
        raise ValueError(f"addresses, narrow networks and domain names, not {source}: a whole zone is no dependency")
    labels = source.lower().split(".")
    if "amazonaws" in labels and _AGENT & set(labels):
        raise ValueError(f"not {source}: the Systems Manager agent gets the command that ends the fault from it")
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


def check_apart(targets: Sequence[Addressed], parameters: Dependency) -> tuple[bool, str]:
    """Whether the targets are outside the dependency. If not, the name server, load balancer and endpoints of their
    network would be lost too.

    Whether anything talks to the dependency can't be told beforehand.
    """
    if parameters.port is not None:
        return bool(targets), f"only the definition says that the workload depends on {parameters.protocol} {parameters.port}"
    named = parameters.dependency or ""
    networks = [network for source in named.split(",") if source not in SERVICES and (network := network_of(source))]
    inside = [
        f"{target.id} at {target.private_ip or 'no private IPv4 address'}"
        for target in targets
        if networks and (not target.private_ip or any(ipaddress.ip_address(target.private_ip) in network for network in networks))
    ]
    if inside:
        return False, f"{', '.join(inside)} is itself in {named}: its name server and load balancer may be too; name the dependency alone"
    return bool(targets), f"no target is itself in {named}; only the definition says that the workload depends on it"
