"""Instance refreshes of the account's Auto Scaling, which the workload's group carries out for real.

ministack calls a refresh successful at once and replaces nothing. Here it goes on until every instance that was launched
before it is replaced, and the group is whole. `ministack_truth` installs it, and repeats the workload's report to it.
"""

# ruff: noqa: SLF001 - replacing private functions of ministack is this module's purpose

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import ModuleType
from typing import Any
from xml.sax.saxutils import escape

Response = tuple[int, dict[str, str], bytes]
Data = dict[str, Any]
PATCH_POINTS = {"_start_instance_refresh": ["p"], "_describe_instance_refreshes": ["p"]}
IN_PROGRESS = "InProgress"


def install(autoscaling: ModuleType) -> None:
    """Replace ministack's actions. CancelInstanceRefresh is right as it is."""
    start = autoscaling._ACTION_MAP["StartInstanceRefresh"]
    autoscaling._ACTION_MAP["StartInstanceRefresh"] = functools.partial(_start, autoscaling, start)
    autoscaling._ACTION_MAP["DescribeInstanceRefreshes"] = functools.partial(_describe, autoscaling)


def _start(autoscaling: ModuleType, original: Callable[[Data], Response], p: Data) -> Response:
    name = autoscaling._p(p, "AutoScalingGroupName")
    group = autoscaling._asgs.get(name, {})
    if _running(group) is not None:
        refused: Response = autoscaling._error("InstanceRefreshInProgress", f"An Instance Refresh is already in progress for {name}")
        return refused
    answer = original(p)
    if answer[0] == 200:
        refresh = group["InstanceRefreshes"][0]
        refresh.update(Status=IN_PROGRESS, StatusReason="", StartTime=_format(time.time()), EndTime="", PercentageComplete=0)
        refresh["InstancesToUpdate"] = len(group["Instances"])
    return answer


def follow(group: Data, launched: Mapping[str, float]) -> None:
    """Compare the refresh that goes on with the group's instances. `launched`: when each was launched, in epoch
    seconds."""
    refresh = _running(group)
    if refresh is None:
        return
    since = datetime.fromisoformat(refresh["StartTime"]).timestamp()
    new = [instance for instance in group["Instances"] if launched[instance["InstanceId"]] >= since]
    serving = sum(instance["LifecycleState"] == "InService" for instance in new)
    refresh["InstancesToUpdate"] = len(group["Instances"]) - len(new)
    refresh["PercentageComplete"] = min(100, 100 * serving // max(1, group["DesiredCapacity"]))
    if len(new) == len(group["Instances"]) == serving == group["DesiredCapacity"]:
        refresh.update(Status="Successful", EndTime=_format(time.time()))


def _running(group: Data) -> Data | None:
    return next((refresh for refresh in group.get("InstanceRefreshes", []) if refresh["Status"] == IN_PROGRESS), None)


_FIELDS = (
    "InstanceRefreshId",
    "AutoScalingGroupName",
    "Status",
    "StatusReason",
    "StartTime",
    "EndTime",
    "PercentageComplete",
    "InstancesToUpdate",
)


def _describe(autoscaling: ModuleType, p: Data) -> Response:
    name = autoscaling._p(p, "AutoScalingGroupName")
    if name not in autoscaling._asgs:
        refused: Response = autoscaling._error("ValidationError", f"AutoScalingGroup {name} not found")
        return refused
    wanted = autoscaling._parse_member_list(p, "InstanceRefreshIds")
    refreshes = [one for one in autoscaling._asgs[name].get("InstanceRefreshes", []) if not wanted or one["InstanceRefreshId"] in wanted]
    rendered = "".join(
        "<member>" + "".join(f"<{key}>{escape(str(one[key]))}</{key}>" for key in _FIELDS if one[key] != "") + "</member>"
        for one in refreshes
    )
    inner = f"<DescribeInstanceRefreshesResult><InstanceRefreshes>{rendered}</InstanceRefreshes></DescribeInstanceRefreshesResult>"
    answer: Response = autoscaling._xml(200, "DescribeInstanceRefreshesResponse", inner)
    return answer


def _format(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
