"""The running workload: what a fault does to it, what the APIs and metrics say, and that nothing outlives it."""

from __future__ import annotations

import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local import processes
from local.workload.instances.usage import list_family, memory_percent
from local.workload.volumes.volume import DISK_BYTES, measure_used
from tests.local.workload.workload_rig import Rig
from tests.patience import PATIENCE, stretched, until

pytestmark = pytest.mark.xdist_group("workload")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    rig = Rig(tmp_path_factory.mktemp("workload"))
    yield rig
    assert rig.close() == []


@pytest.fixture
def rig(shared: Rig) -> Iterator[Rig]:
    """The shared workload, whole and with default settings before every test."""
    assert shared.send("POST", "settings", {"workload": "resilient", "replacement_delay_seconds": 1})[0] == 200
    until(shared.whole)
    yield shared
    if not shared.get("settings")["replace"]:
        shared.send("POST", "settings", {"replace": True})


def _dead(pid: int) -> bool:
    return processes.start_time(pid) is None


def test_discovery_finds_group_target_group_and_balancer_of_an_instance(rig: Rig) -> None:
    instance_id = next(iter(rig.webs))
    place = rig.place
    member = place.client("autoscaling").describe_auto_scaling_instances(InstanceIds=[instance_id])["AutoScalingInstances"][0]
    group = rig.group()
    targets = place.client("elbv2").describe_target_groups(TargetGroupArns=group["TargetGroupARNs"])["TargetGroups"][0]
    balancers = place.client("elbv2").describe_load_balancers(LoadBalancerArns=targets["LoadBalancerArns"])["LoadBalancers"]

    assert member["AutoScalingGroupName"] == "sample-web"
    assert (member["LifecycleState"], member["HealthStatus"].capitalize()) == ("InService", "Healthy")
    assert balancers[0]["LoadBalancerName"] == "sample-web"
    assert group["DesiredCapacity"] == 3
    assert group["SuspendedProcesses"] == []
    assert {instance["InstanceId"] for instance in group["Instances"]} == set(rig.webs)
    assert {instance["AvailabilityZone"] for instance in group["Instances"]} == {"us-east-1a", "us-east-1b"}


def test_ec2_agrees_on_zones_and_knows_the_instances_of_other_environments(rig: Rig) -> None:
    bystanders = rig.get("workload")["bystanders"]
    instances = [
        instance for reservation in rig.place.client("ec2").describe_instances()["Reservations"] for instance in reservation["Instances"]
    ]
    environments = {
        instance["InstanceId"]: {tag["Key"]: tag["Value"] for tag in instance["Tags"]}.get("squall:environment") for instance in instances
    }
    zones = {instance["InstanceId"]: instance["Placement"]["AvailabilityZone"] for instance in instances}

    assert environments[bystanders["production"]] == "production"
    assert environments[bystanders["untagged"]] is None
    for instance_id, web in rig.webs.items():
        assert (environments[instance_id], zones[instance_id]) == ("staging", web["zone"])


def test_a_terminated_instance_is_a_killed_process_that_is_replaced_in_its_zone(rig: Rig) -> None:
    rig.send("POST", "settings", {"replacement_delay_seconds": 2})
    victim = next(iter(rig.webs.values()))
    before, launched_before = rig.get("workload")["load"], set(rig.webs)
    observed: set[str] = set()

    def gone_from_targets() -> bool:
        observed.add(rig.target_states().get(victim["id"], "gone"))
        return "gone" in observed

    rig.place.client("ec2").terminate_instances(InstanceIds=[victim["id"]])

    until(lambda: _dead(victim["pid"]))
    until(gone_from_targets)
    assert observed >= {"unhealthy", "draining"}
    assert len(rig.group()["Instances"]) < 3 or set(rig.webs) != launched_before
    until(rig.whole)
    newcomers = [web for web in rig.webs.values() if web["id"] not in launched_before]
    assert [web["zone"] for web in newcomers] == [victim["zone"]]
    after = rig.get("workload")["load"]
    assert after["failed"] - before["failed"] < stretched(22)
    assert after["requests"] > before["requests"]
    activities = rig.place.client("autoscaling").describe_scaling_activities(AutoScalingGroupName="sample-web")["Activities"]
    launches = [activity for activity in activities if newcomers[0]["id"] in activity["Description"]]
    assert [activity["StatusCode"] for activity in launches] == ["Successful"]


def test_a_process_that_dies_by_itself_terminates_its_instance_and_is_replaced(rig: Rig) -> None:
    victim = next(iter(rig.webs.values()))
    before = rig.get("workload")["load"]

    os.kill(victim["pid"], signal.SIGKILL)

    until(lambda: victim["id"] not in rig.webs)
    until(rig.whole)
    described = rig.place.client("ec2").describe_instances(InstanceIds=[victim["id"]])["Reservations"][0]["Instances"][0]
    assert described["State"]["Name"] == "terminated"
    assert rig.get("workload")["load"]["failed"] - before["failed"] < stretched(22)


