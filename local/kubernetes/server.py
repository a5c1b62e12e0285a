"""The API server: HTTPS on loopback, bearer tokens, Kubernetes' paths, verbs and error bodies."""

from __future__ import annotations

import json
import re
import ssl
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from local.kubernetes import access, pod_security, status
from local.kubernetes.access import User
from local.kubernetes.authentication import Authentication
from local.kubernetes.objects import KINDS, Objects
from local.kubernetes.status import StatusError

Json = dict[str, Any]
Exec = Callable[[str, str, str, str], str]
"""Runs a command in a container of a pod: takes namespace, pod, container and command, returns the output. Raises
StatusError."""

VERSION = {"major": "1", "minor": "33", "gitVersion": "v1.33.5-eks-local"}
LARGEST_BODY = 1 << 20
POLL_SECONDS = 0.1
"""Seconds between checks whether the server is to end."""
_NAMESPACE = re.compile(r"/api/v1/namespaces/([^/]+)")
_PATH = re.compile(
    r"/(?:api|apis/(?P<group>[a-z0-9.]+))/v1/namespaces/(?P<namespace>[^/]+)/(?P<plural>[a-z]+)"
    r"(?:/(?P<name>[^/]+)(?:/(?P<sub>[a-z]+))?)?"
)
_EVERYWHERE = re.compile(r"/(?:api|apis/(?P<group>[a-z0-9.]+))/v1/(?P<plural>[a-z]+)")
"""A list of all namespaces, or of what belongs to none."""
_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_SUBRESOURCES = {"ephemeralcontainers", "exec"}


