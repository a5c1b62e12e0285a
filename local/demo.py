"""`make demo`: the local account, a real `cdk deploy`, one real experiment followed to its verdict, and the end of all
processes.

By default the experiment of REL12-BP05, with its two instance ids replaced by real ones of the sample workload, and 45
seconds instead of ten minutes. `EXPERIMENT=abort-demo` runs one that deliberately trips its abort condition.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from cli import output, render, reports, session
from cli.arguments.names import make_name
from cli.arguments.request import Request
from cli.aws.stack import Deployment
from cli.commands.run import follow_to_end, start_execution
from cli.errors import CommandError
from cli.exits import Exit
from cli.following.follow import Ending
from cli.following.watch import parse_result
from cli.text import clean_line, safe_text
from local import up as launcher
from local.deploy import DeployError
from local.up import Account, LocalAccountError
from squall.domain.documents.result import Result, TimelineEvent
from squall.domain.run.timeline import EventName

ROOT = Path(__file__).resolve().parents[1]
STATE = ROOT / ".local" / "demo"
"""Its own folder, so that another account stays as it is."""
REL12_FILE = ROOT / "local" / "data" / "seed-experiment.json"
REL12_DURATION = "PT45S"
TIMEOUT_SECONDS = 600.0
REPORT_SECONDS = 30.0
EXPECTED = {"seed": Exit.VALIDATED, "abort-demo": Exit.ABORTED}
"""The outcome that each demonstration should have; every other experiment should be validated."""
ALARM_EVENTS = (EventName.ALARM, EventName.ABORT_REQUESTED)
STOPPED_EVENTS = (EventName.FIS_STOPPED, EventName.FIS_CANCELLED, EventName.FIS_COMPLETED)


@dataclass
class Steps:
    """Prints lines with the seconds since the start."""

    console: Console
    began: float

    def __call__(self, step: str) -> None:
        self.console.print(safe_text(f"{time.monotonic() - self.began:6.1f} s  {step}"), soft_wrap=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Returns 0 if the outcome is the expected one."""
    parser = argparse.ArgumentParser(prog="local.demo", description=__doc__)
    parser.add_argument("--experiment", default=os.environ.get("EXPERIMENT") or "seed", help="`seed`, or the name of one in experiments/")
    chosen = str(parser.parse_args(argv).experiment)
    signal.signal(signal.SIGTERM, _raise_interrupt)
    console = output.make_console()
    say = Steps(console, time.monotonic())
    try:
        with _run_account(say) as account:
            return _run_demonstration(chosen, account, console, say)
    except (CommandError, LocalAccountError, DeployError) as error:
        hint = error.hint if isinstance(error, CommandError) else f"Logs are in {STATE}/logs."
        output.write_error(CommandError(str(error), hint), as_json=False)
        return error.code if isinstance(error, CommandError) else Exit.FAILED
    except KeyboardInterrupt:
        output.write_note("Interrupted.")
        return 130


def _raise_interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@contextlib.contextmanager
def _run_account(say: Steps) -> Iterator[Account]:
    """The account with the stack in it; stopped in every case."""
    try:
        launcher.start_account(STATE, deploy=False, on_progress=say)
        say("cdk bootstrap and cdk deploy")
        account = launcher.deploy_stack(STATE, cli=True, on_progress=say)
        say("deployed")
        yield account
    finally:
        # A second Ctrl-C must not leave processes behind.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        say("taking the account down")
        try:
            launcher.stop_account(STATE)
            say("down; no process is left")
        finally:
            signal.signal(signal.SIGINT, before)


