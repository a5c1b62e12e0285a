"""Deploys to, or removes from, the AWS account of your credentials:
`python -m scripts.deploy deploy [--force] [key=value …]`.

It refuses both while an execution of the stack runs or a fault is active: the deployment could replace the handlers of
that execution, or remove the role that ends the fault.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.account.concurrency import FEWEST_RESERVED, UNRESERVED, read_concurrency
from infra.node import path_with_node
from infra.places import ROOT, read_feature_flags
from infra.settings import Settings, SettingsError, read_context
from infra.synth import parse_pair

CDK = ROOT / "node_modules" / ".bin" / "cdk"
TERMINAL = {"completed", "stopped", "failed", "cancelled"}


def main() -> None:
    """Checks that nothing runs, bootstraps the account if needed, and runs the `cdk` command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=("deploy", "destroy"))
    parser.add_argument("--force", action="store_true", help="even while a fault is active, after stopping it")
    parser.add_argument("context", nargs="*", metavar="key=value", type=parse_pair)
    arguments = parser.parse_args()
    context = dict(arguments.context)
    try:
        settings = read_context({**read_feature_flags(), **context})
        session = boto3.Session(region_name=settings.region)
        _check_nothing_runs(session, settings, force=arguments.force)
        if arguments.command == "deploy":
            context |= _reserve_concurrency(session, settings)
            _bootstrap_account(session, settings, context)
    except SettingsError as error:
        sys.exit(str(error))
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"An AWS call failed: {error}")
    options = ["--require-approval", "never"] if arguments.command == "deploy" else ["--force"]
    sys.exit(_run_cdk([arguments.command, settings.stack_name, *options], context))


def _check_nothing_runs(session: Any, settings: Settings, *, force: bool) -> None:
    """Exits the process if an execution runs or a fault is active. With `force` it stops them first, and exits too:
    ending them takes a while and needs the stack as it is.
    """
    fis, stepfunctions = session.client("fis"), session.client("stepfunctions")
    running = dict(_list_running_executions(stepfunctions, settings.stack_name))
    active = dict(_list_active_experiments(fis, settings.stack_name))
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


def _list_running_executions(stepfunctions: Any, stack: str) -> Iterator[tuple[str, str]]:
    """Yields ARN and name of each running execution, campaigns first, because they start experiments; nothing if the stack
    does not exist yet."""
    pages = stepfunctions.get_paginator("list_state_machines").paginate()
    arns = {machine["name"]: machine["stateMachineArn"] for page in pages for machine in page["stateMachines"]}
    for name in (f"{stack}-Campaign", f"{stack}-Experiment"):
        if name in arns:
            running = stepfunctions.get_paginator("list_executions").paginate(stateMachineArn=arns[name], statusFilter="RUNNING")
            yield from ((execution["executionArn"], execution["name"]) for page in running for execution in page["executions"])


def _list_active_experiments(fis: Any, stack: str) -> Iterator[tuple[str, str]]:
    """Yields id and status of each FIS experiment of the stack that is not over."""
    for page in fis.get_paginator("list_experiments").paginate():
        for experiment in page["experiments"]:
            if experiment.get("tags", {}).get("squall:stack") == stack and experiment["state"]["status"] not in TERMINAL:
                yield experiment["id"], experiment["state"]["status"]


def _reserve_concurrency(session: Any, settings: Settings) -> dict[str, str]:
    """The setting that reserves concurrent executions for the functions that stop faults, where the account's limit
    allows and the user did not decide. Exits the process if Lambda can't be asked: the deployment might end a
    reservation that stands.
    """
    if settings.stop_reserved_concurrency is not None:
        return {}
    try:
        found = read_concurrency(session.client, settings.stack_name)
    except ClientError as error:
        sys.exit(
            f"Whether Abort, Halt and Pulse can have reserved concurrent executions could not be asked: {error}. Deploy with "
            f'CONTEXT="stop_reserved_concurrency={FEWEST_RESERVED}" to reserve some, or with 0 for none.'
        )
    wanted = max([FEWEST_RESERVED, *(number for number in found.reserved if number)])
    if found.room >= wanted:
        print(f"Reserving {wanted} concurrent executions each for Abort, Halt and Pulse (stop_reserved_concurrency).", flush=True)
        return {"stop_reserved_concurrency": str(wanted)}
    print(
        f"Abort, Halt and Pulse get no reserved concurrent executions: the account has {found.limit}, of which {found.unreserved} are "
        f"unreserved, and Lambda keeps {UNRESERVED} of them. Other functions can make an abort wait; ask AWS for a higher limit.",
        flush=True,
    )
    return {}


def _bootstrap_account(session: Any, settings: Settings, context: Mapping[str, str]) -> None:
    qualifier = settings.bootstrap_qualifier or "hnb659fds"
    try:
        session.client("ssm").get_parameter(Name=f"/cdk-bootstrap/{qualifier}/version")
    except ClientError as error:
        if error.response["Error"]["Code"] != "ParameterNotFound":
            raise
        account = session.client("sts").get_caller_identity()["Account"]
        target = f"aws://{account}/{session.region_name}"
        if code := _run_cdk(["bootstrap", target, "--qualifier", qualifier], context):
            sys.exit(code)


def _run_cdk(command: Sequence[str], context: Mapping[str, str]) -> int:
    flags = [word for key, value in context.items() for word in ("--context", f"{key}={value}")]
    environment = {**os.environ, "PATH": path_with_node()}
    return subprocess.run([str(CDK), *command, *flags], cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    main()
