"""The database's client in an instance."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from local.workload.instances.calls import FailedError, call_within
from local.workload.network.disturbances import Network
from local.workload.network.peers import DATABASE_PORT, Flow
from local.workload.network.routes import Node
from local.workload.processes import http1

TIMEOUT_SECONDS = 1.0
PATIENCE_SECONDS = 5.0
"""As long as an ordinary failover takes, and shorter than the load balancer's timeout."""
PAUSE_SECONDS = 0.1
AVOIDED_SECONDS = 5.0
"""Seconds that an endpoint is avoided after a failure, while there is another."""


class Records:
    """Reads go to the reader endpoint, writes to the writer endpoint, each over a few kept connections."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._nodes: dict[str, Node] = {}
        self._idle: dict[Node, list[http1.Stream]] = {}
        self._failed: dict[str, float] = {}

    def follow(self, nodes: dict[str, Node]) -> None:
        """Follow the endpoints to other nodes; connections to nodes without an endpoint are closed."""
        self._nodes = nodes
        for node in [node for node in self._idle if node not in nodes.values()]:
            for _, writer in self._idle.pop(node):
                writer.close()

    async def read(self, key: str, retry: bool) -> Any:
        """Read from the reader; with `retry` also from the writer, when the reader fails."""
        return await self._ask(("reader", "writer") if retry else ("reader",), {"op": "get", "key": key}, retry)

    async def write(self, key: str, value: str, retry: bool) -> Any:
        return await self._ask(("writer",), {"op": "put", "key": key, "value": value}, retry)

    async def _ask(self, endpoints: tuple[str, ...], question: dict[str, str], retry: bool) -> Any:
        """Ask once, or repeatedly for as long as a failover may take. Raises FailedError."""
        give_up = time.monotonic() + (PATIENCE_SECONDS if retry else 0.0)
        while True:
            endpoint = self._preferred(endpoints)
            try:
                return await call_within(TIMEOUT_SECONDS, lambda: self._once(endpoint, question))  # noqa: B023 - awaited before the next
            except FailedError:
                self._failed[endpoint] = time.monotonic()
                if time.monotonic() + PAUSE_SECONDS >= give_up:
                    raise
            await asyncio.sleep(PAUSE_SECONDS)

    def _preferred(self, endpoints: tuple[str, ...]) -> str:
        """The first endpoint that did not fail lately, or else the one that failed longest ago."""
        since = time.monotonic() - AVOIDED_SECONDS
        return min(endpoints, key=lambda endpoint: max(since, self._failed.get(endpoint, since)))

    async def _once(self, endpoint: str, question: dict[str, str]) -> Any:
        node = self._nodes.get(endpoint)
        if node is None:
            raise ConnectionRefusedError(f"no node serves the {endpoint} endpoint")
        await self._network.carry(Flow(node.address, DATABASE_PORT, inbound=False))
        idle = self._idle.get(node)
        stream = idle.pop() if idle else await asyncio.open_connection("127.0.0.1", node.port)
        try:
            answer = await _exchange_record(stream, question)
        except BaseException:
            stream[1].close()
            raise
        self._idle.setdefault(node, []).append(stream)
        return answer


async def _exchange_record(stream: http1.Stream, question: dict[str, str]) -> Any:
    reader, writer = stream
    writer.write(json.dumps(question).encode() + b"\n")
    answer = json.loads(await reader.readline() or b"{}")
    if "error" in answer or not answer:
        raise OSError(answer.get("error", "the connection broke"))
    return answer