def _run_demonstration(chosen: str, account: Account, console: Console, say: Steps) -> int:
    session.set_aws_variables(account.environment())
    deployment = session.find_deployment(session.Options(stack=account.stack_name))
    request = _make_request(chosen, account)
    before = _read_instances(account)
    started = start_execution(deployment, request)
    say(f"started {started.execution_id}: {request.title}")
    ending = follow_to_end(deployment, request.title, started.execution_id, TIMEOUT_SECONDS, as_json=False)
    kept, report = _save_result(ending), _save_report(deployment, ending.record.id)
    result = parse_result(ending.result)
    if result is None:
        console.print(safe_text(f"{ending.record.status.value}: {ending.record.reason}"), soft_wrap=True)
    else:
        console.print(render.make_result_view(result, str(kept), report=str(report)))
        for line in (
            *describe_changes(before, _read_instances(account)),
            *describe_reaction(result.timeline, ending.record.fault_ended_at),
        ):
            console.print(safe_text(line), soft_wrap=True)
    code = _judge_ending(chosen, ending, result, console)
    console.print(safe_text(f"The report, to open in a browser: {report}"), soft_wrap=True)
    return code


def _make_request(chosen: str, account: Account) -> Request:
    if chosen != "seed":
        return Request(mode="run", name=make_name(chosen, datetime.now(UTC)), experiment=chosen)
    definition = json.loads(REL12_FILE.read_text())
    definition["target_resources"] = account.instances["web"][: len(definition["target_resources"])]
    return Request(mode="run", name=make_name("seed", datetime.now(UTC)), definition=definition, overrides={"duration": REL12_DURATION})


def _judge_ending(chosen: str, ending: Ending, result: Result | None, console: Console) -> int:
    wanted = EXPECTED.get(chosen, Exit.VALIDATED)
    exit_code = ending.exit_code
    if exit_code == wanted:
        console.print(safe_text(f"As expected: {wanted.name.lower()}.", "bold green"))
        return Exit.VALIDATED
    outcome = (ending.record.verdict or ending.record.status).value
    reason = clean_line(result.reason if result else ending.record.reason, 300)
    console.print(safe_text(f"Expected {wanted.name.lower()}, but it is {outcome}: {reason}", "bold red"), soft_wrap=True)
    return exit_code or Exit.FAILED


def _save_result(ending: Ending) -> Path:
    """Save a copy of the result outside the account, which is about to be stopped."""
    return _save_file(ending.record.id, "result.json", json.dumps(ending.result, indent=2))


def _save_report(deployment: Deployment, execution_id: str) -> Path:
    """Save a copy of the report, which the stack creates just after the run has ended."""
    return _save_file(execution_id, reports.PAGE, reports.fetch_report(deployment, execution_id, reports.PAGE, patience=REPORT_SECONDS))


def _save_file(execution_id: str, name: str, text: str) -> Path:
    path = reports.save_report(text, str(STATE / "results" / execution_id / name))
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _read_instances(account: Account) -> dict[str, dict[str, Any]]:
    with urllib.request.urlopen(f"{account.workload_url}/instances", timeout=30) as answer:  # noqa: S310 - our own loopback URL
        return {instance["id"]: instance for instance in json.load(answer)}


def describe_changes(before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The changes of the workload's processes, as the operating system sees them."""
    lines = [
        f"process {web['pid']} of {instance} was killed"
        for instance, web in before.items()
        if web.get("pid") and (after.get(instance) or {}).get("pid") != web["pid"]
    ]
    return lines + [
        f"process {web['pid']} of {instance} ({web.get('zone', '?')}) took its place"
        for instance, web in after.items()
        if instance not in before and web.get("pid")
    ]


def describe_reaction(timeline: Sequence[TimelineEvent], fis_ended_at: datetime | None = None) -> list[str]:
    """Seconds from the alarm to the stop; empty if no alarm fired. The workflow notices the end later than the time
    that FIS records."""
    alarm = next((event.at for event in timeline if event.event in ALARM_EVENTS), None)
    if alarm is None:
        return []
    lines = []
    for words, events in (("FIS was asked to stop", (EventName.STOP_REQUESTED,)), ("the workflow saw FIS stopped", STOPPED_EVENTS)):
        at = next((event.at for event in timeline if event.event in events), None)
        if at is not None:
            lines.append(f"{words} {(at - alarm).total_seconds():.1f} s after the alarm")
    if fis_ended_at is not None:
        lines.append(f"FIS had stopped {(fis_ended_at - alarm).total_seconds():.1f} s after the alarm, by its own clock")
    return lines


if __name__ == "__main__":
    sys.exit(main())
