"""The instance's disk: a folder of limited size, and the application's journal on it.

A real volume of that size would need privileges to mount. The limit is kept here instead, for everything that writes:
the application's journal, and the file of a disk-fill fault. A refused write fails as on a full file system, with
ENOSPC. While the volume's I/O is paused or slow nothing fails: writers wait.
"""

from __future__ import annotations

import asyncio
import errno
import os
import random
import time
from dataclasses import dataclass
from pathlib import Path

DISK_BYTES = 32 << 20
RECORD_BYTES = 4 << 10
"""The size of the record that the application writes for a request."""
ROTATE_BYTES = 2 << 20
"""Size at which the journal is rotated. The copy is made before the old file is deleted, so that a rotation needs as
much room again."""

KEPT_RECORDS = 4096
"""The most records of its journal that the application keeps in memory."""


@dataclass(frozen=True)
class Slowness:
    """How much later a share of the writes completes."""

    percent: float
    seconds: float


class Volume:
    """A folder of at most `size` bytes."""

    def __init__(self, folder: Path, size: int = DISK_BYTES) -> None:
        self.folder, self.size = folder, size
        self._pauses: set[str] = set()
        self._slowed: dict[str, Slowness] = {}
        self._rng = random.Random(folder.name)
        self._flows = asyncio.Event()
        self._flows.set()
        self._waiting_since: float | None = None
        self.waiting = 0
        """The number of waiting writes."""
        self.write_seconds = 0.0
        """How long all writes took together."""

    @property
    def paused(self) -> bool:
        return bool(self._pauses)

    @property
    def holds_up(self) -> bool:
        """Whether a write may take long."""
        return bool(self._pauses or self._slowed)

    def slow_down(self, by: str, slowness: Slowness) -> None:
        """Let writes take longer until `by` is forgotten."""
        self._slowed[by] = slowness

    def speed_up(self, by: str) -> None:
        self._slowed.pop(by, None)

    @property
    def stalled_seconds(self) -> float:
        """Seconds that the oldest waiting write has waited; 0 without one."""
        return 0.0 if self._waiting_since is None else time.monotonic() - self._waiting_since

    def pause(self, by: str) -> None:
        """Pause all I/O until every `by` that paused it has resumed it."""
        self._pauses.add(by)
        self._flows.clear()

    def resume(self, by: str) -> None:
        self._pauses.discard(by)
        if not self._pauses:
            self._waiting_since = None
            self._flows.set()

    async def accept(self) -> None:
        """Wait as long as a write takes: until I/O is not paused, without a time limit, and for what slows it down."""
        began = time.monotonic()
        await self._wait_for_flow()
        late = sum(rule.seconds for rule in self._slowed.values() if self._rng.random() * 100 < rule.percent)
        if late:
            await asyncio.sleep(late)
        self.write_seconds += time.monotonic() - began

    async def _wait_for_flow(self) -> None:
        while self.paused:
            self._waiting_since = self._waiting_since or time.monotonic()
            self.waiting += 1
            try:
                await self._flows.wait()
            finally:
                self.waiting -= 1

    def used(self) -> int:
        return measure_used(self.folder)

    def reserve(self, size: int) -> None:
        """Check that this many more bytes fit. Raises OSError(ENOSPC)."""
        if self.used() + size > self.size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.folder))

    def append(self, name: str, data: bytes) -> int:
        """Append to a file; returns its size."""
        self.reserve(len(data))
        with (self.folder / name).open("ab") as file:
            file.write(data)
            return file.tell()

    def fill(self, name: str, percent: float) -> Path:
        """Allocate a file that fills the disk to this percentage."""
        wanted = int(self.size * min(100.0, percent) / 100) - self.used()
        path = self.folder / name
        with path.open("wb") as file:
            if wanted > 0:
                os.posix_fallocate(file.fileno(), 0, wanted)
        return path


class Journal:
    """One record per request, in two files: the current one and the previous one."""

    NAME = "journal"

    def __init__(self, volume: Volume) -> None:
        self._volume = volume
        self._record = b"." * (RECORD_BYTES - 1) + b"\n"
        self.failed = 0
        """The number of records that could not be written."""
        self.written = 0
        self._kept = 0
        """The number of records in memory that wait to be written."""
        self._writer: asyncio.Task[None] | None = None

    async def write(self, required: bool) -> bool:
        """Write a record. Returns whether it is on disk; unless `required`, it may stay in memory while the volume is
        paused or slow."""
        if self._volume.holds_up and not required:
            return self._keep()
        await self._volume.accept()
        return self.append()

    def _keep(self) -> bool:
        if self._kept >= KEPT_RECORDS:
            self.failed += 1
            return False
        self._kept += 1
        if self._writer is None or self._writer.done():
            self._writer = asyncio.get_running_loop().create_task(self._catch_up())
        return True

    async def caught_up(self) -> None:
        """Wait until no record is left in memory."""
        if self._writer is not None:
            await self._writer

    async def _catch_up(self) -> None:
        while self._kept:
            await self._volume.accept()
            self._kept -= 1
            self.append()

    def append(self) -> bool:
        """Append a record to the volume, which has accepted it; returns whether it is on disk."""
        try:
            size = self._volume.append(self.NAME, self._record)
        except OSError:
            self.failed += 1
            return False
        self.written += 1
        if size >= ROTATE_BYTES:
            self._rotate(size)
        return True

    def _rotate(self, size: int) -> None:
        """Rotate the journal if there is room for the copy. If not, it keeps growing until nothing fits."""
        folder = self._volume.folder
        try:
            self._volume.reserve(size)
        except OSError:
            return
        copy = folder / f"{self.NAME}.new"
        copy.write_bytes((folder / self.NAME).read_bytes())
        copy.replace(folder / f"{self.NAME}.1")
        os.truncate(folder / self.NAME, 0)


def measure_used(folder: Path) -> int:
    """Bytes of the files in a folder."""
    size = 0
    for path in folder.glob("*"):
        try:
            size += path.stat().st_size
        except OSError:
            continue
    return size