def test_a_broken_group_replaces_nothing_and_says_so(rig: Rig) -> None:
    rig.send("POST", "settings", {"replace": False})
    victim = next(iter(rig.webs.values()))

    rig.place.client("ec2").terminate_instances(InstanceIds=[victim["id"]])

    def failed_launch() -> bool:
        result = rig.place.client("autoscaling").describe_scaling_activities(AutoScalingGroupName="sample-web")["Activities"]
        return any(activity["StatusCode"] == "Failed" for activity in result)

    until(failed_launch)
    until(lambda: len(rig.webs) == 2)
    rig.send("POST", "settings", {"replace": True})
    until(rig.whole)


def test_the_group_obeys_suspended_processes_and_desired_capacity(rig: Rig) -> None:
    autoscaling = rig.place.client("autoscaling")
    autoscaling.suspend_processes(AutoScalingGroupName="sample-web", ScalingProcesses=["Launch"])
    try:
        assert [process["ProcessName"] for process in rig.group()["SuspendedProcesses"]] == ["Launch"]
        autoscaling.set_desired_capacity(AutoScalingGroupName="sample-web", DesiredCapacity=4)
        assert not processes.wait_until(lambda: len(rig.webs) == 4, 3)
        autoscaling.resume_processes(AutoScalingGroupName="sample-web", ScalingProcesses=["Launch"])
        until(lambda: len(rig.webs) == 4)
    finally:
        autoscaling.resume_processes(AutoScalingGroupName="sample-web")
        autoscaling.set_desired_capacity(AutoScalingGroupName="sample-web", DesiredCapacity=3)
    until(rig.whole)


def test_a_stopped_instance_serves_again_when_started_if_nobody_may_replace_it(rig: Rig) -> None:
    autoscaling, ec2 = rig.place.client("autoscaling"), rig.place.client("ec2")
    victim = next(iter(rig.webs.values()))
    autoscaling.suspend_processes(AutoScalingGroupName="sample-web", ScalingProcesses=["ReplaceUnhealthy"])
    try:
        ec2.stop_instances(InstanceIds=[victim["id"]])
        until(lambda: _dead(victim["pid"]) and rig.target_states()[victim["id"]] == "unhealthy")
        ec2.start_instances(InstanceIds=[victim["id"]])
        until(lambda: rig.webs[victim["id"]]["target_state"] == "healthy")
        until(lambda: rig.response_seconds(victim["id"]) < 0.3, "it answers as quickly as before")
    finally:
        autoscaling.resume_processes(AutoScalingGroupName="sample-web")
    assert victim["id"] in rig.webs


def _fault(command_id: str, seconds: float, document: str, **parameters: Any) -> dict[str, Any]:
    return {
        "command_id": command_id,
        "document": document,
        "parameters": {key: [str(value)] for key, value in parameters.items()},
        "duration_seconds": seconds,
    }


LATENCY = "AWSFIS-Run-Network-Latency-Sources"


def test_latency_is_felt_on_its_instance_only_and_ends_by_itself(rig: Rig) -> None:
    sick, *well = rig.webs
    body = _fault("latency", stretched(4), LATENCY, DelayMilliseconds=400, JitterMilliseconds=10, Sources="0.0.0.0/0")

    status, fault = rig.send("POST", f"instances/{sick}/faults", body)

    assert (status, fault["status"]) == (200, "started")
    assert rig.response_seconds(sick) > 0.38
    until(lambda: max(rig.response_seconds(instance_id) for instance_id in well) < 0.3, "the other instances are as quick as ever")
    until(lambda: rig.response_seconds(sick) < 0.1)
    assert rig.webs[sick]["faults"][-1]["status"] == "expired"


def test_a_fault_is_started_once_and_ends_when_told(rig: Rig) -> None:
    sick = next(iter(rig.webs))
    body = _fault("twice", 60, LATENCY, DelayMilliseconds=300, Sources="172.31.0.10")
    for _ in range(2):
        assert rig.send("POST", f"instances/{sick}/faults", body)[0] == 200
    until(lambda: rig.response_seconds(sick) < 0.55, "the delay is there once")

    for _ in range(2):
        status, fault = rig.send("DELETE", f"instances/{sick}/faults/twice")
        assert (status, fault["status"]) == (200, "cancelled")

    until(lambda: rig.response_seconds(sick) < 0.1, "the delay has ended")


