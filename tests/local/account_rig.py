"""The local account as tests use it: clients, roles, functions, and the switches of its profile."""

import io
import json
import socket
import urllib.request
import uuid
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tests.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
REGION = "us-east-1"
ACCOUNT = "000000000000"
IDEAL = {
    "name": "ideal",
    "metric_lag_seconds": 0,
    "drop_event_rate": {},
    "drop_all_events": False,
    "duplicate_event_rate": 0,
    "event_delay_seconds": [0, 0],
    "fis_stopping_seconds": 0,
    "ssm_dispatch_seconds": 0.05,
    "disable_stop_conditions": False,
    "disable_alarm_actions": False,
    "disable_schedules": False,
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Agent:
    """A stand-in for the workload's agent: records the faults that it was asked to start and end."""

    port: int
    begun: dict[str, dict[str, Any]] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    """The tasks that it was asked to stop."""
    rebooted: list[str] = field(default_factory=list)
    refuses: bool = False


@dataclass(frozen=True)
class Account:
    """A running local account."""

    endpoint: str

    def client(self, service: str, **credentials: str) -> Any:
        keys = credentials or {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        config = Config(retries={"total_max_attempts": 1})
        return boto3.client(service, endpoint_url=self.endpoint, region_name=REGION, config=config, **keys)

    def profile(self, **changes: Any) -> dict[str, Any]:
        return dict(self._call("/_squall/profile", changes))

    def health(self) -> dict[str, Any]:
        return dict(self._call("/_squall/health", None))

    def forget(self) -> int:
        """Delete all metrics; returns the number of series deleted."""
        return int(self._call("/_squall/metrics", None, "DELETE")["forgotten"])

    def _call(self, path: str, body: dict[str, Any] | None, method: str | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.endpoint + path, data=data, method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    def role(self, trusted: str, statements: list[dict[str, Any]], name: str | None = None) -> str:
        """Create a role that trusts a service (or the account), with one inline policy; returns its ARN."""
        iam = self.client("iam")
        name = name or f"role-{uuid.uuid4().hex[:8]}"
        principal = {"Service": trusted} if trusted.endswith(".amazonaws.com") else {"AWS": trusted}
        trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
        policy = {"Version": "2012-10-17", "Statement": [trust]}
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(policy))["Role"]["Arn"]
        if statements:
            document = json.dumps({"Version": "2012-10-17", "Statement": statements})
            iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=document)
        return str(arn)

    def client_as(self, service: str, statements: list[dict[str, Any]]) -> Any:
        """A client with the credentials of a role that has only these statements."""
        arn = self.role(f"arn:aws:iam::{ACCOUNT}:root", statements)
        keys = self.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        return self.client(
            service,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )


def function(account: Account, name: str, code: str, statements: list[dict[str, Any]], **other: Any) -> str:
    """Deploy a Python function whose ``handler`` is in `code`; returns its ARN."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", code)
    made = account.client("lambda").create_function(
        FunctionName=name, Runtime="python3.13", Handler="index.handler", Code={"ZipFile": packed.getvalue()},
        Role=account.role("lambda.amazonaws.com", statements), Timeout=20, **other,
    )  # fmt: skip
    return str(made["FunctionArn"])