class ApiServer:
    """The HTTPS server; serves until `close`."""

    def __init__(self, objects: Objects, authentication: Authentication, execute: Exec) -> None:
        self._objects, self._authentication, self._execute = objects, authentication, execute
        self._server: ThreadingHTTPServer | None = None

    def serve(self, certificate: Path) -> int:
        """Serve in the background; returns the port."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(certificate)
        server = _Server(("127.0.0.1", 0), _make_handler(self), context)
        threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,), name="kube-apiserver", daemon=True).start()
        self._server = server
        return int(server.server_address[1])

    def close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def answer(self, method: str, target: str, authorization: str, body: bytes) -> tuple[int, Json]:
        """Handle one request; returns status and body."""
        try:
            return self._route(method, target, authorization, body)
        except StatusError as error:
            return error.code, error.body

    def _route(self, method: str, target: str, authorization: str, body: bytes) -> tuple[int, Json]:
        parts = urlsplit(target)
        user = self._authentication.user(authorization)
        if user is None:
            raise status.make_unauthorized()
        if parts.path == "/version":
            return 200, dict(VERSION)
        if method == "GET" and (match := _NAMESPACE.fullmatch(parts.path)):
            return 200, self._namespace(user, unquote(match[1]))
        if method == "GET" and (match := _EVERYWHERE.fullmatch(parts.path)):
            return 200, self._list_everywhere(user, match["plural"], match["group"] or "", dict(parse_qsl(parts.query)))
        match = _PATH.fullmatch(parts.path)
        plural = match["plural"] if match else ""
        if match is None or plural == "nodes" or plural not in KINDS or KINDS[plural][0] != (match["group"] or ""):
            raise status.no_such_path()
        namespace, name, sub = unquote(match["namespace"]), unquote(match["name"] or ""), match["sub"] or ""
        if sub and (plural != "pods" or sub not in _SUBRESOURCES):
            raise status.no_such_path()
        verb = "list" if method == "GET" and not name else _VERBS[method]
        self._allow(user, verb, plural, sub, namespace, name)
        query = dict(parse_qsl(parts.query))
        if sub:
            return self._subresource(method, namespace, name, sub, query, _parse_object(body))
        return self._resource(method, plural, namespace, name, query, _parse_object(body))

    def _namespace(self, user: User, name: str) -> Json:
        """A namespace. Who may read it is decided in the namespace."""
        if not access.is_allowed(self._objects, user, "get", "", "namespaces", name):
            raise status.make_forbidden(user.name, "get", "namespaces", "", name, name)
        return self._objects.get_namespace(name)

    def _list_everywhere(self, user: User, plural: str, group: str, query: Mapping[str, str]) -> Json:
        if plural not in KINDS or KINDS[plural][0] != group:
            raise status.no_such_path()
        self._allow(user, "list", plural, "", "", "")
        return self._objects.page(plural, "", query)

    def _allow(self, user: User, verb: str, plural: str, sub: str, namespace: str, name: str) -> None:
        group, resource = KINDS[plural][0], f"{plural}/{sub}" if sub else plural
        if not access.is_allowed(self._objects, user, verb, group, resource, namespace):
            raise status.make_forbidden(user.name, verb, resource, group, namespace, name)

    def _resource(self, method: str, plural: str, namespace: str, name: str, query: Mapping[str, str], body: Json) -> tuple[int, Json]:
        objects = self._objects
        match method, bool(name):
            case "GET", False:
                return 200, objects.page(plural, namespace, query)
            case "GET", True:
                return 200, objects.get(plural, namespace, name)
            case "POST", False:
                return 201, objects.create(plural, namespace, body)
            case "DELETE", True:
                seconds = body.get("gracePeriodSeconds", query.get("gracePeriodSeconds"))
                return 200, objects.delete(plural, namespace, name, None if seconds is None else int(seconds))
        raise StatusError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")

    def _subresource(self, method: str, namespace: str, name: str, sub: str, query: Mapping[str, str], body: Json) -> tuple[int, Json]:
        pod = self._objects.get("pods", namespace, name)
        if sub == "exec" and method == "POST":
            return 200, {"output": self._execute(namespace, name, query.get("container", ""), query.get("command", ""))}
        if sub == "ephemeralcontainers" and method == "PUT":
            labels = self._objects.namespace_labels.get(namespace, {})
            return 200, self._objects.update("pods", namespace, name, lambda pod: _add_ephemeral(pod, body, labels))
        if method == "GET":
            return 200, pod
        raise StatusError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")


def _add_ephemeral(pod: Json, changes: Json, labels: Mapping[str, str]) -> None:
    """Add ephemeral containers, as far as the labels of the namespace allow. Existing ones can be neither changed nor
    removed."""
    name = pod["metadata"]["name"]
    if changes.get("metadata", {}).get("resourceVersion") not in {None, pod["metadata"]["resourceVersion"]}:
        raise status.make_conflict("pods", name)
    then = pod["spec"].get("ephemeralContainers", [])
    wanted = changes.get("spec", {}).get("ephemeralContainers", [])
    names = {container.get("name") for container in wanted}
    if [container for container in wanted if container in then] != then or len(names) < len(wanted):
        raise status.make_invalid(
            "Pod", name, "spec.ephemeralContainers: Forbidden: existing ephemeral containers may not be changed or removed"
        )
    pod["spec"]["ephemeralContainers"] = wanted
    pod_security.admit(labels, pod)


def _parse_object(body: bytes) -> Json:
    if not body:
        return {}
    try:
        value = json.loads(body)
    except ValueError as error:
        raise status.bad_request("the body is no JSON") from error
    if not isinstance(value, dict):
        raise status.bad_request("the body is no object")
    return value


class _Server(ThreadingHTTPServer):
    """Do the TLS handshake in the connection's own thread: a client that sends nothing must not block the others."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], context: ssl.SSLContext) -> None:
        super().__init__(address, handler)
        self._context = context

    def finish_request(self, request: Any, client_address: Any) -> None:
        request.settimeout(10)
        with self._context.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Do not log a client that disconnected or does not trust the authority."""


def _make_handler(api: ApiServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _handle(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(min(length, LARGEST_BODY))
            code, answer = api.answer(self.command, self.path, self.headers.get("Authorization", ""), body)
            data = json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815 - the base's names

        def log_message(self, *args: object) -> None:
            pass

    return Handler
