"""The catalogue of published experiments, and their schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from squall.domain.experiment.experiment import Schedule
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


class Schedules(Protocol):
    """The schedules of published experiments. Methods raise `Refused` where Scheduler does not take a schedule."""

    def list_experiments(self) -> Sequence[str]:
        """The names of the experiments that have a schedule."""

    def put(self, experiment: str, schedule: Schedule) -> None:
        """Make the schedule, or change it to this one."""

    def remove(self, experiment: str) -> None:
        """Remove the schedule, if there is one."""
