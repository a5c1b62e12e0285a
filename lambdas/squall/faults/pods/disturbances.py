"""Faults that last in EKS pods: CPU, memory, late answers, a deaf port, and dependencies that never answer."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from pydantic import Field

from squall.domain.documents.safety import SafetyCheck
from squall.domain.judging.fault_signals import SHARE, Signal
from squall.domain.model import Model
from squall.domain.resources.base import Resource
from squall.domain.resources.pods import EksPod
from squall.domain.resources.types import ids, these
from squall.domain.resources.workload import Workload
from squall.domain.vocabulary import FaultType
from squall.faults.base import check
from squall.faults.instances.cpu_stress import Parameters as CpuParameters
from squall.faults.instances.dependency_timeout import LEAST_PORT, Dependency, apart
from squall.faults.instances.memory_stress import Parameters as MemoryParameters
from squall.faults.instances.network_latency import DEFAULT_SOURCES
from squall.faults.instances.service_unavailable import port_serves
from squall.faults.mechanisms.network_sources import Sources, reaches
from squall.faults.pods.base import PodFault

LATENCY, LOSS, BLACKHOLE = (f"aws:eks:pod-network-{what}" for what in ("latency", "packet-loss", "blackhole-port"))


def of_limit(metric: str, pinned: Sequence[Resource], *, toward: float, share: float = SHARE) -> tuple[Signal, ...]:
    """Container Insights with enhanced observability has it of each pod whose containers have limits; without, nothing contradicts."""
    return tuple(
        Signal(
            targets=(one.id,),
            namespace="ContainerInsights",
            metric_name=metric,
            dimensions=(("FullPodName", one.name),),
            partly=True,
            toward=toward,
            share=share,
        )
        for one in these(EksPod, pinned)
    )


class PodCpuStress(PodFault[CpuParameters]):
    """`aws:eks:pod-cpu-stress`: within the pod's limits, where it has any; else its node's CPUs."""

    type = FaultType.CPU_STRESS
    title = "CPU stress of pods"
    risk = "low"
    action_id = "aws:eks:pod-cpu-stress"
    actions = (action_id,)
    action = "cpu"
    parameters = CpuParameters
    names = {"load_percent": "percent", "cpus": "workers"}
    moves_metrics = ("cpu_utilization",)

    def chosen(self, parameters: CpuParameters) -> str:  # noqa: ARG002 - the base's
        return self.action_id

    def signals(self, parameters: Model, workload: Workload, pinned: Sequence[Resource]) -> tuple[Signal, ...]:  # noqa: ARG002
        """Of its limit, once all of its CPUs are loaded."""
        own = self._own(parameters)
        return () if own.cpus else of_limit("pod_cpu_utilization_over_pod_limit", pinned, toward=float(own.load_percent))

    def describe(self, parameters: CpuParameters) -> str:
        return f"Load {parameters.cpus or 'all'} CPUs of the pod with {parameters.load_percent} %"


class PodMemoryStress(PodFault[MemoryParameters]):
    """`aws:eks:pod-memory-stress`: of the pod's own memory. What the kernel kills meanwhile its kubelet starts again."""

    type = FaultType.MEMORY_STRESS
    title = "Memory stress of pods"
    risk = "high"
    action_id = "aws:eks:pod-memory-stress"
    actions = (action_id,)
    action = "memory"
    parameters = MemoryParameters
    names = {"memory_percent": "percent", "workers": "workers"}
    unless_allowed = {"memory_percent": (1, 95)}

    def chosen(self, parameters: MemoryParameters) -> str:  # noqa: ARG002 - the base's
        return self.action_id

    def signals(self, parameters: Model, workload: Workload, pinned: Sequence[Resource]) -> tuple[Signal, ...]:  # noqa: ARG002
        """Of what was free of its limit, so much is taken."""
        share = SHARE * self._own(parameters).memory_percent / 100
        return of_limit("pod_memory_utilization_over_pod_limit", pinned, toward=100.0, share=share)

    def describe(self, parameters: MemoryParameters) -> str:
        return f"Take {parameters.memory_percent} % of the pod's memory"

    def besides(self, workload: Workload, pods: Sequence[EksPod], parameters: MemoryParameters) -> Iterable[SafetyCheck]:  # noqa: ARG002
        open_ended = [pod for pod in pods if not pod.memory_limited]
        said = f"{ids(open_ended)} has a container without a memory limit: its node's other pods would be killed or evicted, too"
        yield check("memory_limited", bool(pods) and not open_ended, said if open_ended else "every pod has a memory limit")


