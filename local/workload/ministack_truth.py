"""Makes ministack's Auto Scaling, ELB and EC2 report the workload's real processes.

ministack invents the instances of a group, calls every target healthy, puts every instance in the first zone and has no
scaling activities. Here the workload is the source of truth for those APIs: it reports its state, and ministack repeats
the report. The account server calls `install_patches()` once, before it serves. Every patch point is checked, so that
another ministack version fails at start instead of reporting something untrue.

It also adds what experiments need: SuspendProcesses, ResumeProcesses, TerminateInstanceInAutoScalingGroup,
DescribeLoadBalancerTargetGroups, and `SquallReportWorkload` (not an AWS action; only the workload's manager calls it).
"""

# ruff: noqa: SLF001 - replacing private functions of ministack is this module's purpose

from __future__ import annotations

import functools
import hashlib
import importlib
import inspect
import json
from collections.abc import Callable
from contextvars import ContextVar
from types import ModuleType
from typing import Any
from xml.sax.saxutils import escape

from local.account import eks, rds
from local.account.tasks import ecs
from local.workload import refreshes

Response = tuple[int, dict[str, str], bytes]
Handler = Callable[[dict[str, Any]], Response]

REPORT_ACTION = "SquallReportWorkload"

_PATCH_POINTS = {
    "autoscaling": {
        "_reconcile_instances": ["asg"],
        "_instances_xml": ["asg"],
        "_create_asg": ["p"],
        "_describe_scaling_activities": ["p"],
        "_parse_member_list": ["params", "prefix"],
        "_xml": ["status", "root_tag", "inner"],
        "_error": ["code", "message", "status"],
        **refreshes.PATCH_POINTS,
    },
    "alb": {
        "_describe_target_health": ["params"],
        "_parse_targets_param": ["params", "prefix"],
        "_p": ["params", "key", "default"],
        "_create_lb": ["params"],
        "_create_tg": ["params"],
        "_short_id": [],
    },
    "ec2": {"_terminate_instances": ["p"]},
}


class PatchPointMissingError(RuntimeError):
    """ministack is not the version these patches were written for."""


def install_patches() -> None:
    """Patch the three services. Repeatable."""
    autoscaling, alb, ec2 = (_load_module(name) for name in ("autoscaling", "alb", "ec2"))
    if getattr(autoscaling, "_squall_truth", False):
        return
    health: dict[str, dict[str, list[str]]] = {}
    _patch_zones(ec2)
    _patch_groups(autoscaling, ec2, health)
    _patch_target_health(alb, health)
    _patch_identifiers(alb)
    autoscaling._squall_truth = True  # type: ignore[attr-defined]


def _load_module(name: str) -> ModuleType:
    module = importlib.import_module(f"ministack.services.{name}")
    for function, parameters in _PATCH_POINTS[name].items():
        attribute = getattr(module, function, None)
        if attribute is None or list(inspect.signature(attribute).parameters) != parameters:
            raise PatchPointMissingError(f"ministack.services.{name}.{function}{tuple(parameters)} is not there any more")
    return module


def _patch_zones(ec2: ModuleType) -> None:
    """Put an instance and its volume in the zone of its subnet."""
    launch = getattr(ec2, "_launch_instances_internal", None)
    if launch is None or "subnet_id" not in inspect.signature(launch).parameters:
        raise PatchPointMissingError("ministack.services.ec2._launch_instances_internal(subnet_id) is not there any more")

    @functools.wraps(launch)
    def launch_in_zone(*args: Any, **kwargs: Any) -> Any:
        created = launch(*args, **kwargs)
        for instance in created:
            zone = ec2._subnets.get(instance["SubnetId"], {}).get("AvailabilityZone")
            if zone:
                instance["Placement"]["AvailabilityZone"] = zone
                for mapping in instance["BlockDeviceMappings"]:
                    ec2._volumes[mapping["Ebs"]["VolumeId"]]["AvailabilityZone"] = zone
        return created

    ec2._launch_instances_internal = launch_in_zone  # type: ignore[attr-defined]


