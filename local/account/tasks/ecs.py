"""ECS for the sample workload's service: its tasks, what ends them, and the agents in them that Systems Manager
reaches.

ministack keeps the records. The workload reports the state of its processes (`report_tasks`, called by
ministack_truth), and carries out the stop of a task: ``POST {workload}/tasks/<id>/stop``. No other task runs here: the
tasks of a service are those that the workload reports.
"""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

import contextlib
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ministack.core.responses import error_response_json, get_account_id, get_region, json_response
from ministack.services import ecs

from local.account import settings
from local.account.patching import find_original, replace_function, require_names
from local.account.ssm import nodes
from local.account.tasks import container_instances

Data = dict[str, Any]
TIMEOUT_SECONDS = 30.0
_NOT_FOUND = "The referenced task was not found."

_told: dict[str, Data] = {}
"""The workload's latest report of each task, by ARN."""


class TaskError(ValueError):
    """A task that can't be stopped; the message says why."""


def install_patches() -> None:
    """Patch ECS."""
    require_names(
        ecs, "_tasks", "_services", "_clusters", "_tags", "_ACTION_MAP", "_sanitize", "_resolve_task", "_task_defs", "_resolve_td_key"
    )
    replace_function(ecs, "_get_docker", "", lambda _original: lambda: None)
    replace_function(ecs, "_reconcile_service_tasks", "cluster_name svc_key", lambda _original: lambda _cluster_name, _svc_key: None)
    replace_function(ecs, "_maybe_mark_stopped", "task docker_client", lambda _original: lambda _task, _docker_client=None: None)
    ecs._ACTION_MAP["StopTask"] = _stop_or_pass(find_original(ecs, "_stop_task", "data"))
    ecs._ACTION_MAP["RegisterTaskDefinition"] = _with_fault_injection(find_original(ecs, "_register_task_definition", "data"))


def _with_fault_injection(register: Callable[[Data], Any]) -> Callable[[Data], Any]:
    def register_task_definition(data: Data) -> Any:
        answer = register(data)
        if answer[0] == 200:
            made = json.loads(answer[2])["taskDefinition"]
            record = ecs._task_defs[f"{made['family']}:{made['revision']}"]
            record["enableFaultInjection"] = bool(data.get("enableFaultInjection", False))
            return json_response({"taskDefinition": record, "tags": data.get("tags", [])})
        return answer

    return register_task_definition


# --- what the workload reports ------------------------------------------------------------------------------------


def report_tasks(reported: Data) -> None:
    """Write the workload's report into ministack's records."""
    service = ecs._services.get(f"{reported['cluster']}/{reported['service']}")
    if service is None:
        return
    prefix = f"arn:aws:ecs:{get_region()}:{get_account_id()}:task/{reported['cluster']}/"
    known = {prefix + task["id"]: task for task in reported["tasks"]}
    for arn in [arn for arn in _told if arn.startswith(prefix) and arn not in known]:
        del _told[arn]
        ecs._tasks.pop(arn, None)
        ecs._tags.pop(arn, None)
    container_instances.report_hosts(reported["cluster"], reported["hosts"], reported["tasks"])
    for arn, task in known.items():
        _told[arn] = task
        _show_task(arn, task, service)
    states = [task["last"] for task in known.values() if task["desired"] == "RUNNING"]
    service["runningCount"], service["pendingCount"] = states.count("RUNNING"), states.count("PENDING")
    for deployment in service["deployments"]:
        deployment.update(runningCount=service["runningCount"], pendingCount=service["pendingCount"])


