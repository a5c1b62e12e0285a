"""A healthy workload of three instances behind a load balancer, and an experiment on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from squall.application.admission import admit
from squall.application.admission import deployed as definitions
from squall.application.reports import period
from squall.domain.language import grammar
from tests.fakes.world import FakeWorld
from tests.workflow.machine import Machine, machine
from tests.workflow.rig import environment, rel12_experiment, tree_read_once, workload
from tests.workflow.walk import Walk, walking


@pytest.fixture(autouse=True)
def sentences_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grammar, "parse_tree", tree_read_once)


@pytest.fixture
def world() -> FakeWorld:
    return workload()


@pytest.fixture
def experiment(world: FakeWorld) -> dict[str, Any]:
    return rel12_experiment(world)


@pytest.fixture
def known(experiment: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> definitions.DeployedDefinitions:
    """What is deployed: the experiment as `seed`, and the environments."""
    deployed = definitions.DeployedDefinitions(
        catalogue={"seed": experiment},
        environments={"staging": environment("staging", inline_definitions=True), "production": environment("production")},
    )
    for reader in (admit, period):
        monkeypatch.setattr(reader, "load_deployed", lambda: deployed)
    return deployed


@pytest.fixture
def engine(world: FakeWorld, known: definitions.DeployedDefinitions) -> Iterator[Machine]:
    with machine(world) as running:
        yield running


@pytest.fixture
def walk(world: FakeWorld, known: definitions.DeployedDefinitions) -> Iterator[Walk]:
    world.faults.stop_seconds = 20
    world.alarms.arming_seconds = 10
    with walking(world) as running:
        yield running
