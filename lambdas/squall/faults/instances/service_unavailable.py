"""Silences a port of pinned instances: packets are dropped, callers wait until they give up, and health checks fail."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import FaultType
from squall.domain.documents.safety import SafetyCheck
from squall.domain.judging.fault_signals import Signal
from squall.domain.metrics.scopes import load_balancer_dimension, target_group_dimension
from squall.domain.resources.base import Resource
from squall.domain.resources.instances import Instance
from squall.domain.resources.workload import TargetGroup, Workload
from squall.faults.base import Injection
from squall.faults.checks import make_check
from squall.faults.mechanisms.send_command import SendCommandFault

EPHEMERAL = range(32768, 61000)
"""The ports that Linux chooses for outgoing connections: answers to the Systems Manager agent arrive at one of them."""
_AGENT_CALLS = {443: "its endpoints", 80: "the metadata service, for its credentials", 53: "name resolution"}
_LEASES = frozenset({68, 546})
"""The ports of DHCP and DHCPv6 clients: without a renewed lease the instance loses its address."""
_TRANSPORT = {
    "HTTP": {"tcp"}, "HTTPS": {"tcp"}, "TCP": {"tcp"}, "TLS": {"tcp"}, "UDP": {"udp"}, "TCP_UDP": {"tcp", "udp"},
    "QUIC": {"udp"}, "TCP_QUIC": {"tcp", "udp"}, "GENEVE": {"udp"},
}  # fmt: skip

_PUBLISHED = {":loadbalancer/app/": "AWS/ApplicationELB", ":loadbalancer/net/": "AWS/NetworkELB"}


def check_port(port: int, protocol: str | None) -> int:
    """The port, if a workload may serve at it. Raises ValueError for a port at which answers to the Systems Manager
    agent arrive."""
    if port in EPHEMERAL:
        span = f"{EPHEMERAL.start} to {EPHEMERAL.stop - 1}"
        raise ValueError(f"a port outside {span}: answers to the Systems Manager agent, which ends the fault, arrive there")
    if protocol == "udp" and port in _LEASES:
        raise ValueError(f"not udp {port}: the instance would lose its address, and with it the Systems Manager agent")
    return port


class Parameters(Model):
    protocol: Literal["tcp", "udp"] = "tcp"
    """The protocol whose packets are dropped."""
    port: Annotated[int, Field(strict=True, ge=1, le=65535)]
    """The port at which the instances serve: the target's, not the load balancer's listener's."""
    traffic_type: Literal["ingress"] = "ingress"
    """Which packets are dropped: those that arrive."""

    @field_validator("port")
    @classmethod
    def _not_the_agents(cls, port: int, info: ValidationInfo) -> int:
        return check_port(port, info.data.get("protocol"))

    @field_validator("traffic_type", mode="before")
    @classmethod
    def _ingress(cls, value: object, info: ValidationInfo) -> object:
        port = info.data.get("port")
        if value == "egress" and port in _AGENT_CALLS:
            why = _AGENT_CALLS[port]
            raise ValueError(f"ingress, never egress {port}: the Systems Manager agent, which ends the fault, needs it for {why}")
        if value == "egress":
            raise ValueError("ingress: what an instance depends on is dependency_timeout's business")
        return value


class ServiceUnavailable(SendCommandFault[Parameters]):
    """AWSFIS-Run-Network-Blackhole-Port: iptables drops what arrives at a port. The instance runs, but nobody can reach
    its service."""

    type = FaultType.SERVICE_UNAVAILABLE
    takes = frozenset({"network"})
    verb = "made the service unavailable on"
    risk = "medium"
    ssm_documents = ("AWSFIS-Run-Network-Blackhole-Port",)
    parameters = Parameters
    action = "blackhole"
    names = {"Protocol": ("protocol", None), "Port": ("port", None), "TrafficType": ("traffic_type", "ingress")}
    moves_metrics = ("healthy_hosts", "unhealthy_hosts")

    def describe(self, parameters: Parameters, /) -> str:
        return f"Drop what arrives at {parameters.protocol} {parameters.port}"

    def document_parameters(self, parameters: Parameters, /) -> dict[str, str]:
        return {"Protocol": parameters.protocol, "Port": str(parameters.port), "TrafficType": parameters.traffic_type}

    def check_instances(self, injection: Injection[Instance, Parameters], /) -> Iterable[SafetyCheck]:
        parameters = injection.parameters
        yield make_check("port_serves", *port_serves(injection.workload, injection.targets, parameters.protocol, parameters.port))

    def expect_signals(self, injection: Injection[Instance, Parameters], /) -> Iterable[Signal]:
        """The load balancer's health checks of a silent port, which must fail.

        With several targets, the metric shows only that not all were spared, because the number of load balancer nodes
        that it counts depends on the zones.
        """
        parameters = injection.parameters
        for group in injection.workload.target_groups:
            # Only a target that was checked, and passed, becomes unhealthy.
            hit = tuple(target.id for target in injection.targets if target.registered_names & set(group.healthy))
            balancer = group.load_balancer or ""
            namespace = next((space for kind, space in _PUBLISHED.items() if kind in balancer), None)
            if (
                hit
                and namespace
                and parameters.protocol == "tcp"
                and parameters.port in group.health_ports
                and group.unhealthy_after_seconds
            ):
                yield Signal(
                    targets=hit,
                    namespace=namespace,
                    metric_name="UnHealthyHostCount",
                    dimensions=(("LoadBalancer", load_balancer_dimension(balancer)), ("TargetGroup", target_group_dimension(group.arn))),
                    by=1.0,
                    after_seconds=group.unhealthy_after_seconds,
                )


def port_serves(workload: Workload, targets: Sequence[Resource], protocol: str, port: int) -> tuple[bool, str]:
    """Whether the targets serve at the port. The command succeeds also if nobody listens there."""
    wanted = f"{protocol} {port}"
    behind = {
        target.id: [group for group in workload.target_groups if target.registered_names & group.registered and group.ports]
        for target in targets
    }
    unserved = [id_ for id_, groups in behind.items() if groups and not any(_fits_port(group, protocol, port) for group in groups)]
    if unserved:
        known = sorted(
            {f"{group.protocol or 'port'} {known_port}" for id_ in unserved for group in behind[id_] for known_port in group.ports}
        )
        return False, f"{', '.join(unserved)} gets requests at {', '.join(known)}: nobody would notice the loss of {wanted}"
    unknown = [id_ for id_, groups in behind.items() if not groups]
    if unknown:
        return True, f"no target group shows at which ports {', '.join(unknown)} serves, only the definition that it is {wanted}"
    return bool(targets), f"every target is registered with a load balancer at {wanted}"


def _fits_port(group: TargetGroup, protocol: str, port: int) -> bool:
    transports = _TRANSPORT.get(group.protocol or "", {"tcp", "udp"})
    return port in group.ports and protocol in transports
