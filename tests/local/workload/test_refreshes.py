"""What the account's Auto Scaling says of an instance refresh, against the workload's reports; in process."""

from __future__ import annotations

import time
from types import ModuleType
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml
from ministack.services import autoscaling as emulated

from local.deploy import ROOT
from local.workload import refreshes, rollback


@pytest.fixture
def group(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The group `web` of two instances, in an account of its own."""
    instances = [{"InstanceId": f"i-{number}", "LifecycleState": "InService"} for number in range(2)]
    made: dict[str, Any] = {"AutoScalingGroupName": "web", "DesiredCapacity": 2, "Instances": instances}
    monkeypatch.setattr(emulated, "_asgs", {"web": made})
    monkeypatch.setattr(emulated, "_ACTION_MAP", dict(emulated._ACTION_MAP))
    refreshes.install(emulated)
    return made


def call(action: str, module: ModuleType = emulated, **parameters: str) -> tuple[int, str]:
    status, _, body = module._ACTION_MAP[action]({"AutoScalingGroupName": ["web"], **{k: [v] for k, v in parameters.items()}})
    return status, body.decode() if isinstance(body, bytes) else body


def newest() -> dict[str, str]:
    _, body = call("DescribeInstanceRefreshes")
    member = next(element for element in ET.fromstring(body).iter() if element.tag.endswith("member"))
    return {child.tag.rpartition("}")[2]: child.text or "" for child in member}


def test_a_refresh_goes_on_until_no_old_instance_is_left_and_the_group_is_whole(group: dict[str, Any]) -> None:
    old = time.time() - 60
    assert call("StartInstanceRefresh")[0] == 200
    refreshes.follow(group, {"i-0": old, "i-1": old})
    assert (newest()["Status"], newest()["PercentageComplete"], newest()["InstancesToUpdate"]) == ("InProgress", "0", "2")
    assert "EndTime" not in newest()

    later = time.time() + 1
    group["Instances"] = [{"InstanceId": "i-0", "LifecycleState": "InService"}, {"InstanceId": "i-2", "LifecycleState": "InService"}]
    refreshes.follow(group, {"i-0": old, "i-2": later})
    assert (newest()["Status"], newest()["PercentageComplete"]) == ("InProgress", "50")

    group["Instances"][0] = {"InstanceId": "i-3", "LifecycleState": "Pending"}
    refreshes.follow(group, {"i-3": later, "i-2": later})
    assert newest()["Status"] == "InProgress", "the last one does not serve yet"

    group["Instances"][0]["LifecycleState"] = "InService"
    refreshes.follow(group, {"i-3": later, "i-2": later})
    assert newest()["Status"] == "Successful"
    assert newest()["EndTime"] >= newest()["StartTime"]


def test_a_second_refresh_is_refused_while_one_goes_on_and_starts_after_it_was_cancelled(group: dict[str, Any]) -> None:
    assert call("StartInstanceRefresh")[0] == 200
    status, body = call("StartInstanceRefresh")
    assert status == 400
    assert "InstanceRefreshInProgress" in body
    assert call("CancelInstanceRefresh")[0] == 200
    assert newest()["Status"] == "Cancelled"
    refreshes.follow(group, {"i-0": 0.0, "i-1": 0.0})
    assert newest()["Status"] == "Cancelled", "reports change a refresh that goes on, and no other"
    assert call("StartInstanceRefresh")[0] == 200
    assert call("CancelInstanceRefresh")[0] == 200
    assert call("CancelInstanceRefresh")[0] == 400


def test_a_group_that_is_not_there_has_no_refreshes(group: dict[str, Any]) -> None:
    emulated._asgs.clear()
    for action in ("StartInstanceRefresh", "DescribeInstanceRefreshes"):
        status, body = call(action)
        assert (status, "not found" in body) == (400, True)


def test_the_page_about_deployments_has_the_samples_documents() -> None:
    blocks = (ROOT / "docs" / "how-to" / "deploy-under-fault.md").read_text().split("```yaml\n")[1:3]
    deploy, end = (yaml.safe_load(block.partition("```")[0]) for block in blocks)
    own = rollback.CONTENTS
    assert {**deploy, "mainSteps": [without_time(step) for step in deploy["mainSteps"]]} == {
        **own["Sample-Deploy"], "mainSteps": [without_time(step) for step in own["Sample-Deploy"]["mainSteps"]],
    }  # fmt: skip
    assert [without_time(step) for step in end["mainSteps"]] == [without_time(step) for step in own["Sample-EndDeployment"]["mainSteps"]]


def without_time(step: dict[str, Any]) -> dict[str, Any]:
    """The step without its time limit: the sample's group is replaced within seconds."""
    return {name: value for name, value in step.items() if name != "timeoutSeconds"}
