"""A minimal HTTP/1.1 that the workload's own processes speak with each other, on keep-alive connections."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]

_REASONS = {200: "OK", 500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}


class GoneError(ConnectionError):
    """The other side closed the connection before a whole message arrived."""


@dataclass(frozen=True)
class Message:
    """The first line's fields and the body of a request (method, path) or a response (version, status)."""

    first: str
    second: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


async def read_message(reader: asyncio.StreamReader) -> Message:
    """Read one message; GoneError at end of file."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        first, second, *_ = lines[0].split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}
        length = int(headers.get("content-length", "0"))
        body = await reader.readexactly(length) if length else b""
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        raise GoneError(str(error)) from error
    return Message(first, second, body, headers)


def format_request(path: str) -> bytes:
    """A GET request as bytes."""
    return f"GET {path} HTTP/1.1\r\nHost: sample\r\n\r\n".encode()


def format_response(status: int, body: bytes) -> bytes:
    """A response as bytes, with a length, so that the connection can be kept."""
    reason = _REASONS.get(status, "Status")
    return f"HTTP/1.1 {status} {reason}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


async def exchange_messages(stream: Stream, path: str) -> Message:
    """Send a request and read its answer."""
    reader, writer = stream
    try:
        writer.write(format_request(path))
        await writer.drain()
    except ConnectionError as error:
        raise GoneError(str(error)) from error
    return await read_message(reader)


class Pool:
    """Idle keep-alive connections to one address."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._idle: list[Stream] = []

    async def get(self, path: str) -> Message:
        """Make one exchange.

        A kept connection that turns out to be dead is replaced once by a new one, as every proxy does. Failures of a
        new connection are raised (ConnectionRefusedError, GoneError).
        """
        while self._idle:
            stream = self._idle.pop()
            try:
                return await self._on(stream, path)
            except GoneError:
                continue
        return await self._on(await asyncio.open_connection("127.0.0.1", self.port), path)

    async def _on(self, stream: Stream, path: str) -> Message:
        try:
            answer = await exchange_messages(stream, path)
        except BaseException:
            stream[1].close()
            raise
        self._idle.append(stream)
        return answer

    def close(self) -> None:
        for _, writer in self._idle:
            writer.close()
        self._idle.clear()