def _patch_groups(autoscaling: ModuleType, ec2: ModuleType, health: dict[str, dict[str, list[str]]]) -> None:
    create, instances_xml, members = autoscaling._create_asg, autoscaling._instances_xml, autoscaling._parse_member_list

    def create_with_targets(p: dict[str, Any]) -> Response:
        response: Response = create(p)
        if response[0] == 200:
            group = autoscaling._asgs[autoscaling._p(p, "AutoScalingGroupName")]
            group["TargetGroupARNs"] = members(p, "TargetGroupARNs")
        return response

    def instances_and_more_xml(group: dict[str, Any]) -> str:
        targets = "".join(f"<member>{escape(arn)}</member>" for arn in group.get("TargetGroupARNs", []))
        suspended = "".join(
            f"<member><ProcessName>{name}</ProcessName><SuspensionReason>User suspended</SuspensionReason></member>"
            for name in group.get("SuspendedProcesses", [])
        )
        return f"{instances_xml(group)}<TargetGroupARNs>{targets}</TargetGroupARNs><SuspendedProcesses>{suspended}</SuspendedProcesses>"

    autoscaling._reconcile_instances = lambda _asg: None  # type: ignore[attr-defined]
    autoscaling._instances_xml = instances_and_more_xml  # type: ignore[attr-defined]
    actions = autoscaling._ACTION_MAP
    actions["CreateAutoScalingGroup"] = create_with_targets
    actions["SetDesiredCapacity"] = functools.partial(_set_capacity, autoscaling, actions["SetDesiredCapacity"])
    actions["DescribeScalingActivities"] = functools.partial(_describe_activities, autoscaling)
    actions["DescribeLoadBalancerTargetGroups"] = functools.partial(_describe_target_groups, autoscaling)
    actions["SuspendProcesses"] = functools.partial(_suspend_processes, autoscaling, True)
    actions["ResumeProcesses"] = functools.partial(_suspend_processes, autoscaling, False)
    actions["TerminateInstanceInAutoScalingGroup"] = functools.partial(_terminate_in_group, autoscaling, ec2)
    refreshes.install(autoscaling)
    actions[REPORT_ACTION] = functools.partial(_record_report, autoscaling, health)


def _record_report(autoscaling: ModuleType, health: dict[str, dict[str, list[str]]], p: dict[str, Any]) -> Response:
    """Record the workload's report of its groups' instances and activities and its targets' health."""
    document = json.loads(autoscaling._p(p, "Document"))
    for name, reported in document["groups"].items():
        group = autoscaling._asgs.get(name)
        if group is not None:
            group["Instances"] = reported["instances"]
            group["Activities"] = reported["activities"]
            refreshes.follow(group, reported["launched"])
    health.update(document["target_health"])
    if "database" in document:
        rds.report_database(document["database"])
    for service in document.get("services", {}).values():
        ecs.report_tasks(service)
    if "kubernetes" in document:
        eks.report_cluster(document["kubernetes"])
    return _make_answer(autoscaling, REPORT_ACTION)


def _set_capacity(autoscaling: ModuleType, original: Handler, p: dict[str, Any]) -> Response:
    """Set the desired capacity within the group's bounds, as Auto Scaling does."""
    group, wanted = autoscaling._asgs.get(autoscaling._p(p, "AutoScalingGroupName")), autoscaling._p(p, "DesiredCapacity")
    if group is not None and wanted and int(wanted) < group["MinSize"]:
        return _make_error(
            autoscaling, f"New SetDesiredCapacity value {wanted} is below min value {group['MinSize']} for the AutoScalingGroup."
        )
    if group is not None and wanted and int(wanted) > group["MaxSize"]:
        return _make_error(
            autoscaling, f"New SetDesiredCapacity value {wanted} is above max value {group['MaxSize']} for the AutoScalingGroup."
        )
    return original(p)


def _describe_activities(autoscaling: ModuleType, p: dict[str, Any]) -> Response:
    name = autoscaling._p(p, "AutoScalingGroupName")
    wanted = set(autoscaling._parse_member_list(p, "ActivityIds"))
    limit = int(autoscaling._p(p, "MaxRecords") or 100)
    activities = [
        activity
        for group_name, group in autoscaling._asgs.items()
        if not name or group_name == name
        for activity in group.get("Activities", [])
        if not wanted or activity["ActivityId"] in wanted
    ]
    activities.sort(key=lambda activity: str(activity["StartTime"]), reverse=True)
    rendered = "".join(
        "<member>" + "".join(f"<{key}>{escape(str(value))}</{key}>" for key, value in activity.items()) + "</member>"
        for activity in activities[:limit]
    )
    return _make_answer(autoscaling, "DescribeScalingActivities", f"<Activities>{rendered}</Activities>")


def _describe_target_groups(autoscaling: ModuleType, p: dict[str, Any]) -> Response:
    group = autoscaling._asgs.get(autoscaling._p(p, "AutoScalingGroupName"), {})
    rendered = "".join(
        f"<member><LoadBalancerTargetGroupARN>{escape(arn)}</LoadBalancerTargetGroupARN><State>InService</State></member>"
        for arn in group.get("TargetGroupARNs", [])
    )
    return _make_answer(autoscaling, "DescribeLoadBalancerTargetGroups", f"<LoadBalancerTargetGroups>{rendered}</LoadBalancerTargetGroups>")