def _show_task(arn: str, task: Data, service: Data) -> None:
    definition = _find_definition(service["taskDefinition"])
    if service.get("propagateTags") == "SERVICE" and arn not in ecs._tags:
        ecs._tags[arn] = list(service["tags"])
    address = [{"name": "privateIPv4Address", "value": task["address"]}, {"name": "subnetId", "value": ""}]
    ecs._tasks[arn] = {
        "taskArn": arn, "clusterArn": service["clusterArn"], "taskDefinitionArn": service["taskDefinition"],
        "lastStatus": task["last"], "desiredStatus": task["desired"], "launchType": service["launchType"],
        "platformVersion": service["platformVersion"], "platformFamily": "Linux", "availabilityZone": task["zone"],
        "group": f"service:{service['serviceName']}", "startedBy": service["deployments"][0]["id"],
        "cpu": definition.get("cpu"), "memory": definition.get("memory"), "connectivity": "CONNECTED", "healthStatus": "UNKNOWN",
        "createdAt": _format_time(task["created"]), "startedAt": _format_time(task["started"]),
        "stoppingAt": _format_time(task["stopping"]),
        "stoppedAt": _format_time(task["stopped"]), "stopCode": task["stop_code"] or None, "stoppedReason": task["reason"] or None,
        "enableExecuteCommand": service["enableExecuteCommand"], "overrides": {"containerOverrides": []},
        "attachments": [{"id": task["id"], "type": "ElasticNetworkInterface", "status": "ATTACHED", "details": address}],
        "containers": [
            {"name": container["name"], "image": container["image"], "taskArn": arn, "lastStatus": task["last"]}
            for container in definition["containerDefinitions"]
        ],
    }  # fmt: skip
    if task["host"]:
        ecs._tasks[arn]["containerInstanceArn"] = container_instances.make_arn(service["clusterArn"].rpartition("/")[2], task["host"])
    tags = {tag["key"]: tag["value"] for tag in ecs._tags.get(arn) or []}
    nodes.register_agent(task["id"], task["node"], task["address"], {**tags, "ECS_TASK_ARN": arn, "FAULT_INJECTION_SIDECAR": "true"})


def _find_definition(arn: str) -> Data:
    definition: Data = ecs._task_defs[ecs._resolve_td_key(arn)]
    return definition


def _format_time(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# --- stopping -----------------------------------------------------------------------------------------------------


def _stop_or_pass(stock: Callable[[Data], Any]) -> Callable[[Data], Any]:
    def stop_task(data: Data) -> Any:
        cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
        task = ecs._resolve_task(data.get("task", ""), cluster) if cluster else None
        if task is None or task["taskArn"] not in _told:
            return stock(data)
        try:
            order_stop(task["taskArn"], data.get("reason") or "Task stopped by user")
        except TaskError as error:
            return error_response_json("InvalidParameterException", str(error), 400)
        return json_response({"task": ecs._sanitize(ecs._tasks[task["taskArn"]])})

    return stop_task


def order_stop(arn: str, reason: str) -> None:
    """Ask the workload to stop a task, and mark the task as stopping. Raises TaskError if that fails. A stopped task
    stays as it is."""
    task = ecs._tasks.get(arn)
    if task is None or arn not in _told:
        raise TaskError(_NOT_FOUND)
    if task["lastStatus"] == "STOPPED":
        return
    url = f"{settings.get_settings().workload_url}/tasks/{arn.rpartition('/')[2]}/stop"
    # The address is our own --workload-url, always http on this machine.
    request = urllib.request.Request(url, data=json.dumps({"reason": reason}).encode())  # noqa: S310
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
            stopping = json.load(answer)
    except urllib.error.HTTPError as error:
        with contextlib.closing(error):
            raise TaskError(str(json.loads(error.read()).get("error", error))) from error
    except OSError as error:
        raise TaskError(str(error)) from error
    task.update(
        desiredStatus=stopping["desired"],
        stopCode=stopping["stop_code"],
        stoppedReason=stopping["reason"],
        stoppingAt=_format_time(stopping["stopping"]),
    )


def list_tasks() -> list[tuple[str, dict[str, str], Data]]:
    """ARN, tags and record of every task that has not stopped."""
    return [
        (arn, {tag["key"]: tag["value"] for tag in ecs._tags.get(arn) or []}, task)
        for arn, task in list(ecs._tasks.items())
        if task["lastStatus"] != "STOPPED"
    ]


def definition_of(arn: str) -> Data:
    """The task definition of a task."""
    return _find_definition(ecs._tasks[arn]["taskDefinitionArn"])
