"""Faults of what a zone has, stopped in the console while they run: FIS's traces are gone, the workload is whole, nothing stays behind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from local.deploy import ROOT
from tests.deployed.rig import GROUP, Execution, Rig
from tests.patience import LONGEST_TEST, stretched, until

pytestmark = [pytest.mark.soak, pytest.mark.deployed, pytest.mark.xdist_group("deployed"), pytest.mark.timeout(LONGEST_TEST)]

GONE = 60.0
"""Seconds until nothing is left: some five on an idle machine, with FIS's own slowness."""


def shipped(name: str) -> Mapping[str, Any]:
    """The definition of the local catalogue, long enough to be stopped, with nothing to be judged: no steady state has to be waited for."""
    stopped = {
        "duration": "PT2M",
        "success_criteria": ["System recovers within 1 minute"],
        "abort_conditions": ["System availability < 50 %"],
    }
    return {**yaml.safe_load((ROOT / "local" / "experiments" / f"{name}.yaml").read_text()), **stopped}


def stopped(rig: Rig, run: Execution, experiment: str) -> None:
    """Stopped by somebody who knows nothing of it, and everything of Squall's taken away."""
    run.stop()
    rig.clean(stretched(GONE))
    assert rig.fault(experiment)["state"]["status"] == "stopped"
    record = run.done()
    assert (record["status"], record["verdict"]) == ("aborted", "aborted")
    assert record["closed_by"] in {"watchdog", "pulse"}, "whichever looks first"


def acls(rig: Rig) -> dict[str, str]:
    """The network ACL of each subnet; a clone of FIS's is marked."""
    result = rig.client("ec2").describe_network_acls()["NetworkAcls"]
    clones = {entry["NetworkAclId"] for entry in result if any(tag["Key"] == "managedByFIS" for tag in entry.get("Tags", []))}
    homes = {link["SubnetId"]: item["NetworkAclId"] for item in result for link in item["Associations"]}
    alone = {id_: "left" for id_ in clones if id_ not in homes.values()}
    return {**{subnet: f"{'clone ' if acl in clones else ''}{acl}" for subnet, acl in homes.items()}, **alone}


def test_a_subnet_has_its_own_acl_again(rig: Rig) -> None:
    before = acls(rig)
    definition = shipped("subnet-cut-off")
    (subnet,) = definition["target_resources"]
    rig.forget()  # what earlier tests did to availability is no baseline
    run = rig.run(definition)
    experiment = run.watched()
    until(lambda: acls(rig)[subnet].startswith("clone "), "FIS has cut the subnet off")
    until(lambda: "unhealthy" in {web["target_state"] for web in rig.webs.values()}, "the load balancer hears nothing of the instance")
    stopped(rig, run, experiment)
    assert acls(rig) == before
    until(rig.whole, "the instance is back in service")


def waiting(rig: Rig) -> dict[str, int]:
    """By volume, how many writes wait for it now."""
    return {web["volume"]: web["counts"].get("volume_waiting", 0) for web in rig.webs.values()}


def test_a_volume_takes_io_again(rig: Rig) -> None:
    rig.forget()  # what earlier tests did to availability is no baseline
    run = rig.run(shipped("volume-stall"))
    experiment = run.watched()
    (pinned,) = [arn.rpartition("/")[2] for target in rig.fault(experiment)["targets"].values() for arn in target["resourceArns"]]
    until(lambda: {volume for volume, writes in waiting(rig).items() if writes} == {pinned}, "writes wait for that volume alone")
    stopped(rig, run, experiment)
    until(lambda: set(waiting(rig).values()) == {0}, "nobody waits for any volume")
    pauses = [fault for web in rig.webs.values() for fault in web["faults"] if fault["document"] == "EBS-PauseVolumeIO"]
    assert [fault["status"] for fault in pauses] == ["cancelled"]
    assert rig.whole()


def launches(rig: Rig) -> list[str]:
    """Endings of the group's launches, the newest first."""
    result = rig.client("autoscaling").describe_scaling_activities(AutoScalingGroupName=GROUP)["Activities"]
    return [entry["StatusCode"] for entry in result if entry["Description"].startswith("Launching")]


def test_a_group_launches_again(rig: Rig) -> None:
    rig.forget()  # what earlier tests did to availability is no baseline
    run = rig.run(shipped("no-capacity"))
    experiment = run.watched()
    (lost, *_) = rig.webs
    rig.client("ec2").terminate_instances(InstanceIds=[lost])
    until(lambda: launches(rig)[0] == "Failed", "a launch that found no capacity")
    assert not rig.whole()
    stopped(rig, run, experiment)
    until(rig.whole, "the group has replaced what it lost")
    until(lambda: launches(rig)[0] == "Successful", "the launch has ended")
