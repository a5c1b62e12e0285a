"""What the pulse does with runs that live, have died, or cannot be asked about."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from unittest.mock import Mock, patch

import pytest

from cli.doctor import paths as doctor_paths
from cli.doctor.paths import PATHS
from cli.doctor.setting import Setting
from cli.doctor.trial import Trial
from squall.application.supervision.pulse import look_after, supervise_runs
from squall.domain.base.vocabulary import Status
from squall.domain.run.execution_state import UNKNOWN_AFTER
from squall.domain.run.record import ExecutionRecord
from squall.errors import Unavailable
from tests.fakes.clock import START
from tests.fakes.storage import Lease
from tests.fakes.world import FakeWorld
from tests.unit.builders import record

TAGS = {"squall:stack": "Squall", "squall:execution": "run-1"}


def run(world: FakeWorld, execution_id: str = "run-1", status: str | None = "RUNNING", **changes: Any) -> ExecutionRecord:
    arn = f"arn:aws:states:eu-west-1:123456789012:execution:squall:{execution_id}"
    made = record(**{"id": execution_id, "execution_arn": arn, "started_at": START, "lock_keys": (f"group/{execution_id}",), **changes})
    world.records.create(made)
    world.locks.leases[f"group/{execution_id}"] = Lease(execution_id, START + timedelta(seconds=100))
    if status:
        world.workflow.executions[arn] = status
    return made


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


def test_leases_of_a_living_run_are_renewed(world: FakeWorld) -> None:
    run(world, slot=2)
    world.locks.slot_leases[2] = Lease("run-1", START + timedelta(seconds=100))
    assert supervise_runs(world.wiring()) == {"run-1": "alive"}
    assert world.locks.leases["group/run-1"].until == START + timedelta(seconds=300)
    assert world.locks.slot_leases[2].until == START + timedelta(seconds=300)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("ABORTED", Status.ABORTED),
        ("FAILED", Status.FAILED),
        ("TIMED_OUT", Status.FAILED),
        ("PENDING_REDRIVE", Status.FAILED),
        ("SUCCEEDED", Status.FAILED),
    ],
)
def test_dead_runs_are_closed(world: FakeWorld, status: str, expected: Status) -> None:
    run(world, status=status)
    assert supervise_runs(world.wiring()) == {"run-1": "closed"}
    assert world.records.items["run-1"].status is expected
    assert len(world.notifier.sent) == 1


def test_an_execution_step_functions_does_not_know_yet_is_given_time(world: FakeWorld) -> None:
    run(world, status=None)
    assert supervise_runs(world.wiring()) == {"run-1": "alive"}
    world.clock.advance(UNKNOWN_AFTER.total_seconds() + 1)
    assert supervise_runs(world.wiring()) == {"run-1": "closed"}


def test_one_run_that_raises_anything_does_not_keep_the_others(world: FakeWorld) -> None:
    run(world, "a")
    run(world, "b", status="ABORTED")
    world.documents.files["results/a/definition.json"] = "{"
    with pytest.raises(ExceptionGroup) as caught:
        supervise_runs(world.wiring())
    assert len(caught.value.exceptions) == 1
    assert world.records.items["b"].final


def test_an_index_that_remembers_what_is_gone_does_no_harm(world: FakeWorld) -> None:
    assert look_after(world.wiring(), "nobody") == "no record"


def test_step_functions_that_cannot_be_asked_closes_nothing(world: FakeWorld) -> None:
    run(world)
    world.failing["workflow.status"] = Unavailable("states", "DescribeExecution", "ThrottlingException", "slow", retryable=True)
    with pytest.raises(ExceptionGroup):
        supervise_runs(world.wiring())
    assert not world.records.items["run-1"].final


def test_a_final_record_its_own_workflow_is_about_to_tell_of_is_left_to_it(world: FakeWorld) -> None:
    run(world)
    world.records.finish("run-1", status=Status.COMPLETED, reason="done", ended_at=world.clock.now())
    supervise_runs(world.wiring())
    assert world.notifier.sent == []
    world.clock.advance(121)
    supervise_runs(world.wiring())
    assert len(world.notifier.sent) == 1
    supervise_runs(world.wiring())
    assert world.records.in_open_index == set()
    assert len(world.notifier.sent) == 1


def test_while_something_is_left_nobody_else_gets_the_failure_domain(world: FakeWorld) -> None:
    world.faults.templates["EXT1"] = {"tags": TAGS}
    world.faults.start("EXT1", "token", TAGS)
    run(world, status="ABORTED", template_id="EXT1")
    world.faults.stop_seconds = 500
    for _ in range(5):
        supervise_runs(world.wiring())
        world.clock.advance(60)
        assert world.locks.leases["group/run-1"].until > world.clock.now()
    world.clock.advance(300)
    supervise_runs(world.wiring())
    assert world.locks.leases == {}


def test_guards_that_cannot_be_read_in_a_fault_end_it(world: FakeWorld) -> None:
    world.faults.templates["EXT1"] = {"tags": TAGS}
    fis = world.faults.start("EXT1", "token", TAGS)
    run(world, template_id="EXT1", fis_experiment_id=fis.id, guard_names=("g",), fault_started_at=START)
    world.failing["alarms.states"] = Unavailable("cloudwatch", "DescribeAlarms", "InternalError", "down", retryable=False)
    assert supervise_runs(world.wiring())["run-1"].startswith("aborted: the guards could not be read")
    assert world.faults.runs[fis.id].experiment.status == "stopping"


def test_the_doctors_dead_run_is_closed_and_told_as_what_it_is(world: FakeWorld) -> None:
    """The record that `squall doctor` leaves for the pulse: no document, no execution, an experiment without a target."""
    tags = {"squall:stack": "Squall", "squall:execution": "doctor-pulse-1"}
    wait = {"actionId": "aws:fis:wait", "parameters": {"duration": "PT5M"}}
    template = world.faults.create_template({"tags": tags, "actions": {"wait": wait}}, "t")
    fis = world.faults.start(template, "s", tags)
    records = world.records
    setting = Setting(lambda _: None, "Squall", (), "a:b:c:d:e", "arn:aws:states:eu-west-1:123456789012:stateMachine:squall", "", "")
    trial = Trial(setting, PATHS[-1], "doctor-pulse-1", template_id=template, experiment_id=fis.id)
    with patch.multiple(doctor_paths, DynamoRecords=lambda *_: records, datetime=Mock(now=lambda _: world.clock.now())):
        PATHS[-1].trip(trial)
    assert supervise_runs(world.wiring()) == {"doctor-pulse-1": "closed"}
    closed = world.records.items["doctor-pulse-1"]
    assert (closed.status, closed.reason) == (Status.ABORTED, "squall doctor tries the pulse: nothing is wrong")
    assert world.faults.active() == []
    assert world.faults.templates == {}
    (message,) = world.notifier.sent
    assert message.subject == "Squall: aborted: squall doctor"


def test_a_fault_is_looked_after_before_thousands_of_waiting_runs_and_each_of_these_in_its_turn(world: FakeWorld) -> None:
    for number in range(2500):
        world.records.create(record(id=f"wait-{number}", started_at=START + timedelta(seconds=number)))
    run(world, "fault", template_id="EXT1", fis_experiment_id="EXP1", started_at=START + timedelta(hours=1))
    observed: list[str] = []

    def look(_w: Any, execution_id: str, _patience: Any = None, **_: Any) -> str:
        observed.append(execution_id)
        world.clock.advance(0.05)
        return "alive"

    with patch("squall.application.supervision.pulse.look_after", look):
        for _ in range(20):
            began, already = world.clock.now(), len(observed)
            done = supervise_runs(world.wiring())
            assert observed[already] == "fault"
            assert world.clock.now() - began < timedelta(seconds=60)
            assert "left to the next pulse" in done["other waiting runs"]
            world.clock.advance(60 - (world.clock.now() - began).total_seconds())
    assert len(set(observed)) == 2501