def test_a_blackholed_instance_loses_its_health_and_gets_it_back(rig: Rig) -> None:
    sick = next(iter(rig.webs))
    beside = _fault("beside", 60, "AWSFIS-Run-Network-Blackhole-Port", Port=8080, Protocol="tcp")
    assert rig.send("POST", f"instances/{sick}/faults", beside)[1]["status"] == "started"
    until(lambda: rig.response_seconds(sick) < 0.5, "requests arrive: nobody listens at the port in the hole")
    rig.send("DELETE", f"instances/{sick}/faults/beside")
    rig.send("POST", f"instances/{sick}/faults", _fault("hole", 60, "AWSFIS-Run-Network-Blackhole-Port", Port=80, Protocol="tcp"))

    until(lambda: rig.target_states()[sick] == "unhealthy")

    rig.send("DELETE", f"instances/{sick}/faults/hole")
    until(rig.whole)


def test_a_hanging_dependency_is_borne_by_a_service_with_a_fallback_and_fails_one_without(rig: Rig) -> None:
    sick, *well = rig.webs
    before = {instance_id: rig.webs[instance_id]["counts"].get("dependency_errors", 0) for instance_id in rig.webs}
    hole = _fault("deaf", 60, "AWSFIS-Run-Network-Blackhole-Port", Port=8080, Protocol="tcp", TrafficType="egress")
    assert rig.send("POST", f"instances/{sick}/faults", hole)[1]["status"] == "started"

    until(lambda: rig.webs[sick]["counts"].get("dependency_errors", 0) > before[sick])
    assert rig.whole()
    assert [rig.webs[entry]["counts"].get("dependency_errors", 0) for entry in well] == [before[item] for item in well]
    failed = rig.get("workload")["load"]["failed"]
    rig.send("POST", "settings", {"workload": "fragile-dependency"})
    until(lambda: rig.get("workload")["load"]["failed"] > failed)

    rig.send("DELETE", f"instances/{sick}/faults/deaf")
    until(lambda: rig.response_seconds(sick) < 1)


def test_a_fault_may_be_felt_by_nobody_and_a_command_fail_on_one_of_its_targets(rig: Rig) -> None:
    first, second, third = rig.webs
    hole = _fault("nothing", 60, "AWSFIS-Run-Network-Blackhole-Port", Port=80, Protocol="tcp")
    rig.send("POST", "settings", {"workload": "immune"})
    assert rig.send("POST", f"instances/{first}/faults", hole)[1]["status"] == "started"
    until(lambda: rig.response_seconds(first) < 1, "the instance does not feel the hole")

    rig.send("POST", "settings", {"workload": "failing-agent"})
    answers = [rig.send("POST", f"instances/{entry}/faults", {**hole, "command_id": "half"})[0] for entry in (second, third)]
    assert answers == [400, 200]
    rig.send("DELETE", f"instances/{third}/faults/half")
    until(rig.whole)


def test_disk_fill_takes_what_is_left_up_to_its_share_and_gives_it_back(rig: Rig) -> None:
    sick = next(iter(rig.webs))
    folder = rig.folder / "workload" / "instances" / sick
    rig.send("POST", f"instances/{sick}/faults", _fault("disk", 60, "AWSFIS-Run-Disk-Fill", Percent=80))
    assert 0.79 * DISK_BYTES < measure_used(folder) < 0.9 * DISK_BYTES

    rig.send("DELETE", f"instances/{sick}/faults/disk")

    assert not list(folder.glob("fill-*"))
    assert measure_used(folder) < 0.4 * DISK_BYTES


def test_a_full_disk_fails_the_writes_of_its_instance_and_of_no_other(rig: Rig) -> None:
    sick, *well = rig.webs
    assert rig.send("POST", f"instances/{sick}/faults", _fault("full", 60, "AWSFIS-Run-Disk-Fill", Percent=100))[1]["status"] == "started"

    until(lambda: rig.webs[sick]["write_errors"] > 0)
    until(lambda: rig.response_seconds(sick) < 1, "it answers without its journal")
    rig.send("POST", "settings", {"journal_required": True})
    until(lambda: _status(rig, sick) == 500)
    assert [_status(rig, instance_id) for instance_id in well] == [200, 200]
    assert sum(rig.webs[instance_id]["write_errors"] for instance_id in well) == 0

    rig.send("DELETE", f"instances/{sick}/faults/full")
    until(lambda: _status(rig, sick) == 200)


def _status(rig: Rig, instance_id: str) -> int:
    try:
        with urllib.request.urlopen(rig.webs[instance_id]["url"] + "/", timeout=PATIENCE) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_memory_stress_holds_memory_in_the_instances_process_group_until_it_ends(rig: Rig) -> None:
    victim = next(iter(rig.webs.values()))
    rig.send("POST", f"instances/{victim['id']}/faults", _fault("memory", 60, "AWSFIS-Run-Memory-Stress", Percent=80, Workers=2))

    def stressors() -> list[int]:
        return [pid for pid in list_family(victim["pid"]) if pid != victim["pid"]]

    assert len(stressors()) == 2
    assert {os.getpgid(pid) for pid in stressors()} == {victim["pid"]}
    until(lambda: 75 < memory_percent(victim["pid"]) < 95)
    rig.send("DELETE", f"instances/{victim['id']}/faults/memory")
    assert stressors() == []
    assert memory_percent(victim["pid"]) < 50


