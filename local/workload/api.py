"""The manager's HTTP interface on loopback: instances, faults, the database, settings, health."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local.workload.databases.cluster import DatabaseStateError
from local.workload.manager import Manager
from local.workload.processes.served import Fault
from local.workload.settings import InvalidSettingError

Answer = tuple[HTTPStatus, object]

MAX_FAULT_SECONDS = 12 * 3600.0


class BadRequestError(ValueError):
    """The body is not what the path takes."""


def serve_api(manager: Manager, port: int) -> int:
    """Serve in the background; returns the port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._handle("GET")

        def do_POST(self) -> None:
            self._handle("POST")

        def do_DELETE(self) -> None:
            self._handle("DELETE")

        def log_message(self, *args: object) -> None:
            pass

        def _handle(self, method: str) -> None:
            try:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, answer = answer_request(manager, method, self.path.split("?")[0].strip("/").split("/"), body)
            except (BadRequestError, InvalidSettingError) as error:
                status, answer = HTTPStatus.BAD_REQUEST, {"error": str(error)}
            except DatabaseStateError as error:
                status, answer = HTTPStatus.CONFLICT, {"error": str(error)}
            except LookupError as error:
                status, answer = HTTPStatus.NOT_FOUND, {"error": str(error)}
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="api", daemon=True).start()
    return int(server.server_address[1])


def _answer_health(manager: Manager) -> Answer:
    return (HTTPStatus.OK if manager.ready else HTTPStatus.SERVICE_UNAVAILABLE), {"ready": manager.ready}


_VIEWS: dict[str, Callable[[Manager], Answer]] = {
    "healthz": _answer_health,
    "instances": lambda manager: (HTTPStatus.OK, [web.as_dict() for web in manager.webs()]),
    "workload": lambda manager: (HTTPStatus.OK, manager.overview()),
    "settings": lambda manager: (HTTPStatus.OK, manager.settings.as_dict()),
}
_FAULT_ANSWERS = {"refused": HTTPStatus.BAD_REQUEST, "lost": HTTPStatus.CONFLICT}


def answer_request(manager: Manager, method: str, path: list[str], body: bytes) -> Answer:
    """Answer one request; raises BadRequestError, InvalidSettingError, DatabaseStateError or LookupError."""
    match method, path:
        case "GET", [name] if name in _VIEWS:
            return _VIEWS[name](manager)
        case "POST", ["settings"]:
            return HTTPStatus.OK, manager.change(_parse_object(body)).as_dict()
        case "POST", ["instances", instance_id, "faults"]:
            fault = manager.start_fault(instance_id, _parse_fault(_parse_object(body)))
            return _FAULT_ANSWERS.get(fault.status, HTTPStatus.OK), fault.as_dict()
        case "DELETE", ["instances", instance_id, "faults", command_id]:
            return HTTPStatus.OK, manager.end_fault(instance_id, command_id).as_dict()
        case "POST", [kind, *order] if kind in _ORDERS:
            return HTTPStatus.OK, _ORDERS[kind](manager, order, body)
    raise LookupError(f"no such thing: {method} /{'/'.join(path)}")


def _order_instance(manager: Manager, order: list[str], _body: bytes) -> object:
    match order:
        case [instance_id, "reboot"]:
            return manager.reboot(instance_id).as_dict()
    raise LookupError(f"instances take no order {'/'.join(order)}")


def _order_task(manager: Manager, order: list[str], body: bytes) -> object:
    match order:
        case [task_id, "stop"]:
            return manager.stop_task(task_id, str(_parse_object(body).get("reason", "")))
    raise LookupError(f"tasks take no order {'/'.join(order)}")


def _order_database(manager: Manager, order: list[str], _body: bytes) -> object:
    match order:
        case ["failover"]:
            manager.database.fail_over()
        case [node, "reboot"]:
            manager.database.reboot(node)
        case _:
            raise LookupError(f"the database takes no order {'/'.join(order)}")
    return manager.database.as_dict()


_ORDERS: dict[str, Callable[[Manager, list[str], bytes], object]] = {
    "instances": _order_instance,
    "tasks": _order_task,
    "database": _order_database,
}
"""What people, or the account, may order of each kind of thing."""


def _parse_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body or b"{}")
    except json.JSONDecodeError as error:
        raise BadRequestError(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise BadRequestError("the body must be a JSON object")
    return value


def _parse_fault(value: dict[str, Any]) -> Fault:
    try:
        parameters = {str(key): _parse_text(item) for key, item in value.get("parameters", {}).items()}
        duration = float(value["duration_seconds"])
        fault = Fault(str(value["command_id"]), str(value["document"]), parameters, duration)
    except KeyError as error:
        raise BadRequestError(f"missing {error}") from error
    except (AttributeError, TypeError, ValueError) as error:
        raise BadRequestError(str(error)) from error
    if not 0 < duration <= MAX_FAULT_SECONDS:
        raise BadRequestError(f"duration_seconds must be above 0 and at most {MAX_FAULT_SECONDS:g}")
    return fault


def _parse_text(value: object) -> str:
    """A parameter as text. SSM passes every parameter as a list of strings; a single value is accepted, too."""
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value)
