"""Campaigns that are deployed, and steps whose endings a test chooses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from squall.application.admission import admit as admit_module
from squall.application.admission.deployed import DeployedDefinitions
from squall.application.campaign import admit as campaign_admit
from tests.fakes.world import FakeWorld
from tests.workflow.campaign.rig import CAMPAIGNS, Steps
from tests.workflow.walk import Walk


@pytest.fixture(autouse=True)
def _deployed(known: DeployedDefinitions, monkeypatch: pytest.MonkeyPatch) -> None:
    deployed = DeployedDefinitions(known.catalogue, known.environments, CAMPAIGNS)
    for module in (admit_module, campaign_admit):
        monkeypatch.setattr(module, "load_deployed", lambda: deployed)


@pytest.fixture
def steps(walk: Walk, world: FakeWorld) -> Iterator[Steps]:
    walk.child = Steps(walk, world)
    walk.pulse = False
    yield walk.child
    assert len(set(steps_started := walk.child.started)) == len(steps_started), "a step was started twice"
