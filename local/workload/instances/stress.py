"""A stressor inside an instance: a process of its own, so that the fault takes CPU, memory or disk and breaks nothing
else."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from local.workload.processes.lifeline import die_with_parent

_SLICE_SECONDS = 0.05


def burn_cpu(load_percent: float) -> None:
    """Keep one core busy for `load_percent` of the time, at the lowest priority: the host has other work."""
    os.nice(19)
    busy = _SLICE_SECONDS * min(100.0, max(1.0, load_percent)) / 100
    while True:
        started = time.perf_counter()
        while time.perf_counter() - started < busy:
            pass
        time.sleep(max(0.0, _SLICE_SECONDS - busy))


def resident_bytes(pid: int) -> int:
    """Resident memory of a process; 0 once it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def hold_memory(size: int) -> None:
    """Allocate and touch memory until this process holds `size` bytes, and keep it."""
    held = bytearray(max(0, size - resident_bytes(os.getpid())))
    held[:: os.sysconf("SC_PAGE_SIZE")] = b"\1" * len(held[:: os.sysconf("SC_PAGE_SIZE")])
    while True:
        time.sleep(3600)


def write_disk(path: Path) -> None:
    """Rewrite and sync a small file over and over."""
    os.nice(19)
    block = os.urandom(1 << 16)
    with path.open("wb") as file:
        path.unlink()
        while True:
            file.seek(0)
            file.write(block)
            file.flush()
            os.fsync(file.fileno())
            time.sleep(0.01)


def main() -> None:
    """Stress until killed."""
    die_with_parent()
    kind, argument = sys.argv[1:3]
    if kind == "cpu":
        burn_cpu(float(argument))
    elif kind == "memory":
        hold_memory(int(argument))
    elif kind == "io":
        write_disk(Path(argument))
    else:
        raise SystemExit(f"unknown stressor {kind}")


if __name__ == "__main__":
    main()
