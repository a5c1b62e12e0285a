"""The instance's disk: a folder that takes so much and no more, and the journal the application keeps on it.

A real volume of that size would need privileges to mount; the bound is kept here instead, for whoever writes: the
application's journal, and the file of a disk-fill fault. Refused writes fail as on a full file system, with ENOSPC. While the
volume's I/O is paused nothing fails: who writes waits.
"""

from __future__ import annotations

import asyncio
import errno
import os
import time
from pathlib import Path

DISK_BYTES = 32 << 20
RECORD_BYTES = 4 << 10
"""What the application writes down of a request."""
ROTATE_BYTES = 2 << 20
"""Size at which the journal is rotated. The copy is made before the old one goes, so rotation needs as much room again."""

KEPT_RECORDS = 4096
"""What the application keeps in memory of its journal, at most."""


class Volume:
    """A folder of at most `size` bytes."""

    def __init__(self, folder: Path, size: int = DISK_BYTES) -> None:
        self.folder, self.size = folder, size
        self._pauses: set[str] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self._waiting_since: float | None = None
        self.waiting = 0
        """Writes that wait for it."""

    @property
    def paused(self) -> bool:
        return bool(self._pauses)

    @property
    def stalled_seconds(self) -> float:
        """How long the oldest write has waited; 0 while nothing does."""
        return 0.0 if self._waiting_since is None else time.monotonic() - self._waiting_since

    def pause(self, by: str) -> None:
        """Take no I/O any more, until whoever paused it lets it go on."""
        self._pauses.add(by)
        self._flows.clear()

    def resume(self, by: str) -> None:
        self._pauses.discard(by)
        if not self._pauses:
            self._waiting_since = None
            self._flows.set()

    async def flowing(self) -> None:
        """Wait until it takes I/O, however long that is."""
        while self.paused:
            self._waiting_since = self._waiting_since or time.monotonic()
            self.waiting += 1
            try:
                await self._flows.wait()
            finally:
                self.waiting -= 1

    def used(self) -> int:
        return used(self.folder)

    def reserve(self, size: int) -> None:
        """Raises OSError(ENOSPC) if so many more bytes don't fit."""
        if self.used() + size > self.size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.folder))

    def append(self, name: str, data: bytes) -> int:
        """Write to the end of a file; its size."""
        self.reserve(len(data))
        with (self.folder / name).open("ab") as file:
            file.write(data)
            return file.tell()

    def fill(self, name: str, percent: float) -> Path:
        """Allocate what is missing until so many percent are in use."""
        wanted = int(self.size * min(100.0, percent) / 100) - self.used()
        path = self.folder / name
        with path.open("wb") as file:
            if wanted > 0:
                os.posix_fallocate(file.fileno(), 0, wanted)
        return path


class Journal:
    """One record a request, in two files: the current one and the one before."""

    NAME = "journal"

    def __init__(self, volume: Volume) -> None:
        self._volume = volume
        self._record = b"." * (RECORD_BYTES - 1) + b"\n"
        self.failed = 0
        """Records that could not be written."""
        self.written = 0
        self._kept = 0
        """Records in memory, for which a writer waits."""
        self._writer: asyncio.Task[None] | None = None

    async def write(self, required: bool) -> bool:
        """Whether the record is on disk, or, unless it is `required` there, in memory while the volume is paused."""
        if self._volume.paused and not required:
            return self._keep()
        await self._volume.flowing()
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
        """Wait until nothing is only in memory."""
        if self._writer is not None:
            await self._writer

    async def _catch_up(self) -> None:
        while self._kept:
            await self._volume.flowing()
            self._kept -= 1
            self.append()

    def append(self) -> bool:
        """Whether the record is on disk, of a volume that takes I/O."""
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
        """Not without room for the copy: the journal then grows on, until nothing fits any more."""
        folder = self._volume.folder
        try:
            self._volume.reserve(size)
        except OSError:
            return
        copy = folder / f"{self.NAME}.new"
        copy.write_bytes((folder / self.NAME).read_bytes())
        copy.replace(folder / f"{self.NAME}.1")
        os.truncate(folder / self.NAME, 0)


def used(folder: Path) -> int:
    """Bytes of the files in a folder."""
    size = 0
    for path in folder.glob("*"):
        try:
            size += path.stat().st_size
        except OSError:
            continue
    return size
