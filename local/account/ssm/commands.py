"""SSM Run Command for the fault documents (``AWSFIS-*``), carried out by the agent of the sample workload.

The agent's side: ``POST {workload}/instances/<id>/faults`` with ``{"command_id", "document", "parameters",
"duration_seconds"}`` starts a fault and answers 200; ``DELETE {workload}/instances/<id>/faults/<command_id>`` ends it.
``parameters`` are text by name, as the document takes them. A command lives ``DurationSeconds``, whatever became of
the FIS action that sent it, unless it is cancelled.
"""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

import contextlib
import json
import logging
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from contextvars import copy_context
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ministack.core.responses import error_response_json, get_region, json_response
from ministack.services import ssm

from local.account import settings
from local.account.patching import find_original, replace_function, require_names
from local.account.profile import holder
from local.account.ssm import nodes

logger = logging.getLogger("squall.ssm")

Data = dict[str, Any]
PREFIX = "AWSFIS-"
TERMINAL = ("Success", "Failed", "Cancelled", "TimedOut")
AGENT_TIMEOUT_SECONDS = 30.0
"""Longer than the workload's manager waits for an instance, so that the manager's answer decides what became of a
fault."""


class Document(NamedTuple):
    """The parameters a document takes, besides InstallDependencies and, where it lasts, DurationSeconds."""

    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    lasts: bool = True

    @property
    def known(self) -> set[str]:
        return {*self.required, *self.optional, "InstallDependencies", *(["DurationSeconds"] if self.lasts else [])}


_SOURCES = ("Interface", "FlowsPercent", "TrafficType")
DOCUMENTS: dict[str, Document] = {
    "AWSFIS-Run-CPU-Stress": Document(optional=("CPU", "LoadPercent")),
    "AWSFIS-Run-Memory-Stress": Document(("Percent",), ("Workers",)),
    "AWSFIS-Run-Disk-Fill": Document(optional=("Percent",)),
    "AWSFIS-Run-IO-Stress": Document(optional=("Workers", "Percent")),
    "AWSFIS-Run-Kill-Process": Document(("ProcessName",), ("Signal",), lasts=False),
    "AWSFIS-Run-Network-Blackhole-Port-ECS": Document(("Protocol", "Port"), ("TrafficType",)),
    "AWSFIS-Run-Network-Latency-ECS": Document(optional=("Sources", "DelayMilliseconds", "JitterMilliseconds", "FlowsPercent")),
    "AWSFIS-Run-Network-Packet-Loss-ECS": Document(optional=("Sources", "LossPercent", "FlowsPercent")),
    "AWSFIS-Run-Network-Blackhole-Port": Document(("Protocol", "Port"), ("TrafficType",)),
    "AWSFIS-Run-Network-Latency": Document(optional=("Interface", "DelayMilliseconds")),
    "AWSFIS-Run-Network-Latency-Sources": Document(("Sources",), ("DelayMilliseconds", "JitterMilliseconds", *_SOURCES)),
    "AWSFIS-Run-Network-Packet-Loss": Document(optional=("Interface", "LossPercent")),
    "AWSFIS-Run-Network-Packet-Loss-Sources": Document(("Sources",), ("LossPercent", *_SOURCES)),
}


