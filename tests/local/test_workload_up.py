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

import boto3
import pytest

from local import deploy as deployment
from local import processes
from local import up as local

pytestmark = pytest.mark.xdist_group("workload")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("account").resolve()
    local.up(folder, deploy=False)
    yield folder
    local.down(folder)
    assert processes.leftovers(folder) == []


@pytest.fixture
def account(folder: Path) -> local.Account:
    return local.up(folder, deploy=False)


def test_the_account_file_and_the_variables_point_any_tool_at_the_account(
    account: local.Account, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = json.loads((folder / "account.json").read_text())
    assert stored["endpoint"] == account.endpoint
    for name, value in local.env(folder).items():
        monkeypatch.setenv(name, value)

    assert boto3.client("sts").get_caller_identity()["Account"] == "000000000000"
    groups = boto3.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]

    assert [group["AutoScalingGroupName"] for group in groups] == ["sample-web"]
    assert sorted(instance["InstanceId"] for instance in groups[0]["Instances"]) == sorted(account.instances["web"])


def test_up_again_returns_what_is_running(account: local.Account, folder: Path) -> None:
    said: list[str] = []

    again = local.up(folder, deploy=False, on_progress=said.append)

    assert again.pids == account.pids
    assert said == [f"already running at {account.endpoint}"]


def test_the_workload_of_a_running_account_is_changed_by_name_and_an_unknown_one_refused(account: local.Account, folder: Path) -> None:
    again = local.up(folder, deploy=False, workload="fragile-dependency")

    assert again.pids == account.pids
    assert local.change_workload(account, retry=True) | {"fallback": False, "dependency_timeout_ms": 0.0} == local.change_workload(account)
    with pytest.raises(local.LocalAccountError, match="journal_required must be true or false"):
        local.change_workload(account, workload="resilient", journal_required=3)
    assert local.change_workload(account, workload="resilient")["fallback"] is True
    with pytest.raises(local.LocalAccountError, match="fragile-dependency"):
        local.up(folder, deploy=False, workload="robust")


def test_a_half_alive_account_is_described_and_started_anew(account: local.Account, folder: Path) -> None:
    os.kill(account.pids["account"], signal.SIGKILL)
    assert processes.until(lambda: processes.start_time(account.pids["account"]) is None, 5)

    now = local.status(folder)
    assert (now.state, now.parts) == ("half-alive", {"account": False, "workload": True})
    assert "account not running" in now.detail
    with pytest.raises(local.LocalAccountError, match="half-alive"):
        local.load(folder)

    said: list[str] = []
    anew = local.up(folder, deploy=False, on_progress=said.append)
    assert said[0].startswith("starting anew")
    assert set(anew.pids.values()).isdisjoint(account.pids.values())
    assert local.status(folder).state == "up"


def test_the_quick_deployment_publishes_assets_and_updates(account: local.Account, folder: Path, tmp_path: Path) -> None:
    assembly = _assembly(tmp_path, "first")
    assert deployment.quickly(account.place, assembly, "Tiny") == {"Answer": "first"}
    assert deployment.quickly(account.place, assembly, "Tiny") == {"Answer": "first"}
    assert deployment.quickly(account.place, _assembly(tmp_path, "second"), "Tiny") == {"Answer": "second"}


def test_a_deployment_that_fails_says_which_resource_and_why(account: local.Account, tmp_path: Path) -> None:
    assembly = _assembly(tmp_path, "x", {"Bad": {"Type": "AWS::Nonsense::Thing", "Properties": {}}}, name="Broken")
    with pytest.raises(deployment.DeployError, match=r"AWS::Nonsense::Thing"):
        deployment.quickly(account.place, assembly, "Broken")


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


def test_down_stops_everything_and_may_be_repeated(tmp_path: Path) -> None:
    account = local.up(tmp_path, deploy=False)
    children = processes.leftovers(tmp_path.resolve())
    assert len(children) >= 7

    local.down(tmp_path)

    assert [pid for pid in children if processes.start_time(pid) is not None] == []
    assert local.status(tmp_path).state == "down"
    assert not (tmp_path / "account.json").exists()
    local.down(tmp_path)
    assert account.pids.keys() == {"account", "workload"}


def test_a_start_that_fails_leaves_nothing_running_and_shows_the_log(tmp_path: Path) -> None:
    (tmp_path / "workload").write_text("in the way of the manager's folder")
    with pytest.raises(local.LocalAccountError, match=r"workload process .*workload\.log ends with"):
        local.up(tmp_path, deploy=False)
    assert processes.leftovers(tmp_path.resolve()) == []


def test_a_taken_port_is_refused_at_once(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(local.LocalAccountError, match="in use"):
            local.up(tmp_path, port=other.getsockname()[1], deploy=False)


def test_an_interrupt_during_up_cleans_up(tmp_path: Path) -> None:
    def interrupt(message: str) -> None:
        if "workload" in message:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        local.up(tmp_path, deploy=False, on_progress=interrupt)
    assert local.status(tmp_path).state == "down"


def test_a_reused_pid_is_never_touched(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as stranger:
        (tmp_path / "run").mkdir()
        record = {"name": "account", "pid": stranger.pid, "started": 1}
        (tmp_path / "run" / "account.json").write_text(json.dumps(record))

        local.down(tmp_path)

        assert stranger.poll() is None
        stranger.kill()


def test_the_context_fits_this_machine() -> None:
    settings = deployment.context("000000000000", "us-east-1", "Squall")
    assert settings["lambda_runtime"] == f"python3.{sys.version_info.minor}"
    assert settings["synthesizer"] == "cli"
    assert settings["environments_dir"] == "local/environments"
