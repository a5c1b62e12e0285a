"""The catalogues of a deployed stack: the deployed experiments by name, and the published ones."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cli.aws.calls import explain_failures
from cli.errors import CommandError
from cli.exits import Exit
from squall.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from squall.domain.experiment.published import StoredVersion
    from squall.ports.catalogue import Catalogue


@dataclass(frozen=True)
class Deployed:
    """What is deployed with the stack."""

    experiments: tuple[str, ...]
    """The names of the deployed experiments."""
    environments: Mapping[str, str] | None
    """Environment to the `catalogue` of its policy; None if the stack is older and does not say."""
    campaigns: tuple[str, ...] | None = None
    """The names of the deployed campaigns; None if the stack is older and does not say."""
    regions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Each deployed experiment for several Regions, and its Regions; empty if the stack is older and does not say."""
    region_campaigns: Mapping[str, str] = field(default_factory=dict)
    """Each deployed campaign of kind regions, and the experiment that it runs."""


class ExplainedCatalogue:
    """A catalogue of published experiments whose errors are CommandErrors."""

    def __init__(self, catalogue: Catalogue, *, local_hint: bool) -> None:
        self._catalogue, self._local_hint = catalogue, local_hint

    def find_newest(self, name: str) -> StoredVersion | None:
        with self._explained():
            return self._catalogue.find_newest(name)

    def read(self, name: str, version: int) -> StoredVersion | None:
        with self._explained():
            return self._catalogue.read(name, version)

    def list_newest(self) -> Mapping[str, int]:
        with self._explained():
            return self._catalogue.list_newest()

    def add(self, stored: StoredVersion) -> bool:
        with self._explained():
            return self._catalogue.add(stored)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        with explain_failures(local_hint=self._local_hint):
            try:
                yield
            except Refused as refusal:
                raise CommandError(f"{refusal.message}.", "Publish it under another name.", code=Exit.REFUSED) from refusal