class CommandError(ValueError):
    """A command SSM refuses to send; ``code`` is its error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


_cancelled: dict[str, threading.Event] = {}


def install_patches() -> None:
    """Patch Run Command."""
    require_names(ssm, "_commands", "_refresh_command_status", "_public_command", "_command_target_ids")
    replace_function(ssm, "_send_command", "data", _send_or_pass)
    replace_function(ssm, "_list_commands", "data", lambda _original: list_commands)
    replace_function(ssm, "_describe_instance_information", "data", lambda _original: nodes.describe_instance_information)
    replace_function(ssm, "_managed_instance_ids", "", lambda _original: nodes.list_managed)
    replace_function(ssm, "_refresh_command_status", "record", lambda _original: refresh_status)
    handle = find_original(ssm, "handle_request", "method path headers body query_params")
    additions = {"CancelCommand": cancel_command, "ListCommandInvocations": list_command_invocations}

    async def handle_request(method: str, path: str, headers: dict[str, str], body: bytes, query_params: Data) -> Any:
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        if action in additions:
            return additions[action](json.loads(body or b"{}"))
        return await handle(method, path, headers, body, query_params)

    ssm.handle_request = handle_request


def document_name(reference: str) -> str:
    """The name of a document that is given by name or ARN."""
    return reference.rpartition(":document/")[2] or reference


# --- sending ------------------------------------------------------------------------------------------------------


def _send_or_pass(send: Callable[..., Any]) -> Callable[..., Any]:
    def send_command(data: Data) -> Any:
        if not document_name(str(data.get("DocumentName") or "")).startswith(PREFIX):
            return send(data)
        try:
            record = start_command(str(data["DocumentName"]), ssm._command_target_ids(data), data)
        except CommandError as error:
            return error_response_json(error.code, str(error), 400)
        return json_response({"Command": ssm._public_command(record)})

    return send_command


def start_command(document: str, instances: list[str], data: Data, grace_seconds: float = 0.0) -> Data:
    """Record the command and run it on each instance. Raises CommandError for what SSM refuses immediately.

    `grace_seconds`: how much later than the fault the command ends, unless it is cancelled first.
    """
    name = document_name(document)
    parameters = {k: v if isinstance(v, list) else [str(v)] for k, v in (data.get("Parameters") or {}).items()}
    duration = _check_parameters(name, parameters)
    offline = [i for i in instances if i not in nodes.list_managed()]
    if offline or not instances:
        raise CommandError("InvalidInstanceId", f"Instances [[{', '.join(offline)}]] not in a valid state")
    identifier = str(uuid.uuid4())
    record: Data = {
        "CommandId": identifier, "DocumentName": name, "DocumentVersion": data.get("DocumentVersion", "$DEFAULT"),
        "Comment": data.get("Comment", ""), "Parameters": parameters, "InstanceIds": list(instances),
        "Targets": data.get("Targets", []), "RequestedDateTime": time.time(),
        "ExpiresAfter": time.time() + 3600 + duration, "Status": "Pending", "StatusDetails": "Pending",
        "OutputS3Region": get_region(), "MaxConcurrency": "50", "MaxErrors": "0", "TargetCount": len(instances),
        "CompletedCount": 0, "ErrorCount": 0, "DeliveryTimedOutCount": 0,
        "TimeoutSeconds": data.get("TimeoutSeconds", 3600),
        "Invocations": {i: _make_invocation(identifier, i, name, data.get("Comment", "")) for i in instances},
    }  # fmt: skip
    ssm._commands[identifier] = record
    _cancelled[identifier] = threading.Event()
    for instance in instances:
        run = copy_context().run
        threading.Thread(
            target=run, args=(_run_invocation, record, instance, duration, grace_seconds), daemon=True, name="squall-ssm"
        ).start()
    return record


def _check_parameters(name: str, parameters: dict[str, list[str]]) -> int:
    if name not in DOCUMENTS:
        raise CommandError("InvalidDocument", f"document {name} does not exist")
    document = DOCUMENTS[name]
    missing = [p for p in (*document.required, *(("DurationSeconds",) if document.lasts else ())) if not parameters.get(p)]
    if missing:
        raise CommandError("InvalidParameters", f"{name} needs {', '.join(missing)}")
    unknown = sorted(set(parameters) - document.known)
    if unknown:
        raise CommandError("InvalidParameters", f"{name} has no {', '.join(unknown)}")
    if not document.lasts:
        return 0
    try:
        duration = int(parameters["DurationSeconds"][0])
    except ValueError:
        duration = 0
    if not 1 <= duration <= 43200:
        raise CommandError("InvalidParameters", "DurationSeconds must be between 1 and 43200")
    return duration


def _make_invocation(command: str, instance: str, document: str, comment: str) -> Data:
    return {
        "CommandId": command, "InstanceId": instance, "Comment": comment, "DocumentName": document,
        "DocumentVersion": "$DEFAULT", "PluginName": "InstallDependencies", "ResponseCode": -1,
        "ExecutionStartDateTime": "", "ExecutionElapsedTime": "PT0S", "ExecutionEndDateTime": "",
        "Status": "Pending", "StatusDetails": "Pending", "StandardOutputContent": "", "StandardOutputUrl": "",
        "StandardErrorContent": "", "StandardErrorUrl": "",
    }  # fmt: skip


# --- running ------------------------------------------------------------------------------------------------------


def _run_invocation(record: Data, instance: str, duration: int, grace_seconds: float) -> None:
    invocation = record["Invocations"][instance]
    cancelled = _cancelled[record["CommandId"]]
    if cancelled.wait(holder.current.ssm_dispatch_seconds):
        _finish_invocation(record, invocation, "Cancelled", "")
        return
    invocation.update(Status="InProgress", StatusDetails="InProgress", ExecutionStartDateTime=_format_now(), PluginName="FaultInjection")
    refresh_status(record)
    started = time.monotonic()
    path = f"/instances/{instance}/faults"
    try:
        tell_workload("POST", path, {
            "command_id": record["CommandId"], "document": record["DocumentName"],
            "parameters": {k: ",".join(v) for k, v in record["Parameters"].items()}, "duration_seconds": max(1, duration),
        })  # fmt: skip
    except OSError as error:
        _finish_invocation(record, invocation, "Failed", f"the agent of {instance} did not start the fault: {error}")
        return
    if not cancelled.wait(max(0.0, duration + grace_seconds - (time.monotonic() - started))):
        _finish_invocation(record, invocation, "Success", "")
        return
    try:
        tell_workload("DELETE", f"{path}/{record['CommandId']}", None)
        _finish_invocation(record, invocation, "Cancelled", "")
    except OSError as error:
        # As on AWS: a cancel may not arrive; the fault then lasts its own duration.
        _finish_invocation(record, invocation, "Cancelled", f"the agent of {instance} did not confirm: {error}")


def tell_workload(method: str, path: str, body: Data | None) -> None:
    """Send a request to the workload's manager. Raises OSError if it is not carried out.

    Ending a fault that is already gone succeeds.
    """
    # The address is our own --workload-url, always http on this machine.
    request = urllib.request.Request(  # noqa: S310
        settings.get_settings().workload_url + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"content-type": "application/json"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=AGENT_TIMEOUT_SECONDS):
            pass
    except urllib.error.HTTPError as error:
        with contextlib.closing(error):
            if method == "DELETE" and error.code == 404:
                return
            raise OSError(f"{error.code} {error.read(500).decode(errors='replace')}") from error


def _format_now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _finish_invocation(record: Data, invocation: Data, status: str, error: str) -> None:
    invocation["ExecutionEndDateTime"] = _format_now()
    invocation["StandardErrorContent"] = error
    invocation["ResponseCode"] = 0 if status == "Success" else 1 if status == "Failed" else -1
    invocation["StatusDetails"] = status
    invocation["Status"] = status
    refresh_status(record)


def refresh_status(record: Data) -> None:
    """Update the command's status from those of its invocations."""
    states = [i["Status"] for i in record["Invocations"].values()]
    done = [state for state in states if state in TERMINAL]
    record["CompletedCount"], record["ErrorCount"] = len(done), states.count("Failed")
    if len(done) < len(states):
        asked = _cancelled.get(record["CommandId"])
        begun = "InProgress" if any(state != "Pending" for state in states) else "Pending"
        status = "Cancelling" if asked and asked.is_set() else begun
    else:
        status = next((s for s in ("Failed", "Cancelled", "TimedOut") if s in states), "Success")
    record["Status"] = record["StatusDetails"] = status


