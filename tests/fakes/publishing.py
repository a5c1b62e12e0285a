"""Publishes and retires experiments in a world, as `squall publish` and `squall catalogue retire` do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squall.domain.experiment.published import PublishedVersion, make_version, write_version

if TYPE_CHECKING:
    from tests.fakes.world import FakeWorld

PUBLISHER = "arn:aws:iam::123456789012:user/pia"


def publish(world: FakeWorld, name: str, content: dict[str, Any] | None, *, is_campaign: bool = False) -> PublishedVersion:
    """Add a version; None retires the name."""
    newest = world.catalogue.list_newest().get(name, 0)
    published = make_version(name, newest + 1, content, PUBLISHER, world.clock.now(), is_campaign=is_campaign)
    assert world.catalogue.add(write_version(published))
    return published


def retire(world: FakeWorld, name: str) -> PublishedVersion:
    return publish(world, name, None)
