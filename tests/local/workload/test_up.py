"""Starting and stopping the local account: repeatable, repairing, and never leaving or killing what it should not."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local import deploy as deployment
from local import processes
from local import up as local
from tests.local.account_rig import ROOT
from tests.local.account_rig import Account as AccountRig
from tests.patience import until

pytestmark = pytest.mark.xdist_group("workload")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("account").resolve()
    processes.end_with_caller(folder)
    local.start_account(folder, deploy=False)
    yield folder
    local.stop_account(folder)
    assert processes.list_leftovers(folder) == []


@pytest.fixture
def account(folder: Path) -> local.Account:
    return local.start_account(folder, deploy=False)


def test_the_account_file_and_the_variables_point_any_tool_at_the_account(
    account: local.Account, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = json.loads((folder / "account.json").read_text())
    assert stored["endpoint"] == account.endpoint
    for name, value in local.list_variables(folder).items():
        monkeypatch.setenv(name, value)

    assert boto3.client("sts").get_caller_identity()["Account"] == "000000000000"
    groups = boto3.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]

    assert [group["AutoScalingGroupName"] for group in groups] == ["sample-web"]
    (targets,) = groups[0]["TargetGroupARNs"]
    assert targets in (ROOT / "docs" / "local.md").read_text(), "an experiment names it before the account exists"
    assert sorted(instance["InstanceId"] for instance in groups[0]["Instances"]) == sorted(account.instances["web"])


def test_up_again_returns_what_is_running(account: local.Account, folder: Path) -> None:
    texts: list[str] = []

    again = local.start_account(folder, deploy=False, on_progress=texts.append)

    assert again.pids == account.pids
    assert texts == [f"already running at {account.endpoint}"]


def test_the_workload_of_a_running_account_is_changed_by_name_and_an_unknown_one_refused(account: local.Account, folder: Path) -> None:
    again = local.start_account(folder, deploy=False, workload="fragile-dependency")

    assert again.pids == account.pids
    assert local.change_workload(account, retry=True) | {"fallback": False, "dependency_timeout_ms": 0.0} == local.change_workload(account)
    with pytest.raises(local.LocalAccountError, match="journal_required must be true or false"):
        local.change_workload(account, workload="resilient", journal_required=3)
    assert local.change_workload(account, workload="resilient")["fallback"] is True
    with pytest.raises(local.LocalAccountError, match="fragile-dependency"):
        local.start_account(folder, deploy=False, workload="robust")


def test_failovers_by_fis_need_its_role_and_are_what_the_rds_api_then_tells(account: local.Account) -> None:
    local.change_workload(account, workload="resilient", failover_seconds=0.5)
    rds, rig = account.client("rds"), AccountRig(account.endpoint)
    (before,) = rds.describe_db_clusters(DBClusterIdentifier="sample-db")["DBClusters"]
    (multi_az,) = rds.describe_db_instances(DBInstanceIdentifier="sample-db-multi-az")["DBInstances"]
    assert "DBClusterIdentifier" not in multi_az
    assert (multi_az["MultiAZ"], multi_az["AvailabilityZone"], multi_az["SecondaryAvailabilityZone"]) == (True, "us-east-1a", "us-east-1b")
    assert _writer(before) == "sample-db-1"
    failover = {"actionId": "aws:rds:failover-db-cluster", "targets": {"Clusters": "database"}}
    reboot = {"actionId": "aws:rds:reboot-db-instances", "targets": {"DBInstances": "database"}, "parameters": {"forceFailover": "true"}}
    cluster, instance = ("aws:rds:cluster", before["DBClusterArn"]), ("aws:rds:db", multi_az["DBInstanceArn"])

    denied = _experiment(account, rig, failover, cluster, "production")
    assert denied["state"]["error"]["code"] == "AuthorizationFailure"
    assert _writer(rds.describe_db_clusters(DBClusterIdentifier=before["DBClusterArn"])["DBClusters"][0]) == "sample-db-1"

    assert _experiment(account, rig, failover, cluster, "staging")["state"]["status"] == "completed"
    until(lambda: _writer(rds.describe_db_clusters()["DBClusters"][0]) == "sample-db-2")
    until(lambda: _available(rds) == {"sample-db-1", "sample-db-2", "sample-db-multi-az"})
    assert _experiment(account, rig, reboot, instance, "staging")["state"]["status"] == "completed"
    until(lambda: _writer(rds.describe_db_clusters()["DBClusters"][0]) == "sample-db-1")

    answer = rds.describe_events(SourceType="db-cluster", SourceIdentifier="sample-db")["Events"]
    assert [event["Message"] for event in answer if event["Message"].startswith("Completed")] == [
        "Completed failover to DB instance: sample-db-2",
        "Completed failover to DB instance: sample-db-1",
    ]
    with pytest.raises(ClientError, match="InvalidDBClusterStateFault"):
        rds.failover_db_cluster(DBClusterIdentifier="sample-db")  # the new standby is not there yet
    with pytest.raises(ClientError, match="InvalidParameterCombination"):
        rds.reboot_db_instance(DBInstanceIdentifier="sample-db-1", ForceFailover=True)
    with pytest.raises(ClientError, match="AccessDenied"):
        rig.client_as("rds", []).failover_db_cluster(DBClusterIdentifier="sample-db")


def _writer(cluster: dict[str, Any]) -> str:
    (writer,) = [str(member["DBInstanceIdentifier"]) for member in cluster["DBClusterMembers"] if member["IsClusterWriter"]]
    return writer


def _available(rds: Any) -> set[str]:
    result = rds.describe_db_instances()["DBInstances"]
    return {instance["DBInstanceIdentifier"] for instance in result if instance["DBInstanceStatus"] == "available"}


def _experiment(
    account: local.Account, rig: AccountRig, action: dict[str, Any], target: tuple[str, str], environment: str
) -> dict[str, Any]:
    """One FIS experiment with one action on one target, to its end; its role is for one environment."""
    permissions = ["rds:FailoverDBCluster", "rds:DescribeDBClusters", "rds:RebootDBInstance", "rds:DescribeDBInstances"]
    tagged = {"StringEquals": {"aws:ResourceTag/squall:environment": environment}}
    role = rig.role("fis.amazonaws.com", [{"Effect": "Allow", "Action": permissions, "Resource": "*", "Condition": tagged}])
    fis = account.client("fis")
    kind, arn = target
    template = fis.create_experiment_template(
        description="t", roleArn=role, stopConditions=[{"source": "none"}], actions={"act": action},
        targets={"database": {"resourceType": kind, "resourceArns": [arn], "selectionMode": "ALL"}},
    )["experimentTemplate"]  # fmt: skip
    experiment = fis.start_experiment(experimentTemplateId=template["id"])["experiment"]["id"]
    ended = ("completed", "failed", "stopped")
    until(lambda: fis.get_experiment(id=experiment)["experiment"]["state"]["status"] in ended)
    return dict(fis.get_experiment(id=experiment)["experiment"])


def test_a_half_alive_account_is_described_and_started_anew(account: local.Account, folder: Path) -> None:
    os.kill(account.pids["account"], signal.SIGKILL)
    until(lambda: processes.start_time(account.pids["account"]) is None)

    now = local.read_status(folder)
    assert (now.state, now.parts) == ("half-alive", {"account": False, "workload": True})
    assert "account not running" in now.detail
    with pytest.raises(local.LocalAccountError, match="half-alive"):
        local.load_account(folder)

    texts: list[str] = []
    anew = local.start_account(folder, deploy=False, on_progress=texts.append)
    assert texts[0].startswith("starting anew")
    assert set(anew.pids.values()).isdisjoint(account.pids.values())
    assert local.read_status(folder).state == "up"


def test_the_quick_deployment_publishes_assets_and_updates(account: local.Account, folder: Path, tmp_path: Path) -> None:
    assembly = _assembly(tmp_path, "first")
    assert deployment.deploy_quickly(account.place, assembly, "Tiny") == {"Answer": "first"}
    assert deployment.deploy_quickly(account.place, assembly, "Tiny") == {"Answer": "first"}
    assert deployment.deploy_quickly(account.place, _assembly(tmp_path, "second"), "Tiny") == {"Answer": "second"}


def test_a_deployment_that_fails_says_which_resource_and_why(account: local.Account, tmp_path: Path) -> None:
    assembly = _assembly(tmp_path, "x", {"Bad": {"Type": "AWS::Nonsense::Thing", "Properties": {}}}, name="Broken")
    with pytest.raises(deployment.DeployError, match=r"AWS::Nonsense::Thing"):
        deployment.deploy_quickly(account.place, assembly, "Broken")


def _assembly(folder: Path, answer: str, resources: dict[str, object] | None = None, name: str = "Tiny") -> Path:
    """A cloud assembly as CDK writes it, by hand: synthesis takes seconds and is not what is tested here."""
    template = {
        "Resources": resources or {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": answer}}},
        "Outputs": {"Answer": {"Value": answer}},
    }
    file = f"{name}.template.json"
    destination = {"bucketName": "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}", "objectKey": f"{name}-{answer}.json"}
    source = {"path": file, "packaging": "file"}
    artefact = {"type": "aws:cloudformation:stack", "properties": {"templateFile": file, "stackName": name}}
    (folder / file).write_text(json.dumps(template))
    (folder / f"{name}.assets.json").write_text(json.dumps({"files": {"t": {"source": source, "destinations": {"d": destination}}}}))
    (folder / "manifest.json").write_text(json.dumps({"artifacts": {name: artefact}}))
    return folder


def test_down_stops_everything_and_may_be_repeated(account: local.Account, folder: Path) -> None:
    """After the tests that need the account: `account` would start another for them."""
    children = processes.list_leftovers(folder)
    assert len(children) >= 7

    local.stop_account(folder)

    assert [pid for pid in children if processes.start_time(pid) is not None] == []
    assert local.read_status(folder).state == "down"
    assert not (folder / "account.json").exists()
    local.delete_unpacked(folder)
    assert not (folder / "tmp").exists()
    local.stop_account(folder)
    assert account.pids.keys() == {"account", "workload"}


def test_a_start_that_fails_leaves_nothing_running_and_shows_the_log(tmp_path: Path) -> None:
    (tmp_path / "workload").write_text("in the way of the manager's folder")
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "workload.log").write_text("a line of an earlier start\n")
    with pytest.raises(local.LocalAccountError, match=r"workload process ended; .*workload\.log ends with") as failure:
        local.start_account(tmp_path, deploy=False)
    assert "FileExistsError" in str(failure.value)
    assert "a line of an earlier start" not in str(failure.value)
    assert processes.list_leftovers(tmp_path.resolve()) == []


def test_a_start_waits_as_long_as_its_log_grows_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "READY_SECONDS", 0.3)
    monkeypatch.setattr(local, "TELL_SECONDS", 0.1)
    progress: list[str] = []
    script = "import time\nfor n in range(12): print(n, flush=True); time.sleep(0.1)\ntime.sleep(60)"
    with pytest.raises(local.LocalAccountError, match="the talker process did not answer and logged nothing for"):
        local._start_part(tmp_path, "talker", [sys.executable, "-c", script], {}, "http://127.0.0.1:9", progress.append)
    assert "11" in (tmp_path / "logs" / "talker.log").read_text()
    assert progress
    assert all(line.startswith("waiting for the talker to answer, ") for line in progress)
    processes.stop_process(tmp_path, "talker")


def test_a_taken_port_is_refused_at_once(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(local.LocalAccountError, match="in use"):
            local.start_account(tmp_path, port=other.getsockname()[1], deploy=False)


def test_an_interrupt_during_up_cleans_up(tmp_path: Path) -> None:
    def interrupt(message: str) -> None:
        if "workload" in message:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        local.start_account(tmp_path, deploy=False, on_progress=interrupt)
    assert local.read_status(tmp_path).state == "down"


def test_a_reused_pid_is_never_touched(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as stranger:
        (tmp_path / "run").mkdir()
        record = {"name": "account", "pid": stranger.pid, "started": 1}
        (tmp_path / "run" / "account.json").write_text(json.dumps(record))

        local.stop_account(tmp_path)

        assert stranger.poll() is None
        stranger.kill()


def test_the_context_fits_this_machine() -> None:
    settings = deployment.make_context("000000000000", "us-east-1", "Squall")
    assert settings["lambda_runtime"] == f"python3.{sys.version_info.minor}"
    assert settings["synthesizer"] == "cli"
    assert {path.stem for path in Path(settings["environments_dir"]).iterdir()} == {"preproduction", "production", "staging"}
