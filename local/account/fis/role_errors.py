"""Errors for a role: a share of the calls to EC2 or Kinesis that anything makes with the role fails while FIS says so.

The calls are authorized first, as on AWS, where the error stands for a failure behind the API.
"""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from ministack import app
from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, new_uuid
from ministack.core.router import extract_access_key_id
from ministack.services import ec2

from local.account.fis.injected import Injected
from local.account.patching import require_names
from local.account.profile import holder

Response = tuple[int, dict[str, str], bytes]
Handler = Callable[[str, str, dict[str, str], bytes, dict[str, Any]], Awaitable[Any]]
SERVICES = ("ec2", "kinesis")
INTERNAL, THROTTLE, UNAVAILABLE, CAPACITY = "internal", "throttle", "unavailable", "capacity"
_ANSWERS = {
    (INTERNAL, "ec2"): (500, "InternalError", "An internal error has occurred"),
    (THROTTLE, "ec2"): (503, "RequestLimitExceeded", "Request limit exceeded."),
    (UNAVAILABLE, "ec2"): (503, "Unavailable", "The server is overloaded and can't handle the request."),
    (CAPACITY, "ec2"): (500, "InsufficientInstanceCapacity", "There is no capacity in the Availability Zone that was requested."),
    (INTERNAL, "kinesis"): (500, "InternalFailure", "The request processing has failed because of an unknown error."),
    (THROTTLE, "kinesis"): (400, "ThrottlingException", "The request was denied due to request throttling."),
    (UNAVAILABLE, "kinesis"): (503, "ServiceUnavailable", "The request has failed due to a temporary failure of the server."),
}
LAUNCHES = frozenset({"RunInstances", "StartInstances"})
"""The calls without capacity. AWS has CreateFleet and CreateCapacityReservation, too; this account does not."""


@dataclass(frozen=True)
class Errors:
    """The share of a service's operations, in percent, that fails for these roles. `zones`: of launches alone."""

    kind: str
    service: str
    roles: frozenset[str]
    """Their ARNs."""
    operations: frozenset[str]
    percent: float
    zones: frozenset[str] = frozenset()


injected: Injected[Errors] = Injected()


def install_patches() -> None:
    """Patch both services. Must be installed before calls of another Region are told apart."""
    require_names(app, "SERVICE_HANDLERS")
    require_names(iam_evaluator, "resolve_credential", "_role_name_from_assumed_arn")
    require_names(ec2, "_subnets", "_instances", "_DEFAULT_SUBNET_ID")
    for service in SERVICES:
        app.SERVICE_HANDLERS[service] = _fail_some(service, app.SERVICE_HANDLERS[service])


def _fail_some(service: str, original: Handler) -> Handler:
    async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Any:
        known = [errors for errors in injected.list() if errors.service == service]
        if known:
            role, (operation, values) = _find_role(headers, query), _read_call(service, headers, body, query)
            for errors in known:
                hit = any(arn.rpartition("/")[2] == role for arn in errors.roles) and operation in errors.operations
                if hit and _in_zones(values, errors.zones) and holder.chance(errors.percent / 100):
                    return _answer(errors.kind, service)
        return await original(method, path, headers, body, query)

    return handle


def _find_role(headers: dict[str, str], query: dict[str, Any]) -> str | None:
    """The name of the role with which the call is made; None for any other caller."""
    credential = iam_evaluator.resolve_credential(extract_access_key_id(headers, query) or "", get_account_id())
    if getattr(credential, "principal_type", "") != "AssumedRole":
        return None
    return str(iam_evaluator._role_name_from_assumed_arn(credential.principal_arn))


def _read_call(service: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """The operation and its parameters. Kinesis names the operation in a header."""
    if service == "kinesis":
        return headers.get("x-amz-target", "").rpartition(".")[2], {}
    sent = {**query, **parse_qs(body.decode(errors="replace"))}
    values = {name: str(value[0] if isinstance(value, list) else value) for name, value in sent.items() if value}
    return values.get("Action", ""), values


def _in_zones(values: dict[str, str], zones: frozenset[str]) -> bool:
    """Whether a launch is in one of the zones, or no zones are asked for."""
    if not zones:
        return True
    known = ec2._instances.get(values.get("InstanceId.1", ""))
    subnet = ec2._subnets.get(values.get("SubnetId") or ec2._DEFAULT_SUBNET_ID) or {}
    asked = known["Placement"]["AvailabilityZone"] if known else values.get("Placement.AvailabilityZone") or subnet.get("AvailabilityZone")
    return asked in zones


def _answer(kind: str, service: str) -> Response:
    status, code, message = _ANSWERS[kind, service]
    if service == "kinesis":
        headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-errortype": code}
        return status, headers, json.dumps({"__type": code, "message": message}).encode()
    error = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    return (
        status,
        {"Content-Type": "text/xml"},
        f"<Response><Errors>{error}</Errors><RequestID>{new_uuid()}</RequestID></Response>".encode(),
    )