# --- the other operations -----------------------------------------------------------------------------------------


def cancel_invocations(command_id: str, wait_seconds: float = 0.0) -> None:
    """Cancel a command's unfinished invocations, waiting a while for them to confirm."""
    record = ssm._commands.get(command_id)
    event = _cancelled.get(command_id)
    if record is None or event is None or record["Status"] in TERMINAL:
        return
    event.set()
    refresh_status(record)
    deadline = time.monotonic() + wait_seconds
    while record["Status"] not in TERMINAL and time.monotonic() < deadline:
        time.sleep(0.05)


def cancel_command(data: Data) -> Any:
    """CancelCommand: answers at once, like AWS."""
    if ssm._commands.get(data.get("CommandId")) is None:
        return error_response_json("InvalidCommandId", f"command {data.get('CommandId')} does not exist", 400)
    cancel_invocations(str(data["CommandId"]))
    return json_response({})


def read_status(command_id: str) -> str:
    """The status of a command."""
    record = ssm._commands.get(command_id)
    return str(record["Status"]) if record else "Failed"


def list_commands(data: Data) -> Any:
    """ListCommands with the InstanceId and Filters that matter: InvokedAfter, InvokedBefore, Status, DocumentName."""
    wanted, instance = data.get("CommandId"), data.get("InstanceId")
    filters = {f.get("key", f.get("Key")): f.get("value", f.get("Value")) for f in data.get("Filters") or []}
    commands = [
        ssm._public_command(record)
        for record in ssm._commands.values()
        if (not wanted or record["CommandId"] == wanted)
        and (not instance or instance in record.get("InstanceIds", []))
        and _passes_filters(record, filters)
    ]
    commands.sort(key=lambda c: float(c["RequestedDateTime"]), reverse=True)
    return nodes.paginate_items("Commands", commands, data)


