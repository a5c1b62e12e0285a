"""What an instance really uses, read from /proc and its folder."""

from __future__ import annotations

import os
from pathlib import Path

from local.workload.effects import DISK_BYTES, MEMORY_BYTES

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def family(pid: int) -> list[int]:
    """A process and its living children (an instance's stressors are direct children)."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        children = []
    return [pid, *map(int, children)]


def cpu_seconds(pid: int) -> float:
    """CPU time of the process, its living children and its reaped ones; it only grows as long as no child is dropped."""
    return sum(_ticks(member, own=member == pid) for member in family(pid)) / _TICKS


def _ticks(pid: int, own: bool) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(int(field) for field in fields[11 : 15 if own else 13])


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
