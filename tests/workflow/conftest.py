"""A healthy workload of three instances behind a load balancer, and an experiment on it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from squall.application import definitions
from squall.handlers import admit
from tests.fakes.workload import ACCOUNT, REGION, FakeGroup, FakeInstance
from tests.fakes.world import FakeWorld
from tests.workflow.machine import Machine, machine
from tests.workflow.walk import Walk, walking

ROOT = Path(__file__).parents[2]
TARGET_GROUP = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/web/0123456789abcdef"
LOAD_BALANCER = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/app/web/fedcba9876543210"


def environment(name: str, **changes: Any) -> dict[str, Any]:
    return {**yaml.safe_load((ROOT / "environments" / f"{name}.yaml").read_text()), **changes}


@pytest.fixture
def world() -> FakeWorld:
    world = FakeWorld()
    group = FakeGroup("web", desired=3, minimum=3, target_groups=(TARGET_GROUP,), tags={"squall:environment": "staging"})
    world.fleet.add_group(group, LOAD_BALANCER)
    world.fleet.add(FakeInstance("i-0000000000prod00", tags={"squall:environment": "production"}))
    world.fleet.add(FakeInstance("i-000000000000none"))
    world.metrics.set("RequestCount", 3000.0)
    world.metrics.set("TargetResponseTime", 0.05)
    return world


@pytest.fixture
def experiment(world: FakeWorld) -> dict[str, Any]:
    """The seed's experiment, on instances that exist."""
    seed: dict[str, Any] = json.loads((ROOT / "tests" / "data" / "seed-experiment.json").read_text())
    return {**seed, "target_resources": [one.id for one in world.fleet.members("web")][:2]}


@pytest.fixture
def known(experiment: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> definitions.Deployed:
    """What is deployed: the experiment as `seed`, and the environments."""
    deployed = definitions.Deployed(
        catalogue={"seed": experiment},
        environments={"staging": environment("staging", inline_definitions=True), "production": environment("production")},
    )
    monkeypatch.setattr(admit, "deployed", lambda: deployed)
    return deployed


@pytest.fixture
def engine(world: FakeWorld, known: definitions.Deployed) -> Iterator[Machine]:
    with machine(world) as running:
        yield running


@pytest.fixture
def walk(world: FakeWorld, known: definitions.Deployed) -> Iterator[Walk]:
    world.faults.stop_seconds = 20
    world.alarms.arming_seconds = 10
    with walking(world) as running:
        yield running