class LatencyParameters(Model):
    latency_ms: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 200
    jitter_ms: Annotated[int, Field(strict=True, ge=0, le=10_000)] = 10
    sources: Sources = DEFAULT_SOURCES
    """Comma-separated, to whom what the pods send is late: IPv4 addresses and networks, Availability Zones, domain names, DYNAMODB, S3."""


class PodNetworkLatency(PodFault[LatencyParameters]):
    """`aws:eks:pod-network-latency`: of what the pod sends, its answers among it."""

    type = FaultType.NETWORK_LATENCY
    title = "Network latency of pods"
    risk = "medium"
    action_id = LATENCY
    actions = (LATENCY,)
    action = "latency"
    parameters = LatencyParameters
    names = {"latency_ms": "delayMilliseconds", "jitter_ms": "jitterMilliseconds", "sources": "sources"}
    unless_allowed = {"latency_ms": (1, 2000), "jitter_ms": (0, 1000)}

    def chosen(self, parameters: LatencyParameters) -> str:  # noqa: ARG002 - the base's
        return LATENCY

    def describe(self, parameters: LatencyParameters) -> str:
        return f"Delay what the pod sends by {parameters.latency_ms} ms"

    def in_its_network(self) -> bool:
        return True

    def besides(self, workload: Workload, pods: Sequence[EksPod], parameters: LatencyParameters) -> Iterable[SafetyCheck]:  # noqa: ARG002
        yield check("sources_reach_vpc", *reaches(pods, parameters.sources))


class PortParameters(Model):
    protocol: Literal["tcp", "udp"] = "tcp"
    port: Annotated[int, Field(strict=True, ge=1, le=65535)]
    """At which the pods serve: of the container, not of the service. What arrives there is dropped."""


class PodServiceUnavailable(PodFault[PortParameters]):
    """`aws:eks:pod-network-blackhole-port` on what arrives."""

    type = FaultType.SERVICE_UNAVAILABLE
    title = "Service of pods unavailable"
    risk = "high"
    action_id = BLACKHOLE
    actions = (BLACKHOLE,)
    action = "unavailable"
    parameters = PortParameters
    names = {"protocol": "protocol", "port": "port"}
    moves_metrics = ("healthy_hosts", "unhealthy_hosts")

    def chosen(self, parameters: PortParameters) -> str:  # noqa: ARG002 - the base's
        return BLACKHOLE

    def told(self, parameters: PortParameters) -> dict[str, str]:
        return {**super().told(parameters), "trafficType": "ingress"}

    def describe(self, parameters: PortParameters) -> str:
        return f"Drop what arrives at {parameters.protocol} {parameters.port} of the pod"

    def in_its_network(self) -> bool:
        return True

    def besides(self, workload: Workload, pods: Sequence[EksPod], parameters: PortParameters) -> Iterable[SafetyCheck]:
        yield check("port_serves", *port_serves(workload, pods, parameters.protocol, parameters.port))


class PodDependencyTimeout(PodFault[Dependency]):
    """What the pods send to a dependency is all lost, all late, or all to a port dropped."""

    type = FaultType.DEPENDENCY_TIMEOUT
    title = "Dependency timeout of pods"
    risk = "high"
    action_id = LOSS
    actions = (LOSS, LATENCY, BLACKHOLE)
    action = "dependency"
    parameters = Dependency
    unless_allowed = {"port": (LEAST_PORT, 65535)}

    def chosen(self, parameters: Dependency) -> str:
        if parameters.port is not None:
            return BLACKHOLE
        return LOSS if parameters.latency_ms is None else LATENCY

    def told(self, parameters: Dependency) -> dict[str, str]:
        if parameters.port is not None:
            return {"protocol": parameters.protocol, "port": str(parameters.port), "trafficType": "egress"}
        if parameters.latency_ms is None:
            return {"lossPercent": "100", "sources": parameters.dependency or ""}
        late, jitter = str(parameters.latency_ms), str(parameters.jitter_ms)
        return {"delayMilliseconds": late, "jitterMilliseconds": jitter, "sources": parameters.dependency or ""}

    def describe(self, parameters: Dependency) -> str:
        if parameters.port is not None:
            return f"Drop what the pod sends to {parameters.protocol} {parameters.port}"
        how = "Drop" if parameters.latency_ms is None else f"Delay by {parameters.latency_ms} ms"
        return f"{how} what the pod sends to the dependency"

    def in_its_network(self) -> bool:
        return True

    def besides(self, workload: Workload, pods: Sequence[EksPod], parameters: Dependency) -> Iterable[SafetyCheck]:  # noqa: ARG002
        yield check("dependency_apart", *apart(pods, parameters))
