"""Disturb the network of pinned ECS tasks: late answers, and dependencies that never answer."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from squall.domain.documents.safety import SafetyCheck
from squall.domain.model import Model
from squall.domain.resources.tasks import EcsTask
from squall.domain.resources.workload import Workload
from squall.domain.vocabulary import FaultType
from squall.faults.base import check
from squall.faults.instances.dependency_timeout import LEAST_PORT, Dependency, apart
from squall.faults.instances.network_latency import DEFAULT_SOURCES
from squall.faults.mechanisms.network_sources import Sources, reaches
from squall.faults.mechanisms.template_parameters import Names
from squall.faults.tasks.base import TaskFault

LATENCY, LOSS, BLACKHOLE = (f"aws:ecs:task-network-{what}" for what in ("latency", "packet-loss", "blackhole-port"))
LATENCY_DOCUMENT, LOSS_DOCUMENT, BLACKHOLE_DOCUMENT = (
    f"AWSFIS-Run-Network-{what}-ECS" for what in ("Latency", "Packet-Loss", "Blackhole-Port")
)
"""Sent where ECS's fault injection endpoints are used, as they are here always."""
EVERYBODY = "ALL"
"""FIS's default of `sources`, which is nobody's dependency and cuts off the agent: the parameters refuse it."""
PORT: Names = {"port": ("port", None), "protocol": ("protocol", "tcp")}
"""Of a black hole."""


def _late(sources: str) -> Names:
    """Of a latency; `sources`: what the fault calls them."""
    return {
        "delayMilliseconds": ("latency_ms", "200"),
        "jitterMilliseconds": ("jitter_ms", "10"),
        "sources": (sources, EVERYBODY),
    }


class LatencyParameters(Model):
    latency_ms: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 200
    jitter_ms: Annotated[int, Field(strict=True, ge=0, le=10_000)] = 10
    sources: Sources = DEFAULT_SOURCES
    """Comma-separated, to whom what the tasks send is late: IPv4 addresses and networks, Availability Zones, domain names, DYNAMODB, S3."""
    flows_percent: Annotated[int, Field(strict=True, ge=1, le=100)] = 100
    """Of connections; less than all needs version 1.100.0 of the ECS agent."""


class TaskNetworkLatency(TaskFault[LatencyParameters]):
    """`aws:ecs:task-network-latency`: of what the task sends, its answers among it. The agent shares that network: it hears late, too."""

    type = FaultType.NETWORK_LATENCY
    title = "Network latency of tasks"
    risk = "medium"
    ssm_documents = (LATENCY_DOCUMENT,)
    fis_actions = (LATENCY,)
    parameters = LatencyParameters
    names = {LATENCY: {**_late("sources"), "flowsPercent": ("flows_percent", "100")}}
    action = "latency"
    unless_allowed = {"latency_ms": (1, 2000), "jitter_ms": (0, 1000)}

    def action_id(self, parameters: LatencyParameters) -> str:  # noqa: ARG002 - the base's
        return LATENCY

    def action_parameters(self, parameters: LatencyParameters) -> dict[str, str]:
        given = _delay(parameters.latency_ms, parameters.jitter_ms, parameters.sources)
        return given if parameters.flows_percent == 100 else {**given, "flowsPercent": str(parameters.flows_percent)}

    def describe(self, parameters: LatencyParameters) -> str:
        return f"Delay what the tasks send by {parameters.latency_ms} ms"

    def in_its_network(self, parameters: LatencyParameters) -> bool:  # noqa: ARG002 - the base's
        return True

    def needs(self, workload: Workload, pinned: Sequence[EcsTask], parameters: LatencyParameters) -> tuple[SafetyCheck, ...]:  # noqa: ARG002
        return (check("sources_reach_vpc", *reaches(pinned, parameters.sources)),)


class TaskDependencyTimeout(TaskFault[Dependency]):
    """What the tasks send to a dependency is all lost, all late, or all to a port dropped."""

    type = FaultType.DEPENDENCY_TIMEOUT
    title = "Dependency timeout of tasks"
    risk = "high"
    ssm_documents = (LOSS_DOCUMENT, LATENCY_DOCUMENT, BLACKHOLE_DOCUMENT)
    fis_actions = (LOSS, LATENCY, BLACKHOLE)
    parameters = Dependency
    names = {LOSS: {"sources": ("dependency", EVERYBODY)}, LATENCY: _late("dependency"), BLACKHOLE: PORT}
    fixed = {
        LOSS: {"lossPercent": ("100", "7"), "flowsPercent": ("100", "100")},
        LATENCY: {"flowsPercent": ("100", "100")},
        BLACKHOLE: {"trafficType": ("egress", "not said")},
    }
    action = "dependency"
    unless_allowed = {"port": (LEAST_PORT, 65535)}

    def action_id(self, parameters: Dependency) -> str:
        if parameters.port is not None:
            return BLACKHOLE
        return LOSS if parameters.latency_ms is None else LATENCY

    def action_parameters(self, parameters: Dependency) -> dict[str, str]:
        if parameters.port is not None:
            return {"protocol": parameters.protocol, "port": str(parameters.port), "trafficType": "egress"}
        sources = parameters.dependency or ""
        if parameters.latency_ms is not None:
            return _delay(parameters.latency_ms, parameters.jitter_ms, sources)
        return {"lossPercent": "100", "sources": sources}

    def describe(self, parameters: Dependency) -> str:
        if parameters.port is not None:
            return f"Drop what the tasks send to {parameters.protocol} {parameters.port}"
        late = parameters.latency_ms
        return f"{'Drop' if late is None else 'Delay'} what the tasks send to the dependency" + (
            f" by {late} ms" if late is not None else ""
        )

    def in_its_network(self, parameters: Dependency) -> bool:  # noqa: ARG002 - the base's
        return True

    def needs(self, workload: Workload, pinned: Sequence[EcsTask], parameters: Dependency) -> tuple[SafetyCheck, ...]:  # noqa: ARG002
        return (check("dependency_apart", *apart(pinned, parameters)),)


def _delay(milliseconds: int, jitter: int, sources: str) -> dict[str, str]:
    return {"delayMilliseconds": str(milliseconds), "jitterMilliseconds": str(jitter), "sources": sources}
