"""Metrics late, events late, twice or never, FIS slow to stop: what is said stays true, and nothing stays behind."""

from collections.abc import Callable

import pytest

from tests.deployed.conftest import switch_schedule
from tests.deployed.rig import TRIPPED, Execution, Rig, latency
from tests.patience import LONGEST_TEST, until

pytestmark = [pytest.mark.deployed, pytest.mark.xdist_group("deployed"), pytest.mark.timeout(LONGEST_TEST)]

SCHEDULE = "experiment-scheduled-latency"


@pytest.mark.soak
@pytest.mark.usefixtures("calm")
def test_a_schedule_fires_once_and_its_run_is_told_honestly(rig: Rig, record_property: Callable[[str, object], None]) -> None:
    rig.forget()  # what earlier tests did to availability is no baseline
    rig.profile(name="pessimistic")
    run = fired(rig)
    record = run.done()
    record_property("verdict", record["verdict"])
    assert record["experiment"] == "Scheduled Latency Test"
    assert SCHEDULE in record["trigger"]
    if (record["status"], record["verdict"]) != ("completed", "validated"):
        assert (record["status"], record["verdict"]) == ("completed", "inconclusive"), record["reason"]
        assert any(criterion["outcome"] == "cannot_tell" for criterion in run.result["criteria"])
    rig.clean()
    run.message()
    value = rig.client("stepfunctions").describe_execution(executionArn=run.arn)["input"]
    again = rig.start(value)
    assert again.done()["status"] == "rejected"
    assert "already runs in another execution" in again.record["reason"]


@pytest.mark.usefixtures("calm")
@pytest.mark.soak  # each way to abort in such a world is there, too
def test_an_abort_is_recorded_once_and_nothing_is_left(rig: Rig, target: str) -> None:
    run = rig.run(latency(target, **TRIPPED))
    experiment = run.watched()
    rig.profile(name="pessimistic")
    record = run.done()
    assert (record["status"], record["verdict"], record["hypothesis_validated"]) == ("aborted", "aborted", False)
    assert record["abort"]["source"] == "guard"
    assert [event["event"] for event in run.timeline].count("abort_requested") <= 1
    assert rig.fault(experiment)["state"]["status"] == "stopped"
    rig.wait_until_quick(target)
    rig.clean()
    run.message()


def fired(rig: Rig) -> Execution:
    """Let the schedule fire once."""
    before = set(rig.execution_arns())
    switch_schedule(rig, SCHEDULE, "ENABLED")
    try:
        (arn,) = until(lambda: set(rig.execution_arns()) - before, "the schedule fires")
    finally:
        switch_schedule(rig, SCHEDULE, "DISABLED")
    return rig.execution(arn)
