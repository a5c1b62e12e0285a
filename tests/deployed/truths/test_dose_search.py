"""A real search for a limit that is known: how long the workload's instances wait for the inventory."""

from __future__ import annotations

import json

import pytest
import yaml

from infra.places import ROOT
from local.workload.settings import WORKLOADS
from tests.deployed.rig import Json, Rig
from tests.patience import LONGEST_TEST, until

pytestmark = [pytest.mark.soak, pytest.mark.deployed, pytest.mark.xdist_group("deployed"), pytest.mark.timeout(LONGEST_TEST)]
CAMPAIGN = "latency-limit"
IMPATIENT = "impatient"
PLANTED = WORKLOADS[IMPATIENT].dependency_timeout_ms


def read_file(rig: Rig, campaign_id: str, name: str) -> str | None:
    client, bucket = rig.client("s3"), rig.account.outputs["ResultsBucketName"]
    key = f"results/{campaign_id}/{name}"
    found = client.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents", [])
    return client.get_object(Bucket=bucket, Key=key)["Body"].read().decode() if found else None


def run_campaign(rig: Rig, campaign_id: str) -> Json:
    """The result of the campaign, when its execution has ended."""
    workflow, machine = rig.client("stepfunctions"), rig.account.outputs["CampaignStateMachineArn"]
    payload = json.dumps({"campaign": CAMPAIGN})
    arn = workflow.start_execution(stateMachineArn=machine, name=campaign_id, input=payload)["executionArn"]
    until(lambda: workflow.describe_execution(executionArn=arn)["status"] != "RUNNING", "the campaign is over", seconds=LONGEST_TEST)
    result = read_file(rig, campaign_id, "campaign_result.json")
    assert result
    return dict(json.loads(result))


@pytest.mark.usefixtures("calm")
def test_a_ramp_finds_the_delay_at_which_instances_give_up(rig: Rig) -> None:
    ramp = yaml.safe_load((ROOT / "local" / "campaigns" / f"{CAMPAIGN}.yaml").read_text())["ramp"]
    rig.settings(workload=IMPATIENT)
    rig.forget()
    result = run_campaign(rig, "dose-search")
    assert (result["status"], result["verdict"]) == ("completed", "refuted"), result["reason"]
    answer = result["ramp"]
    assert answer["holds_to"] < PLANTED <= answer["fails_from"], result["reason"]
    assert answer["fails_from"] - answer["holds_to"] == ramp["resolution"]
    assert answer["confidence"] > 0.9, "one run that could not tell makes the answer less sure"
    page = until(lambda: read_file(rig, "dose-search", "report.html"), "the report of the campaign")
    assert f"holds to latency_ms {answer['holds_to']:g}, fails from latency_ms {answer['fails_from']:g}" in page
    assert "<svg" in page
    rig.clean()
