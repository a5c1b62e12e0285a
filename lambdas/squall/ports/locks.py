"""Locks, FIS slots, the halt flag, FIS's safety lever, and the findings of the last sweep: what keeps runs apart or
stops them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # the halt path loads no pydantic
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from squall.domain.run.halt import Halt, Lever
    from squall.domain.run.lock import Held
    from squall.domain.run.orphans import Sightings
    from squall.domain.run.queue import Line


class Locks(Protocol):
    """Leases on failure domains, and FIS slots."""

    def acquire(self, keys: Sequence[str], holder: str, until: datetime, now: datetime) -> Held | None:
        """Take all keys in one transaction, or none.

        Returns None if they are taken now or were ours already; else who holds one of them, and until when. The expired
        lease of another holder is not taken over: the answer is Held with `expired=True`. The caller first closes that
        holder's run, then calls `release` for it and tries again.
        """

    def renew(self, keys: Sequence[str], holder: str, until: datetime) -> bool:
        """Extend the leases. False if any key is no longer ours."""

    def holds(self, keys: Sequence[str], holder: str, until: datetime) -> bool:
        """Whether all keys are ours, with leases at least until this time. Read consistently."""

    def holders(self, keys: Sequence[str], now: datetime) -> Mapping[str, Held | None]:
        """Who holds each key, read consistently; None if nobody does, `expired=True` if the lease has expired."""

    def release(self, keys: Sequence[str], holder: str) -> None:
        """Release the keys that are ours; the others are left alone."""

    def all(self, now: datetime) -> Sequence[Held]:
        """Every lease on a failure domain, by an index, which is a hint."""

    def acquire_slot(self, holder: str, until: datetime, now: datetime, limit: int) -> int | None:
        """Take the first free or expired slot, or the one that the holder has; None if `limit` slots are taken."""

    def renew_slot(self, slot: int, holder: str, until: datetime) -> bool:
        """Extend the lease on a slot. False if it is no longer the holder's."""

    def release_slot(self, slot: int, holder: str) -> None:
        """Release the slot if it is the holder's."""

    def join(self, holder: str, since: datetime, until: datetime) -> None:
        """Take a ticket, dated `since`, in the queue for a slot. A repeated call renews it."""

    def leave(self, holder: str, since: datetime) -> None:
        """Give the ticket back; does nothing if there is none."""

    def line(self) -> Line:
        """The slots and the queue, read consistently, including expired leases and tickets."""


class HaltFlag(Protocol):
    """Whether the stack is halted. Parameter Store holds the flag, the table a copy; the stack is halted if either is
    engaged."""

    def get(self) -> Halt:
        """The flag; not engaged if it was never set. Raises `Unavailable` also if it can't be read as a flag, which
        counts as halted."""

    def engage(self, reason: str, by: str, at: datetime) -> None:
        """Halt the stack."""

    def release(self, reason: str, by: str, at: datetime) -> None:
        """Resume the stack."""


class SafetyLever(Protocol):
    """FIS's safety lever of the account and Region: it stops all experiments, and lets none start."""

    def get(self) -> Lever:
        """How the lever stands, and why."""

    def set(self, lever: Lever) -> bool:
        """Move the lever. False if it was in that position already, whoever moved it."""


class SeenBySweep(Protocol):
    """The orphans that the last sweep found."""

    def get(self) -> Sightings:
        """The stored sightings; empty if there are none."""

    def put(self, sightings: Sightings) -> None:
        """Store the sightings over the last ones."""
