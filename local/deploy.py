"""Deploys the synthesized stack into the local account: with the real CDK CLI, or quickly with the same artefacts.

The quick way does what the CLI does and nothing else (publish the assets of the manifest, create or update the stack
from the template asset), in a third of a second instead of six, so that a test run can afford a stack of its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from infra import places
from infra.node import path_with_node
from infra.package import zip_folder
from local import shipped

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
"""The folder from which the packages of the account, the workload and the stack are imported."""
DEPLOY_SECONDS = 600.0
SYNTH_SECONDS = 600.0
"""Bounds for what hangs: half a minute and ten seconds on an idle machine."""
TELL_SECONDS = 10.0
"""How often a caller who waits is told what it waits for, and for how long already."""
_FILES = (
    "app.py",
    "cdk.json",
    "statemachines",
    "experiments",
    "tests/data",
    "requirements.txt",
    "requirements-statistics.txt",
    "scripts/build_layer.py",
    "scripts/bytecode.py",
)
_SOURCES = (
    *(places.ROOT / name for name in _FILES),
    places.HERE,
    places.PACKAGE,
    shipped.POLICIES,
    shipped.EXPERIMENTS,
    shipped.CAMPAIGNS,
    shipped.FLEET_CAMPAIGNS,
)
"""What a synthesis depends on; the wheel does not have all of it."""
_BOOTSTRAP_VERSION = "/cdk-bootstrap/hnb659fds/version"


class DeployError(RuntimeError):
    """Synthesis or deployment failed; the message has the tool's or CloudFormation's reason."""


@dataclass(frozen=True)
class Place:
    """The account to deploy into."""

    endpoint: str
    region: str
    account_id: str
    access_key: str
    secret_key: str

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 3, "mode": "standard"}),
        )

    def environment(self) -> dict[str, str]:
        """The variables that point any AWS tool at this account."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
        }


def make_context(account_id: str, region: str, stack_name: str, experiments: str = str(shipped.EXPERIMENTS)) -> dict[str, str]:
    """The deploy-time settings that make the stack fit this machine: its processor, its Python, its policies."""
    return {
        "stack_name": stack_name,
        "environments_dir": str(shipped.POLICIES),
        "experiments_dir": experiments,
        "synthesizer": "cli",
        "eks_namespaces": "sample/shop",
        "account": account_id,
        "region": region,
        "lambda_architecture": "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64",
        "lambda_runtime": f"python{sys.version_info.major}.{sys.version_info.minor}",
    }


class Synthesis:
    """`infra.synth` in the background, so that the account can start meanwhile. Skipped when its sources have not
    changed since it last wrote `output`."""

    def __init__(self, settings: Mapping[str, str], output: Path) -> None:
        self._output = output
        self._stamp = _stamp_sources(settings)
        self._stamp_file = output.with_name(output.name + ".stamp")
        self._process: subprocess.Popen[str] | None = None
        if self._stamp_file.exists() and self._stamp_file.read_text() == self._stamp and (output / "manifest.json").exists():
            return
        self._stamp_file.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "infra.synth", "--output", str(output), *(f"{key}={value}" for key, value in settings.items())],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def wait(self, on_progress: Callable[[str], None] = lambda _: None) -> Path:
        """Wait for the synthesis and return the assembly's folder. Raises DeployError with the output of the synthesis."""
        if self._process is not None:
            output = self._wait_for_output(self._process, on_progress)
            if self._process.returncode:
                raise DeployError(f"the stack can't be synthesized:\n{output.strip()[-3000:]}")
            self._stamp_file.write_text(self._stamp)
        return self._output

    @staticmethod
    def _wait_for_output(process: subprocess.Popen[str], on_progress: Callable[[str], None]) -> str:
        began = time.monotonic()
        while True:
            try:
                return process.communicate(timeout=TELL_SECONDS)[0]
            except subprocess.TimeoutExpired:
                waited = time.monotonic() - began
                if waited > SYNTH_SECONDS:
                    raise
                on_progress(f"waiting for the synthesis, {waited:.0f} s so far")

    def cancel(self) -> None:
        """Kill the synthesis and its node process, if it still runs."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.communicate()


def _stamp_sources(settings: Mapping[str, str]) -> str:
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for root in _SOURCES:
        for path in sorted(root.rglob("*")) if root.is_dir() else [root]:
            if path.is_file() and "__pycache__" not in path.parts:
                status = path.stat()
                digest.update(f"{path}|{status.st_mtime_ns}|{status.st_size}\n".encode())
    return digest.hexdigest()


def deploy_by_cdk(place: Place, assembly: Path, stack_name: str) -> dict[str, str]:
    """Bootstrap and deploy with the CDK CLI, as on AWS; returns the stack's outputs."""
    cdk = [str(places.ROOT / "node_modules" / ".bin" / "cdk"), "--app", str(assembly)]
    environment = {**place.environment(), "CI": "1", "PATH": path_with_node()}
    _make_way_for_bootstrap(place)
    _run_command([*cdk, "bootstrap", f"aws://{place.account_id}/{place.region}"], environment)
    _run_command([*cdk, "deploy", stack_name, "--require-approval", "never"], environment)
    return read_outputs(place, stack_name)


def deploy_quickly(place: Place, assembly: Path, stack_name: str, *, made_as: str | None = None) -> dict[str, str]:
    """Deploy the assembly's stack with plain API calls; returns the stack's outputs. `made_as`: its name in CloudFormation,
    where that is another one."""
    artefact = _find_artefact(assembly, stack_name)
    _allow_unbootstrapped(place)
    template = _publish_assets(place, assembly, artefact)
    _apply_template(place, made_as or stack_name, template, artefact["properties"].get("parameters", {}))
    return read_outputs(place, made_as or stack_name)


