"""Spot Instances: which instances are some, their requests, and their interruption by FIS. The emulator knows only On-Demand
Instances."""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

import re
import threading
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ministack.services import ec2

from local.account.patching import find_original, replace_function, require_names

Json = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]

NOTICE = timedelta(minutes=2)
FULFILLED, BY_USER, BY_FIS = "fulfilled", "instance-terminated-by-user", "instance-terminated-by-experiment"
_GONE = ("shutting-down", "terminated")
_lock = threading.Lock()
_requests: dict[str, "Request"] = {}
"""By the instance's id."""


@dataclass
class Request:
    """The Spot request of an instance."""

    id: str
    instance: str
    announced: bool = False
    """Whether FIS has given notice of the interruption."""

    @property
    def status(self) -> str:
        if self.announced:
            return BY_FIS
        state = ((ec2._instances.get(self.instance) or {}).get("State") or {}).get("Name")
        return BY_USER if state in (None, *_GONE) else FULFILLED

    @property
    def state(self) -> str:
        return "active" if self.status == FULFILLED else "closed"


def install_patches() -> None:
    """Patch EC2. Must be installed before the patch that refuses launches."""
    require_names(ec2, "_ACTION_MAP", "_instances", "_p", "_parse_filters", "_xml", "_terminate_instances")
    find_original(ec2, "_describe_spot_instance_requests", "p")
    run = ec2._ACTION_MAP["RunInstances"]

    def run_instances(params: Json) -> Response:
        response: Response = run(params)
        if response[0] == 200 and ec2._p(params, "InstanceMarketOptions.MarketType") == "spot":
            for instance in dict.fromkeys(re.findall(r"<instanceId>(i-\w+)</instanceId>", response[2].decode())):
                with _lock:
                    _requests[instance] = Request(f"sir-{instance.removeprefix('i-')[:8]}", instance)
        return response

    ec2._ACTION_MAP["RunInstances"] = run_instances
    ec2._ACTION_MAP["DescribeSpotInstanceRequests"] = _describe_requests
    replace_function(ec2, "_instance_xml", "inst", _show_lifecycle)
    replace_function(ec2, "_matches_filters", "inst filters", _filter_by_lifecycle)


def list_instances() -> list[str]:
    """Ids of the Spot Instances that EC2 knows."""
    return [instance for instance in _requests if instance in ec2._instances]


def interrupt(instance: str, seconds: float) -> None:
    """Give notice two minutes before the interruption, which comes so many seconds from now. Nothing takes it back."""
    notice = max(0.0, seconds - NOTICE.total_seconds())
    if notice:
        _start_later(notice, _give_notice, instance)
    else:
        _give_notice(instance)
    _start_later(seconds, _carry_out, instance)


def _start_later(seconds: float, function: Callable[[str], None], instance: str) -> None:
    timer = threading.Timer(seconds, copy_context().run, args=(function, instance))
    timer.daemon = True
    timer.start()


def _give_notice(instance: str) -> None:
    request = _requests.get(instance)
    if request is not None and request.status == FULFILLED:
        request.announced = True


def _carry_out(instance: str) -> None:
    request = _requests.get(instance)
    if request is not None and request.announced:
        ec2._terminate_instances({"InstanceId.1": [instance]})


def _describe_requests(params: Json) -> Response:
    wanted = ec2._parse_filters(params).get("spot-instance-request-id")
    items = "".join(
        f"<item><spotInstanceRequestId>{request.id}</spotInstanceRequestId><type>one-time</type><state>{request.state}</state>"
        f"<status><code>{request.status}</code></status><instanceId>{request.instance}</instanceId></item>"
        for request in list(_requests.values())
        if wanted is None or request.id in wanted
    )
    response: Response = ec2._xml(200, "DescribeSpotInstanceRequestsResponse", f"<spotInstanceRequestSet>{items}</spotInstanceRequestSet>")
    return response


def _show_lifecycle(original: Callable[[Json], str]) -> Callable[[Json], str]:
    def instance_xml(inst: Json) -> str:
        text, request = original(inst), _requests.get(inst["InstanceId"])
        if request is None:
            return text
        shown = f"<instanceLifecycle>spot</instanceLifecycle><spotInstanceRequestId>{request.id}</spotInstanceRequestId>"
        return text.removesuffix("</item>") + shown + "</item>"

    return instance_xml


def _filter_by_lifecycle(original: Callable[[Json, Json], bool]) -> Callable[[Json, Json], bool]:
    def matches_filters(inst: Json, filters: Json) -> bool:
        wanted = filters.get("instance-lifecycle")
        if wanted is not None and not ("spot" in wanted and inst["InstanceId"] in _requests):
            return False
        return original(inst, filters)

    return matches_filters
