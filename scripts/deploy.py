"""Deploys to, or removes from, the AWS account of your credentials: `python -m scripts.deploy deploy [--force] [key=value …]`.

Neither happens while one of the stack's executions runs or a fault is active: its handlers would be replaced under it, or the role
that undoes it removed.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.settings import ROOT, Settings, SettingsError, from_context
from infra.synth import feature_flags

CDK = ROOT / "node_modules" / ".bin" / "cdk"
TERMINAL = {"completed", "stopped", "failed", "cancelled"}


def main() -> None:
    """Checks, bootstraps if that was never done, and runs the CDK command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=("deploy", "destroy"))
    parser.add_argument("--force", action="store_true", help="even while a fault is active, after stopping it")
    parser.add_argument("context", nargs="*", metavar="key=value")
    arguments = parser.parse_args()
    try:
        settings = from_context({**feature_flags(), **dict(pair.split("=", 1) for pair in arguments.context if "=" in pair)})
        session = boto3.Session(region_name=settings.region)
        _make_safe(session, settings, force=arguments.force)
        if arguments.command == "deploy":
            _bootstrap(session, settings, arguments.context)
    except SettingsError as error:
        sys.exit(str(error))
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"AWS could not be asked: {error}")
    options = ["--require-approval", "never"] if arguments.command == "deploy" else ["--force"]
    sys.exit(_cdk([arguments.command, settings.stack_name, *options], arguments.context))


def _make_safe(session: Any, settings: Settings, *, force: bool) -> None:
    """Exits unless nothing runs; `force` stops what runs, and exits as well: what undoes it needs the stack as it is."""
    fis, stepfunctions = session.client("fis"), session.client("stepfunctions")
    running = dict(_running(stepfunctions, settings.stack_name))
    active = dict(_active(fis, settings.stack_name))
    if running and not force:
        sys.exit(f"{settings.stack_name} runs {', '.join(running.values())}: wait, or `squall abort` it, or use FORCE=1.")
    if active and not force:
        sys.exit(f"{settings.stack_name} has an active fault ({', '.join(active)}): wait for its end, or use FORCE=1 to stop it first.")
    for experiment, status in active.items():
        if status != "stopping":
            print(f"Stopping fault {experiment} …", flush=True)
            fis.stop_experiment(id=experiment)
    for arn, name in running.items():
        print(f"Stopping execution {name} …", flush=True)
        stepfunctions.stop_execution(executionArn=arn, cause="make deploy or destroy with FORCE=1")
    if running or active:
        sys.exit("Stopped; run the command again once `squall status` shows no running execution.")


def _running(stepfunctions: Any, stack: str) -> Iterator[tuple[str, str]]:
    """ARN and name of executions that may be about to start a fault. None when the stack is not there yet."""
    for page in stepfunctions.get_paginator("list_state_machines").paginate():
        for machine in page["stateMachines"]:
            if machine["name"] == f"{stack}-Experiment":
                arn = machine["stateMachineArn"]
                pages = stepfunctions.get_paginator("list_executions").paginate(stateMachineArn=arn, statusFilter="RUNNING")
                yield from ((execution["executionArn"], execution["name"]) for found in pages for execution in found["executions"])


def _active(fis: Any, stack: str) -> Iterator[tuple[str, str]]:
    """Id and status of the stack's experiments that are not over."""
    for page in fis.get_paginator("list_experiments").paginate():
        for experiment in page["experiments"]:
            if experiment.get("tags", {}).get("squall:stack") == stack and experiment["state"]["status"] not in TERMINAL:
                yield experiment["id"], experiment["state"]["status"]


def _bootstrap(session: Any, settings: Settings, context: Sequence[str]) -> None:
    qualifier = settings.bootstrap_qualifier or "hnb659fds"
    try:
        session.client("ssm").get_parameter(Name=f"/cdk-bootstrap/{qualifier}/version")
    except ClientError as error:
        if error.response["Error"]["Code"] != "ParameterNotFound":
            raise
        account = session.client("sts").get_caller_identity()["Account"]
        target = f"aws://{account}/{session.region_name}"
        if code := _cdk(["bootstrap", target, "--qualifier", qualifier], context):
            sys.exit(code)


def _cdk(command: Sequence[str], context: Sequence[str]) -> int:
    flags = [part for pair in context for part in ("--context", pair)]
    return subprocess.run([str(CDK), *command, *flags], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    main()
