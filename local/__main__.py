"""`python -m local up|down|status|env|deploy`: the local account without the squall command."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

from local import up as local
from local.deploy import DeployError
from local.up import LocalAccountError
from local.workload.settings import WORKLOADS


def _print_progress(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def main(argv: list[str] | None = None) -> int:
    """Run one command; 0, or 1 with a message."""
    parser = argparse.ArgumentParser(prog="local", description=__doc__)
    parser.add_argument("command", choices=("up", "down", "status", "env", "deploy"))
    parser.add_argument("--state-dir", default=".local")
    parser.add_argument("--profile", choices=("ideal", "pessimistic"), default="ideal")
    parser.add_argument("--workload", choices=list(WORKLOADS), help="up: how resilient the sample workload is")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--no-deploy", action="store_true", help="up: start only")
    parser.add_argument("--cli", action="store_true", help="deploy: with the CDK CLI instead of the quick way")
    options = parser.parse_args(argv)
    try:
        _run_command(options)
    except (LocalAccountError, DeployError) as error:
        _print_progress(str(error))
        return 1
    return 0


def _run_command(options: argparse.Namespace) -> None:
    if options.command == "up":
        account = local.start_account(
            options.state_dir,
            options.profile,
            options.port,
            deploy=not options.no_deploy,
            workload=options.workload,
            on_progress=_print_progress,
        )
        _print_progress(f"ready: {account.endpoint}, workload {account.workload_url}")
    elif options.command == "down":
        local.stop_account(options.state_dir)
    elif options.command == "status":
        print(json.dumps(asdict(local.read_status(options.state_dir)), indent=2))
    elif options.command == "env":
        for name, value in local.list_variables(options.state_dir).items():
            print(f"export {name}={value}")
    else:
        local.deploy_stack(options.state_dir, cli=options.cli, on_progress=_print_progress)


if __name__ == "__main__":
    sys.exit(main())
