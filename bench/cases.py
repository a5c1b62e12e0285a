"""The runs of `make catalogue`: every experiment of local/experiments, with the verdict expected of each run.

First come runs on the resilient workload, then each fault type on a workload that is not resilient to it, then faults
that do nothing. A run with another verdict makes the command fail.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from local.workload.settings import RESILIENT

Highest, Lowest, Total = "Maximum", "Minimum", "Sum"


@dataclass(frozen=True)
class Signal:
    """The metric that shows the fault's effect: its mean before the fault, and its extreme or sum over the periods of
    the fault."""

    title: str
    namespace: str
    metric: str
    by: tuple[tuple[str, str], ...]
    """The dimensions; `$target`, `$load_balancer` and `$target_group` are replaced by those of the run."""
    statistic: str = "Average"
    over: Literal["max", "min", "sum"] = "max"
    unit: str = ""


def _of_target(title: str, namespace: str, metric: str, *more: tuple[str, str], unit: str = " %") -> Signal:
    return Signal(title, namespace, metric, (("InstanceId", "$target"), *more), unit=unit)


_GROUP = ("AutoScalingGroupName", "sample-web")
_BALANCER = (("LoadBalancer", "$load_balancer"),)
_TARGET_GROUP = (("TargetGroup", "$target_group"), *_BALANCER)

CPU = _of_target("CPUUtilization of the target", "AWS/EC2", "CPUUtilization")
MEMORY = _of_target("mem_used_percent of the target", "CWAgent", "mem_used_percent", _GROUP)
DISK = _of_target("disk_used_percent of the target", "CWAgent", "disk_used_percent", _GROUP, ("path", "/"))
HEALTHY = Signal("HealthyHostCount", "AWS/ApplicationELB", "HealthyHostCount", _TARGET_GROUP, "Minimum", "min")
UNHEALTHY = Signal("UnHealthyHostCount", "AWS/ApplicationELB", "UnHealthyHostCount", _TARGET_GROUP, "Maximum")
ANSWERS = Signal("p99 of TargetResponseTime", "AWS/ApplicationELB", "TargetResponseTime", _BALANCER, "p99", unit=" s")
ROUND_TRIP = _of_target("DependencyRoundTrip of the target", "SampleWeb", "DependencyRoundTrip", _GROUP, unit=" ms")
DEPENDENCY = Signal("DependencyErrors of the target", "SampleWeb", "DependencyErrors", (("InstanceId", "$target"), _GROUP), Total, "sum")
ERRORS = Signal("Errors of the function", "AWS/Lambda", "Errors", (("FunctionName", "$target"),), Total, "sum")
DURATION = Signal("Duration of the function", "AWS/Lambda", "Duration", (("FunctionName", "$target"),), Highest, unit=" ms")
WRITES = Signal("WriteIOPS of the writer", "AWS/RDS", "WriteIOPS", (("DBClusterIdentifier", "sample-db"), ("Role", "WRITER")), over="min")
REBOOTED = _of_target("StatusCheckFailed of the target", "AWS/EC2", "StatusCheckFailed", unit="")
WRITE_TIME = Signal("VolumeTotalWriteTime of the target", "AWS/EBS", "VolumeTotalWriteTime", (("VolumeId", "$target"),), Total, unit=" s")
STALLED = Signal("VolumeStalledIOCheck of the target", "AWS/EBS", "VolumeStalledIOCheck", (("VolumeId", "$target"),), "Maximum")
REPLICA_AGE = Signal("ReplicaAge of the target", "SampleWeb", "ReplicaAge", (("TableName", "$target"),), Highest, unit=" s")
_RULE = (("SourceBucket", "$target"), ("DestinationBucket", "sample-archive-copy"), ("RuleId", "everything"))
NOT_COPIED = Signal("OperationsPendingReplication of the target", "AWS/S3", "OperationsPendingReplication", _RULE, Highest)
WITH_REPLICAS: Mapping[str, object] = {"replicas": True}
_TASKS = "sample-tasks"
_BEHIND_BALANCER = (("TargetGroup", "targetgroup/sample-tasks/fd765c25cd212fbd"), ("LoadBalancer", "app/sample-tasks/fd765c25cd212fbd"))
HEALTHY_TASKS = Signal("HealthyHostCount", "AWS/ApplicationELB", "HealthyHostCount", _BEHIND_BALANCER, "Minimum", "min")
TASK_CPU = Signal(
    "TaskCpuUtilization of the target", "ECS/ContainerInsights", "TaskCpuUtilization",
    (("ClusterName", "sample"), ("TaskDefinitionFamily", _TASKS), ("TaskId", "$target")), unit=" %",
)  # fmt: skip
TASK_ROUND_TRIP = Signal(
    "DependencyRoundTrip of the target", "SampleWeb", "DependencyRoundTrip", (("TaskId", "$target"), ("Service", _TASKS)), unit=" ms"
)
WITH_TASKS: Mapping[str, object] = {"tasks": True}
_PODS = tuple((name, f"{kind}/sample-pods/1252f894537f1da8") for name, kind in (("TargetGroup", "targetgroup"), ("LoadBalancer", "app")))
PODS_SERVING = Signal("HealthyHostCount of the pods", "AWS/ApplicationELB", "HealthyHostCount", _PODS, "Minimum", "min")
_HOSTED = (("TargetGroup", "targetgroup/sample-hosted/1004deae04a2f102"), ("LoadBalancer", "app/sample-hosted/1004deae04a2f102"))
HOSTED_SERVING = Signal("HealthyHostCount of the tasks", "AWS/ApplicationELB", "HealthyHostCount", _HOSTED, "Minimum", "min")
ON_HOSTS: Mapping[str, object] = {"container_instances": True}
STOPS_FIRST: Mapping[str, object] = {**ON_HOSTS, "minimum_healthy_percent": 50}
WITH_PODS: Mapping[str, object] = {"pods": True}
OF_PODS = Signal("DependencyErrors of the pods", "SampleWeb", "DependencyErrors", (("Service", "sample-pods"),), Total, "sum")


@dataclass(frozen=True)
class Case:
    """One run and the verdict expected of it."""

    name: str
    experiment: str
    signal: Signal
    verdict: Literal["validated", "refuted", "invalid", "aborted"] = "validated"
    workload: str = RESILIENT
    unmet: str = ""
    """The first words of the criterion that is not met; empty unless the run is refuted."""
    duration: str | None = None
    settings: Mapping[str, object] | None = None
    """Settings of the workload, besides its name."""


def _fragile_case(
    experiment: str, signal: Signal, workload: str, unmet: str, duration: str | None = None, settings: Mapping[str, object] | None = None
) -> Case:
    return Case(f"{experiment}, {workload}", experiment, signal, "refuted", workload, unmet, duration, settings)


RESILIENT_CASES = (
    Case("ec2-instance-termination", "ec2-instance-termination", HEALTHY, duration="PT30S"),
    Case("network-latency", "network-latency", ANSWERS, duration="PT30S"),
    Case("cpu-stress", "cpu-stress", CPU, duration="PT30S"),
    Case("memory-stress", "memory-stress", MEMORY, duration="PT30S"),
    Case("disk-fill", "disk-fill", DISK, duration="PT45S"),
    Case("service-unavailable", "service-unavailable", UNHEALTHY),
    Case("database-failover", "database-failover", WRITES),
    Case("dependency-timeout", "dependency-timeout", DEPENDENCY, duration="PT30S"),
    Case("slow-dependency", "slow-dependency", ANSWERS, duration="PT30S"),
    Case("packet-loss", "packet-loss", ROUND_TRIP),
    Case("brown-out", "brown-out", ROUND_TRIP),
    Case("stop-instance", "stop-instance", HEALTHY),
    Case("reboot", "reboot", REBOOTED),
    Case("database-reboot", "database-reboot", WRITES),
    # before anything moves the Spot Instance to the other zone
    Case("spot-storm", "spot-storm", HEALTHY),
    Case("spot-interruption", "spot-interruption", HEALTHY),
    Case("zone-loss", "zone-loss", HEALTHY),
    Case("noisy-neighbour", "noisy-neighbour", CPU),
    Case("cold-start", "cold-start", HEALTHY),
    Case("rollback-demo", "rollback-demo", HEALTHY),
    Case("sentinel", "sentinel", HEALTHY),
    Case("subnet-cut-off", "subnet-cut-off", UNHEALTHY),
    Case("volume-stall", "volume-stall", STALLED),
    Case("slow-volume", "slow-volume", WRITE_TIME),
    Case("table-replication-pause", "table-replication-pause", REPLICA_AGE, settings=WITH_REPLICAS),
    Case("bucket-replication-pause", "bucket-replication-pause", NOT_COPIED, settings=WITH_REPLICAS),
    Case("no-capacity", "no-capacity", HEALTHY, settings={"refresh_seconds": 10}),
    Case("deploy-under-fault", "deploy-under-fault", HEALTHY),
    Case("ecs-task-stop", "ecs-task-stop", HEALTHY_TASKS, duration="PT30S", settings=WITH_TASKS),
    Case("ecs-slow-dependency", "ecs-slow-dependency", TASK_ROUND_TRIP, duration="PT30S", settings=WITH_TASKS),
    Case("ecs-cpu-stress", "ecs-cpu-stress", TASK_CPU, duration="PT30S", settings=WITH_TASKS),
    Case("ecs-drain", "ecs-drain", HOSTED_SERVING, settings=ON_HOSTS),
    Case("eks-pod-delete", "eks-pod-delete", PODS_SERVING, settings=WITH_PODS),
    Case("eks-node-loss", "eks-node-loss", PODS_SERVING, settings=WITH_PODS),
    Case("eks-slow-dependency", "eks-slow-dependency", OF_PODS, settings=WITH_PODS),
    Case("scale-in", "scale-in", HEALTHY),
    Case("abort-demo", "abort-demo", ANSWERS, "aborted"),
    Case("lambda-invocation-errors", "lambda-invocation-errors", ERRORS, settings={"functions": True}),
    Case("lambda-slow-invocations", "lambda-slow-invocations", DURATION, settings={"functions": True}),
)
FRAGILE_CASES = (
    _fragile_case("ec2-instance-termination", HEALTHY, "fragile-group", "Auto Scaling launches", "PT30S"),
    _fragile_case("network-latency", ANSWERS, "no-headroom", "Response time", "PT30S"),
    _fragile_case("cpu-stress", CPU, "fragile-cpu", "System availability", "PT30S"),
    _fragile_case("memory-stress", MEMORY, "fragile-memory", "System availability", "PT30S"),
    _fragile_case("disk-fill", DISK, "fragile-disk", "System availability", "PT45S"),
    _fragile_case("service-unavailable", UNHEALTHY, "fragile-balancer", "System availability", "PT30S"),
    _fragile_case("database-failover", WRITES, "fragile-database", "System availability"),
    _fragile_case("subnet-cut-off", UNHEALTHY, "fragile-balancer", "System availability"),
    _fragile_case("zone-loss", HEALTHY, "fragile-database", "System availability"),
    _fragile_case("volume-stall", STALLED, "fragile-disk", "System availability"),
    _fragile_case("table-replication-pause", REPLICA_AGE, "fragile-replica", "Stale reads"),
    _fragile_case("bucket-replication-pause", NOT_COPIED, "fragile-replica", "Stale reads"),
    _fragile_case("ecs-task-stop", HEALTHY_TASKS, "fragile-group", "Auto Scaling launches", "PT30S", WITH_TASKS),
    _fragile_case("ecs-slow-dependency", TASK_ROUND_TRIP, "fragile-dependency", "System availability", "PT30S", WITH_TASKS),
    _fragile_case("ecs-cpu-stress", TASK_CPU, "fragile-cpu", "System availability", "PT30S", WITH_TASKS),
    _fragile_case("ecs-drain", HOSTED_SERVING, "fragile-group", "Healthy hosts", settings=STOPS_FIRST),
    _fragile_case("eks-pod-delete", PODS_SERVING, "fragile-group", "Auto Scaling launches", settings=WITH_PODS),
    _fragile_case("eks-node-loss", PODS_SERVING, "fragile-group", "Auto Scaling launches", settings=WITH_PODS),
    _fragile_case("dependency-timeout", ANSWERS, "fragile-dependency", "System availability", "PT30S"),
    _fragile_case("lambda-invocation-errors", ERRORS, "fragile-function", "System availability"),
    _fragile_case("lambda-slow-invocations", DURATION, "fragile-function", "p99 response time"),
)
"""Each fault type once. The durations and guards are such that no guard fires first: the run would be `aborted`, not
`refuted`."""
INVALID_CASES = (
    Case("cpu-stress, immune", "cpu-stress", CPU, "invalid", "immune", duration="PT30S"),
    Case("memory-stress, immune", "memory-stress", MEMORY, "invalid", "immune", duration="PT30S"),
    Case("disk-fill, immune", "disk-fill", DISK, "invalid", "immune", duration="PT30S"),
    Case("network-latency, immune", "network-latency", ROUND_TRIP, "invalid", "immune", duration="PT30S"),
    Case("dependency-timeout, immune", "dependency-timeout", ROUND_TRIP, "invalid", "immune", duration="PT30S"),
    Case("service-unavailable, immune", "service-unavailable", UNHEALTHY, "invalid", "immune", duration="PT30S"),
    Case("volume-stall, immune", "volume-stall", STALLED, "invalid", "immune"),
    Case("no-capacity, nothing launched", "no-capacity", HEALTHY, "invalid"),
    Case("zone-loss, nothing launched", "zone-loss", HEALTHY, "invalid", settings={"replacement_delay_seconds": 75}),
    Case("ecs-cpu-stress, immune", "ecs-cpu-stress", TASK_CPU, "invalid", "immune", duration="PT30S", settings=WITH_TASKS),
    Case("ecs-slow-dependency, immune", "ecs-slow-dependency", TASK_ROUND_TRIP, "invalid", "immune", duration="PT30S", settings=WITH_TASKS),
    Case("ecs-cpu-stress, failing-agent", "ecs-cpu-stress", TASK_CPU, "invalid", "failing-agent", duration="PT30S", settings=WITH_TASKS),
    Case("ecs-drain, no room", "ecs-drain", HOSTED_SERVING, "invalid", "fragile-group", settings=ON_HOSTS),
    Case("eks-slow-dependency, immune", "eks-slow-dependency", OF_PODS, "invalid", "immune", settings=WITH_PODS),
    Case("memory-stress, failing-agent", "memory-stress", MEMORY, "invalid", "failing-agent", duration="PT30S"),
    Case("dependency-timeout, failing-agent", "dependency-timeout", DEPENDENCY, "invalid", "failing-agent", duration="PT30S"),
    Case("lambda-invocation-errors, deaf-extension", "lambda-invocation-errors", ERRORS, "invalid", "deaf-extension"),
)
"""`immune`: the command reports success but the instance does nothing. `failing-agent`: the command fails.
`deaf-extension`: FIS writes the fault to a place that the extension may not read."""
CASES = (*RESILIENT_CASES, *FRAGILE_CASES, *INVALID_CASES)
