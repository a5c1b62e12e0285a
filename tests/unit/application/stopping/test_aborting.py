"""What the abort function understands, and what it does with ports of which any may be broken."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from squall.application.stopping.abort import NotAnAbortError, abort_execution, parse_abort, watched_since
from squall.application.stopping.halt_request import parse_halt
from squall.domain.base.vocabulary import AbortSource
from squall.domain.run.halt import from_json
from squall.domain.run.record import Event
from squall.domain.run.timeline import EventName
from squall.errors import Unavailable
from squall.handlers import abort as handler
from squall.wiring import set_wiring
from tests.fakes.clock import START
from tests.fakes.world import FakeWorld
from tests.unit.builders import record

ID = "run-1"
GUARD = f"squall-Squall-{ID}-2"
DESCRIBED = f"fis-template=EXT1 execution=arn:aws:states:eu-west-1:123456789012:execution:squall:{ID}"


def alarm(name: str = GUARD, state: str = "ALARM", description: str | None = DESCRIBED) -> dict[str, Any]:
    configuration = {} if description is None else {"description": description}
    return {"alarmData": {"alarmName": name, "state": {"value": state}, "configuration": configuration}}


def event(**data: Any) -> dict[str, Any]:
    return {"detail-type": "CloudWatch Alarm State Change", "detail": alarm(**data)["alarmData"]}


@pytest.fixture
def world() -> Iterator[FakeWorld]:
    """A run whose fault is on."""
    world = FakeWorld()
    world.faults.templates["EXT1"] = {"tags": {"squall:stack": "Squall", "squall:execution": ID}}
    fis = world.faults.start("EXT1", "token", {"squall:stack": "Squall", "squall:execution": ID})
    world.records.create(record(id=ID, template_id="EXT1", fis_experiment_id=fis.id, task_token="token-1"))
    world.workflow.tokens.add("token-1")
    set_wiring(world.wiring())
    yield world
    set_wiring(None)


def status(world: FakeWorld) -> str:
    return next(iter(world.faults.runs.values())).experiment.status


@pytest.mark.parametrize("wrap", [alarm, event])
def test_an_alarm_is_understood_as_action_and_as_event(wrap: Any) -> None:
    request = parse_abort(wrap(), "Squall")
    assert request is not None
    assert (request.execution_id, request.template_id, request.source, request.alarm) == (ID, "EXT1", AbortSource.GUARD, GUARD)


@pytest.mark.parametrize("state", ["OK", "INSUFFICIENT_DATA"])
def test_an_alarm_that_does_not_fire_is_ignored(state: str) -> None:
    assert parse_abort(alarm(state=state), "Squall") is None


@pytest.mark.parametrize("name", ["other", "squall-Other-run-1-1", "Squall-run-1-1", ""])
def test_alarms_of_others_are_ignored(name: str) -> None:
    assert parse_abort(alarm(name=name), "Squall") is None


def test_an_id_with_hyphens_and_digits_is_found_in_the_name() -> None:
    request = parse_abort(alarm(name="squall-Squall-a-2026-01-1-10"), "Squall")
    assert request is not None
    assert request.execution_id == "a-2026-01-1"


@pytest.mark.parametrize("payload", [{}, {"execution_id": 5}, {"detail-type": "other"}, {"reason": "x"}])
def test_anything_else_is_an_error_not_a_silent_nothing(payload: dict[str, Any]) -> None:
    with pytest.raises(NotAnAbortError):
        parse_abort(payload, "Squall")


def test_an_operators_words_are_kept_short() -> None:
    request = parse_abort({"execution_id": ID, "reason": "r" * 10_000, "requested_by": "b" * 10_000}, "Squall")
    assert request is not None
    assert len(request.reason) < 1000
    assert len(request.by) <= 256


FORGED = "ops\n\nRollback: restored\x1b[2J\u2028\u202eok"


@pytest.mark.parametrize("key", ["requested_by", "reason"])
def test_an_operators_words_forge_no_line(key: str) -> None:
    request = parse_abort({"execution_id": "run-1", "reason": "r", "requested_by": "b", key: FORGED}, "Squall")
    assert request is not None
    assert "ops Rollback: restored[2J ok" in request.reason
    assert request.reason.isprintable()
    assert request.by.isprintable()


@pytest.mark.parametrize("key", ["requested_by", "reason"])
def test_words_of_a_halt_forge_no_line(key: str) -> None:
    request = parse_halt({"reason": "r", "requested_by": "b", key: FORGED})
    assert "ops Rollback: restored[2J ok" in (request.by, request.reason)


def test_a_flag_written_by_hand_forges_no_line() -> None:
    assert str(from_json(json.dumps({"engaged": True, "reason": FORGED, "by": FORGED}))).isprintable()


def test_a_guard_of_a_stack_whose_name_begins_alike_aborts_nothing(world: FakeWorld) -> None:
    """Stack Squall-Prod runs `run-1`: the name of its guard can be read as a guard of the run `Prod-run-1` of stack Squall."""
    world.faults.templates["EXT9"] = {"tags": {"squall:stack": "Squall-Prod", "squall:execution": ID}}
    foreign = world.faults.start("EXT9", "other", {"squall:stack": "Squall-Prod", "squall:execution": ID})
    mine = "Prod-run-1"
    world.records.create(record(id=mine, template_id="EXT1", guard_names=(f"squall-Squall-{mine}-3",), execution_arn=f"arn:x:{mine}"))
    for described in (DESCRIBED.replace("EXT1", "EXT9"), None):
        request = parse_abort(alarm("squall-Squall-Prod-run-1-1", description=described), "Squall")
        assert request is not None
        done = abort_execution(world.wiring(), request)
        assert (done["recorded"], done["woken"]) == (False, False)
        answer = world.records.get(mine)
        assert answer is not None
        assert answer.abort is None
    assert world.faults.runs[foreign.id].experiment.status != "stopping"


def test_no_port_but_fis_is_asked_before_the_stop(world: FakeWorld) -> None:
    handler.handler(alarm(), None)
    until = world.calls.index("faults.stop")
    assert {called.partition(".")[0] for called in world.calls[:until]} <= {"faults", "clock"}
    assert status(world) == "stopping"
    assert world.workflow.woken == ["token-1"]


def test_the_reason_is_written_before_the_token_is_read(world: FakeWorld) -> None:
    handler.handler(alarm(), None)
    assert world.calls.index("records.request_abort") < world.calls.index("workflow.wake")
    assert world.calls[world.calls.index("workflow.wake") - 1] == "records.get"


def test_an_unknown_execution_is_said_to_be_unknown(world: FakeWorld) -> None:
    answer = handler.handler({"execution_id": "nobody"}, None)
    assert answer == {
        "execution_id": "nobody",
        "template_id": None,
        "stopped": [],
        "experiments": {},
        "left_alone": [],
        "recorded": False,
        "woken": False,
    }
    assert status(world) == "initiating"


def test_without_table_an_operator_finds_the_fault_by_its_tag(world: FakeWorld) -> None:
    world.failing["records.get"] = Unavailable("dynamodb", "GetItem", "InternalServerError", "down", retryable=True)
    answer = handler.handler({"execution_id": ID}, None)
    assert answer["stopped"]
    assert status(world) == "stopping"


def test_what_cannot_be_stopped_is_written_and_raised(world: FakeWorld) -> None:
    world.failing["faults.stop"] = Unavailable("fis", "StopExperiment", "ThrottlingException", "slow down", retryable=True)
    with pytest.raises(Unavailable):
        handler.handler({"execution_id": ID, "reason": "enough"}, None)
    answer = world.records.get(ID)
    assert answer is not None
    assert answer.abort is not None
    assert world.workflow.woken == ["token-1"]


def test_one_experiment_that_cannot_be_stopped_is_no_reason_to_forget_those_that_were(world: FakeWorld) -> None:
    request = parse_abort(alarm(), "Squall")
    assert request is not None
    abort_execution(world.wiring(), request)
    answer = world.records.get(ID)
    assert answer is not None
    assert [entry.event for entry in answer.events][-2:] == ["abort_requested", "stop_requested"]


def test_an_alarm_after_the_fault_has_ended_is_no_abort(world: FakeWorld) -> None:
    for run in world.faults.runs:
        world.faults.fail(run)
    world.records.update(ID, fault_ended_at=world.clock.now())
    handler.handler(alarm(), None)
    answer = world.records.get(ID)
    assert answer is not None
    assert answer.abort is None


def test_guards_are_watched_from_the_last_moment_all_were_seen_ok() -> None:
    started = START + timedelta(minutes=5)
    checked = Event(START + timedelta(minutes=4), EventName.FINALLY_SAFE)
    assert watched_since(record(fault_started_at=started, events=(checked,))) == checked.at
    assert watched_since(record(fault_started_at=started, events=())) == started


def test_the_path_from_an_alarm_to_fis_imports_nothing_heavy() -> None:
    code = "import sys, squall.handlers.abort; print(sorted({'pydantic', 'lark', 'boto3', 'botocore.session'} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": "lambdas"})
    assert answer.stdout.strip() == "[]"
