"""The experiment of REL12-BP05 from its first state to its last message; and what is refused while it runs."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jsonschema
import pytest

from local import processes
from tests.deployed.conftest import ideal
from tests.deployed.rig import ROOT, Execution, Rig, latency, rel12_experiment
from tests.patience import LONGEST_TEST, until

pytestmark = [pytest.mark.deployed, pytest.mark.xdist_group("deployed"), pytest.mark.timeout(LONGEST_TEST)]


@dataclass(frozen=True)
class Running:
    """A run of REL12-BP05's experiment that is in progress, and the workload before it."""

    rig: Rig
    run: Execution
    candidates: list[str]
    before: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def running(deployed: Rig) -> Iterator[Running]:
    ideal(deployed)
    deployed.clean()
    until(deployed.quiet, "a quiet workload")
    deployed.forget()  # what earlier tests did to availability is no baseline
    deployed.forget_runs()
    before = deployed.webs
    candidates = sorted(before)[:2]
    run = deployed.run(rel12_experiment(candidates))
    run.until("locked")
    yield Running(deployed, run, candidates, before)
    if run.status == "RUNNING":
        run.stop()


def test_another_execution_on_the_group_is_told_who_holds_it_and_until_when(running: Running) -> None:
    other = next(web for web in running.before if web not in running.candidates)
    second = running.rig.run(latency(other))
    record = second.done()
    assert (record["status"], record.get("verdict")) == ("rejected", None)
    (check,) = (check for check in second.result["safety_checks"] if check["name"] == "failure_domain_free")
    assert f"asg/sample-web is held by {running.run.id} until " in check["detail"]
    assert check["detail"].endswith("UTC")
    assert f"held by {running.run.id} until " in second.message()["Message"]


def test_the_file_of_rel12_bp05_as_it_stands_is_rejected_for_both_instances(running: Running) -> None:
    definition = json.loads((ROOT / "tests/data/seed-experiment.json").read_text())
    run = running.rig.run(definition)
    record = run.done()
    assert record["status"] == "rejected"
    for missing in definition["target_resources"]:
        assert f"{missing} does not exist" in run.message()["Message"]
    assert run.status == "SUCCEEDED"
    assert record.get("template_id") is None


def test_an_instance_of_another_environment_is_refused_by_its_tag(running: Running) -> None:
    production = running.rig.account.instances["production"]
    run = running.rig.run(latency(production))
    record = run.done()
    assert record["status"] == "rejected"
    assert f"{production} has squall:environment = 'production'" in run.message()["Message"]
    assert record.get("template_id") is None


def test_the_role_of_an_environment_hits_nothing_of_another(running: Running) -> None:
    """Admit bypassed: an administrator starts a template of his own with the role that Squall deployed."""
    rig = running.rig
    production, account = rig.account.instances["production"], rig.account
    (role,) = (r["Arn"] for r in rig.client("iam").list_roles()["Roles"] if "FisRoleStaging" in r["RoleName"])
    arn = f"arn:aws:ec2:{account.region}:{account.account_id}:instance/{production}"
    template = rig.client("fis").create_experiment_template(
        clientToken="bypass",
        description="Whatever the tags say",
        roleArn=role,
        stopConditions=[{"source": "none"}],
        targets={"Victims": {"resourceType": "aws:ec2:instance", "resourceArns": [arn], "selectionMode": "ALL"}},
        actions={"kill": {"actionId": "aws:ec2:terminate-instances", "targets": {"Instances": "Victims"}}},
    )["experimentTemplate"]["id"]
    try:
        started = rig.client("fis").start_experiment(clientToken="bypass", experimentTemplateId=template)["experiment"]["id"]
        until(lambda: rig.fault(started)["state"]["status"] == "failed", "FIS has given up")
    finally:
        rig.client("fis").delete_experiment_template(id=template)
    assert rig.fault(started)["state"]["error"]["code"] == "AuthorizationFailure"
    described = rig.client("ec2").describe_instances(InstanceIds=[production])["Reservations"][0]["Instances"][0]
    assert described["State"]["Name"] == "running"


def test_rel12_bp05_is_validated_on_a_process_that_really_died(running: Running) -> None:
    rig, run = running.rig, running.run
    record = run.done()
    assert (record["status"], record["verdict"], record["hypothesis_validated"]) == ("completed", "validated", True), record["reason"]
    result = run.result
    (pinned,) = result["targets"]
    assert pinned["id"] in running.candidates
    assert pinned["proven"] is True
    assert processes.start_time(running.before[pinned["id"]]["pid"]) is None
    replaced = run.saw("instance_replaced")
    assert replaced is not None
    assert replaced["detail"] in rig.webs
    assert replaced["detail"] not in running.before
    assert rig.left() == []


def test_the_result_is_complete(running: Running) -> None:
    running.run.done()
    result = running.run.result
    jsonschema.validate(result, json.loads((ROOT / "schemas/result.schema.json").read_text()))
    availability, response_time, replacement = result["criteria"]
    for measured in (availability, response_time):
        assert measured["outcome"] == "met"
        assert measured["measured"] is not None
        assert measured["window"]["name"] == "fault"
        assert len(measured["points"]) >= 5
    assert replacement["outcome"] == "met"
    assert set(result["metrics_collected"]["baseline"]) == {"availability", "response_time", "request_rate", "healthy_hosts"}
    assert result["rollback"]["outcome"] == "recovered"
    assert result["recovery"]["recovered"] is True
    assert all(check["outcome"] == "passed" for check in result["safety_checks"])


def test_its_last_event_brings_the_report(running: Running) -> None:
    rig, run = running.rig, running.run
    run.done()
    bucket = rig.account.outputs["ResultsBucketName"]

    def written() -> set[str]:
        result = rig.client("s3").list_objects_v2(Bucket=bucket, Prefix=f"results/{run.id}/")["Contents"]
        return {entry["Key"].rpartition("/")[2] for entry in result}

    until(lambda: {"report.html", "report.md", "series.csv"} <= written(), "the report")
    page = rig.client("s3").get_object(Bucket=bucket, Key=f"results/{run.id}/report.html")
    assert page["ContentType"] == "text/html; charset=utf-8"
    html = page["Body"].read().decode()
    assert '<h2 id="verdict">validated</h2>' in html
    assert "new uPlot" in html
    until(lambda: run.saw("reported"), "the report on the timeline")


def test_people_and_machines_are_told(running: Running) -> None:
    run = running.run
    run.done()
    message = run.message()
    assert message["Subject"] == "Squall: validated: EC2 Instance Termination Test in staging"
    assert {name: value["Value"] for name, value in message["MessageAttributes"].items()} == {
        "status": "completed",
        "verdict": "validated",
        "environment": "staging",
        "experiment": "EC2 Instance Termination Test",
    }
    assert "[met] System availability > 99%" in message["Message"]
    until(lambda: any(event["detail"]["status"] == "completed" for event in run.lifecycle), "the last lifecycle event")
    events = run.lifecycle
    assert {event["detail-type"] for event in events} == {"Squall Execution State Change"}
    assert {event["detail"]["execution_arn"] for event in events} == {run.arn}
    assert [event["detail"]["status"] for event in events] == ["running", "running", "completed"]
    assert events[-1]["detail"]["verdict"] == "validated"
