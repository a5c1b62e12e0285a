"""The sentinel for real: a function that asks the sample workload's URL while the run lasts, and not longer."""

from typing import Any

import pytest
import yaml

from local.deploy import ROOT
from tests.deployed.rig import Rig
from tests.patience import LONGEST_TEST, stretched, until

pytestmark = [pytest.mark.soak, pytest.mark.deployed, pytest.mark.xdist_group("deployed"), pytest.mark.timeout(LONGEST_TEST)]


@pytest.fixture
def definition(rig: Rig) -> dict[str, Any]:
    """The experiment with the URL of this account's load balancer. The one in the file is another account's where several
    run."""
    written: dict[str, Any] = yaml.safe_load((ROOT / "local" / "experiments" / "sentinel.yaml").read_text())
    return {**written, "sentinel": {**written["sentinel"], "url": f"{rig.account.workload['balancer_url']}/"}}


def lease(rig: Rig, execution_id: str) -> dict[str, Any] | None:
    key = {"pk": {"S": f"SENTINEL#{execution_id}"}, "sk": {"S": "SENTINEL"}}
    result: dict[str, Any] | None = rig.client("dynamodb").get_item(TableName=rig.account.outputs["ResultsTableName"], Key=key).get("Item")
    return result


@pytest.mark.usefixtures("calm")
def test_twenty_seconds_of_fault_are_judged_by_what_a_client_had(rig: Rig, definition: dict[str, Any]) -> None:
    run = rig.run(definition)
    record = run.done()
    assert (record["status"], record["verdict"]) == ("completed", "validated"), record["reason"]
    met = {criterion["text"]: criterion for criterion in run.result["criteria"]}
    availability = met["Sentinel availability > 95 %"]
    assert availability["window"]["period_seconds"] == 1
    assert len(availability["points"]) >= 15, "a point a second"
    statistics = {statistic["metric"]: statistic for statistic in run.result["statistics"]}
    assert statistics["sentinel_response_time"]["fault"]["window"]["period_seconds"] == 1
    assert statistics["availability"]["fault"]["window"]["period_seconds"] == 5
    until(lambda: lease(rig, run.id) is None, "the end of the probe")
    rig.clean()


@pytest.mark.usefixtures("calm")
def test_the_next_run_waits_for_a_baseline_without_the_last_ones_fault(rig: Rig, definition: dict[str, Any]) -> None:
    first = rig.run(definition)
    first.done()
    second = rig.run(definition)
    record = second.done()
    assert (record["status"], record["verdict"]) == ("completed", "validated"), record["reason"]
    assert any(f"({first.id}) disturbed the workload" in observation for observation in second.result["observations"])
    rig.clean()


def test_a_probe_ends_with_an_execution_that_is_killed(rig: Rig, definition: dict[str, Any]) -> None:
    run = rig.run({**definition, "duration": "PT2M"})
    run.watched()
    assert lease(rig, run.id), "somebody probes"
    run.stop()
    until(lambda: lease(rig, run.id) is None, "the end of the probe", seconds=stretched(30))
    rig.clean()
