"""What a run costs whatever its length, what machines hear on the way, and that the walker walks what moto runs."""

from __future__ import annotations

from typing import Any

import pytest

from squall.application.admission import deployed
from squall.domain.base.vocabulary import Status
from tests.fakes.world import FakeWorld
from tests.workflow.endings import nothing_is_left
from tests.workflow.machine import machine
from tests.workflow.rig import environment
from tests.workflow.walk import Walk, walking

PAYLOAD_BYTES = 8 * 1024


def test_twelve_hours_cost_what_ten_minutes_cost(
    walk: Walk, world: FakeWorld, experiment: dict[str, Any], known: deployed.DeployedDefinitions
) -> None:
    known.environments["staging"].update(environment("staging", inline_definitions=True, maximum_duration="PT12H"))
    short = walk.run({"definition": {**experiment, "duration_minutes": 10}}, "short")
    began = world.clock.now()
    long = walk.run({"definition": {**experiment, "duration_minutes": 720}}, "long")
    assert (short.status, long.status) == ("SUCCEEDED", "SUCCEEDED")
    assert (world.clock.now() - began).total_seconds() > 12 * 3600
    assert long.handlers.count("WatchFault") == short.handlers.count("WatchFault") == 1
    assert abs(len(long.states) - len(short.states)) <= 6
    assert abs(long.events - short.events) <= 20
    assert max(len(long.states), len(short.states)) < 100
    nothing_is_left(world, "long")


def test_payloads_stay_small(walk: Walk) -> None:
    assert walk.run({"experiment": "seed", "requested_by": "x" * 200}).largest <= PAYLOAD_BYTES
    assert walk.run({"experiment": "x" * 60_000}, "refused").largest <= 64 * 1024


def test_machines_hear_of_each_change(walk: Walk, world: FakeWorld) -> None:
    walk.run({"experiment": "seed"})
    heard = [(event.status, reason.partition(" ")[0]) for event, reason in world.lifecycle.events]
    assert [status for status, _ in heard] == [Status.RUNNING, Status.RUNNING, Status.COMPLETED]
    assert "started" in world.lifecycle.events[1][1]


def test_machines_that_cannot_be_told_of_the_start_do_not_end_the_fault(walk: Walk, world: FakeWorld) -> None:
    from tests.workflow.endings import Intercept, fail  # noqa: PLC0415

    world.failing = Intercept(lambda called: fail(called) if (walk.running[-1:], called) == (["StartFault"], "lifecycle.emit") else None)
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    nothing_is_left(world)


@pytest.mark.parametrize("payload", [{"experiment": "seed"}, {"experiment": "seed", "mode": "plan"}, 5, []], ids=str)
def test_the_walker_walks_what_moto_runs(experiment: dict[str, Any], known: deployed.DeployedDefinitions, payload: Any) -> None:
    from tests.workflow.rig import workload  # noqa: PLC0415

    walked_world, run_world = workload(), workload()
    with walking(walked_world) as walk:
        walked = walk.run(payload)
    with machine(run_world) as engine:
        run = engine.run(payload)
    assert (walked.status, walked.states) == (run.status, run.states)
    assert walked_world.notifier.endings[0].subject == run_world.notifier.endings[0].subject
