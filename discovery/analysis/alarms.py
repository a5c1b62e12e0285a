"""Finds the alarms and objectives of each service, and the alarms among them that watch what users feel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squall.domain.language.metric_table import METRICS
from squall.domain.metrics.scopes import load_balancer_dimension, target_group_dimension

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from discovery.analysis.services import Service
    from discovery.inventory import Inventory
    from discovery.things.alarms import Alarm, Objective, Watch

_FELT = frozenset(
    (source.namespace, part.metric_name) for row in METRICS.values() if row.felt for source in row.sources for part in source.parts
) | {("AWS/NetworkELB", "TCP_Target_Reset_Count"), ("AWS/Lambda", "Errors"), ("AWS/Lambda", "Duration"), ("AWS/Lambda", "Throttles")}
"""Namespace and name of the metrics that show what users feel."""

_OWN: Mapping[str, tuple[str, ...]] = {
    "auto_scaling": ("AutoScalingGroupName",),
    "ecs": ("ServiceName",),
    "eks": ("PodName",),
    "function": ("FunctionName",),
    "database": ("DBInstanceIdentifier", "DBClusterIdentifier"),
    "cache": ("CacheClusterId", "ReplicationGroupId"),
    "table": ("TableName",),
}
"""The dimensions with which CloudWatch names a service of each kind."""


class AlarmIndex:
    """Finds the alarms of a service quickly, in an account with thousands of alarms."""

    def __init__(self, inventory: Inventory) -> None:
        self._balancers = {group.arn: group.load_balancer or "" for group in inventory.target_groups}
        self._alone = {group.arn for group in inventory.target_groups if group.load_balancer_groups == 1}
        self._by_dimension: dict[tuple[str, str], list[tuple[Alarm, Watch]]] = {}
        for alarm in inventory.alarms:
            for watch in alarm.watches:
                for dimension in watch.dimensions.items():
                    self._by_dimension.setdefault(dimension, []).append((alarm, watch))
        self._objectives = inventory.objectives

    def find(self, service: Service) -> tuple[Alarm, ...]:
        """Every alarm about the service, sorted by name."""
        alarms = {alarm.id: alarm for dimension in self._dimensions(service) for alarm, _ in self._by_dimension.get(dimension, ())}
        return tuple(sorted(alarms.values(), key=lambda alarm: alarm.name))

    def find_felt(self, service: Service) -> tuple[Alarm, ...]:
        """The alarms about the service that watch what users feel."""
        return tuple(
            alarm
            for alarm in self.find(service)
            if alarm.watches and all((watch.namespace, watch.metric) in _FELT for watch in alarm.watches)
        )

    def find_objectives(self, service: Service) -> tuple[Objective, ...]:
        """The SLOs of a service: those with its name, and those on one of its metrics."""
        dimensions = set(self._dimensions(service))
        short = service.name.rpartition("/")[2]
        return tuple(
            objective
            for objective in self._objectives
            if objective.service in {service.name, short} or (objective.metric and dimensions & set(objective.metric.dimensions.items()))
        )

    def _dimensions(self, service: Service) -> Sequence[tuple[str, str]]:
        """The dimensions by which CloudWatch knows the service and its target groups."""
        dimensions = [("TargetGroup", target_group_dimension(arn)) for arn in service.target_groups]
        dimensions += [
            ("LoadBalancer", load_balancer_dimension(self._balancers[arn])) for arn in service.target_groups if arn in self._alone
        ]
        dimensions += [("InstanceId", member) for member in service.members if service.kind in {"auto_scaling", "instances"}]
        return dimensions + [(name, service.name.rpartition("/")[2]) for name in _OWN.get(service.kind, ())]
