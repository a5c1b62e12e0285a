"""What the SSM fault documents do to an instance process, for real: slow sockets, lost answers, burnt CPU, full disks.

Loopback has no traffic control without privileges, so network faults act where the instance answers: the caller
feels the same delay, loss or silence on its socket. Everything else is the real thing, in small (see SIZES).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from local.workload.stress import resident_bytes
from local.workload.volume import Volume

MEMORY_BYTES = 96 << 20
"""SIZES: an instance has one CPU, 96 MiB of memory and a 32 MiB disk, so that stress is quick and harmless to the host."""
MOST_STRESSORS = 4
SERVICE_PORT = 80
"""Where the instance serves as far as AWS's APIs know: its target group's port. The real one on loopback is any that was free."""

RETRANSMIT_SECONDS = 0.2
"""A lost packet comes back after TCP's minimum retransmission time; losses in a row double it."""

Parameters = Mapping[str, str]
Undo = Callable[[], None]


class UnknownDocumentError(ValueError):
    """A document the sample instance has no effect for."""


@dataclass
class Network:
    """What is wrong with the instance's network right now, by command."""

    rng: random.Random
    delays: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    losses: dict[str, float] = field(default_factory=dict)
    blackholes: set[str] = field(default_factory=set)

    async def impair(self) -> bool:
        """Let a request suffer what it must; False if it is never to be answered."""
        if self.blackholes:
            return False
        seconds = 0.0
        for delay, jitter, share in self.delays.values():
            if self.rng.random() * 100 < share:
                seconds += max(0.0, delay + self.rng.uniform(-jitter, jitter))
        for percent in self.losses.values():
            retransmit = RETRANSMIT_SECONDS
            while self.rng.random() * 100 < percent:
                seconds += retransmit
                retransmit *= 2
                if retransmit > 30:
                    return False
        if seconds:
            await asyncio.sleep(seconds)
        return not self.blackholes


@dataclass(frozen=True)
class Effects:
    """Starts the effect of a document and returns what ends it."""

    network: Network
    volume: Volume

    def start(self, command_id: str, document: str, parameters: Parameters) -> Undo:
        """Begin `document`; raises UnknownDocumentError, or ValueError for parameters that are no numbers."""
        name = document.rsplit("/", 1)[-1]
        effects: dict[str, Callable[[str, Parameters], Undo]] = {
            "AWSFIS-Run-Network-Latency": self._latency,
            "AWSFIS-Run-Network-Latency-Sources": self._latency,
            "AWSFIS-Run-Network-Packet-Loss": self._loss,
            "AWSFIS-Run-Network-Packet-Loss-Sources": self._loss,
            "AWSFIS-Run-Network-Blackhole-Port": self._blackhole,
            "AWSFIS-Run-CPU-Stress": self._cpu,
            "AWSFIS-Run-Memory-Stress": self._memory,
            "AWSFIS-Run-IO-Stress": self._io,
            "AWSFIS-Run-Disk-Fill": self._disk,
            "AWSFIS-Run-Kill-Process": self._kill,
        }
        if name not in effects:
            raise UnknownDocumentError(f"the sample instance has no effect for {document}")
        return effects[name](command_id, parameters)

    def _latency(self, command_id: str, parameters: Parameters) -> Undo:
        delay = float(parameters.get("DelayMilliseconds", "200")) / 1000
        jitter = float(parameters.get("JitterMilliseconds", "10")) / 1000
        self.network.delays[command_id] = (delay, jitter, float(parameters.get("FlowsPercent", "100").rstrip("%")))
        return lambda: _forget(self.network.delays, command_id)

    def _loss(self, command_id: str, parameters: Parameters) -> Undo:
        self.network.losses[command_id] = float(parameters.get("LossPercent", "7"))
        return lambda: _forget(self.network.losses, command_id)

    def _blackhole(self, command_id: str, parameters: Parameters) -> Undo:
        """Nothing listens at any other port, and nothing is asked of anybody else."""
        dropped = (parameters["Protocol"], int(parameters["Port"]), parameters.get("TrafficType", "ingress"))
        if dropped != ("tcp", SERVICE_PORT, "ingress"):
            return lambda: None
        self.network.blackholes.add(command_id)
        return lambda: self.network.blackholes.discard(command_id)

    def _cpu(self, _command_id: str, parameters: Parameters) -> Undo:
        return self._stress(int(parameters.get("CPU", "0")) or 1, "cpu", parameters.get("LoadPercent", "100"))

    def _memory(self, _command_id: str, parameters: Parameters) -> Undo:
        """So much of what is free, as stress-ng counts it, by all workers together."""
        workers = min(MOST_STRESSORS, int(parameters.get("Workers", "1")))
        free = max(0, MEMORY_BYTES - resident_bytes(os.getpid()))
        share = min(100.0, float(parameters["Percent"])) / 100
        return self._stress(workers, "memory", str(int(free * share / workers)))

    def _io(self, command_id: str, _parameters: Parameters) -> Undo:
        return self._stress(1, "io", str(self.volume.folder / f"io-{command_id}"))

    def _disk(self, command_id: str, parameters: Parameters) -> Undo:
        path = self.volume.fill(f"fill-{command_id}", float(parameters.get("Percent", "95")))
        return lambda: path.unlink(missing_ok=True)

    def _kill(self, _command_id: str, parameters: Parameters) -> Undo:
        name = parameters.get("Signal", "SIGTERM")
        asyncio.get_running_loop().call_later(0.1, os.kill, os.getpid(), signal.Signals[name])
        return lambda: None

    def _stress(self, workers: int, kind: str, argument: str) -> Undo:
        """Processes in the instance's own process group, so that they die with it."""
        command = [sys.executable, "-E", "-s", "-m", "local.workload.stress", kind, argument]
        started = [subprocess.Popen(command, stdin=subprocess.DEVNULL) for _ in range(min(MOST_STRESSORS, workers))]

        def stop() -> None:
            for process in started:
                process.kill()
            for process in started:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=5)

        return stop


def _forget(table: dict[str, tuple[float, float, float]] | dict[str, float], command_id: str) -> None:
    table.pop(command_id, None)