_PROCESSES = [
    "Launch", "Terminate", "AddToLoadBalancer", "AlarmNotification", "AZRebalance",
    "HealthCheck", "InstanceRefresh", "ReplaceUnhealthy", "ScheduledActions",
]  # fmt: skip


def _suspend_processes(autoscaling: ModuleType, suspend: bool, p: dict[str, Any]) -> Response:
    name = autoscaling._p(p, "AutoScalingGroupName")
    group = autoscaling._asgs.get(name)
    if group is None:
        return _make_error(autoscaling, f"AutoScalingGroup name not found - AutoScalingGroup {name} not found")
    named = set(autoscaling._parse_member_list(p, "ScalingProcesses") or _PROCESSES)
    suspended = set(group.get("SuspendedProcesses", []))
    group["SuspendedProcesses"] = sorted(suspended | named if suspend else suspended - named)
    return _make_answer(autoscaling, "SuspendProcesses" if suspend else "ResumeProcesses", result=False)


def _terminate_in_group(autoscaling: ModuleType, ec2: ModuleType, p: dict[str, Any]) -> Response:
    instance_id = autoscaling._p(p, "InstanceId")
    for group in autoscaling._asgs.values():
        if any(instance["InstanceId"] == instance_id for instance in group["Instances"]):
            if str(autoscaling._p(p, "ShouldDecrementDesiredCapacity")).lower() == "true":
                group["DesiredCapacity"] = max(group["MinSize"], group["DesiredCapacity"] - 1)
            ec2._terminate_instances({"InstanceId.1": [instance_id]})
            return _make_answer(autoscaling, "TerminateInstanceInAutoScalingGroup")
    return _make_error(autoscaling, f"Instance Id not found - No managed instance found for instance ID {instance_id}")


def _make_answer(autoscaling: ModuleType, action: str, inner: str = "", result: bool = True) -> Response:
    body = f"<{action}Result>{inner}</{action}Result>" if result else ""
    response: Response = autoscaling._xml(200, f"{action}Response", body)
    return response


def _make_error(autoscaling: ModuleType, message: str) -> Response:
    response: Response = autoscaling._error("ValidationError", message)
    return response


def _patch_target_health(alb: ModuleType, health: dict[str, dict[str, list[str]]]) -> None:
    original: Handler = alb._describe_target_health

    def describe_target_health(params: dict[str, Any]) -> Response:
        arn = alb._p(params, "TargetGroupArn")
        if arn not in health or arn not in alb._tgs:
            return original(params)
        default_port = alb._tgs[arn].get("Port", 80)
        registered = {target["Id"]: target.get("Port", default_port) for target in alb._targets.get(arn, [])}
        asked = [target["Id"] for target in alb._parse_targets_param(params)] or list(registered)
        rendered = ""
        for target in asked:
            unknown = ["initial", "Elb.RegistrationInProgress"] if target in registered else ["unused", "Target.NotRegistered"]
            state, reason = health[arn].get(target, unknown)
            reason_xml = f"<Reason>{escape(reason)}</Reason>" if reason else ""
            rendered += (
                f"<member><Target><Id>{escape(target)}</Id><Port>{registered.get(target, default_port)}</Port></Target>"
                f"<HealthCheckPort>{default_port}</HealthCheckPort>"
                f"<TargetHealth><State>{escape(state)}</State>{reason_xml}</TargetHealth></member>"
            )
        inner = f"<TargetHealthDescriptions>{rendered}</TargetHealthDescriptions>"
        response: Response = alb._xml(200, "DescribeTargetHealth", inner)
        return response

    alb._ACTION_MAP["DescribeTargetHealth"] = describe_target_health


def _patch_identifiers(alb: ModuleType) -> None:
    """Give a load balancer or target group the same ARN in every local account, so that an experiment in a file can
    name it."""
    named: ContextVar[str] = ContextVar("named", default="")
    random_id = alb._short_id

    def make_identifier() -> str:
        name = named.get()
        return hashlib.sha256(name.encode()).hexdigest()[:16] if name else random_id()

    def with_name(create: Handler) -> Handler:
        def create_named(params: dict[str, Any]) -> Response:
            token = named.set(alb._p(params, "Name"))
            try:
                return create(params)
            finally:
                named.reset(token)

        return create_named

    alb._short_id = make_identifier  # type: ignore[attr-defined]
    for action in ("CreateLoadBalancer", "CreateTargetGroup"):
        alb._ACTION_MAP[action] = with_name(alb._ACTION_MAP[action])
