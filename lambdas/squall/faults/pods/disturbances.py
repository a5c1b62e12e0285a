"""Faults that last in EKS pods: CPU, memory, late answers, a silent port, and dependencies that never answer."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import FaultType
from squall.domain.documents.safety import SafetyCheck
from squall.domain.judging.fault_signals import SHARE, Signal
from squall.domain.resources.pods import EksPod
from squall.faults.base import Injection
from squall.faults.checks import make_check
from squall.faults.instances.cpu_stress import Parameters as CpuParameters
from squall.faults.instances.dependency_timeout import LEAST_PORT, Dependency, check_apart, describe_dependency
from squall.faults.instances.memory_stress import Parameters as MemoryParameters
from squall.faults.instances.network_latency import DEFAULT_SOURCES
from squall.faults.instances.service_unavailable import port_serves
from squall.faults.mechanisms.network_sources import Sources, check_reach
from squall.faults.parameters import read_parameters
from squall.faults.pods.base import PodFault, check_memory_limits
from squall.faults.tasks.network import LOSS_NAMES, OUTGOING, PORT, delay_parameters, dependency_parameters, latency_names

LATENCY, LOSS, BLACKHOLE = (f"aws:eks:pod-network-{effect}" for effect in ("latency", "packet-loss", "blackhole-port"))


def limit_signals(metric: str, pods: Sequence[EksPod], *, toward: float, share: float = SHARE) -> tuple[Signal, ...]:
    """The signals for a share of each pod's limit.

    Container Insights with enhanced observability publishes it for pods whose containers have limits. If it is not
    published, nothing contradicts the fault.
    """
    return tuple(
        Signal(
            targets=(pod.id,),
            namespace="ContainerInsights",
            metric_name=metric,
            dimensions=(("FullPodName", pod.name),),
            partly=True,
            toward=toward,
            share=share,
        )
        for pod in pods
    )


class PodCpuStress(PodFault[CpuParameters]):
    """`aws:eks:pod-cpu-stress`: uses CPU within the pod's limits; a pod without limits uses its node's CPUs."""

    type = FaultType.CPU_STRESS
    verb = "loaded the CPU of"
    risk = "low"
    takes = frozenset({"cpu"})
    told_by = frozenset({"cpu"})
    actions = ("aws:eks:pod-cpu-stress",)
    action = "cpu"
    parameters = CpuParameters
    names = {"load_percent": "percent", "cpus": "workers"}
    fis_defaults = {"percent": "100"}
    moves_metrics = ("cpu_utilization",)

    def expect_signals(self, injection: Injection[EksPod, CpuParameters], /) -> Iterable[Signal]:
        """The pod's share of its CPU limit, if all of its CPUs are loaded."""
        if injection.parameters.cpus:
            return ()
        return limit_signals("pod_cpu_utilization_over_pod_limit", injection.targets, toward=float(injection.parameters.load_percent))

    def describe(self, parameters: CpuParameters, /) -> str:
        return f"Load {parameters.cpus or 'all'} CPUs of the pod with {parameters.load_percent} %"


class PodMemoryStress(PodFault[MemoryParameters]):
    """`aws:eks:pod-memory-stress`: takes the pod's own memory. The kubelet restarts containers that the kernel
    kills."""

    type = FaultType.MEMORY_STRESS
    verb = "used up the memory of"
    risk = "high"
    takes = frozenset({"memory"})
    told_by = frozenset({"memory"})
    stirs = frozenset({"cpu"})
    """stress-ng uses CPU for it."""
    actions = ("aws:eks:pod-memory-stress",)
    action = "memory"
    parameters = MemoryParameters
    names = {"memory_percent": "percent", "workers": "workers"}
    fis_defaults = {"percent": "80"}
    unless_allowed = {"memory_percent": (1, 95)}

    def expect_signals(self, injection: Injection[EksPod, MemoryParameters], /) -> Iterable[Signal]:
        """The pod's share of its memory limit. The fault takes its percentage of what was free below the limit."""
        share = SHARE * injection.parameters.memory_percent / 100
        return limit_signals("pod_memory_utilization_over_pod_limit", injection.targets, toward=100.0, share=share)

    def describe(self, parameters: MemoryParameters, /) -> str:
        return f"Take {parameters.memory_percent} % of the pod's memory"

    def check_fitness(self, injection: Injection[EksPod, MemoryParameters], /) -> Iterable[SafetyCheck]:
        yield check_memory_limits(injection.targets)


class LatencyParameters(Model):
    latency_ms: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 200
    """The delay of each packet, in milliseconds."""
    jitter_ms: Annotated[int, Field(strict=True, ge=0, le=10_000)] = 10
    """How much the delay varies, in milliseconds."""
    sources: Sources = DEFAULT_SOURCES
    """Comma-separated receivers to whom the pods' traffic is late: IPv4 addresses and networks, Availability Zones,
    domain names, DYNAMODB, S3."""
    flows_percent: Annotated[int, Field(strict=True, ge=1, le=100)] = 100
    """Percent of connections that are delayed."""


