"""One web instance: a process that answers HTTP on loopback and suffers the faults an SSM agent would bring to it.

The instance owns the end of every fault: its timer runs here, so a fault ends by itself even if nobody is left to
ask for it, just as the documents' own `sleep DurationSeconds` does on a real machine.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.workload import http1
from local.workload.effects import Effects, Network, Undo
from local.workload.lifeline import die_with_parent, listen, tell
from local.workload.volume import Journal, Volume


@dataclass
class Active:
    """A fault in effect: what ends it, and the timer that will."""

    undo: Undo
    timer: asyncio.TimerHandle


class Instance:
    """The web application and its agent."""

    def __init__(self, instance_id: str, seed: int, folder: Path) -> None:
        self._id = instance_id
        self._rng = random.Random(f"{seed}-{instance_id}")
        self._network = Network(self._rng)
        volume = Volume(folder)
        self._effects = Effects(self._network, volume)
        self._journal = Journal(volume)
        self._faults: dict[str, Active] = {}
        self._base_seconds = 0.012
        self._error_rate = 0.0
        self._journal_required = False

    async def run(self) -> None:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        tell(event="ready", port=server.sockets[0].getsockname()[1])
        await asyncio.gather(self._report(), listen(self._obey))

    async def _report(self) -> None:
        """Tell what could not be written, when that has grown."""
        told = 0
        while True:
            await asyncio.sleep(0.5)
            if self._journal.failed != told:
                told = self._journal.failed
                tell(event="write_errors", total=told)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(http1.GoneError, ConnectionError):
            while True:
                message = await http1.read(reader)
                if not await self._network.impair():
                    # Silence, not a reset: the caller must find out by its own time-out.
                    continue
                writer.write(await self._answer(message.second))
                await writer.drain()
        writer.close()

    async def _answer(self, path: str) -> bytes:
        if path == "/health":
            return http1.response(200, b"ok")
        await asyncio.sleep(self._base_seconds * self._rng.uniform(0.4, 1.6))
        written = self._journal.write()
        if self._rng.random() < self._error_rate or (self._journal_required and not written):
            return http1.response(500, self._id.encode())
        return http1.response(200, self._id.encode())

    def _obey(self, order: dict[str, Any]) -> None:
        if order["op"] == "settings":
            self._base_seconds = order["base_latency_ms"] / 1000
            self._error_rate = order["error_rate"]
            self._journal_required = order["journal_required"]
        elif order["op"] == "fault":
            self._start(order)
        elif order["op"] == "clear":
            self._end(order["command_id"], "cancelled")

    def _start(self, order: dict[str, Any]) -> None:
        command_id = order["command_id"]
        if command_id not in self._faults:
            try:
                undo = self._effects.start(command_id, order["document"], order["parameters"])
            except (ValueError, KeyError, OSError) as error:
                tell(event="fault_refused", command_id=command_id, error=str(error))
                return
            loop = asyncio.get_running_loop()
            timer = loop.call_later(order["duration_seconds"], self._end, command_id, "expired")
            self._faults[command_id] = Active(undo, timer)
        tell(event="fault_started", command_id=command_id)

    def _end(self, command_id: str, reason: str) -> None:
        active = self._faults.pop(command_id, None)
        if active is not None:
            active.timer.cancel()
            active.undo()
            tell(event="fault_ended", command_id=command_id, reason=reason)


def main() -> None:
    """Run until the manager is gone or pulls the plug."""
    die_with_parent()
    parser = argparse.ArgumentParser()
    parser.add_argument("--id", required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(Instance(arguments.id, arguments.seed, arguments.folder).run())


if __name__ == "__main__":
    main()
