"""`squall run` and `plan`: what is sent, what is shown, and what the exit code means."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from cli.aws.stack import Machine
from cli.errors import CommandError
from squall.domain.base.vocabulary import Status, Verdict
from tests.cli.conftest import Squall
from tests.cli.fakes import HOSTILE, FakeDeployment, event, record, result

REL12 = str(Path(__file__).parents[2] / "local" / "data" / "seed-experiment.json")
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
OUTCOMES = [
    (Status.COMPLETED, Verdict.VALIDATED, 0),
    (Status.COMPLETED, Verdict.REFUTED, 1),
    (Status.ABORTED, Verdict.ABORTED, 2),
    (Status.REJECTED, None, 3),
    (Status.COMPLETED, Verdict.INVALID, 3),
    (Status.COMPLETED, Verdict.INCONCLUSIVE, 4),
    (Status.FAILED, None, 5),
    (Status.PLANNED, None, 0),
]


def _ends(deployment: FakeDeployment, status: Status, verdict: Verdict | None, **changes: Any) -> None:
    first = record(phase="Admit", events=(event("admitted"),))
    last = record(phase="Record", status=status, verdict=verdict, events=(event("admitted"), event("recorded", 90, "done")), **changes)
    deployment.on_start = [first, last]
    deployment.documents["run-1", "result"] = result(status, verdict)


@pytest.mark.parametrize(("status", "verdict", "code"), OUTCOMES)
def test_the_exit_code_says_the_outcome(
    squall: Squall, deployment: FakeDeployment, status: Status, verdict: Verdict | None, code: int
) -> None:
    _ends(deployment, status, verdict)
    assert squall("run", "instance-termination").exit_code == code


@pytest.mark.parametrize(("status", "verdict", "code"), OUTCOMES)
def test_the_exit_code_is_the_same_without_a_result_document(
    squall: Squall, deployment: FakeDeployment, status: Status, verdict: Verdict | None, code: int
) -> None:
    _ends(deployment, status, verdict)
    deployment.documents.clear()
    assert squall("run", "instance-termination", "--json").exit_code == code


def test_a_name_is_sent_with_its_overrides_and_the_caller(squall: Squall, deployment: FakeDeployment) -> None:
    done = squall(
        "run", "slow", "--set", "latency_ms=300", "--set", "source=10.0.0.0/8", "--duration", "10m", "--name", "my-run_1", "--no-follow"
    )
    assert done.exit_code == 0
    assert done.stdout == "my-run_1\n"
    assert deployment.started == [
        (
            "my-run_1",
            {
                "mode": "run",
                "requested_by": "arn:aws:iam::123456789012:user/ada",
                "experiment": "slow",
                "overrides": {"duration": "PT600S", "parameters": {"latency_ms": 300, "source": "10.0.0.0/8"}},
            },
        )
    ]


def test_a_file_is_sent_as_it_stands(squall: Squall, deployment: FakeDeployment) -> None:
    assert squall("run", REL12, "--no-follow", "--json").exit_code == 0
    ((name, payload),) = deployment.started
    assert payload["definition"] == json.loads(Path(REL12).read_text())
    assert re.fullmatch(r"ec2-instance-termination-test-\d{8}-\d{6}-[0-9a-f]{4}", name)


@pytest.mark.parametrize(
    "arguments",
    [
        ["x", "--duration", "5"],
        ["x", "--duration", "0s"],
        ["x", "--duration", "PT"],
        ["x", "--set", "latency"],
        ["x", "--name", "no/slash"],
        ["x", "--name", "x" * 81],
        ["no-such-file.yaml"],
        ["x", "--unknown"],
        [],
    ],
)
def test_a_wrong_command_line_starts_nothing_and_is_no_verdict(squall: Squall, deployment: FakeDeployment, arguments: list[str]) -> None:
    done = squall("run", *arguments)
    assert done.exit_code == 3
    assert deployment.started == []
    assert done.stderr


def test_a_name_that_was_used_is_refused(squall: Squall, deployment: FakeDeployment) -> None:
    deployment.scripts["old"] = [record("old", status=Status.COMPLETED)]
    done = squall("run", "x", "--name", "old")
    assert done.exit_code == 3
    assert "exists already" in done.stderr


def test_json_is_one_document_on_stdout(squall: Squall, deployment: FakeDeployment) -> None:
    _ends(deployment, Status.COMPLETED, Verdict.VALIDATED)
    done = squall("run", "x", "--json")
    assert json.loads(done.stdout)["verdict"] == "validated"
    assert "recorded" in done.stderr


def test_lines_without_a_terminal_hold_no_control_characters(squall: Squall, deployment: FakeDeployment) -> None:
    _ends(deployment, Status.COMPLETED, Verdict.VALIDATED, reason=HOSTILE, experiment=HOSTILE)
    deployment.on_start[0] = record(phase=HOSTILE, events=(event(HOSTILE, 1, HOSTILE),))
    deployment.documents["run-1", "result"] = result(
        Status.COMPLETED, Verdict.VALIDATED, reason=HOSTILE, experiment_name=HOSTILE, observations=[HOSTILE], issues_discovered=[HOSTILE]
    )
    done = squall("run", "x")
    assert done.exit_code == 0
    assert "[bold red]evil[/]" in done.stdout
    assert not CONTROL.search(done.output)


def test_events_come_as_lines_once(squall: Squall, deployment: FakeDeployment) -> None:
    _ends(deployment, Status.COMPLETED, Verdict.VALIDATED)
    lines = squall("run", "x").stdout.splitlines()
    assert sum("admitted" in line for line in lines) == 1
    assert "12:01:30  recorded               done" in lines


def test_the_result_says_verdict_measured_and_where(squall: Squall, deployment: FakeDeployment) -> None:
    _ends(deployment, Status.COMPLETED, Verdict.VALIDATED)
    done = squall("run", "x")
    for words in ("VALIDATED", "99.87 %", "> 99 %", "2/9", "s3://bucket/results/", "95 s"):
        assert words in done.stdout


def test_waiting_longer_than_allowed_is_inconclusive_and_says_how_to_go_on(squall: Squall, deployment: FakeDeployment) -> None:
    deployment.on_start = [record()]
    deployment.machines["never"] = Machine("RUNNING")
    done = squall("run", "x", "--name", "never", "--wait-timeout", "0.01s", "--json")
    assert done.exit_code == 4
    assert "squall abort never" in json.loads(done.stdout)["error"]["next"]


def test_a_failure_to_start_is_told_as_json_too(squall: Squall, deployment: FakeDeployment, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise CommandError("AWS denied StartExecution.", "Ask for it.")

    monkeypatch.setattr(deployment, "start", refuse)
    done = squall("run", "x", "--json")
    assert done.exit_code == 5
    assert json.loads(done.stdout) == {"error": {"message": "AWS denied StartExecution.", "next": "Ask for it.", "exit_code": 5}}


def test_a_crash_is_a_failure_not_a_verdict(squall: Squall, deployment: FakeDeployment, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash() -> str:
        raise RuntimeError("boom")

    monkeypatch.setattr(deployment, "caller", crash)
    assert squall("run", "x").exit_code == 5


FORECAST = {
    "condition": "CPU > 60 %", "metric": "cpu_utilization", "told": "told", "days": 14.0, "run_seconds": 600, "runs": 2015, "aborted": 262,
    "percent": 13.0, "low": 11.2, "high": 15.1,
}  # fmt: skip


def test_plan_shows_targets_checks_template_cost_and_quota(squall: Squall, deployment: FakeDeployment) -> None:
    _ends(deployment, Status.PLANNED, None)
    deployment.documents["run-1", "result"] = result(Status.PLANNED, None, cost={"fis_usd": 0.1}, criteria=[])
    deployment.documents["planned", "template"] = {
        "body": {"actions": {"kill": {"actionId": "aws:ec2:terminate-instances"}}, "targets": {"t": {"resourceArns": ["arn:1"]}}}
    }
    deployment.documents["planned", "safety"] = {
        "at": "2026-05-04T12:00:00Z",
        "checks": [{"name": "rollback_plan", "outcome": "passed", "detail": "there is one"}],
        "false_aborts": [{**FORECAST, "instead": ["CPU utilization > 75 %"]}],
    }
    done = squall("plan", "x", "--name", "planned")
    assert done.exit_code == 0
    for words in ("Guards on healthy runs", "CPU > 60 %", "13 % (11 to 15 %)", "CPU utilization > 75 %"):
        assert words in done.stdout
    for words in ("aws:ec2:terminate-instances", "Safety checks: 1 of 1 passed", "fis usd 0.1", "active FIS experiments"):
        assert words in done.stdout
    assert deployment.started[0][1]["mode"] == "plan"


def test_plan_as_json_holds_the_exact_template(squall: Squall, deployment: FakeDeployment) -> None:
    _ends(deployment, Status.PLANNED, None)
    deployment.documents["planned", "template"] = {"body": {"actions": {"kill": {}}}}
    deployment.documents["planned", "safety"] = {"at": "2026-05-04T12:00:00Z", "checks": [], "false_aborts": [FORECAST]}
    document = json.loads(squall("plan", "x", "--name", "planned", "--json").stdout)
    assert document["template"] == {"actions": {"kill": {}}}
    assert document["quota"]["active FIS experiments"] == {"used": 2, "limit": 5}
    assert [(guard["condition"], guard["percent"]) for guard in document["guards"]] == [("CPU > 60 %", 13.0)]


def test_a_name_that_is_not_deployed_starts_nothing(squall: Squall, deployment: FakeDeployment) -> None:
    deployment.deployed_names = ["instance-termination", "slow-network"]
    done = squall("run", "instance-terminaton")
    assert (done.exit_code, deployment.started) == (3, [])
    assert "Did you mean instance-termination?" in done.stderr
    assert squall("run", "slow-network", "--no-follow").exit_code == 0