def _passes_filters(record: Data, filters: dict[str, str]) -> bool:
    def parse_time(text: str) -> float:
        return datetime.fromisoformat(text).timestamp()

    asked = float(record["RequestedDateTime"])
    return (
        ("InvokedAfter" not in filters or asked >= parse_time(filters["InvokedAfter"]))
        and ("InvokedBefore" not in filters or asked < parse_time(filters["InvokedBefore"]))
        and filters.get("Status", record["Status"]) == record["Status"]
        and document_name(str(filters.get("DocumentName", record["DocumentName"]))) == record["DocumentName"]
    )


def list_command_invocations(data: Data) -> Any:
    """ListCommandInvocations, with plugins if Details."""
    invocations = []
    for record in ssm._commands.values():
        if data.get("CommandId") not in (None, record["CommandId"]):
            continue
        for instance, invocation in (record.get("Invocations") or {}).items():
            if data.get("InstanceId") in (None, instance):
                invocations.append(_list_invocation(record, invocation, bool(data.get("Details"))))
    return nodes.paginate_items("CommandInvocations", invocations, data)


def _list_invocation(record: Data, invocation: Data, details: bool) -> Data:
    shown: Data = {
        "CommandId": record["CommandId"], "InstanceId": invocation["InstanceId"], "Comment": record["Comment"],
        "DocumentName": record["DocumentName"], "DocumentVersion": record["DocumentVersion"],
        "RequestedDateTime": record["RequestedDateTime"], "Status": invocation["Status"],
        "StatusDetails": invocation["StatusDetails"], "CommandPlugins": [],
    }  # fmt: skip
    if details:
        shown["CommandPlugins"] = [
            {
                "Name": invocation["PluginName"], "Status": invocation["Status"],
                "StatusDetails": invocation["StatusDetails"], "ResponseCode": invocation["ResponseCode"],
                "Output": invocation["StandardErrorContent"] or invocation["StandardOutputContent"],
                **_read_times(invocation),
            }
        ]  # fmt: skip
    return shown


def _read_times(invocation: Data) -> Data:
    """When the agent began and ended; empty if that is not known."""
    named = {"ResponseStartDateTime": "ExecutionStartDateTime", "ResponseFinishDateTime": "ExecutionEndDateTime"}
    return {name: datetime.fromisoformat(text).timestamp() for name, of in named.items() if (text := invocation.get(of))}