def read_outputs(place: Place, stack_name: str) -> dict[str, str]:
    """The outputs of the deployed stack."""
    stack = place.client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def _run_command(command: list[str], environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, timeout=DEPLOY_SECONDS, check=False
    )
    if done.returncode:
        output = (done.stdout + done.stderr).strip()[-3000:]
        raise DeployError(f"{' '.join(command[:4])} … failed with {done.returncode}:\n{output}")


def _find_artefact(assembly: Path, stack_name: str) -> dict[str, Any]:
    manifest = json.loads((assembly / "manifest.json").read_text())
    for name, artefact in manifest["artifacts"].items():
        if artefact["type"] == "aws:cloudformation:stack" and artefact["properties"].get("stackName", name) == stack_name:
            return dict(artefact)
    raise DeployError(f"{assembly} holds no stack named {stack_name}")


def _make_way_for_bootstrap(place: Place) -> None:
    """Delete resources that the quick way created and that would conflict with those of bootstrap."""
    if _stack_status(place.client("cloudformation"), "CDKToolkit") is not None:
        return
    place.client("ssm").delete_parameters(Names=[_BOOTSTRAP_VERSION])
    s3 = place.client("s3")
    for bucket in s3.list_buckets()["Buckets"]:
        if bucket["Name"].startswith("cdk-hnb659fds-assets-"):
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket["Name"]):
                for item in page.get("Contents", []):
                    s3.delete_object(Bucket=bucket["Name"], Key=item["Key"])
            s3.delete_bucket(Bucket=bucket["Name"])


def _allow_unbootstrapped(place: Place) -> None:
    """Write the bootstrap version that `cdk bootstrap` would have written, if it did not: templates may ask for it."""
    try:
        place.client("ssm").put_parameter(Name=_BOOTSTRAP_VERSION, Value="30", Type="String")
    except ClientError as error:
        if error.response["Error"]["Code"] != "ParameterAlreadyExists":
            raise


def _publish_assets(place: Place, assembly: Path, artefact: Mapping[str, Any]) -> str:
    """Upload every asset the stack names; returns the URL of the template."""
    template = ""
    for manifest in sorted(assembly.glob("*.assets.json")):
        for asset in json.loads(manifest.read_text()).get("files", {}).values():
            for destination in asset["destinations"].values():
                bucket, key = _fill_placeholders(place, destination["bucketName"]), _fill_placeholders(place, destination["objectKey"])
                _upload_asset(place, bucket, key, assembly / asset["source"]["path"], asset["source"]["packaging"])
                if asset["source"]["path"] == artefact["properties"]["templateFile"]:
                    template = f"{place.endpoint}/{bucket}/{key}"
    if not template:
        raise DeployError(f"no asset manifest in {assembly} publishes {artefact['properties']['templateFile']}")
    return template


def _fill_placeholders(place: Place, text: str) -> str:
    for name, value in (("AccountId", place.account_id), ("Region", place.region), ("Partition", "aws")):
        text = text.replace(f"${{AWS::{name}}}", value)
    return text


def _upload_asset(place: Place, bucket: str, key: str, source: Path, packaging: str) -> None:
    """Upload an asset unless it is there already: its key is a hash of its content."""
    s3 = place.client("s3")
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError:
        try:
            s3.head_bucket(Bucket=bucket)
        except ClientError:
            elsewhere = {} if place.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": place.region}}
            s3.create_bucket(Bucket=bucket, **elsewhere)
        s3.put_object(Bucket=bucket, Key=key, Body=zip_folder(source) if packaging == "zip" else source.read_bytes())


def _apply_template(place: Place, stack_name: str, template: str, parameters: Mapping[str, str]) -> None:
    """Create or update the stack and wait until CloudFormation is done."""
    formation = place.client("cloudformation")
    request = {
        "StackName": stack_name,
        "TemplateURL": template,
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        "Capabilities": ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    }
    try:
        if _stack_status(formation, stack_name) is None:
            formation.create_stack(**request)
        else:
            formation.update_stack(**request)
    except ClientError as error:
        if "No updates are to be performed" in str(error):
            return
        raise DeployError(f"CloudFormation refuses the stack: {error}") from error
    deadline = time.monotonic() + DEPLOY_SECONDS
    while str(status := _stack_status(formation, stack_name)).endswith("_IN_PROGRESS"):
        if time.monotonic() > deadline:
            raise DeployError(f"the stack is still {status} after {DEPLOY_SECONDS:g} seconds")
        time.sleep(0.1)
    if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise DeployError(f"the stack ended {status}:\n" + "\n".join(_list_failures(formation, stack_name)))


def _stack_status(formation: Any, stack_name: str) -> str | None:
    try:
        status: str = formation.describe_stacks(StackName=stack_name)["Stacks"][0]["StackStatus"]
    except ClientError:
        return None
    return None if status == "DELETE_COMPLETE" else status


def _list_failures(formation: Any, stack_name: str) -> Iterator[str]:
    for event in formation.describe_stack_events(StackName=stack_name)["StackEvents"]:
        if event["ResourceStatus"].endswith("_FAILED"):
            yield f"  {event['LogicalResourceId']} ({event['ResourceType']}): {event.get('ResourceStatusReason', '')}"
