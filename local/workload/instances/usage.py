"""What an instance really uses, read from /proc and from its folder."""

from __future__ import annotations

from pathlib import Path

from local.workload.instances.effects import MEMORY_BYTES
from local.workload.instances.stress import resident_bytes
from local.workload.volumes.volume import measure_used


def list_family(pid: int) -> list[int]:
    """A process and its living children (an instance's stressors are direct children)."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        children = []
    return [pid, *map(int, children)]


def busy_seconds(pid: int) -> dict[int, float]:
    """The seconds in which each process of the family ran or waited for a CPU, by its process id.

    Waiting counts, because an instance with its own CPU would not have waited for its neighbours on this machine, and a
    stressor must reach its load even if the host is busy.
    """
    busy = {}
    for member in list_family(pid):
        try:
            ran, waited, _ = Path(f"/proc/{member}/schedstat").read_text().split()
        except OSError:
            continue
        busy[member] = (int(ran) + int(waited)) / 1e9
    return busy


def sum_growth(now: dict[int, float], before: dict[int, float]) -> float:
    """Seconds added between two readings. A process that ended between them is left out."""
    return sum(seconds - before.get(pid, 0.0) for pid, seconds in now.items())


def memory_percent(pid: int) -> float:
    """Resident memory of the family as a share of the instance's memory."""
    return min(100.0, 100.0 * sum(map(resident_bytes, list_family(pid))) / MEMORY_BYTES)


def disk_percent(folder: Path, size: float) -> float:
    """Size of the instance's folder as a share of its disk (`size` in bytes)."""
    return min(100.0, 100.0 * measure_used(folder) / size)
