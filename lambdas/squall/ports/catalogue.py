"""The catalogue of published experiments and campaigns, and their schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from squall.domain.experiment.experiment import Schedule
    from squall.domain.experiment.published import StoredVersion
    from squall.domain.experiment.scheduling import Kind


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


class Schedules(Protocol):
    """The schedules of published experiments and campaigns. Methods raise `Refused` where Scheduler does not take a schedule."""

    def list_names(self) -> Sequence[str]:
        """The names of what has a schedule. No experiment and campaign have the same."""

    def put(self, name: str, kind: Kind, schedule: Schedule) -> None:
        """Make the schedule, or change it to this one."""

    def remove(self, name: str) -> None:
        """Remove the schedule, if there is one."""
