"""The workload's measurements under AWS's own metric names, dimensions and publication rules.

The rules matter as much as the names. An ALB publishes error counts only when they are not zero, publishes nothing
about traffic when there is none, does not count requests for which it had no target, and measures a response time only
for requests that were answered. Guards and verdicts that work here have dealt with these traps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Datum = dict[str, Any]
_MAX_VALUES = 150
"""PutMetricData takes this many distinct values in one datum."""


@dataclass(frozen=True)
class Stamp:
    """The period that a datum belongs to, identified by its start."""

    start: float

    def datum(self, name: str, unit: str, dimensions: Mapping[str, str], **value: object) -> Datum:
        return {
            "MetricName": name,
            "Unit": unit,
            "Timestamp": datetime.fromtimestamp(self.start, UTC),
            "StorageResolution": 1,
            "Dimensions": [{"Name": key, "Value": text} for key, text in dimensions.items()],
            **value,
        }

    def values(self, name: str, unit: str, dimensions: Mapping[str, str], counts: Mapping[float, int]) -> Iterator[Datum]:
        """The data of a distribution: several if it has more distinct values than one datum takes."""
        items = sorted(counts.items())
        for first in range(0, len(items), _MAX_VALUES):
            part = items[first : first + _MAX_VALUES]
            values, weights = [value for value, _ in part], [float(weight) for _, weight in part]
            yield self.datum(name, unit, dimensions, Values=values, Counts=weights)


def balancer_data(start: float, counts: Mapping[str, Any], load_balancer: str, target_group: str) -> list[Datum]:
    """The data of AWS/ApplicationELB for one period: requests, response times, errors, hosts."""
    stamp = Stamp(start)
    whole = {"LoadBalancer": load_balancer}
    both = {"TargetGroup": target_group, "LoadBalancer": load_balancer}
    data: list[Datum] = []
    for dimensions in (whole, both):
        if counts["routed"]:
            # One sample per request, as with an ALB: Sum counts requests, Average is 1.
            data.append(stamp.datum("RequestCount", "Count", dimensions, Values=[1.0], Counts=[float(counts["routed"])]))
        seconds = {int(ms) / 1000: int(count) for ms, count in counts["times_ms"].items()}
        data.extend(stamp.values("TargetResponseTime", "Seconds", dimensions, seconds))
        for status, count in counts["target_statuses"].items():
            data.append(stamp.datum(f"HTTPCode_Target_{status}_Count", "Count", dimensions, Value=float(count)))
        if counts["connection_errors"]:
            data.append(stamp.datum("TargetConnectionErrorCount", "Count", dimensions, Value=float(counts["connection_errors"])))
    own = counts["balancer_statuses"]
    if own:
        data.append(stamp.datum("HTTPCode_ELB_5XX_Count", "Count", whole, Value=float(sum(own.values()))))
    for status, count in own.items():
        data.append(stamp.datum(f"HTTPCode_ELB_{status}_Count", "Count", whole, Value=float(count)))
    for name, key in (("HealthyHostCount", "healthy"), ("UnHealthyHostCount", "unhealthy")):
        samples = {float(hosts): int(count) for hosts, count in counts[key].items()}
        data.extend(stamp.values(name, "Count", both, samples))
    return data


def instance_data(start: float, cpu_percent: Mapping[str, float], failed: Mapping[str, bool], group: str) -> list[Datum]:
    """The data of AWS/EC2 for one period, for each instance and for the group. `failed`: whether an instance fails its status
    checks."""
    stamp = Stamp(start)
    data = []
    for instance_id, percent in cpu_percent.items():
        dimensions = {"InstanceId": instance_id}
        data.append(stamp.datum("CPUUtilization", "Percent", dimensions, Value=percent))
        data.append(stamp.datum("CPUUtilization", "Percent", {"AutoScalingGroupName": group}, Value=percent))
    for instance_id, fails in failed.items():
        data.append(stamp.datum("StatusCheckFailed", "Count", {"InstanceId": instance_id}, Value=float(fails)))
    return data


def agent_data(start: float, used: Mapping[str, tuple[float, float]], group: str) -> list[Datum]:
    """The data of CWAgent for one period: memory and disk, which AWS/EC2 does not have."""
    stamp = Stamp(start)
    data = []
    for instance_id, (memory, disk) in used.items():
        dimensions = {"InstanceId": instance_id, "AutoScalingGroupName": group}
        data.append(stamp.datum("mem_used_percent", "Percent", dimensions, Value=memory))
        data.append(stamp.datum("disk_used_percent", "Percent", {**dimensions, "path": "/"}, Value=disk))
    return data


FAILURES = {"write_errors": "WriteErrors", "dependency_errors": "DependencyErrors", "database_errors": "DatabaseErrors"}


def application_data(
    start: float, counted: Mapping[str, Mapping[str, int]], dimensions: Mapping[str, str], each: str = "InstanceId"
) -> list[Datum]:
    """The application's own metrics for one period.

    These are the journal records that a full disk refused and the calls that failed, zeros included, and the duration
    of the calls to the dependency that ended in the period. `each` is the dimension that names a process.
    """
    stamp = Stamp(start)
    data: list[Datum] = []
    for kind, name in FAILURES.items():
        counts = {instance_id: float(of.get(kind, 0)) for instance_id, of in counted.items()}
        data.extend(stamp.datum(name, "Count", {each: process, **dimensions}, Value=count) for process, count in counts.items())
        data.append(stamp.datum(name, "Count", dimensions, Value=sum(counts.values())))
    for instance_id, of in counted.items():
        if calls := of.get("dependency_calls", 0):
            mean = of.get("dependency_ms", 0) / calls
            data.append(stamp.datum("DependencyRoundTrip", "Milliseconds", {each: instance_id, **dimensions}, Value=mean))
    return data


def group_data(start: float, lifecycles: Mapping[str, int], desired: int, group: str) -> list[Datum]:
    """AWS/AutoScaling for one period."""
    stamp = Stamp(start)
    dimensions = {"AutoScalingGroupName": group}
    values = {
        "GroupInServiceInstances": lifecycles.get("InService", 0),
        "GroupPendingInstances": lifecycles.get("Pending", 0),
        "GroupTerminatingInstances": lifecycles.get("Terminating", 0),
        "GroupDesiredCapacity": desired,
        "GroupTotalInstances": sum(lifecycles.values()),
    }
    return [stamp.datum(name, "None", dimensions, Value=float(value)) for name, value in values.items()]
