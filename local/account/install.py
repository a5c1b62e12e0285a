"""Installs every patch, in order, and builds the ASGI application with the account's own control paths."""

# ruff: noqa: PLC0415 - the emulator reads its environment while it is imported: not before that is set

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any

from local.account import profile, settings
from local.account.patching import PINNED_MINISTACK, PatchPointError

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def install_patches() -> None:
    """Patch ministack. Must run once, after the environment is set and before the server listens."""
    installed = version("ministack")
    if installed != PINNED_MINISTACK:
        raise PatchPointError(f"ministack {installed} is installed, the patches are for {PINNED_MINISTACK}")
    from local.account import balancers, eks, iam, lambdas, quotas, rds, transport
    from local.account.data import athena, bucket_metrics, bucket_replication, global_tables
    from local.account.ec2 import capacity, endpoints, network, reboots, spot, volumes
    from local.account.events import events, nested_executions, scheduler, workflows
    from local.account.fis import role_errors, stream_errors
    from local.account.fis import service as fis
    from local.account.metrics import alarms, api
    from local.account.peers import federation, regions
    from local.account.ssm import automation, commands
    from local.account.tasks import container_instances, ecs
    from local.workload import ministack_truth

    for part in (
        transport,
        iam,
        federation,
        lambdas,
        workflows,
        nested_executions,
        events,
        scheduler,
        api,
        alarms,
        commands,
        automation,
        rds,
        ecs,
        container_instances,
        eks,
        stream_errors,
        athena,
        global_tables,
        bucket_replication,
        bucket_metrics,
        fis,
        quotas,
        network,
        endpoints,
        volumes,
        reboots,
        spot,
        capacity,
        ministack_truth,
        balancers,
        role_errors,
        regions,
    ):
        part.install_patches()


def build_app() -> App:
    """The patched emulator with the control paths in front of it. Called on the event loop that serves it."""
    install_patches()
    from ministack.app import app as ministack_app

    from local.account.data import bucket_replication, global_tables
    from local.account.metrics import alarms

    alarms.start_evaluator()
    for part in (global_tables, bucket_replication):
        part.serve(asyncio.get_running_loop())

    async def route_request(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/_squall/"):
            await _serve_control(scope, receive, send)
        else:
            await ministack_app(scope, receive, send)

    return route_request


async def _serve_control(scope: Scope, receive: Receive, send: Send) -> None:
    """``GET /_squall/health``, ``GET`` and ``POST /_squall/profile``, ``DELETE /_squall/metrics``."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    if (scope["method"], scope["path"]) == ("POST", "/_squall/assume-role"):
        from local.account.peers import federation

        status, answer = 200, await federation.assume_for_peer(body)
    elif (scope["method"], scope["path"]) == ("POST", "/_squall/other-region"):
        from local.account.peers import regions

        status, answer = 200, await regions.answer_other_region(body)
    else:
        status, answer = _answer_control(scope["method"], scope["path"], body)
    payload = json.dumps(answer).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(payload)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": payload})


def _answer_control(method: str, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
    if (method, path) == ("GET", "/_squall/health"):
        from local.account.metrics import alarms

        return 200, {
            "status": "ok",
            "ministack": PINNED_MINISTACK,
            "workload_url": settings.get_settings().workload_url,
            "profile": profile.holder.current.name,
            "alarm_evaluations": alarms.evaluator_rounds(),
            "threads": threading.active_count(),
        }
    if path == "/_squall/profile" and method == "GET":
        return 200, profile.holder.as_json()
    if path == "/_squall/profile" and method == "POST":
        try:
            changes = json.loads(body or b"{}")
            profile.holder.change(changes)
        except (ValueError, TypeError) as error:
            return 400, {"error": str(error)}
        return 200, profile.holder.as_json()
    if (method, path) == ("DELETE", "/_squall/metrics"):
        from local.account.metrics import series

        return 200, {"forgotten": series.forget_points()}
    return 404, {"error": f"no {method} {path}"}
