"""A workload on a bare emulator (the truth patches only), for tests of the workload by itself."""

from __future__ import annotations

import json
import socket
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from local import processes
from local.deploy import ROOT, Place
from tests.patience import PATIENCE, until

_BARE_ACCOUNT = """
import sys
from local.account import balancers, rds
from local.account.ec2 import network
from local.account.ssm import automation
from local.account.tasks import ecs
from local.workload import ministack_truth
rds.install_patches()
ecs.install_patches()
automation.install_patches()
network.install_patches()
ministack_truth.install_patches()
balancers.install_patches()
from ministack.app import main
sys.argv = ["ministack"]
main()
"""


class Rig:
    """The processes of one account and its workload, and the questions that tests ask of both."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ports = [_free_port(), _free_port()]
        self.endpoint, self.url = (f"http://127.0.0.1:{port}" for port in ports)
        self.place = Place(self.endpoint, "us-east-1", "000000000000", "AKIASQUALLLOCALACCT0", "secret")
        emulator = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(ports[0]), "AUTH": "true", "LAMBDA_EXECUTOR": "local"}
        emulator |= {"SFTP_ENABLED": "0", "IOT_MTLS_ENABLED": "0", "TMPDIR": str(folder), "LOG_LEVEL": "WARNING"}
        environment = self.place.environment()
        processes.start_process("account", [sys.executable, "-c", _BARE_ACCOUNT], folder, ROOT, {**environment, **emulator})
        self._wait("account", f"{self.endpoint}/_ministack/health")
        manager = [sys.executable, "-m", "local.workload", "--port", str(ports[1]), "--endpoint", self.endpoint]
        processes.start_process("workload", [*manager, "--state-dir", str(folder)], folder, ROOT, environment)
        self._wait("workload", f"{self.url}/healthz")

    def _wait(self, name: str, url: str) -> None:
        """Wait until the process answers at `url`. A process that has ended never will: its log has the reason."""

        def look() -> bool:
            record = processes.read_record(self.folder, name)
            assert record is not None, name
            assert record.alive, self.log(name)
            return self.answers(url)

        until(look, f"the {name} is ready")

    def log(self, name: str) -> str:
        return (self.folder / "logs" / f"{name}.log").read_text()

    def answers(self, url: str) -> bool:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            return False
        return True

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}/{path}", timeout=PATIENCE) as answer:
            return json.load(answer)

    def send(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/{path}", data=data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    @property
    def webs(self) -> dict[str, dict[str, Any]]:
        return {web["id"]: web for web in self.get("instances")}

    def whole(self) -> bool:
        """Whether the group is at its desired capacity, with all instances in service and none leaving."""
        states = [(web["lifecycle_state"], web["target_state"]) for web in self.webs.values()]
        return states == [("InService", "healthy")] * 3

    def target_states(self) -> dict[str, str]:
        arn = self.get("workload")["target_group_arn"]
        described = self.place.client("elbv2").describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        return {target["Target"]["Id"]: target["TargetHealth"]["State"] for target in described}

    def group(self) -> dict[str, Any]:
        auto_scaling_groups = self.place.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=["sample-web"])
        return dict(auto_scaling_groups["AutoScalingGroups"][0])

    def response_seconds(self, instance_id: str) -> float:
        started = time.monotonic()
        urllib.request.urlopen(self.webs[instance_id]["url"] + "/", timeout=PATIENCE).close()
        return time.monotonic() - started

    def close(self) -> list[int]:
        """Stop the processes in order; returns those that did not end with their parents and had to be killed."""
        for name in ("workload", "account"):
            processes.stop_process(self.folder, name)
        processes.wait_until(lambda: not processes.list_leftovers(self.folder), PATIENCE)
        left = processes.list_leftovers(self.folder)
        processes.kill_leftovers(self.folder)
        return left


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
