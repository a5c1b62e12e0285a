"""What the SSM fault documents do to an instance process: slow sockets, lost answers, burnt CPU, full disks.

Network faults are rules (see `network`); every other effect is the real one at a small scale (see SIZES).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from local.workload.instances.stress import resident_bytes
from local.workload.network.disturbances import Disturbance, Hole, Network
from local.workload.network.peers import resolve_sources
from local.workload.volumes.volume import Slowness, Volume

MEMORY_BYTES = 128 << 20
"""SIZES: an instance has one CPU, 128 MiB of memory and a 32 MiB disk, so that stress is quick and harmless to the
host. A fifth of the memory is in use by the interpreter alone."""
MOST_STRESSORS = 4
PROCESS = "sample-web"
"""The name of the only process that can be ended."""
_DIRECTIONS = {"ingress": True, "egress": False}

Parameters = Mapping[str, str]
Undo = Callable[[], None]


class UnknownDocumentError(ValueError):
    """A document that the sample instance has no effect for."""


@dataclass
class Effects:
    """Starts the effect of a document and returns what ends it. `ignored`: kinds of effect that this instance does not
    feel."""

    network: Network
    volume: Volume
    names: Mapping[str, IPv4Address] = field(default_factory=dict)
    """Addresses by domain name, as the instance's resolver answers at the moment."""
    ignored: frozenset[str] = frozenset()

    def start(self, command_id: str, document: str, parameters: Parameters) -> Undo:
        """Start the effect of `document`. Raises UnknownDocumentError, or ValueError or KeyError for parameters that it
        can't use."""
        name = document.rsplit("/", 1)[-1]
        effects: dict[str, tuple[str, Callable[[str, Parameters], Undo]]] = {
            "AWSFIS-Run-Network-Latency": ("network", self._latency),
            "AWSFIS-Run-Network-Latency-Sources": ("network", self._latency),
            "AWSFIS-Run-Network-Packet-Loss": ("network", self._loss),
            "AWSFIS-Run-Network-Packet-Loss-Sources": ("network", self._loss),
            "AWSFIS-Run-Network-Blackhole-Port": ("network", self._blackhole),
            "AWSFIS-Run-Network-Latency-ECS": ("network", self._latency),
            "AWSFIS-Run-Network-Packet-Loss-ECS": ("network", self._loss),
            "AWSFIS-Run-Network-Blackhole-Port-ECS": ("network", self._blackhole),
            "AWSFIS-Run-CPU-Stress": ("cpu", self._cpu),
            "AWSFIS-Run-Memory-Stress": ("memory", self._memory),
            "AWSFIS-Run-IO-Stress": ("disk", self._io),
            "AWSFIS-Run-Disk-Fill": ("disk", self._disk),
            "AWSFIS-Run-Kill-Process": ("process", self._kill),
            "EBS-PauseVolumeIO": ("disk", self._pause),
            "EBS-InjectVolumeIOLatency": ("disk", self._slow_down),
        }
        if name not in effects:
            raise UnknownDocumentError(f"the sample instance has no effect for {document}")
        kind, begin = effects[name]
        return _do_nothing if kind in self.ignored else begin(command_id, parameters)

    def _latency(self, command_id: str, parameters: Parameters) -> Undo:
        delay = float(parameters.get("DelayMilliseconds", "200")) / 1000
        jitter = float(parameters.get("JitterMilliseconds", "10")) / 1000
        return self._disturb(command_id, parameters, Disturbance(delay=delay, jitter=jitter))

    def _loss(self, command_id: str, parameters: Parameters) -> Undo:
        return self._disturb(command_id, parameters, Disturbance(loss=float(parameters.get("LossPercent", "7"))))

    def _disturb(self, command_id: str, parameters: Parameters, disturbance: Disturbance) -> Undo:
        """Disturb the traffic. Without `Sources` (the documents by interface) all traffic is disturbed."""
        _is_inbound(parameters)
        peers = resolve_sources(parameters["Sources"], self.names) if "Sources" in parameters else disturbance.peers
        share = float(parameters.get("FlowsPercent", "100").rstrip("%"))
        self.network.disturbances[command_id] = Disturbance(peers, disturbance.delay, disturbance.jitter, disturbance.loss, share)
        return lambda: _forget_command(self.network.disturbances, command_id)

    def _blackhole(self, command_id: str, parameters: Parameters) -> Undo:
        self.network.holes[command_id] = Hole(parameters["Protocol"], int(parameters["Port"]), _is_inbound(parameters))
        return lambda: _forget_command(self.network.holes, command_id)

    def _cpu(self, _command_id: str, parameters: Parameters) -> Undo:
        return self._stress(int(parameters.get("CPU", "0")) or 1, "cpu", parameters.get("LoadPercent", "100"))

    def _memory(self, _command_id: str, parameters: Parameters) -> Undo:
        """Start workers that together hold a share of the free memory, as stress-ng counts it."""
        workers = min(MOST_STRESSORS, int(parameters.get("Workers", "1")))
        free = max(0, MEMORY_BYTES - resident_bytes(os.getpid()))
        share = min(100.0, float(parameters["Percent"])) / 100
        return self._stress(workers, "memory", str(int(free * share / workers)))

    def _io(self, command_id: str, _parameters: Parameters) -> Undo:
        return self._stress(1, "io", str(self.volume.folder / f"io-{command_id}"))

    def _disk(self, command_id: str, parameters: Parameters) -> Undo:
        path = self.volume.fill(f"fill-{command_id}", float(parameters.get("Percent", "95")))
        return lambda: path.unlink(missing_ok=True)

    def _pause(self, command_id: str, _parameters: Parameters) -> Undo:
        """Pause the instance's volume. On AWS no agent is involved: EC2 stops answering for the volume."""
        self.volume.pause(command_id)
        return lambda: self.volume.resume(command_id)

    def _slow_down(self, command_id: str, parameters: Parameters) -> Undo:
        """Delay a share of the writes; the sample does not read from its volume."""
        percent, late = (float(parameters.get(f"writeIO{name}", "100")) for name in ("Percentage", "LatencyMilliseconds"))
        self.volume.slow_down(command_id, Slowness(percent, late / 1000))
        return lambda: self.volume.speed_up(command_id)

    def _kill(self, _command_id: str, parameters: Parameters) -> Undo:
        if parameters["ProcessName"] != PROCESS:
            raise ValueError(f"no process is named {parameters['ProcessName']}")
        name = parameters.get("Signal", "SIGTERM")
        asyncio.get_running_loop().call_later(0.1, os.kill, os.getpid(), signal.Signals[name])
        return _do_nothing

    def _stress(self, workers: int, kind: str, argument: str) -> Undo:
        """Start stressors in the instance's own process group, so that they die with it."""
        command = [sys.executable, "-E", "-s", "-m", "local.workload.instances.stress", kind, argument]
        started = [subprocess.Popen(command, stdin=subprocess.DEVNULL) for _ in range(min(MOST_STRESSORS, workers))]

        def stop_stressors() -> None:
            for process in started:
                process.kill()
            for process in started:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=5)

        return stop_stressors


def _is_inbound(parameters: Parameters) -> bool:
    kind = parameters.get("TrafficType", "ingress")
    if kind not in _DIRECTIONS:
        raise ValueError(f"TrafficType is ingress or egress, not {kind!r}")
    return _DIRECTIONS[kind]


def _do_nothing() -> None:
    """Does nothing: the end of an effect that leaves nothing to undo."""


def _forget_command(table: dict[str, Disturbance] | dict[str, Hole], command_id: str) -> None:
    table.pop(command_id, None)
