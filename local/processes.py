"""Detached processes of a local account: started with a record on disk, found again, and stopped without touching any
other process.

A pid alone proves nothing, since it may be reused: a record also holds the start time. Every process of an account,
whoever started it, carries the account's state folder in an environment variable, so that it can be found even when
every record is lost.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MARKER = "SQUALL_LOCAL_STATE"
STOP_SECONDS = 30.0
"""How long a process may take to end after SIGTERM."""
KILL_SECONDS = 30.0
"""How long a process may take to disappear after SIGKILL."""
FOLLOW_SECONDS = 10.0
"""How long the children of a process that has ended may take to follow it."""

_started: list[subprocess.Popen[bytes]] = []
"""Kept so that Python reaps them when they end before their starter, and so that a keeper's pipe stays open."""


@dataclass(frozen=True)
class Record:
    """A process we started. `started` is the kernel's start time in ticks, which a reused pid can't share."""

    name: str
    pid: int
    started: int

    @property
    def alive(self) -> bool:
        return start_time(self.pid) == self.started


def start_time(pid: int) -> int | None:
    """The start time of a living process; None for a dead one or a zombie."""
    for process in _started:
        process.poll()
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def start_process(name: str, command: Sequence[str], state_dir: Path, cwd: Path, environment: Mapping[str, str]) -> Record:
    """Start a detached process, logging to `logs/<name>.log`, and record it."""
    log = state_dir / "logs" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=cwd,
            env={**os.environ, **environment, MARKER: str(state_dir)},
        )
    _started.append(process)
    record = Record(name, process.pid, start_time(process.pid) or 0)
    path = _record_path(state_dir, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(record)))
    return record


def end_with_caller(state_dir: Path) -> None:
    """Have every process of the account killed when the calling process has ended, however it ended: a test run that is
    interrupted or killed leaves no account behind.

    A keeper process waits for the end of a pipe, which the kernel closes with the caller.
    """
    command = [sys.executable, "-m", "local.processes", str(state_dir.resolve())]
    silent = subprocess.DEVNULL
    _started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=silent, stderr=silent, start_new_session=True, cwd=ROOT))


def read_record(state_dir: Path, name: str) -> Record | None:
    """The record of a process, whether it is alive or not; None if there is none."""
    try:
        return Record(**json.loads(_record_path(state_dir, name).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def stop_process(state_dir: Path, name: str) -> None:
    """Send SIGTERM, and SIGKILL after STOP_SECONDS; delete the record. Repeatable."""
    record = read_record(state_dir, name)
    if record is not None:
        for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, KILL_SECONDS)):
            if not record.alive:
                break
            with contextlib.suppress(ProcessLookupError):
                os.kill(record.pid, number)
            wait_until(lambda: not record.alive, seconds)
    _record_path(state_dir, name).unlink(missing_ok=True)


def list_leftovers(state_dir: Path) -> list[int]:
    """Living processes that carry this account's marker, except the caller."""
    marker = f"{MARKER}={state_dir}".encode()
    living = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if marker in (folder / "environ").read_bytes().split(b"\0") and start_time(int(folder.name)) is not None:
                living.append(int(folder.name))
    return living


def kill_leftovers(state_dir: Path, *, follow_seconds: float = FOLLOW_SECONDS) -> list[int]:
    """Kill what the orderly stop left running; returns the processes that survive."""
    wait_until(lambda: not list_leftovers(state_dir), follow_seconds)
    for pid in list_leftovers(state_dir):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not list_leftovers(state_dir), KILL_SECONDS)
    return list_leftovers(state_dir)


def wait_until(condition: Callable[[], bool], seconds: float, interval: float = 0.05) -> bool:
    """Wait until the condition holds; False if the deadline passes first."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(interval)
    return True


def _record_path(state_dir: Path, name: str) -> Path:
    return state_dir / "run" / f"{name}.json"


if __name__ == "__main__":  # the keeper
    sys.stdin.buffer.read()
    kill_leftovers(Path(sys.argv[1]), follow_seconds=0)
