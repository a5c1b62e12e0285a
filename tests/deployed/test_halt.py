"""Halting the deployed stack: from the call to quiet, and who starts what meanwhile."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest

from tests.deployed.rig import Execution, Json, Rig, latency
from tests.patience import LONGEST_TEST, stretched, until

pytestmark = [pytest.mark.deployed, pytest.mark.xdist_group("deployed"), pytest.mark.timeout(LONGEST_TEST)]

HALT = {"action": "halt", "reason": "drill", "requested_by": "ops"}
QUIET_SECONDS = 15.0
"""From the call to `stopped`: a second or two on an idle machine."""
Property = Callable[[str, object], None]


@pytest.fixture
def halted(rig: Rig) -> Iterator[Rig]:
    """Whatever the test does, the next one finds the stack resumed."""
    yield rig
    assert rig.invoke("Resume", {"reason": "the drill is over"})["engaged"] is False


def test_halt_stops_what_runs_and_refuses_every_start_until_resumed(halted: Rig, target: str, record_property: Property) -> None:
    rig = halted
    run = rig.run(latency(target))
    experiment = run.watched()
    with rig.measured(record_property, "halt_function_seconds"):
        answer = rig.invoke("Halt", HALT)
    assert (answer["engaged"], answer["failed"], answer["lever"]) == (True, [], "not asked for")
    (stopped,) = answer["stopped"]
    assert (stopped["experiment"], stopped["execution_id"]) == (experiment, run.id)
    until(lambda: rig.fault(experiment)["state"]["status"] == "stopped", "FIS has stopped")
    quiet = rig.fault(experiment)["endTime"] - datetime.fromisoformat(answer["at"])
    record_property("halt_to_stopped_seconds", round(quiet.total_seconds(), 1))
    assert quiet < timedelta(seconds=stretched(QUIET_SECONDS))
    refused = rig.run(latency(target))  # what the console does, and a schedule
    record = run.done()
    assert (record["status"], record["abort"]["source"], record["abort"]["by"]) == ("aborted", "halt", "ops")
    record = refused.done()
    assert record["status"] == "rejected"
    assert "not_halted: the stack is halted" in record["reason"]
    assert "drill" in record["reason"]
    assert checks(refused)["not_halted"] == "failed"
    assert rig.left() == []
    assert rig.invoke("Resume", {"reason": "over"})["engaged"] is False
    again = rig.start(json.dumps({"definition": latency("i-00000000000000000")}))
    assert again.done()["status"] == "rejected"
    assert checks(again)["not_halted"] == "passed"


def checks(run: Execution) -> Json:
    return {check["name"]: check["outcome"] for check in run.result["safety_checks"]}
