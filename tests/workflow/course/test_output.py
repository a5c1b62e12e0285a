"""The output of an execution says how the run ended: a recorded outcome ends SUCCEEDED, whatever it is."""

from __future__ import annotations

from typing import Any

import pytest

from squall.domain.messages.execution_output import LONGEST_REASON
from tests.fakes.world import FakeWorld
from tests.workflow.endings import Intercept, fail
from tests.workflow.machine import machine
from tests.workflow.rig import workload
from tests.workflow.walk import Walk


def test_a_validated_run_says_where_its_result_is(walk: Walk) -> None:
    run = walk.run({"experiment": "seed"})
    assert run.status == "SUCCEEDED"
    assert run.output == {
        "execution_id": "run-1",
        "experiment": "EC2 Instance Termination Test",
        "environment": "staging",
        "status": "completed",
        "verdict": "validated",
        "hypothesis_validated": True,
        "exit_code": 0,
        "reason": run.output["reason"],
        "result": "s3://squall-bucket/results/run-1/result.json",
        "report": run.output["report"],
    }
    assert "3 of 3" in run.output["reason"]
    assert run.output["report"].startswith("https://")
    assert run.output["report"].endswith("results/run-1/report.html")


@pytest.mark.parametrize(
    ("payload", "status", "exit_code"),
    [({"experiment": "seed", "mode": "plan"}, "planned", 0), ({"experiment": "nothing"}, "rejected", 3), (5, "rejected", 3)],
    ids=str,
)
def test_what_injected_nothing_says_so(walk: Walk, payload: Any, status: str, exit_code: int) -> None:
    run = walk.run(payload)
    assert (run.status, run.output["status"], run.output["verdict"], run.output["exit_code"]) == ("SUCCEEDED", status, None, exit_code)
    assert run.output["reason"]


def test_a_failure_of_squall_does_not_look_like_success(walk: Walk, world: FakeWorld) -> None:
    world.failing = Intercept(lambda called: fail(called) if walk.running[-1:] == ["Discover"] else None)
    run = walk.run({"experiment": "seed"})
    assert (run.status, run.output["status"], run.output["verdict"], run.output["exit_code"]) == ("SUCCEEDED", "failed", None, 5)
    assert run.output["reason"].startswith("Squall failed")


def test_a_reason_of_any_length_fits(walk: Walk) -> None:
    run = walk.run({"experiment": "seed", **{f"unknown_{number}": 1 for number in range(400)}})
    assert run.output["status"] == "rejected"
    assert 0 < len(run.output["reason"]) <= LONGEST_REASON


@pytest.mark.usefixtures("known")
def test_step_functions_shows_the_same() -> None:
    world = workload()
    with machine(world) as engine:
        run = engine.run({"experiment": "seed"})
    assert (run.output["execution_id"], run.output["status"], run.output["verdict"]) == ("run-1", "completed", "validated")
