"""HTTP as a client speaks it, to an address that was checked: no redirect, a bound on time and bytes, TLS verified.

The standard library alone: whoever asks must connect to the very address it has looked at, and end at a deadline whatever trickles in.
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
"""Probes under way. When a dead workload holds so many, further ones are left out."""
_CHUNK = 16_384
_HEADERS = {"User-Agent": "Squall-Sentinel", "Accept-Encoding": "identity", "Connection": "close"}


class _RefusedAddressError(Exception):
    """The host leads where nothing may be probed."""


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
    """Probes at a steady pace, however long each takes, until it is stopped."""

    def __init__(self, sentinel: Sentinel) -> None:
        self._sentinel = sentinel
        self._samples: list[Sample] = []
        self._lock, self._stopped = threading.Lock(), threading.Event()
        most = min(_MOST_AT_ONCE, ceil(sentinel.rate * sentinel.expect.within_ms / 1000) + 1)
        self._free = threading.BoundedSemaphore(most)
        self._pool = ThreadPoolExecutor(most, "probe")

    def drain(self) -> Sequence[Sample]:
        """What has ended since the last time."""
        with self._lock:
            found, self._samples = self._samples, []
        return found

    def run(self) -> None:
        """Keeps the pace."""
        due = time.monotonic()
        while not self._stopped.wait(max(0.0, due - time.monotonic())):
            due = max(due + 1 / self._sentinel.rate, time.monotonic())  # a frozen process does not catch up by a burst
            if self._free.acquire(blocking=False):
                self._pool.submit(self._probe)
        self._pool.shutdown(wait=True)

    def stop(self) -> None:
        """No further probe; those under way end within their time."""
        self._stopped.set()

    def _probe(self) -> None:
        try:
            sample = ask(self._sentinel)
            with self._lock:
                self._samples.append(sample)
        finally:
            self._free.release()


def ask(sentinel: Sentinel) -> Sample:
    """One request, and what a client makes of the answer."""
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
        answered, failure = True, _unexpected(sentinel, status, body)
    seconds = time.monotonic() - began
    if seconds > limit:
        answered, failure = False, failure or f"no answer within {sentinel.expect.within_ms} ms"
    return Sample(datetime.now(UTC), seconds if answered else limit, failure)


def _unexpected(sentinel: Sentinel, status: int, body: bytes) -> str:
    if not sentinel.expect.accepts(status):
        return f"status {status}"
    wanted = sentinel.expect.body
    return "" if wanted is None or wanted.encode() in body else "the body lacks the expected text"


class _Request:
    """One GET on a connection of its own, as a new client has it."""

    def __init__(self, sentinel: Sentinel, deadline: float) -> None:
        parts = urlsplit(sentinel.url)
        self._host, self._secure = sentinel.host, parts.scheme == "https"
        self._port = parts.port or (443 if self._secure else 80)
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._deadline = deadline

    def answer(self) -> tuple[int, bytes]:
        """Status and as much of the body as is read. Raises OSError, HTTPException."""
        with socket.create_connection((self._address(), self._port), self._left) as plain:
            ends = threading.Timer(self._left, _cut_off, (plain,))  # a timeout of the socket begins anew with every byte
            ends.daemon = True
            ends.start()
            try:
                with self._wrapped(plain) as connected:
                    return self._asked(connected)
            finally:
                ends.cancel()

    @property
    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def _address(self) -> str:
        found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        addresses = [str(one[4][0]) for one in found]
        for address in addresses:  # all of them: of a name with two faces neither is trusted
            if why := why_address_refused(address, self._host):
                raise _RefusedAddressError(why)
        return min(addresses, key=lambda address: ":" in address)  # functions have IPv6 only where somebody saw to it

    def _wrapped(self, plain: socket.socket) -> socket.socket:
        return _verifying().wrap_socket(plain, server_hostname=self._host) if self._secure else plain

    def _asked(self, connected: socket.socket) -> tuple[int, bytes]:
        connection = HTTPConnection(self._host, self._port, timeout=self._left)
        connection.default_port = 443 if self._secure else 80  # for the Host header, where ports that go without saying are left out
        connection.sock = connected
        connection.request("GET", self._target, headers=_HEADERS)
        response = connection.getresponse()
        body = b""
        while len(body) < MAXIMUM_BODY_BYTES and (chunk := response.read1(_CHUNK)):
            body += chunk
        return response.status, body


@cache
def _verifying() -> ssl.SSLContext:
    return ssl.create_default_context()


def _cut_off(connected: socket.socket) -> None:
    with suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)
