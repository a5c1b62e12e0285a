"""Delay the network of pinned instances with AWS's own Systems Manager document."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from squall.domain.documents.safety import SafetyCheck
from squall.domain.model import Model
from squall.domain.resources.instances import Instance
from squall.domain.resources.workload import Workload
from squall.domain.vocabulary import FaultType
from squall.faults.base import check
from squall.faults.mechanisms.network_sources import INTERFACE, Sources, reaches
from squall.faults.mechanisms.send_command import SendCommandFault

DOCUMENT = "AWSFIS-Run-Network-Latency-Sources"
DEFAULT_SOURCES = "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16"
"""The private networks: in a VPC with such addresses the load balancer, peers and databases are delayed, as users would notice. In a VPC
with others (100.64.0.0/10 …) nothing would be, and the prerequisite `sources_reach_vpc` refuses. Neither the metadata service nor public
endpoints are delayed; but where Systems Manager is reached by interface endpoints, those live in the VPC, and the agent's own traffic is
delayed too. It is late, not cut off: the policy's range of `latency_ms` keeps it short enough for a cancel to arrive, and the command
ends by itself after DurationSeconds whether or not one does."""


class Parameters(Model):
    latency_ms: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 200
    jitter_ms: Annotated[int, Field(strict=True, ge=0, le=10_000)] = 10
    sources: Sources = DEFAULT_SOURCES
    """Comma-separated: IPv4 addresses and networks, Availability Zones, domain names, DYNAMODB, S3."""
    interface: Annotated[str, Field(pattern=INTERFACE)] | None = None
    """Network interface; None: the document's default."""
    traffic_type: Literal["ingress", "egress"] = "ingress"
    flows_percent: Annotated[int, Field(strict=True, ge=1, le=100)] = 100


class NetworkLatency(SendCommandFault[Parameters]):
    """AWSFIS-Run-Network-Latency-Sources: ends by itself, and when it is cancelled."""

    type = FaultType.NETWORK_LATENCY
    title = "Network latency"
    risk = "medium"
    ssm_documents = (DOCUMENT,)
    parameters = Parameters
    action = "latency"
    names = {
        "DelayMilliseconds": ("latency_ms", "200"),
        "JitterMilliseconds": ("jitter_ms", "10"),
        "Sources": ("sources", None),
        "TrafficType": ("traffic_type", "ingress"),
        "Interface": ("interface", None),
        "FlowsPercent": ("flows_percent", "100"),
    }
    unless_allowed = {"latency_ms": (1, 2000), "jitter_ms": (0, 1000)}
    """With three seconds a packet the agent that ends the delay can still be told to."""

    def describe(self, parameters: Parameters) -> str:
        return f"Delay {parameters.traffic_type} traffic by {parameters.latency_ms} ms"

    def document_parameters(self, parameters: Parameters) -> dict[str, str]:
        given = {
            "DelayMilliseconds": str(parameters.latency_ms),
            "JitterMilliseconds": str(parameters.jitter_ms),
            "Sources": parameters.sources,
            "TrafficType": parameters.traffic_type,
        }
        if parameters.interface is not None:
            given["Interface"] = parameters.interface
        if parameters.flows_percent != 100:
            given["FlowsPercent"] = str(parameters.flows_percent)
        return given

    def needs(self, workload: Workload, pinned: Sequence[Instance], parameters: Parameters) -> tuple[SafetyCheck, ...]:  # noqa: ARG002
        return (check("sources_reach_vpc", *reaches(pinned, parameters.sources)),)
