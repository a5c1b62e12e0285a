"""The aspects of a service's resilience that show without a fault: which are covered, and which are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from discovery.analysis.services import Service
from squall.domain.base.model import Model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from discovery.analysis.alarms import AlarmIndex
    from discovery.inventory import Inventory
    from discovery.things.databases import Database
    from discovery.things.functions import Function
    from discovery.things.scaling_groups import ScalingGroup

State = Literal["covered", "missing", "unknown"]
Weight = Literal["high", "medium", "low"]


class Aspect(Model):
    code: str
    title: str
    state: State
    """`unknown`: the call that reads it was denied or failed."""
    weight: Weight
    detail: str
    advice: str = ""


class Lookup:
    """The things behind the services, by id."""

    def __init__(self, inventory: Inventory, alarms: AlarmIndex) -> None:
        self.inventory, self.alarms = inventory, alarms
        self.instances = {instance.id: instance for instance in inventory.instances}
        self.scaling_groups = {group.id: group for group in inventory.scaling_groups}
        self.ecs_services = {service.id: service for service in inventory.ecs_services}
        self.pod_workloads = {workload.id: workload for workload in inventory.pod_workloads}
        self.functions = {function.id: function for function in inventory.functions}
        self.databases = {database.id: database for database in inventory.databases}
        self.caches = {cache.id: cache for cache in inventory.caches}
        self.tables = {table.id: table for table in inventory.tables}
        self.target_groups = {group.arn: group for group in inventory.target_groups}
        self.health_checks = {check.id: check for check in inventory.health_checks}


def list_aspects(service: Service, lookup: Lookup) -> tuple[Aspect, ...]:
    """The aspects of a service: the missing ones first, and among these the heaviest first."""
    aspects = [*_list_common(service, lookup), *_BY_KIND[service.kind](service, lookup)]
    states, weights = ("missing", "unknown", "covered"), ("high", "medium", "low")
    return tuple(sorted(aspects, key=lambda aspect: (states.index(aspect.state), weights.index(aspect.weight))))


def _judge(code: str, title: str, ok: bool | None, weight: Weight, *, good: str, bad: str, advice: str) -> Aspect:
    state: State = "unknown" if ok is None else "covered" if ok else "missing"
    detail = good if ok else bad if ok is False else "the call that reads it was denied or failed"
    return Aspect(code=code, title=title, state=state, weight=weight, detail=detail, advice="" if ok else advice)


def _list_common(service: Service, lookup: Lookup) -> Iterator[Aspect]:
    inventory = lookup.inventory
    if service.target_groups or service.kind == "function":
        alarms = lookup.alarms.find_felt(service)
        telling = [alarm.name for alarm in alarms if alarm.actions]
        objectives = [objective.name for objective in lookup.alarms.find_objectives(service)]
        blind = inventory.is_blind("cloudwatch:DescribeAlarms") and not telling
        known = None if blind else bool(telling)
        silent = "its alarms have no action, or are silenced" if alarms else ""
        if service.target_groups:
            yield _judge(
                "no_alarm_on_users", "alarm on what users see", known, "high",
                good=f"{', '.join(telling[:3])}", bad=silent or "no alarm with an action watches errors or response times",
                advice="make an alarm on errors and one on response times of its target group, each with an action",
            )  # fmt: skip
        else:  # whether people wait for its answers is not known
            yield _judge(
                "no_alarm_on_errors", "alarm on its errors", known, "medium",
                good=f"{', '.join(telling[:3])}", bad=silent or "no alarm with an action watches its errors",
                advice="make an alarm on its metric Errors, with an action",
            )  # fmt: skip
        unknown = inventory.is_blind("application-signals:ListServiceLevelObjectives") and not objectives
        yield _judge(
            "no_objective", "service level objective", None if unknown else bool(objectives), "low",
            good=f"{', '.join(objectives[:3])}", bad="no SLO of Application Signals is about it",
            advice="define an SLO with what users may expect",
        )  # fmt: skip
    policy = next((app for app in inventory.applications if service.id in app.resources or service.name in app.resources), None)
    if policy:
        hours = ", ".join(f"{kind} {seconds} s" for kind, seconds in policy.recovery_seconds.items())
        yield Aspect(
            code="recovery_objective", title="recovery objective", state="covered", weight="low", detail=f"{policy.policy}: {hours}"
        )
    for arn in service.target_groups:
        check = lookup.health_checks.get(arn)
        if check and not check.enabled:
            yield _judge(
                "no_health_check", "health check", False, "high", good="", bad=f"{check.name} has health checks turned off",
                advice="turn health checks of the target group on",
            )  # fmt: skip


def _judge_zones(service: Service) -> Aspect:
    return _judge(
        "one_zone", "more than one zone", None if not service.zones else len(service.zones) > 1, "high",
        good=", ".join(service.zones), bad=f"everything that serves is in {', '.join(service.zones)}", advice="spread it over two zones",
    )  # fmt: skip


def _judge_count(service: Service, desired: int, word: str) -> Aspect:
    return _judge(
        "one_instance", f"more than one {word}", desired > 1, "high",
        good=f"{desired} wanted, {len(service.members)} serve",
        bad=f"{desired} {word} is all there is" if desired else f"no {word} is wanted",
        advice=f"run at least two {word}s",
    )  # fmt: skip


def _judge_monitoring(service: Service, lookup: Lookup) -> Aspect:
    basic = [name for name in service.members if name in lookup.instances and not lookup.instances[name].detailed_monitoring]
    known = any(name in lookup.instances for name in service.members)
    return _judge(
        "basic_monitoring", "detailed monitoring", None if not known else not basic, "low", good="metrics every minute",
        bad=f"{len(basic)} of {len(service.members)} instances publish their CPU every five minutes only",
        advice="turn detailed monitoring on in the launch template",
    )  # fmt: skip


def _list_scaling_group(service: Service, lookup: Lookup) -> Iterator[Aspect]:
    group: ScalingGroup = lookup.scaling_groups[service.id]
    yield _judge_zones(service)
    yield _judge_count(service, group.desired, "instance")
    yield _judge_monitoring(service, lookup)
    if service.target_groups or group.target_groups:
        yield _judge(
            "instance_health_only", "the group replaces what the load balancer finds unhealthy", "ELB" in group.health_check, "high",
            good="its health check is the load balancer's", bad="its health check is only EC2's: a hung process is never replaced",
            advice="set the group's health check type to ELB",
        )  # fmt: skip
    harmful = sorted({"Launch", "Terminate", "ReplaceUnhealthy", "HealthCheck"} & set(group.suspended))
    yield _judge(
        "suspended", "Auto Scaling replaces what is lost", not harmful, "high", good="no process of it is suspended",
        bad=f"{', '.join(harmful)} suspended", advice="resume the processes of the group",
    )  # fmt: skip
    yield _judge(
        "no_room", "room to grow", group.maximum > group.desired, "medium", good=f"up to {group.maximum}",
        bad=f"the maximum, {group.maximum}, is running already", advice="raise the group's maximum",
    )  # fmt: skip


def _list_lone(service: Service, lookup: Lookup) -> Iterator[Aspect]:
    yield _judge_zones(service)
    yield _judge_count(service, len(service.members), "instance")
    yield _judge_monitoring(service, lookup)
    yield _judge(
        "not_replaced", "lost instances are replaced", False, "high", good="", bad="its instances are in no Auto Scaling group",
        advice="put the instances into an Auto Scaling group",
    )  # fmt: skip


def _list_ecs(service: Service, lookup: Lookup) -> Iterator[Aspect]:
    ecs_service = lookup.ecs_services[service.id]
    checked = bool(ecs_service.target_groups) or ecs_service.health_check
    unknown = lookup.inventory.is_blind("ecs:DescribeTaskDefinition")
    yield _judge_zones(service)
    yield _judge_count(service, ecs_service.desired, "task")
    yield _judge(
        "no_health_check", "health check", checked or (None if unknown else False), "medium",
        good="the load balancer's, or a container's own", bad="neither a load balancer nor a container checks its health",
        advice="give the essential container a health check",
    )  # fmt: skip
    yield _judge(
        "no_circuit_breaker", "a bad deployment ends by itself", ecs_service.circuit_breaker, "low",
        good="the deployment circuit breaker is on", bad="a deployment whose tasks never start does not end",
        advice="turn the deployment circuit breaker on, with rollback",
    )  # fmt: skip


def _list_eks(service: Service, lookup: Lookup) -> Iterator[Aspect]:
    workload = lookup.pod_workloads[service.id]
    yield _judge_zones(service)
    yield _judge_count(service, workload.desired, "pod")
    yield _judge(
        "no_health_check", "readiness probe", workload.probed, "high", good="every container has one",
        bad="a container without a readiness probe gets requests before it can answer", advice="give every container a readiness probe",
    )  # fmt: skip
    yield _judge(
        "no_memory_limit", "memory limit", workload.limited, "medium", good="every container has one",
        bad="a container without a limit takes the memory of its node's other pods", advice="set memory limits",
    )  # fmt: skip


def _list_function(service: Service, lookup: Lookup) -> Iterator[Aspect]:
    function: Function = lookup.functions[service.id]
    unknown = lookup.inventory.is_blind("lambda:ListFunctionEventInvokeConfigs") and not function.dead_letter
    if not function.sources:
        yield _judge(
            "no_dead_letter", "failed events are kept", None if unknown else function.dead_letter, "medium",
            good="a dead-letter queue or a destination on failure",
            bad="an asynchronous event that fails three times is lost", advice="set a destination on failure, or a dead-letter queue",
        )  # fmt: skip
    if function.in_vpc:
        zones = {subnet.zone for subnet in lookup.inventory.subnets if subnet.id in function.subnets}
        yield _judge(
            "one_zone", "more than one zone", len(zones) > 1 if zones else None, "medium", good=", ".join(sorted(zones)),
            bad=f"its subnets are all in {', '.join(sorted(zones))}", advice="give it subnets of two zones",
        )  # fmt: skip


def _list_database(service: Service, lookup: Lookup) -> Iterator[Aspect]:
    database: Database = lookup.databases[service.id]
    unknown = database.cluster and not database.standby and lookup.inventory.is_blind("rds:DescribeDBInstances")
    code, title = ("no_reader", "a reader that can take over") if database.cluster else ("no_multi_az", "a standby in another zone")
    yield _judge(
        code, title, None if unknown else database.standby, "high", good=", ".join(database.zones) or "there is one",
        bad="no reader is available: a lost writer has to be created again" if database.cluster else "it is not Multi-AZ",
        advice="add a reader in another zone" if database.cluster else "make it Multi-AZ",
    )  # fmt: skip
    yield _judge(
        "no_backups", "backups", database.backup_days > 0, "high", good=f"kept for {database.backup_days} days", bad="no backup is kept",
        advice="keep backups for at least a week",
    )  # fmt: skip
    yield _judge(
        "deletable", "deletion protection", database.deletion_protection, "low", good="it is on", bad="one call deletes it",
        advice="turn deletion protection on",
    )  # fmt: skip


def _list_cache(service: Service, lookup: Lookup) -> Iterator[Aspect]:
    cache = lookup.caches[service.id]
    yield _judge(
        "no_multi_az", "a replica that takes over", cache.multi_az and cache.failover, "high", good=f"{cache.nodes} nodes, Multi-AZ",
        bad=f"{cache.nodes} node{'s' if cache.nodes != 1 else ''}, without automatic failover to another zone",
        advice="turn Multi-AZ with automatic failover on",
    )  # fmt: skip


def _list_table(service: Service, lookup: Lookup) -> Iterator[Aspect]:
    table = lookup.tables[service.id]
    yield _judge(
        "no_point_in_time_recovery", "point-in-time recovery", table.recoverable, "medium", good="it is on",
        bad="a bad write can't be undone", advice="turn point-in-time recovery on",
    )  # fmt: skip
    yield _judge(
        "deletable", "deletion protection", table.deletion_protection, "low", good="it is on", bad="one call deletes it",
        advice="turn deletion protection on",
    )  # fmt: skip


_BY_KIND: Mapping[str, Callable[[Service, Lookup], Iterator[Aspect]]] = {
    "auto_scaling": _list_scaling_group,
    "instances": _list_lone,
    "ecs": _list_ecs,
    "eks": _list_eks,
    "function": _list_function,
    "database": _list_database,
    "cache": _list_cache,
    "table": _list_table,
}
