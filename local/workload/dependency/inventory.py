"""The dependency: a small HTTP service that the instances call for some of their requests."""

from __future__ import annotations

import asyncio
import contextlib

from local.workload.processes import http1
from local.workload.processes.lifeline import die_with_parent, receive_commands, send_event

THINKING_SECONDS = 0.004


async def _serve_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(http1.GoneError, ConnectionError):
        while True:
            await http1.read_message(reader)
            await asyncio.sleep(THINKING_SECONDS)
            writer.write(http1.format_response(200, b"in stock"))
            await writer.drain()
    writer.close()


async def _run_server() -> None:
    server = await asyncio.start_server(_serve_connection, "127.0.0.1", 0)
    send_event(event="ready", port=server.sockets[0].getsockname()[1])
    await receive_commands(lambda _order: None)


def main() -> None:
    """Run until the manager is gone."""
    die_with_parent()
    asyncio.run(_run_server())


if __name__ == "__main__":
    main()
