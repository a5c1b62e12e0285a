"""Delays the network of pinned instances with AWS's own Systems Manager document."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from squall.domain.base.model import Model
from squall.domain.base.problems import InvalidInput, Problem
from squall.domain.base.vocabulary import FaultType
from squall.domain.documents.safety import SafetyCheck
from squall.domain.resources.instances import Instance
from squall.faults.base import Injection
from squall.faults.checks import make_check
from squall.faults.mechanisms.network_sources import INTERFACE, INTERFACE_WHOLE, LATEST, SourcesOrInterface, check_reach
from squall.faults.mechanisms.send_command import DocumentNames, SendCommandFault

DOCUMENT, OLDER = "AWSFIS-Run-Network-Latency-Sources", "AWSFIS-Run-Network-Latency"
DEFAULT_SOURCES = "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16"
"""The private networks. In a VPC with such addresses the load balancer, peers and databases are delayed, as users would
notice. In a VPC with other addresses (100.64.0.0/10 …) nothing would be delayed, and the prerequisite
`sources_reach_vpc` refuses. Neither the metadata service nor public endpoints are delayed. Interface endpoints of
Systems Manager are in the VPC, so there the agent's own traffic is delayed too. It is late, not cut off: the policy's
range of `latency_ms` keeps the delay short enough for a cancel to arrive, and the command ends by itself after
DurationSeconds in any case."""


class Parameters(Model):
    latency_ms: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 200
    """The delay of each packet, in milliseconds."""
    jitter_ms: Annotated[int, Field(strict=True, ge=0, le=10_000)] = 10
    """How much the delay varies, in milliseconds."""
    sources: SourcesOrInterface = DEFAULT_SOURCES
    """Comma-separated: IPv4 addresses and networks, Availability Zones, domain names, DYNAMODB, S3. Or INTERFACE alone:
    everything that leaves, without jitter."""
    interface: Annotated[str, Field(pattern=INTERFACE)] | None = None
    """Network interface; None: the document's default."""
    traffic_type: Literal["ingress", "egress"] = "ingress"
    """Which packets are delayed: those that arrive (`ingress`) or those that leave (`egress`)."""
    flows_percent: Annotated[int, Field(strict=True, ge=1, le=100)] = 100
    """Percent of connections that are delayed."""

    @model_validator(mode="before")
    @classmethod
    def _know_interface(cls, raw: Any) -> Any:
        """AWSFIS-Run-Network-Latency knows neither jitter nor flows, and delays what leaves."""
        whole = isinstance(raw, Mapping) and raw.get("sources") == INTERFACE_WHOLE
        return {"jitter_ms": 0, "traffic_type": "egress", **raw} if whole else raw

    @field_validator("sources")
    @classmethod
    def _stay_reachable(cls, sources: str, info: ValidationInfo) -> str:
        if sources != INTERFACE_WHOLE:
            return sources
        if info.data.get("jitter_ms", 0) != 0:
            raise ValueError(f"jitter_ms 0 with {INTERFACE_WHOLE}: {OLDER} knows no jitter")
        if info.data.get("latency_ms", 0) > LATEST:
            raise ValueError(f"at most {LATEST} ms with {INTERFACE_WHOLE}: the agent that ends the fault is delayed, too")
        return sources

    @field_validator("traffic_type", "flows_percent")
    @classmethod
    def _whole(cls, value: str | int, info: ValidationInfo) -> str | int:
        if info.data.get("sources") == INTERFACE_WHOLE and value not in ("egress", 100):
            raise ValueError(f"egress, and all flows, with sources: {INTERFACE_WHOLE}: {OLDER} delays all that leaves")
        return value


class NetworkLatency(SendCommandFault[Parameters]):
    """AWSFIS-Run-Network-Latency-Sources, or with `sources: INTERFACE` AWSFIS-Run-Network-Latency: the delay ends by
    itself, and when the command is cancelled."""

    type = FaultType.NETWORK_LATENCY
    takes = frozenset({"network"})
    verb = "delayed the network of"
    risk = "medium"
    ssm_documents = (DOCUMENT, OLDER)
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
    """With up to three seconds a packet, a cancel still reaches the agent that ends the delay."""

    def names_of(self, document: str, /) -> DocumentNames:
        return self.names if document == DOCUMENT else {name: self.names[name] for name in ("DelayMilliseconds", "Interface")}

    def document(self, parameters: Parameters, /) -> str:
        return OLDER if parameters.sources == INTERFACE_WHOLE else DOCUMENT

    def read_action(self, document: str, parameters: Mapping[str, str], /) -> dict[str, Any]:
        own = super().read_action(document, parameters)
        if document == OLDER:
            return {**own, "sources": INTERFACE_WHOLE}
        if own.get("sources") == INTERFACE_WHOLE:
            raise InvalidInput([Problem(path="Sources", message=f"is {INTERFACE_WHOLE}, which {document} does not know")])
        return own

    def describe(self, parameters: Parameters, /) -> str:
        return f"Delay {parameters.traffic_type} traffic by {parameters.latency_ms} ms"

    def document_parameters(self, parameters: Parameters, /) -> dict[str, str]:
        values = {"DelayMilliseconds": str(parameters.latency_ms)}
        if parameters.sources != INTERFACE_WHOLE:
            values |= {
                "JitterMilliseconds": str(parameters.jitter_ms),
                "Sources": parameters.sources,
                "TrafficType": parameters.traffic_type,
            }
        if parameters.interface is not None:
            values["Interface"] = parameters.interface
        if parameters.flows_percent != 100:
            values["FlowsPercent"] = str(parameters.flows_percent)
        return values

    def check_instances(self, injection: Injection[Instance, Parameters], /) -> Iterable[SafetyCheck]:
        yield make_check("sources_reach_vpc", *check_reach(injection.targets, injection.parameters.sources))
