"""One web instance: a process that answers HTTP on loopback and suffers the faults that an SSM agent would bring to it.

The instance itself ends every fault: the timer runs here, so that a fault ends even if no other process is left, as the
documents' own `sleep DurationSeconds` does on a real machine.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import signal
import time
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from local.workload.instances import usage
from local.workload.instances.effects import Effects, Undo
from local.workload.instances.service import Service
from local.workload.network.acls import Acls
from local.workload.network.disturbances import Network
from local.workload.network.peers import INBOUND
from local.workload.network.routes import Routes
from local.workload.processes import http1
from local.workload.processes.lifeline import die_with_parent, receive_commands, send_event
from local.workload.settings import Settings
from local.workload.volumes.volume import Journal, Volume

REPORT_SECONDS = 0.5
FINISH_SECONDS = 0.05


@dataclass
class Active:
    """A fault in effect: the function that ends it, and the timer that calls it."""

    undo: Undo
    timer: asyncio.TimerHandle


class Instance:
    """The web application and its agent."""

    def __init__(self, instance_id: str, address: IPv4Address, seed: int, folder: Path) -> None:
        rng = random.Random(f"{seed}-{instance_id}")
        self._network = Network(rng, address=address)
        self._volume = Volume(folder)
        self._effects = Effects(self._network, self._volume)
        self._service = Service(instance_id, rng, self._network, Journal(self._volume))
        self._faults: dict[str, Active] = {}
        self._answering = 0

    async def run(self, graceful: bool) -> None:
        """Serve until the process ends. `graceful`: on SIGTERM it first answers the requests that it is working on."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        if graceful:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._finish, server)
        send_event(event="ready", port=server.sockets[0].getsockname()[1])
        await asyncio.gather(self._report(), receive_commands(self._obey))

    def _finish(self, server: asyncio.Server) -> None:
        """Accept no more connections, and end after the last answer."""
        server.close()
        if self._answering:
            asyncio.get_running_loop().call_later(FINISH_SECONDS, self._finish, server)
        else:
            os._exit(0)

    async def _report(self) -> None:
        """Report the counts if they have changed; measure the CPU and memory that the stressors use."""
        reported: dict[str, int] = {}
        mark = time.monotonic(), _measure_stressors()
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            volume = {
                "volume_waiting": self._volume.waiting,
                "volume_stalled_seconds": int(self._volume.stalled_seconds),
                "volume_write_ms": int(self._volume.write_seconds * 1000),
            }
            counts = {name: count for name, count in {**self._service.counts, **volume}.items() if count}
            if counts != reported:
                reported = counts
                send_event(event="counts", totals=reported)
            now = time.monotonic(), _measure_stressors()
            self._service.busy = usage.sum_growth(now[1], mark[1]) / (now[0] - mark[0])
            self._service.memory_percent = usage.memory_percent(os.getpid())
            mark = now

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(http1.GoneError, ConnectionError):
            while True:
                message = await http1.read_message(reader)
                if not await self._network.impair(INBOUND):
                    # No answer rather than a reset: the caller has to find out by its own timeout.
                    continue
                self._answering += 1
                try:
                    status, body = (200, b"ok") if message.second == "/health" else await self._service.answer()
                    writer.write(http1.format_response(status, body))
                    await writer.drain()
                finally:
                    self._answering -= 1
        writer.close()

    def _obey(self, order: dict[str, Any]) -> None:
        if order["op"] == "settings":
            settings = Settings().changed(order["settings"])
            self._service.adopt(settings)
            self._effects.ignored = settings.ignore
            self._volume.size = int(settings.disk_mib * (1 << 20))
        elif order["op"] == "routes":
            routes = Routes.of(order["routes"])
            self._effects.names = routes.names
            self._service.follow(routes)
        elif order["op"] == "acls":
            self._network.acls = Acls.of(order["acls"])
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
                send_event(event="fault_refused", command_id=command_id, error=str(error))
                return
            loop = asyncio.get_running_loop()
            timer = loop.call_later(order["duration_seconds"], self._end, command_id, "expired")
            self._faults[command_id] = Active(undo, timer)
        send_event(event="fault_started", command_id=command_id)

    def _end(self, command_id: str, reason: str) -> None:
        active = self._faults.pop(command_id, None)
        if active is not None:
            active.timer.cancel()
            active.undo()
            send_event(event="fault_ended", command_id=command_id, reason=reason)


def _measure_stressors() -> dict[int, float]:
    """Busy seconds of every process of the instance except the service itself."""
    own = os.getpid()
    return {pid: seconds for pid, seconds in usage.busy_seconds(own).items() if pid != own}


def main() -> None:
    """Run until the manager is gone or kills it."""
    die_with_parent()
    parser = argparse.ArgumentParser()
    parser.add_argument("--id", required=True)
    parser.add_argument("--address", type=IPv4Address, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--graceful", action="store_true", help="answer what has begun before SIGTERM ends it")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(Instance(arguments.id, arguments.address, arguments.seed, arguments.folder).run(arguments.graceful))


if __name__ == "__main__":
    main()
