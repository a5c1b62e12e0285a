"""What an instance really uses, read from /proc and its folder."""

from __future__ import annotations

import os
from pathlib import Path

from local.workload.effects import DISK_BYTES, MEMORY_BYTES

_PAGE = os.sysconf("SC_PAGE_SIZE")


def family(pid: int) -> list[int]:
    """A process and its living children (an instance's stressors are direct children)."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        children = []
    return [pid, *map(int, children)]


def busy_seconds(pid: int) -> dict[int, float]:
    """Per process of the family, the seconds it ran or wanted to.

    Waiting for a CPU counts as busy: an instance with its own CPU would not have waited for the neighbours on this
    machine, and a stressor must show at its load even where the host is crowded.
    """
    busy = {}
    for member in family(pid):
        try:
            ran, waited, _ = Path(f"/proc/{member}/schedstat").read_text().split()
        except OSError:
            continue
        busy[member] = (int(ran) + int(waited)) / 1e9
    return busy


def grown(now: dict[int, float], before: dict[int, float]) -> float:
    """Seconds added between two readings; a process that ended between them takes its last seconds with it."""
    return sum(seconds - before.get(pid, 0.0) for pid, seconds in now.items())


def memory_percent(pid: int) -> float:
    """Resident memory of the family as a share of the instance's memory."""
    pages = 0
    for member in family(pid):
        try:
            pages += int(Path(f"/proc/{member}/statm").read_text().split()[1])
        except OSError:
            continue
    return min(100.0, 100.0 * pages * _PAGE / MEMORY_BYTES)


def disk_percent(folder: Path) -> float:
    """Size of the instance's folder as a share of its disk."""
    size = 0
    for path in folder.glob("*"):
        try:
            size += path.stat().st_size
        except OSError:
            continue
    return min(100.0, 100.0 * size / DISK_BYTES)
