"""Drops what pinned instances send to a dependency, so that calls hang until they time out; or delays it, as a slow
dependency does."""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from squall.domain.base.model import Model
from squall.domain.base.problems import InvalidInput, Problem
from squall.domain.base.vocabulary import FaultType
from squall.domain.documents.safety import SafetyCheck
from squall.domain.resources.instances import Instance
from squall.faults.base import Injection
from squall.faults.checks import make_check
from squall.faults.mechanisms.network_sources import (
    FAINTEST,
    INTERFACE,
    INTERFACE_WHOLE,
    LONGEST_SOURCES,
    SERVICES,
    ZONE,
    Addressed,
    check_source,
    network_of,
    split_sources,
)
from squall.faults.mechanisms.send_command import DocumentNames, SendCommandFault

LOSS, LATENCY, BLACKHOLE, OLDER_LOSS = (
    "AWSFIS-Run-Network-Packet-Loss-Sources",
    "AWSFIS-Run-Network-Latency-Sources",
    "AWSFIS-Run-Network-Blackhole-Port",
    "AWSFIS-Run-Network-Packet-Loss",
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


def is_faint(latency_ms: int | None, loss_percent: int) -> bool:
    """Whether so little is lost that the Systems Manager agent is still reached, if its own traffic is among it."""
    return latency_ms is None and loss_percent <= FAINTEST


class Dependency(Model):
    """The parameters that every dependency fault has: `dependency` or `port`, because no document accepts both."""

    knows_interface: ClassVar[bool] = False
    """Whether a document disturbs everything that leaves by an interface."""

    port: Annotated[int, Field(strict=True, ge=1, le=65535)] | None = None
    """The dependency's port: everything that is sent to this port is dropped, to whatever address."""
    protocol: Literal["tcp", "udp"] = "tcp"
    """The protocol of `port`."""
    latency_ms: Annotated[int, Field(strict=True, ge=1, le=60_000)] | None = None
    """How late everything to `dependency` leaves; None: it is lost."""
    jitter_ms: Annotated[int, Field(strict=True, ge=0, le=10_000)] = 10
    """How much `latency_ms` varies."""
    loss_percent: Annotated[int, Field(strict=True, ge=1, le=100)] = 100
    """How much of what is sent to `dependency` is lost, unless it is delayed."""
    flows_percent: Annotated[int, Field(strict=True, ge=1, le=100)] = 100
    """Percent of connections to `dependency` that are disturbed."""
    dependency: Annotated[str | None, Field(min_length=1, max_length=LONGEST_SOURCES, validate_default=True)] = None
    """Comma-separated: IPv4 addresses and narrow networks, domain names, DYNAMODB, S3. With a `loss_percent` of at most
    30 also wide networks and Availability Zones."""

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

    @field_validator("loss_percent", "flows_percent")
    @classmethod
    def _in_part(cls, value: int, info: ValidationInfo) -> int:
        if value != 100 and info.data.get("port") is not None:
            raise ValueError("dependency instead of port: no document drops a part of what goes to a port")
        if value != 100 and info.field_name == "loss_percent" and info.data.get("latency_ms") is not None:
            raise ValueError("no latency_ms beside it: a document delays, or loses")
        return value

    @field_validator("dependency")
    @classmethod
    def _narrow(cls, dependency: str | None, info: ValidationInfo) -> str | None:
        if "port" not in info.data:  # the port itself is refused
            return dependency
        if (dependency is None) == (info.data["port"] is None):
            raise ValueError("exactly one of dependency (addresses, networks, domain names, DYNAMODB, S3) and port")
        faint = is_faint(info.data.get("latency_ms"), info.data.get("loss_percent", 100))
        if dependency == INTERFACE_WHOLE and cls.knows_interface:
            if not faint or info.data.get("flows_percent", 100) != 100:
                raise ValueError(f"addresses, or a loss_percent of at most {FAINTEST} on all flows: the agent's traffic is lost, too")
            return dependency
        for source in [] if dependency is None else split_sources(dependency):
            if faint:
                check_source(source)
            else:
                _check_dependency(source)
        return dependency


class Parameters(Dependency):
    knows_interface = True

    traffic_type: Literal["egress", "ingress"] = "egress"
    """Which packets to or from `dependency` are disturbed: those that leave (`egress`) or those that arrive."""
    interface: Annotated[str, Field(pattern=INTERFACE)] | None = None
    """Network interface; None: the document's default."""

    @field_validator("traffic_type")
    @classmethod
    def _outgoing(cls, value: str, info: ValidationInfo) -> str:
        if value == "ingress" and (info.data.get("port") is not None or info.data.get("dependency") == INTERFACE_WHOLE):
            raise ValueError(f"egress with port, and with {INTERFACE_WHOLE}")
        return value

    @field_validator("interface")
    @classmethod
    def _of_address(cls, value: object, info: ValidationInfo) -> object:
        return refuse_beside_port(value, info)


class DependencyTimeout(SendCommandFault[Parameters]):
    """Drops what instances send to `dependency` (all, or `loss_percent`), or delays it by `latency_ms`; with `port`,
    drops everything sent to that port."""

    type = FaultType.DEPENDENCY_TIMEOUT
    takes = frozenset({"network"})
    verb = "cut a dependency off from"
    risk = "high"
    ssm_documents = (LOSS, LATENCY, BLACKHOLE, OLDER_LOSS)
    parameters = Parameters
    action = "dependency"
    unless_allowed = {"port": (LEAST_PORT, 65535)}

    def names_of(self, document: str, /) -> DocumentNames:
        return _NAMES[document]

    def read_action(self, document: str, parameters: Mapping[str, str], /) -> dict[str, Any]:
        own = super().read_action(document, parameters)
        if document == OLDER_LOSS:
            return {**own, "dependency": INTERFACE_WHOLE}
        if own.get("dependency") == INTERFACE_WHOLE:
            raise InvalidInput([Problem(path="Sources", message=f"is {INTERFACE_WHOLE}, which {document} does not know")])
        return own

    def document(self, parameters: Parameters, /) -> str:
        if parameters.port is not None:
            return BLACKHOLE
        if parameters.dependency == INTERFACE_WHOLE:
            return OLDER_LOSS
        return LOSS if parameters.latency_ms is None else LATENCY

    def describe(self, parameters: Parameters, /) -> str:
        return describe_dependency(parameters, "what is sent")

    def document_parameters(self, parameters: Parameters, /) -> dict[str, str]:
        given = parameters.model_dump(exclude_none=True)
        names = _NAMES[self.document(parameters)]
        return {name: str(given[own]) for name, (own, _) in names.items() if own in given and (own != "flows_percent" or given[own] != 100)}

    def check_instances(self, injection: Injection[Instance, Parameters], /) -> Iterable[SafetyCheck]:
        yield make_check("dependency_apart", *check_apart(injection.targets, injection.parameters))


_PEERS: DocumentNames = {"Sources": ("dependency", None), "TrafficType": ("traffic_type", "ingress")}
_PART: DocumentNames = {"Interface": ("interface", None), "FlowsPercent": ("flows_percent", "100")}
_NAMES: Mapping[str, DocumentNames] = {
    LOSS: {**_PEERS, "LossPercent": ("loss_percent", "7"), **_PART},
    LATENCY: {**_PEERS, "DelayMilliseconds": ("latency_ms", "200"), "JitterMilliseconds": ("jitter_ms", "10"), **_PART},
    BLACKHOLE: {"Protocol": ("protocol", None), "Port": ("port", None), "TrafficType": ("traffic_type", "ingress")},
    OLDER_LOSS: {"LossPercent": ("loss_percent", "7"), "Interface": ("interface", None)},
}
"""The parameters of each document, with its own defaults (AWS FIS user guide, "Pre-configured AWS FIS SSM
documents")."""


def describe_dependency(parameters: Dependency, sent: str) -> str:
    """What the fault does, in a sentence. `sent`: what it hits."""
    if parameters.port is not None:
        return f"Drop {sent} to {parameters.protocol} {parameters.port}"
    if parameters.latency_ms is not None:
        return f"Delay {sent} to the dependency by {parameters.latency_ms} ms"
    whole = parameters.loss_percent == 100
    return f"Drop {sent} to the dependency" if whole else f"Drop {parameters.loss_percent} % of {sent} to the dependency"


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
    if is_faint(parameters.latency_ms, parameters.loss_percent):
        return bool(targets), f"with a loss of {parameters.loss_percent} % the targets may be in {named} themselves"
    networks = [network for source in named.split(",") if source not in SERVICES and (network := network_of(source))]
    inside = [
        f"{target.id} at {target.private_ip or 'no private IPv4 address'}"
        for target in targets
        if networks and (not target.private_ip or any(ipaddress.ip_address(target.private_ip) in network for network in networks))
    ]
    if inside:
        return False, f"{', '.join(inside)} is itself in {named}: its name server and load balancer may be too; name the dependency alone"
    return bool(targets), f"no target is itself in {named}; only the definition says that the workload depends on it"
