"""Two local accounts, or two Regions of one, as bare server processes, without a workload."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from local import processes
from tests.local.account_rig import ROOT, free_port
from tests.patience import PATIENCE, until

HOME, MEMBER = "111111111111", "222222222222"
REGIONS = {HOME: "us-east-1", MEMBER: "eu-west-1"}
ID = "an-external-id-of-a-test"


@dataclass(frozen=True)
class Place:
    account: str
    region: str
    endpoint: str

    def client(self, service: str, keys: dict[str, str] | None = None, region: str = "") -> Any:
        """A client that calls this process, by default for its own Region."""
        signed = {
            "aws_access_key_id": (keys or {}).get("AccessKeyId", "test"),
            "aws_secret_access_key": (keys or {}).get("SecretAccessKey", "test"),
            "aws_session_token": (keys or {}).get("SessionToken"),
        }
        config = Config(retries={"total_max_attempts": 1})
        return boto3.client(service, endpoint_url=self.endpoint, region_name=region or self.region, config=config, **signed)


@contextmanager
def run_account(state: Path, account: str, peers: Path, region: str = "") -> Iterator[Place]:
    state.mkdir()
    region = region or REGIONS[account]
    port = free_port()
    command = [sys.executable, "-m", "local.account.server", "--port", str(port), "--state-dir", str(state), "--peers", str(peers)]
    command += ["--workload-url", "http://127.0.0.1:9", "--account-id", account, "--region", region]
    processes.end_with_caller(state)
    with (state / "server.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=ROOT, env={**os.environ, processes.MARKER: str(state)}, stdout=log, stderr=log)
        try:

            def ready() -> bool:
                assert server.poll() is None, (state / "server.log").read_text()
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/_squall/health", timeout=PATIENCE) as answer:
                        return bool(json.load(answer)["status"] == "ok")
                except (urllib.error.URLError, ConnectionError):
                    return False

            until(ready, f"the local account {account}")
            yield Place(account, region, f"http://127.0.0.1:{port}")
        finally:
            server.kill()
            server.wait()


@contextmanager
def run_fleet(root: Path) -> Iterator[tuple[Place, Place]]:
    """Home and the member, which know each other."""
    with ExitStack() as stack:
        home, member = (stack.enter_context(run_account(root / name, name, root / "peers.json")) for name in (HOME, MEMBER))
        (root / "peers.json").write_text(json.dumps({place.account: place.endpoint for place in (home, member)}))
        yield home, member


@contextmanager
def run_regions(root: Path) -> Iterator[tuple[Place, Place]]:
    """Two Regions of the account HOME, which know each other."""
    with ExitStack() as stack:
        both = [stack.enter_context(run_account(root / region, HOME, root / "peers.json", region)) for region in REGIONS.values()]
        (root / "peers.json").write_text(json.dumps({f"{place.account}/{place.region}": place.endpoint for place in both}))
        here, there = both
        yield here, there


def make_user(home: Place, name: str, statements: list[dict[str, Any]]) -> dict[str, str]:
    iam = home.client("iam")
    iam.create_user(UserName=name)
    if statements:
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_user_policy(UserName=name, PolicyName="inline", PolicyDocument=document)
    keys: dict[str, str] = iam.create_access_key(UserName=name)["AccessKey"]
    return keys
