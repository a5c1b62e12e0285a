"""The instance's disk: a folder that takes so much and no more, and the journal the application keeps on it.

A real volume of that size would need privileges to mount; the bound is kept here instead, for whoever writes: the
application's journal, and the file of a disk-fill fault. Refused writes fail as on a full file system, with ENOSPC.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

DISK_BYTES = 32 << 20
RECORD_BYTES = 4 << 10
"""What the application writes down of a request."""
ROTATE_BYTES = 2 << 20
"""Size at which the journal is rotated. The copy is made before the old one goes, so rotation needs as much room again."""


class Volume:
    """A folder of at most `size` bytes."""

    def __init__(self, folder: Path, size: int = DISK_BYTES) -> None:
        self.folder, self.size = folder, size

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

    def write(self) -> bool:
        """Whether the record is on disk."""
        try:
            size = self._volume.append(self.NAME, self._record)
        except OSError:
            self.failed += 1
            return False
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
