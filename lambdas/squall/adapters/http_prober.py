"""HTTP requests as a client makes them, to checked addresses only: no redirects, limits of time and bytes, TLS
verified.

The standard library lets the prober connect to exactly the address that it checked, and stop at a deadline however
slowly the bytes arrive.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from http.client import HTTPConnection, HTTPException
from math import ceil
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from squall.domain.sentinel.config import MAXIMUM_BODY_BYTES, Sentinel, why_address_refused
from squall.domain.sentinel.probes import Sample

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MOST_AT_ONCE = 50
"""The most probes that may wait for an answer. Further ones are left out while a dead workload holds so many."""
_CHUNK = 16_384
_HEADERS = {"User-Agent": "Squall-Sentinel", "Accept-Encoding": "identity", "Connection": "close"}


class _RefusedAddressError(Exception):
    """The host resolves to an address that may not be probed."""


class HttpProber:
    @contextmanager
    def probing(self, sentinel: Sentinel) -> Iterator[Probes]:
        probes = Probes(sentinel)
        thread = threading.Thread(target=probes.run, name="sentinel", daemon=True)
        thread.start()
        try:
            yield probes
        finally:
            probes.stop()
            thread.join()


class Probes:
    """Sends probes at a steady pace until `stop`, however long each takes."""

    def __init__(self, sentinel: Sentinel) -> None:
        self._sentinel = sentinel
        self._samples: list[Sample] = []
        self._lock, self._stopped = threading.Lock(), threading.Event()
        most = min(_MOST_AT_ONCE, ceil(sentinel.rate * sentinel.expect.within_ms / 1000) + 1)
        self._free = threading.BoundedSemaphore(most)
        self._pool = ThreadPoolExecutor(most, "probe")

    def drain(self) -> Sequence[Sample]:
        """The samples of probes that have ended since the last call."""
        with self._lock:
            samples, self._samples = self._samples, []
        return samples

    def run(self) -> None:
        """Start a probe whenever one is due, until `stop`."""
        due = time.monotonic()
        while not self._stopped.wait(max(0.0, due - time.monotonic())):
            due = max(due + 1 / self._sentinel.rate, time.monotonic())  # a process that was frozen does not catch up with a burst
            if self._free.acquire(blocking=False):
                self._pool.submit(self._probe)
        self._pool.shutdown(wait=True)

    def stop(self) -> None:
        """Start no further probe. Those that wait for an answer end within their limit."""
        self._stopped.set()

    def _probe(self) -> None:
        try:
            sample = send_probe(self._sentinel)
            with self._lock:
                self._samples.append(sample)
        finally:
            self._free.release()


def send_probe(sentinel: Sentinel) -> Sample:
    """Send one request, and judge the answer as a client would."""
    limit = sentinel.expect.within_ms / 1000
    began = time.monotonic()
    failure, answered = "", False
    try:
        status, body = _Request(sentinel, began + limit).answer()
    except _RefusedAddressError as error:
        failure = str(error)
    except TimeoutError:
        failure = f"no answer within {sentinel.expect.within_ms} ms"
    except (OSError, HTTPException, ValueError) as error:
        late = time.monotonic() - began >= limit
        failure = f"no answer within {sentinel.expect.within_ms} ms" if late else f"{type(error).__name__}: {error}"[:200]
    else:
        answered, failure = True, _why_unexpected(sentinel, status, body)
    seconds = time.monotonic() - began
    if seconds > limit:
        answered, failure = False, failure or f"no answer within {sentinel.expect.within_ms} ms"
    return Sample(datetime.now(UTC), seconds if answered else limit, failure)


def _why_unexpected(sentinel: Sentinel, status: int, body: bytes) -> str:
    if not sentinel.expect.accepts(status):
        return f"status {status}"
    wanted = sentinel.expect.body
    return "" if wanted is None or wanted.encode() in body else "the body lacks the expected text"


class _Request:
    """One GET on a new connection."""

    def __init__(self, sentinel: Sentinel, deadline: float) -> None:
        parts = urlsplit(sentinel.url)
        self._host, self._secure = sentinel.host, parts.scheme == "https"
        self._port = parts.port or (443 if self._secure else 80)
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._deadline = deadline

    def answer(self) -> tuple[int, bytes]:
        """The status and the beginning of the body. Raises _RefusedAddressError, OSError (TimeoutError among them),
        HTTPException, ValueError."""
        with socket.create_connection((self._find_address(), self._port), self._left) as plain:
            deadline = threading.Timer(self._left, _close_connection, (plain,))  # the timeout of a socket starts again with every byte
            deadline.daemon = True
            deadline.start()
            try:
                with self._wrap(plain) as connected:
                    return self._exchange(connected)
            finally:
                deadline.cancel()

    @property
    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def _find_address(self) -> str:
        lookup = _resolver_pool().submit(socket.getaddrinfo, self._host, self._port, type=socket.SOCK_STREAM)
        try:
            resolved = lookup.result(timeout=self._left)
        except TimeoutError:
            lookup.cancel()  # one that is waiting for a thread; one that hangs ends with the resolver's own limit
            raise
        addresses = [str(entry[4][0]) for entry in resolved]
        for address in addresses:  # a name with one address that is refused is refused
            if why := why_address_refused(address, self._host):
                raise _RefusedAddressError(why)
        return min(addresses, key=lambda address: ":" in address)  # functions have IPv6 only if their VPC does

    def _wrap(self, plain: socket.socket) -> socket.socket:
        return _tls_context().wrap_socket(plain, server_hostname=self._host) if self._secure else plain

    def _exchange(self, connected: socket.socket) -> tuple[int, bytes]:
        connection = HTTPConnection(self._host, self._port, timeout=self._left)
        connection.default_port = 443 if self._secure else 80  # the Host header leaves out the default port
        connection.sock = connected
        connection.request("GET", self._target, headers=_HEADERS)
        response = connection.getresponse()
        body = b""
        while len(body) < MAXIMUM_BODY_BYTES and (chunk := response.read1(_CHUNK)):
            body += chunk
        return response.status, body


@cache
def _resolver_pool() -> ThreadPoolExecutor:
    """Threads for getaddrinfo, which has no timeout. A name server that does not answer blocks these threads but no
    probe."""
    return ThreadPoolExecutor(4, "resolve")


@cache
def _tls_context() -> ssl.SSLContext:
    return ssl.create_default_context()


def _close_connection(connected: socket.socket) -> None:
    with suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)
