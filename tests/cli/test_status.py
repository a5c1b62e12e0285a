"""`squall status`, `abort` and `show`."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from cli.aws.stack import Machine
from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.run.halt import Halt
from squall.domain.run.queue import Line, Slot, Ticket
from tests.cli.conftest import Squall
from tests.cli.fakes import HOSTILE, START, FakeDeployment, event, record, result
from tests.cli.test_run import CONTROL


def _over(deployment: FakeDeployment, name: str = "run-1") -> None:
    deployment.scripts[name] = [record(name, status=Status.COMPLETED, verdict=Verdict.VALIDATED)]
    deployment.machines[name] = Machine("SUCCEEDED")
    deployment.documents[name, "result"] = result(Status.COMPLETED, Verdict.VALIDATED)


def test_nothing_running(squall: Squall, deployment: FakeDeployment) -> None:
    done = squall("status")
    assert (done.exit_code, done.stdout) == (0, "Nothing is running in stack Squall, us-east-1.\n")


def test_what_is_running_as_a_table_and_as_json(squall: Squall, deployment: FakeDeployment) -> None:
    deployment.scripts["run-1"] = [record(task_token="secret")]
    assert "WatchFault" in squall("status").stdout
    (document,) = json.loads(squall("status", "--json").stdout)
    assert document["phase"] == "WatchFault"
    assert "task_token" not in document


def test_a_plan_that_runs_says_that_it_is_one(squall: Squall, deployment: FakeDeployment) -> None:
    deployment.scripts["run-1"] = [record(phase="FinalCheck", only_plans=True)]
    assert "plan: running" in " ".join(squall("status").stdout.split())
    assert "plan: everything but the fault" in " ".join(squall("status", "run-1").stdout.split())
    assert json.loads(squall("status", "run-1", "--json").stdout)["only_plans"] is True


NEVER = datetime(2999, 1, 1, tzinfo=UTC)
QUEUED = Line((Slot(0, "run-0", NEVER),), (Ticket("run-a", START, NEVER), Ticket("dead", START, START), Ticket("run-1", NEVER, NEVER)))


def test_a_queued_execution_shows_its_position_and_who_is_ahead(squall: Squall, deployment: FakeDeployment) -> None:
    deployment.scripts["run-1"] = [record(status=Status.QUEUED, phase="AcquireSlot")]
    deployment.queue = QUEUED
    assert "queued, position 2" in " ".join(squall("status").stdout.split())
    shown = " ".join(squall("status", "run-1").stdout.split())
    assert "position 2 of 2, behind run-a; slots are held by run-0" in shown
    document = json.loads(squall("status", "run-1", "--json").stdout)
    assert document["queue"] == {"position": 2, "ahead": ["run-a"]}


def test_a_queue_that_cannot_be_read_hides_no_execution(squall: Squall, deployment: FakeDeployment) -> None:
    deployment.scripts["run-1"] = [record(status=Status.QUEUED, phase="AcquireSlot")]
    deployment.queue = None
    assert "queued" in squall("status").stdout
    assert "queue" not in json.loads(squall("status", "run-1", "--json").stdout)


def test_one_execution_with_guards_and_events(squall: Squall, deployment: FakeDeployment) -> None:
    deployment.scripts["run-1"] = [record(guard_names=("squall-Squall-run-1-1",), events=(event("guards_armed", 5, "1 guards OK"),))]
    done = squall("status", "arn:aws:states:us-east-1:123456789012:execution:Machine:run-1")
    for words in ("squall-Squall-run-1-1", "guards_armed", "1 guards OK", "not started"):
        assert words in done.stdout


@pytest.mark.parametrize("command", ["status", "abort", "show"])
@pytest.mark.parametrize("wrong", ["../../etc/passwd", "a b", "x" * 81, "nobody"])
def test_an_id_nobody_has_is_refused(squall: Squall, deployment: FakeDeployment, command: str, wrong: str) -> None:
    done = squall(command, wrong)
    assert done.exit_code == 3
    assert "squall status" in done.stderr


def test_hostile_text_in_a_record_is_harmless(squall: Squall, deployment: FakeDeployment) -> None:
    deployment.scripts["run-1"] = [record(experiment=HOSTILE, reason=HOSTILE, requested_by=HOSTILE, events=(event("x", 0, HOSTILE),))]
    for done in (squall("status"), squall("status", "run-1")):
        assert done.exit_code == 0
        assert not CONTROL.search(done.stdout)


def test_abort_calls_the_function_and_waits_for_the_end(squall: Squall, deployment: FakeDeployment) -> None:
    deployment.scripts["run-1"] = [record(), record(status=Status.ABORTED, verdict=Verdict.ABORTED)]
    deployment.machines["run-1"] = Machine("SUCCEEDED")
    done = squall("abort", "run-1", "--reason", "too\x1b[31m slow", "--json")
    assert done.exit_code == 0
    assert deployment.aborted == [("run-1", "too[31m slow", "arn:aws:iam::123456789012:user/ada")]
    document = json.loads(done.stdout)
    assert document["abort"]["stopped"] == ["EXP1"]
    assert document["record"]["status"] == "aborted"


def test_abort_in_a_pipe_asks_nobody(squall: Squall, deployment: FakeDeployment) -> None:
    """A script in an emergency must not be asked: what it pipes is no answer."""
    deployment.scripts["run-1"] = [record(), record(status=Status.ABORTED, verdict=Verdict.ABORTED)]
    deployment.machines["run-1"] = Machine("SUCCEEDED")
    done = squall("abort", "run-1", stdin="n\n")
    assert done.exit_code == 0
    assert [execution for execution, _, _ in deployment.aborted] == ["run-1"]


def test_abort_of_what_is_over_says_so(squall: Squall, deployment: FakeDeployment) -> None:
    _over(deployment)
    deployment.abort_answer = {"recorded": False, "stopped": []}
    done = squall("abort", "run-1", "--json")
    assert done.exit_code == 0
    assert "over already" in done.stderr
    assert json.loads(done.stdout)["abort"] is None


def test_abort_stops_a_fault_whose_record_says_that_it_is_over(squall: Squall, deployment: FakeDeployment) -> None:
    _over(deployment)
    done = squall("abort", "run-1", "--json")
    assert [aborted[0] for aborted in deployment.aborted] == ["run-1"]
    assert "its fault was running" in done.stderr
    assert json.loads(done.stdout)["abort"]["stopped"] == ["EXP1"]


def test_show_prints_the_result_with_its_timeline(squall: Squall, deployment: FakeDeployment) -> None:
    _over(deployment)
    done = squall("show", "run-1")
    assert done.exit_code == 0
    for words in ("VALIDATED", "fault_started", "System availability > 99%"):
        assert words in done.stdout


def test_show_as_json_is_the_document_itself(squall: Squall, deployment: FakeDeployment) -> None:
    _over(deployment)
    assert json.loads(squall("show", "run-1", "--json").stdout) == result(Status.COMPLETED, Verdict.VALIDATED)


def test_show_of_what_runs_says_so(squall: Squall, deployment: FakeDeployment) -> None:
    deployment.scripts["run-1"] = [record()]
    done = squall("show", "run-1")
    assert done.exit_code == 3
    assert "still running" in done.stderr


def test_a_result_of_another_version_is_not_a_crash(squall: Squall, deployment: FakeDeployment) -> None:
    _over(deployment)
    deployment.documents["run-1", "result"] = {"from": "the future"}
    done = squall("show", "run-1")
    assert done.exit_code == 0
    assert "validated" in done.stdout


def test_an_execution_that_has_just_started_is_no_unknown_one(squall: Squall, deployment: FakeDeployment) -> None:
    deployment.machines["run-9"] = Machine("RUNNING")
    done = squall("status", "run-9")
    assert (done.exit_code, "has just started" in done.stdout) == (0, True)
    assert json.loads(squall("status", "run-9", "--json").stdout) == {"id": "run-9", "status": "starting"}


def test_dates_are_written_as_in_the_result_and_the_halt_stands_with_them(squall: Squall, deployment: FakeDeployment) -> None:
    deployment.scripts["run-1"] = [record(events=(event("fault_started", 3),))]
    deployment.flag = Halt(engaged=True, reason="fire", by="ada", at=START)
    document = json.loads(squall("status", "run-1", "--json").stdout)
    assert (document["started_at"], document["events"][0]["at"]) == ("2026-05-04T12:00:00Z", "2026-05-04T12:00:03Z")
    assert document["halt"] == {"engaged": True, "reason": "fire", "by": "ada", "at": "2026-05-04T12:00:00Z"}


def test_abort_says_what_fis_says_of_each_experiment(squall: Squall, deployment: FakeDeployment) -> None:
    deployment.scripts["run-1"] = [record(), record(status=Status.ABORTED, verdict=Verdict.ABORTED)]
    deployment.machines["run-1"] = Machine("SUCCEEDED")
    deployment.abort_answer = {
        "recorded": True,
        "stopped": ["EXP1"],
        "experiments": {"EXP1": "stopping"},
        "left_alone": ["EXP9: another run's"],
    }
    shown = squall("abort", "run-1").stdout
    assert "FIS was asked to stop EXP1: it is stopping." in shown
    assert "Left alone: EXP9: another run's" in shown
    assert "{" not in shown
