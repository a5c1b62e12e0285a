"""The catalogue of published experiments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from squall.domain.experiment.published import StoredVersion


class Catalogue(Protocol):
    """Numbered versions of published experiments. Reads see every write that was answered before."""

    def find_newest(self, name: str) -> StoredVersion | None:
        """The version with the greatest number; None if nothing was ever published under this name.

        Raises `Refused` if the name has more versions than one listing returns: the newest is unknown then.
        """

    def read(self, name: str, version: int) -> StoredVersion | None:
        """One version; None if there is none."""

    def list_newest(self) -> Mapping[str, int]:
        """Each name with its greatest version number, retired ones included."""

    def add(self, stored: StoredVersion) -> bool:
        """Write a version. False, and nothing written, if the version exists: somebody else has written it."""
