"""Faults of what a zone has, stopped in the console while they run: FIS's traces are gone, the workload is whole, nothing stays behind.
And all of them at once, the loss of the zone: validated, refuted, invalid and aborted."""

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
    assert (record["status"], record.get("verdict")) == ("aborted", "aborted")
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
    lost = next(web["id"] for web in rig.webs.values() if web["zone"].endswith("b"))  # of zone a, zone b would have two of three
    rig.client("ec2").terminate_instances(InstanceIds=[lost])
    until(lambda: launches(rig)[0] == "Failed", "a launch that found no capacity")
    assert not rig.whole()
    stopped(rig, run, experiment)
    until(rig.whole, "the group has replaced what it lost")
    until(lambda: launches(rig)[0] == "Successful", "the launch has ended")


FAULTS = ["capacity", "instances", "network"]


@pytest.fixture
def zone_loss(rig: Rig) -> dict[str, Any]:
    """The shipped scenario: zone b without capacity, instance and network. The database's writer lives in zone a."""
    rds = rig.client("rds")

    def writer_zone() -> str:
        (cluster,) = rds.describe_db_clusters(DBClusterIdentifier="sample-db")["DBClusters"]
        (writer,) = (member["DBInstanceIdentifier"] for member in cluster["DBClusterMembers"] if member["IsClusterWriter"])
        (node,) = rds.describe_db_instances(DBInstanceIdentifier=writer)["DBInstances"]
        return str(node["AvailabilityZone"]) if cluster["Status"] == "available" else ""

    if not until(writer_zone, "a writer").endswith("a"):
        rds.failover_db_cluster(DBClusterIdentifier="sample-db")
        until(lambda: writer_zone().endswith("a"), "the writer in zone a")
    until(lambda: rig.whole() and [web["zone"][-1] for web in rig.webs.values()].count("b") == 1, "one instance of three in zone b")
    rig.forget()  # what earlier tests did to availability is no baseline
    return dict(yaml.safe_load((ROOT / "local" / "experiments" / "zone-loss.yaml").read_text()))


def states(rig: Rig, run: Execution) -> dict[str, str]:
    """The end of each action of the run's FIS experiment."""
    actions = rig.fault(run.record["fis_experiment_id"])["actions"]
    return {name: action["state"]["status"] for name, action in actions.items()}


def proven(run: Execution) -> dict[str, bool]:
    return {fault["fault"]: fault["proven"] for fault in run.result["faults"]}


def open_findings(run: Execution) -> dict[str, str]:
    """Kind and title of what a run found out about the workload and its faults, apart from its safety checks."""
    return {
        entry["kind"]: entry["title"]
        for entry in run.result["findings"]
        if entry["status"] == "open" and not entry["kind"].startswith("check_")
    }


def whole_again(rig: Rig, before: dict[str, str]) -> None:
    """No trace of FIS, and the group serves from both zones again: EC2 lets it launch there."""
    rig.clean()
    assert acls(rig) == before
    until(rig.whole, "three instances in two zones")


def test_a_workload_that_survives_a_zone_validates_its_loss(rig: Rig, zone_loss: dict[str, Any]) -> None:
    before, lost = acls(rig), {web["id"] for web in rig.webs.values() if web["zone"].endswith("b")}
    run = rig.run(zone_loss)
    record = run.done()
    assert (record["status"], record.get("verdict"), record.get("hypothesis_validated")) == ("completed", "validated", True), record[
        "reason"
    ]
    assert proven(run) == dict.fromkeys(FAULTS, True)
    assert {target["id"] for target in run.result["targets"]} == {*lost, GROUP, "subnet-00000002"}
    assert states(rig, run) == dict.fromkeys(
        ["capacity.no-capacity", "instances.terminate", "instances.observe", "network.disrupt", "observation"], "completed"
    )
    assert {criterion["outcome"] for criterion in run.result["criteria"]} == {"met"}
    assert set(open_findings(run)) == set()
    whole_again(rig, before)


def test_a_workload_that_reads_in_one_zone_alone_refutes_its_loss(rig: Rig, zone_loss: dict[str, Any]) -> None:
    before = acls(rig)
    rig.settings(workload="fragile-database")
    run = rig.run(zone_loss)
    record = run.done()
    assert (record["status"], record.get("verdict"), record.get("hypothesis_validated")) == ("completed", "refuted", False), record[
        "reason"
    ]
    assert proven(run) == dict.fromkeys(FAULTS, True)
    unmet = [criterion["text"] for criterion in run.result["criteria"] if criterion["outcome"] == "not_met"]
    assert "System availability >= 97 %" in unmet
    assert "availability_lost" in open_findings(run)
    whole_again(rig, before)


def test_a_zone_whose_capacity_nobody_asked_for_was_not_lost(rig: Rig, zone_loss: dict[str, Any]) -> None:
    """The group replaces what it lost only when EC2 would let it launch in that zone again."""
    before = acls(rig)
    rig.settings(replacement_delay_seconds=75)
    run = rig.run(zone_loss)
    record = run.done()
    assert record["status"] == "completed", record["reason"]
    assert (record.get("verdict"), record.get("hypothesis_validated")) == ("invalid", None), record["reason"]
    assert proven(run) == {"capacity": False, "instances": True, "network": True}
    assert f"1 of 3 targets were not hit: capacity: {GROUP} launched nothing that was refused" in record["reason"]
    assert open_findings(run)["fault_unproven"] == "The fault capacity is not proven on 1 of 3 targets"
    whole_again(rig, before)


def test_a_guard_ends_the_loss_of_a_zone_and_everything_of_it_is_undone(rig: Rig, zone_loss: dict[str, Any]) -> None:
    before = acls(rig)
    rig.settings(workload="fragile-database")
    run = rig.run({**zone_loss, "abort_conditions": ["System availability < 95 %"]})
    record = run.done()
    assert (record["status"], record.get("verdict"), record.get("abort", {}).get("source")) == ("aborted", "aborted", "guard"), record[
        "reason"
    ]
    assert rig.fault(record["fis_experiment_id"])["state"]["status"] == "stopped"
    lasting = {name: state for name, state in states(rig, run).items() if name != "instances.terminate"}
    assert lasting["network.disrupt"] == lasting["capacity.no-capacity"] == lasting["observation"] == "stopped"
    assert run.result["rollback"]["leftovers"] == []
    assert run.message()["MessageAttributes"]["verdict"]["Value"] == "aborted"
    whole_again(rig, before)