class PodNetworkLatency(PodFault[LatencyParameters]):
    """`aws:eks:pod-network-latency`: delays everything that the pod sends, including its answers."""

    type = FaultType.NETWORK_LATENCY
    takes = frozenset({"network"})
    verb = "delayed the network of"
    risk = "medium"
    actions = (LATENCY,)
    action = "latency"
    in_its_network = True
    parameters = LatencyParameters
    unless_allowed = {"latency_ms": (1, 2000), "jitter_ms": (0, 1000)}

    def action_parameters(self, injection: Injection[EksPod, LatencyParameters], /) -> Mapping[str, str]:
        delay = delay_parameters(injection.parameters, injection.parameters.sources)
        return {**delay, **super().action_parameters(injection)}

    def read_own(self, _action_id: str, parameters: Mapping[str, str], /) -> dict[str, Any]:
        return read_parameters(parameters, latency_names("sources"), {}, self.parameters, self.type.value)

    def describe(self, parameters: LatencyParameters, /) -> str:
        return f"Delay what the pod sends by {parameters.latency_ms} ms"

    def check_fitness(self, injection: Injection[EksPod, LatencyParameters], /) -> Iterable[SafetyCheck]:
        yield make_check("sources_reach_vpc", *check_reach(injection.targets, injection.parameters.sources))


class PortParameters(Model):
    protocol: Literal["tcp", "udp"] = "tcp"
    """The protocol whose packets are dropped."""
    port: Annotated[int, Field(strict=True, ge=1, le=65535)]
    """The container's port at which the pods serve, not the service's. What arrives there is dropped."""


class PodServiceUnavailable(PodFault[PortParameters]):
    """`aws:eks:pod-network-blackhole-port` on incoming traffic."""

    type = FaultType.SERVICE_UNAVAILABLE
    takes = frozenset({"network"})
    verb = "made the service unavailable on"
    risk = "high"
    actions = (BLACKHOLE,)
    action = "unavailable"
    in_its_network = True
    parameters = PortParameters
    names = {"protocol": "protocol", "port": "port"}
    moves_metrics = ("healthy_hosts", "unhealthy_hosts")

    def action_parameters(self, injection: Injection[EksPod, PortParameters], /) -> Mapping[str, str]:
        return {**super().action_parameters(injection), "trafficType": "ingress"}

    def read_own(self, _action_id: str, parameters: Mapping[str, str], /) -> dict[str, Any]:
        names = {"port": ("port", None), "protocol": ("protocol", None)}
        return read_parameters(parameters, names, {"trafficType": ("ingress", "not said")}, self.parameters, self.type.value)

    def describe(self, parameters: PortParameters, /) -> str:
        return f"Drop what arrives at {parameters.protocol} {parameters.port} of the pod"

    def check_fitness(self, injection: Injection[EksPod, PortParameters], /) -> Iterable[SafetyCheck]:
        port = injection.parameters
        yield make_check("port_serves", *port_serves(injection.workload, injection.targets, port.protocol, port.port))


class PodDependencyTimeout(PodFault[Dependency]):
    """Drops what the pods send to `dependency` (all, or `loss_percent`), or delays it by `latency_ms`; with `port`,
    drops everything sent to that port."""

    type = FaultType.DEPENDENCY_TIMEOUT
    takes = frozenset({"network"})
    verb = "cut a dependency off from"
    risk = "high"
    actions = (LOSS, LATENCY, BLACKHOLE)
    action = "dependency"
    in_its_network = True
    parameters = Dependency
    unless_allowed = {"port": (LEAST_PORT, 65535)}

    def action_id(self, parameters: Dependency, /) -> str:
        if parameters.port is not None:
            return BLACKHOLE
        return LOSS if parameters.latency_ms is None else LATENCY

    def action_parameters(self, injection: Injection[EksPod, Dependency], /) -> Mapping[str, str]:
        return {**dependency_parameters(injection.parameters), **super().action_parameters(injection)}

    def read_own(self, action_id: str, parameters: Mapping[str, str], /) -> dict[str, Any]:
        names = {LOSS: LOSS_NAMES, LATENCY: latency_names("dependency"), BLACKHOLE: PORT}[action_id]
        fixed = OUTGOING if action_id == BLACKHOLE else {}
        return read_parameters(parameters, names, fixed, self.parameters, self.type.value)

    def describe(self, parameters: Dependency, /) -> str:
        return describe_dependency(parameters, "what the pod sends")

    def check_fitness(self, injection: Injection[EksPod, Dependency], /) -> Iterable[SafetyCheck]:
        yield make_check("dependency_apart", *check_apart(injection.targets, injection.parameters))
