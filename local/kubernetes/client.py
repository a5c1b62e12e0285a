"""A client of a cluster for FIS and its pod: JSON over HTTPS, trusting only the cluster's own certificate authority."""

from __future__ import annotations

import json
import ssl
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError

from local.kubernetes.status import StatusError

Json = dict[str, Any]
TIMEOUT_SECONDS = 30.0
UNREACHABLE = 0
"""The status code of a request without an answer."""


class Client:
    """A client that sends the token that `token` returns."""

    def __init__(self, endpoint: str, authority: str, token: Callable[[], str]) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=authority)
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
        self._endpoint, self._token = endpoint, token

    def get(self, path: str) -> Json:
        return self.call("GET", path)

    def find(self, path: str) -> Json | None:
        """The object; None if it does not exist."""
        try:
            return self.get(path)
        except StatusError as error:
            if error.code == 404:
                return None
            raise

    def create(self, path: str, body: Json) -> Json:
        return self.call("POST", path, body)

    def delete(self, path: str, body: Json | None = None) -> None:
        """Delete an object. Repeatable."""
        try:
            self.call("DELETE", path, body)
        except StatusError as error:
            if error.code != 404:
                raise

    def call(self, method: str, path: str, body: Json | None = None) -> Json:
        """Send a request. Raises StatusError with the server's error answer."""
        headers = {"Authorization": f"Bearer {self._token()}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._endpoint + path, data=data, headers=headers, method=method)  # noqa: S310 - https, by context
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
                return dict(json.load(answer))
        except HTTPError as error:
            with error:
                body = json.loads(error.read() or b"{}")
            raise StatusError(error.code, body.get("reason", ""), body.get("message", str(error))) from error
        except OSError as error:
            raise StatusError(UNREACHABLE, "Unreachable", str(error)) from error
