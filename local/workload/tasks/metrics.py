"""What ECS publishes about a service and its tasks: `AWS/ECS`, and Container Insights with enhanced observability.

`AWS/ECS` has one sample per task in each period, so that its Maximum is the busiest task and its Average the service.
Percentages are of what a task reserves. The task definition has the service's name.
"""

from __future__ import annotations

from collections.abc import Mapping

from local.workload.metrics import Datum, Stamp


def task_data(
    start: float, used: Mapping[str, tuple[float, float]], cluster: str, service: str, states: Mapping[str, int], desired: int
) -> dict[str, list[Datum]]:
    """The metrics of one period, by namespace. `used`: percent of CPU and of memory by task."""
    stamp = Stamp(start)
    of = {"ClusterName": cluster, "ServiceName": service}
    each = {"ClusterName": cluster, "TaskDefinitionFamily": service}
    services, insights = [], []
    for name, own, column in (("CPUUtilization", "TaskCpuUtilization", 0), ("MemoryUtilization", "TaskMemoryUtilization", 1)):
        for task, measured in used.items():
            services.append(stamp.datum(name, "Percent", of, Value=measured[column]))
            insights.append(stamp.datum(own, "Percent", {**each, "TaskId": task}, Value=measured[column]))
    counts = {"RunningTaskCount": states.get("RUNNING", 0), "PendingTaskCount": states.get("PENDING", 0), "DesiredTaskCount": desired}
    insights += [stamp.datum(name, "Count", of, Value=float(count)) for name, count in counts.items()]
    return {"AWS/ECS": services, "ECS/ContainerInsights": insights}
