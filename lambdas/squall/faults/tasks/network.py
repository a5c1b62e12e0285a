"""Disturbs the network of pinned ECS tasks: late answers, and dependencies that never answer."""

from collections.abc import Iterable
from typing import Annotated, Protocol

from pydantic import Field

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import FaultType
from squall.domain.documents.safety import SafetyCheck
from squall.domain.resources.tasks import EcsTask
from squall.faults.base import Injection
from squall.faults.checks import make_check
from squall.faults.instances.dependency_timeout import LEAST_PORT, Dependency, check_apart, describe_dependency
from squall.faults.instances.network_latency import DEFAULT_SOURCES
from squall.faults.mechanisms.network_sources import Sources, check_reach
from squall.faults.parameters import Fixed, Names
from squall.faults.tasks.base import TaskFault

LATENCY, LOSS, BLACKHOLE = (f"aws:ecs:task-network-{kind}" for kind in ("latency", "packet-loss", "blackhole-port"))
LATENCY_DOCUMENT, LOSS_DOCUMENT, BLACKHOLE_DOCUMENT = (
    f"AWSFIS-Run-Network-{kind}-ECS" for kind in ("Latency", "Packet-Loss", "Blackhole-Port")
)
"""The documents that are sent where ECS's fault injection endpoints are used, which Squall always does."""
EVERYBODY = "ALL"
"""FIS's default of `sources`. It is no dependency, and would cut off the agent: the parameters refuse it."""
PORT: Names = {"port": ("port", None), "protocol": ("protocol", "tcp")}
"""The parameters of a black hole."""
OUTGOING: Fixed = {"trafficType": ("egress", "not said")}
LOSS_NAMES: Names = {
    "lossPercent": ("loss_percent", "7"),
    "sources": ("dependency", EVERYBODY),
    "flowsPercent": ("flows_percent", "100"),
}
"""The parameters of a loss, by FIS's names."""


def latency_names(sources: str) -> Names:
    """FIS's parameters of a latency, by name. `sources`: the name of the fault's own parameter for the receivers."""
    return {
        "delayMilliseconds": ("latency_ms", "200"),
        "jitterMilliseconds": ("jitter_ms", "10"),
        "sources": (sources, EVERYBODY),
        "flowsPercent": ("flows_percent", "100"),
    }


class LatencyParameters(Model):
    latency_ms: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 200
    """The delay of each packet, in milliseconds."""
    jitter_ms: Annotated[int, Field(strict=True, ge=0, le=10_000)] = 10
    """How much the delay varies, in milliseconds."""
    sources: Sources = DEFAULT_SOURCES
    """Comma-separated receivers to whom the tasks' traffic is late: IPv4 addresses and networks, Availability Zones,
    domain names, DYNAMODB, S3."""
    flows_percent: Annotated[int, Field(strict=True, ge=1, le=100)] = 100
    """Percent of connections that are delayed; less than all needs version 1.100.0 of the ECS agent."""


class TaskNetworkLatency(TaskFault[LatencyParameters]):
    """`aws:ecs:task-network-latency`: delays everything that the task sends, including its answers. Commands reach the
    agent late as well."""

    type = FaultType.NETWORK_LATENCY
    takes = frozenset({"network"})
    verb = "delayed the network of"
    risk = "medium"
    ssm_documents = (LATENCY_DOCUMENT,)
    actions = (LATENCY,)
    parameters = LatencyParameters
    names = {LATENCY: latency_names("sources")}
    action = "latency"
    unless_allowed = {"latency_ms": (1, 2000), "jitter_ms": (0, 1000)}

    def task_parameters(self, parameters: LatencyParameters, /) -> dict[str, str]:
        return delay_parameters(parameters, parameters.sources)

    def describe(self, parameters: LatencyParameters, /) -> str:
        return f"Delay what the tasks send by {parameters.latency_ms} ms"

    def in_its_network(self, _parameters: LatencyParameters, /) -> bool:
        return True

    def check_tasks(self, injection: Injection[EcsTask, LatencyParameters], /) -> Iterable[SafetyCheck]:
        yield make_check("sources_reach_vpc", *check_reach(injection.targets, injection.parameters.sources))


class TaskDependencyTimeout(TaskFault[Dependency]):
    """Drops what the tasks send to `dependency` (all, or `loss_percent`), or delays it by `latency_ms`; with `port`,
    drops everything sent to that port."""

    type = FaultType.DEPENDENCY_TIMEOUT
    takes = frozenset({"network"})
    verb = "cut a dependency off from"
    risk = "high"
    ssm_documents = (LOSS_DOCUMENT, LATENCY_DOCUMENT, BLACKHOLE_DOCUMENT)
    actions = (LOSS, LATENCY, BLACKHOLE)
    parameters = Dependency
    names = {LOSS: LOSS_NAMES, LATENCY: latency_names("dependency"), BLACKHOLE: PORT}
    fixed = {BLACKHOLE: OUTGOING}
    action = "dependency"
    unless_allowed = {"port": (LEAST_PORT, 65535)}

    def action_id(self, parameters: Dependency, /) -> str:
        if parameters.port is not None:
            return BLACKHOLE
        return LOSS if parameters.latency_ms is None else LATENCY

    def task_parameters(self, parameters: Dependency, /) -> dict[str, str]:
        return dependency_parameters(parameters)

    def describe(self, parameters: Dependency, /) -> str:
        return describe_dependency(parameters, "what the tasks send")

    def in_its_network(self, _parameters: Dependency, /) -> bool:
        return True

    def check_tasks(self, injection: Injection[EcsTask, Dependency], /) -> Iterable[SafetyCheck]:
        yield make_check("dependency_apart", *check_apart(injection.targets, injection.parameters))


def dependency_parameters(parameters: Dependency) -> dict[str, str]:
    """The parameters of a dependency timeout, as FIS's network actions of both tasks and pods name them."""
    if parameters.port is not None:
        return {"protocol": parameters.protocol, "port": str(parameters.port), "trafficType": "egress"}
    sources = parameters.dependency or ""
    if parameters.latency_ms is not None:
        return delay_parameters(parameters, sources)
    return {"lossPercent": str(parameters.loss_percent), "sources": sources, **_flows(parameters.flows_percent)}


class Delay(Protocol):
    """Parameters that may delay traffic."""

    @property
    def latency_ms(self) -> int | None: ...
    @property
    def jitter_ms(self) -> int: ...
    @property
    def flows_percent(self) -> int: ...


def delay_parameters(parameters: Delay, sources: str) -> dict[str, str]:
    """The parameters of a latency, as FIS's network actions of both tasks and pods name them."""
    delay = {"delayMilliseconds": str(parameters.latency_ms), "jitterMilliseconds": str(parameters.jitter_ms), "sources": sources}
    return {**delay, **_flows(parameters.flows_percent)}


def _flows(percent: int) -> dict[str, str]:
    """All flows are FIS's default, which older agents know as well."""
    return {} if percent == 100 else {"flowsPercent": str(percent)}
