"""The settings of a resource that decide whether CloudWatch has a metric of it, and how often.

A metric that is not published is refused. One that is published less often than the environment's period is bound in
the period that it has; `enough_periods` then refuses what can't be judged or guarded in it.

Of the metrics that the language knows only the CPU of EC2 depends on one: load balancers, also by zone, ECS services and
RDS publish theirs every minute whatever is set. A metric that an experiment declares may also be any other of EC2, one of
an Auto Scaling group, or one of Container Insights for ECS. Enhanced Monitoring of RDS publishes no CloudWatch metrics,
but logs.
"""

import re
from collections.abc import Collection, Iterable, Mapping

from squall.domain.experiment.experiment import MetricDefinition
from squall.domain.language.metric_table import METRICS
from squall.domain.metrics.periods import SlowMetric
from squall.domain.metrics.scopes import Place, locate
from squall.domain.resources.instances import Instance
from squall.domain.resources.tasks import EcsTask
from squall.domain.run.commands import shell_command

BASIC_MONITORING_SECONDS = 300
"""How often EC2 publishes the metrics of an instance without detailed monitoring."""
_EC2, _AUTO_SCALING, _INSIGHTS = "AWS/EC2", "AWS/AutoScaling", "ECS/ContainerInsights"
_INSTANCE, _GROUP, _CLUSTER = "InstanceId", "AutoScalingGroupName", "ClusterName"
_OF_AGENT = "instance_"
"""The beginning of the names of the metrics that the CloudWatch agent publishes on container instances, whatever the
cluster's setting."""
_ENHANCED_DIMENSIONS = frozenset({"TaskId", "ContainerName"})
_ENHANCED = re.compile(
    r"TaskCpuUtilization|TaskMemoryUtilization|TaskEphemeralStorageUtilization|UnHealthyContainerHealthStatus"
    r"|Container(Cpu|Memory|Network|Storage)\w+"
)
"""The metrics that are in AWS's list for Container Insights with enhanced observability and not in the one for Container
Insights; of all others, those of single tasks and containers."""
_EVERY_MINUTE = "StatusCheckFailed"
"""The beginnings of the names of EC2's metrics that are published every minute, also with basic monitoring."""
_CREDITS = ("CPUCredit", "CPUSurplusCredit")
"""The beginnings of the names of EC2's metrics that are published every five minutes, also with detailed monitoring."""


def explain_unpublished(metric: str, declared: Mapping[str, MetricDefinition], place: Place) -> str:
    """The reason why a setting keeps CloudWatch from having the declared metric at all, with the command that changes
    it. Empty if none does, or if the workload does not say."""
    definition = declared.get(metric)
    if definition is None or definition.namespace not in {_AUTO_SCALING, _INSIGHTS}:
        return ""
    if definition.namespace == _AUTO_SCALING:
        return _explain_group(definition.metric_name, definition.dimensions.get(_GROUP), place)
    return _explain_insights(definition.metric_name, definition.dimensions, place)


def find_slow_publication(metric: str, declared: Mapping[str, MetricDefinition], place: Place) -> SlowMetric | None:
    """How often CloudWatch has a point of a metric that it has less than once a minute; None for any other metric, or if
    the workload does not say."""
    if metric in declared:
        return _find_slow_declared(declared[metric], place)
    row = METRICS.get(metric)
    located = locate(row, place) if row else ""
    if isinstance(located, str) or located[0].scope != "compute":
        return None
    groups = {resource.belongs_to for resource in place.pinned if resource.belongs_to}
    return _find_basic(place.workload.instances, {resource.id for resource in place.pinned}, groups)


def _find_slow_declared(definition: MetricDefinition, place: Place) -> SlowMetric | None:
    name, dimensions = definition.metric_name, definition.dimensions
    if definition.namespace != _EC2 or name.startswith(_EVERY_MINUTE):
        return None
    if name.startswith(_CREDITS):
        return SlowMetric(BASIC_MONITORING_SECONDS, f"EC2 publishes {name} every {BASIC_MONITORING_SECONDS} s, with any setting")
    return _find_basic(place.workload.instances, {dimensions.get(_INSTANCE)}, {dimensions.get(_GROUP)} - {None})


def _find_basic(instances: Iterable[Instance], ids: Collection[str | None], groups: Collection[str | None]) -> SlowMetric | None:
    basic = [
        instance.id for instance in instances if instance.detailed_monitoring is False and (instance.id in ids or instance.group in groups)
    ]
    if not basic:
        return None
    why = f"{', '.join(basic)} has basic monitoring, with a point every {BASIC_MONITORING_SECONDS} s"
    command = shell_command("aws", "ec2", "monitor-instances", "--instance-ids", *basic)
    return SlowMetric(BASIC_MONITORING_SECONDS, why, f"turn on detailed monitoring, in the launch template and with: {command}")


def _explain_group(metric_name: str, name: str | None, place: Place) -> str:
    group = next((group for group in place.workload.groups if group.kind == "auto_scaling" and group.name == name), None)
    if group is None or group.published_metrics is None or metric_name in group.published_metrics:
        return ""
    arguments = ("--auto-scaling-group-name", group.name, "--granularity", "1Minute", "--metrics", metric_name)
    command = shell_command("aws", "autoscaling", "enable-metrics-collection", *arguments)
    return f"the Auto Scaling group {group.name} does not publish {metric_name}; turn on its group metrics with: {command}"


def _explain_insights(metric_name: str, dimensions: Mapping[str, str], place: Place) -> str:
    if metric_name.startswith(_OF_AGENT):
        return ""
    cluster = dimensions.get(_CLUSTER, "")
    tasks = (resource for resource in place.workload.others if isinstance(resource, EcsTask) and resource.cluster == cluster)
    setting = next((task.insights for task in tasks if task.insights is not None), "enhanced")  # of another cluster, nothing is known
    enhanced = bool(_ENHANCED_DIMENSIONS & dimensions.keys()) or _ENHANCED.fullmatch(metric_name) is not None
    if setting == "enhanced" or (setting == "enabled" and not enhanced):
        return ""
    wanted = "enhanced" if enhanced else "enabled"
    command = shell_command(
        "aws", "ecs", "update-cluster-settings", "--cluster", cluster, "--settings", f"name=containerInsights,value={wanted}"
    )
    return f"the cluster {cluster} has containerInsights {setting}, and {metric_name} needs {wanted}; set it with: {command}"
