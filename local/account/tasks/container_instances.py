"""Container instances of ECS clusters: the workload reports which there are (`report_hosts`, called with its tasks), and this
module keeps the status of each, which is set through the API alone.

The workload's scheduler reads the status and moves the tasks of services away from what drains.
"""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

import time
from typing import Any

from ministack.core.responses import error_response_json, get_account_id, get_region, json_response
from ministack.services import ecs

from local.account.patching import require_names

Data = dict[str, Any]
ACTIVE, DRAINING = "ACTIVE", "DRAINING"
_MOST = 10
"""How many container instances one call may change."""

_known: dict[str, Data] = {}
"""What ECS tells of each container instance, by ARN."""


def install_patches() -> None:
    """Patch ECS."""
    require_names(ecs, "_ACTION_MAP", "_clusters", "_tags", "_resolve_cluster_name")
    ecs._ACTION_MAP["ListContainerInstances"] = _list
    ecs._ACTION_MAP["DescribeContainerInstances"] = _describe
    ecs._ACTION_MAP["UpdateContainerInstancesState"] = _update_state


def report_hosts(cluster: str, hosts: list[Data], tasks: list[Data]) -> None:
    """Write the workload's report: what is new is ACTIVE, what is missing was deregistered."""
    arns = {make_arn(cluster, host["id"]): host for host in hosts}
    for arn in [arn for arn in _known if arn.startswith(make_arn(cluster, "")) and arn not in arns]:
        del _known[arn]
        ecs._tags.pop(arn, None)
    for arn, host in arns.items():
        states = [task["last"] for task in tasks if task["host"] == host["id"]]
        record = _known.setdefault(arn, {
            "containerInstanceArn": arn, "ec2InstanceId": host["instance"], "status": ACTIVE, "agentConnected": True, "version": 1,
            "registeredAt": time.time(), "attributes": [{"name": "ecs.availability-zone", "value": host["zone"]}],
        })  # fmt: skip
        record |= {"runningTasksCount": states.count("RUNNING"), "pendingTasksCount": states.count("PENDING")}
        ecs._tags[arn] = [{"key": key, "value": value} for key, value in host["tags"].items()]
    if cluster in ecs._clusters:
        ecs._clusters[cluster]["registeredContainerInstancesCount"] = len(arns)


def make_arn(cluster: str, name: str) -> str:
    """The ARN of a container instance."""
    return f"arn:aws:ecs:{get_region()}:{get_account_id()}:container-instance/{cluster}/{name}"


def list_hosts(cluster: str) -> list[tuple[str, dict[str, str], Data]]:
    """ARN, tags and record of every container instance of the cluster."""
    return [
        (arn, {tag["key"]: tag["value"] for tag in ecs._tags.get(arn) or []}, record)
        for arn, record in sorted(_known.items())
        if arn.startswith(make_arn(cluster, ""))
    ]


def change_status(arn: str, status: str) -> None:
    """Set the status of a container instance that is still there."""
    if record := _known.get(arn):
        record["status"], record["version"] = status, record["version"] + 1


def _list(data: Data) -> Any:
    cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
    if cluster is None:
        return error_response_json("ClusterNotFoundException", "Cluster not found.", 400)
    wanted = data.get("status")
    return json_response({"containerInstanceArns": [arn for arn, _, host in list_hosts(cluster) if wanted in {None, host["status"]}]})


def _describe(data: Data) -> Any:
    found, failures = _look_up(data)
    return json_response({"containerInstances": [{**_known[arn], "tags": ecs._tags.get(arn) or []} for arn in found], "failures": failures})


def _update_state(data: Data) -> Any:
    status, named = data.get("status"), data.get("containerInstances") or []
    if status not in {ACTIVE, DRAINING}:
        return error_response_json("InvalidParameterException", f"The container instance status {status} is not valid.", 400)
    if len(named) > _MOST:
        return error_response_json("InvalidParameterException", "Too many container instances.", 400)
    found, failures = _look_up(data)
    for arn in found:
        change_status(arn, status)
    return json_response({"containerInstances": [_known[arn] for arn in found], "failures": failures})


def _look_up(data: Data) -> tuple[list[str], list[Data]]:
    """The ARNs among those that were named which are known, and a failure for each other."""
    cluster = ecs._resolve_cluster_name(data.get("cluster", "default")) or ""
    arns = [name if name.startswith("arn:") else make_arn(cluster, name) for name in data.get("containerInstances") or []]
    return [arn for arn in arns if arn in _known], [{"arn": arn, "reason": "MISSING"} for arn in arns if arn not in _known]