def test_cpu_stress_burns_cpu_that_the_metric_shows_and_dies_with_its_instance(rig: Rig) -> None:
    victim = next(iter(rig.webs.values()))
    rig.send("POST", f"instances/{victim['id']}/faults", _fault("cpu", 60, "AWSFIS-Run-CPU-Stress", LoadPercent=60, CPU=0))
    dimensions = {"InstanceId": victim["id"]}

    until(lambda: max(_values(rig, "AWS/EC2", "CPUUtilization", dimensions, "Maximum"), default=0) > 30)

    stressors = [pid for pid in processes.list_leftovers(rig.folder) if _is_stressor_of(pid, victim["pid"])]
    assert len(stressors) == 1
    assert os.getpgid(stressors[0]) == victim["pid"]
    rig.place.client("ec2").terminate_instances(InstanceIds=[victim["id"]])
    until(lambda: _dead(stressors[0]))


def _is_stressor_of(pid: int, parent: int) -> bool:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]) == parent


def test_what_is_not_understood_is_refused_by_name(rig: Rig) -> None:
    instance_id = next(id_ for id_, web in rig.webs.items() if web["agent"] == "Online")
    assert rig.send("POST", f"instances/{instance_id}/faults", _fault("x", 5, "AWSFIS-Run-Moon-Phase"))[0] == 400
    assert rig.send("POST", "instances/i-0000/faults", _fault("x", 5, LATENCY))[0] == 404
    assert rig.send("POST", f"instances/{instance_id}/faults", {"command_id": "x"})[0] == 400
    status, answer = rig.send("POST", "settings", {"speed": 3})
    assert status == 400
    assert "speed" in answer["error"]
    assert rig.send("POST", "settings", {"error_rate": 2})[0] == 400


def _values(rig: Rig, namespace: str, name: str, dimensions: dict[str, str], statistic: str, seconds: float = 30) -> list[float]:
    now = datetime.now(UTC)
    metric = {
        "Namespace": namespace,
        "MetricName": name,
        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
    }
    query = {"Id": "m", "MetricStat": {"Metric": metric, "Period": 5, "Stat": statistic}}
    metric_data = rig.place.client("cloudwatch").get_metric_data(
        MetricDataQueries=[query], StartTime=now - timedelta(seconds=seconds), EndTime=now
    )
    return [float(value) for value in metric_data["MetricDataResults"][0]["Values"]]


def test_metrics_have_awss_names_and_nothing_is_said_about_traffic_without_traffic(rig: Rig) -> None:
    both = rig.get("workload")["dimensions"]
    whole = {"LoadBalancer": both["LoadBalancer"]}
    elb = "AWS/ApplicationELB"

    def steady() -> bool:
        requests = _values(rig, elb, "RequestCount", whole, "Sum", 12)
        return len(requests) >= 2 and all(150 <= value <= 350 for value in requests[-2:])

    until(steady)
    until(lambda: 0.004 < _values(rig, elb, "TargetResponseTime", both, "p95")[-1] < 0.2, "response times of a healthy service")
    assert _values(rig, elb, "HealthyHostCount", both, "Maximum")[-1] == 3
    assert _values(rig, elb, "HTTPCode_Target_2XX_Count", whole, "Sum")[-1] > 100
    assert _values(rig, "AWS/AutoScaling", "GroupInServiceInstances", {"AutoScalingGroupName": "sample-web"}, "Average")[-1] == 3

    rig.send("POST", "settings", {"error_rate": 0.5})
    until(lambda: bool(_values(rig, elb, "HTTPCode_Target_5XX_Count", whole, "Sum", 10)))
    rig.send("POST", "settings", {"load": False, "error_rate": 0})
    quiet = time.time()

    until(lambda: time.time() > quiet + 6 and not _values(rig, elb, "RequestCount", whole, "Sum", 6))
    assert _values(rig, elb, "HTTPCode_Target_5XX_Count", whole, "Sum", 6) == []
    until(lambda: bool(_values(rig, elb, "HealthyHostCount", both, "Minimum", 12)))


def test_children_die_with_a_killed_manager(shared: Rig) -> None:
    """The last test of this module: it ends the shared workload."""
    children = [web["pid"] for web in shared.webs.values()] + shared.get("workload")["pids"]
    record = processes.read_record(shared.folder, "workload")
    assert record is not None
    os.kill(record.pid, signal.SIGKILL)
    until(lambda: all(map(_dead, children)))
