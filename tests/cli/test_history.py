"""`squall history` and `squall report`."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.history.period import Period
from squall.domain.history.summary import FindingSeen, RunSummary
from tests.cli.conftest import Squall
from tests.cli.fakes import HOSTILE, START, FakeDeployment, record
from tests.cli.test_run import CONTROL


def run(number: int, **more: Any) -> RunSummary:
    inputs: dict[str, Any] = {
        "execution_id": f"run-{number}",
        "started_at": START + timedelta(days=number),
        "status": Status.COMPLETED,
        "experiment": "Instance termination",
        "environment": "staging",
        "fault_type": "instance_termination",
        "verdict": Verdict.VALIDATED,
        "hypothesis_validated": True,
        "workload": "asg/web",
        "recovery_seconds": 10.0 * number,
        "findings": (FindingSeen("f-1", "Slow", "high"),),
        "summarised": True,
    }
    return RunSummary(**{**inputs, **more})


@pytest.fixture
def busy(deployment: FakeDeployment) -> FakeDeployment:
    deployment.runs = [run(1), run(2, verdict=Verdict.REFUTED, hypothesis_validated=False), run(3, experiment="Other")]
    period = Period(START, START + timedelta(days=10))
    for entry in deployment.runs:
        period.add(entry)
    deployment.period = {
        "report": period.report().model_dump(mode="json"),
        "files": ["reports/period/x.json", "reports/period/x.html"],
    }
    return deployment


def test_the_runs_of_an_experiment_newest_first(squall: Squall, busy: FakeDeployment) -> None:
    done = squall("history", "Instance termination")
    assert done.exit_code == 0
    assert done.stdout.index("run-2") < done.stdout.index("run-1")
    assert "run-3" not in done.stdout
    assert "1: Slow" in done.stdout
    assert "10 s to 20 s" in done.stdout


def test_a_plan_is_told_apart_from_runs(squall: Squall, busy: FakeDeployment) -> None:
    """A plan that goes on, or whose report is not written yet, is known by its record."""
    ended = run(4, plan=True, status=Status.REJECTED, verdict=None, hypothesis_validated=None)
    busy.runs += [ended, run(5, status=Status.RUNNING, verdict=None, summarised=False)]
    busy.scripts["run-5"] = [record("run-5", only_plans=True)]
    lines = squall("history", "--days", "3660").stdout.splitlines()
    told = {word: line for line in lines for word in line.split() if word.startswith("run-")}
    assert {name: "plan: " in line for name, line in told.items()} == {
        "run-1": False, "run-2": False, "run-3": False, "run-4": True, "run-5": True,
    }  # fmt: skip
    document = json.loads(squall("history", "--days", "3660", "--json").stdout)
    assert {entry["execution_id"]: entry["plan"] for entry in document} == {name: "plan: " in line for name, line in told.items()}


def test_all_runs_as_json(squall: Squall, busy: FakeDeployment) -> None:
    document = json.loads(squall("history", "--days", "3660", "--json").stdout)
    assert [entry["execution_id"] for entry in document] == ["run-3", "run-2", "run-1"]


def test_nothing_ran(squall: Squall, deployment: FakeDeployment) -> None:
    done = squall("history", "Nobody")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "'Nobody'" in done.stderr


@pytest.mark.parametrize("arguments", [("history", "--limit", "0"), ("report", "--days", "0"), ("report", "--from", "yesterday")], ids=str)
def test_what_cannot_be_meant_is_refused_with_what_can(squall: Squall, deployment: FakeDeployment, arguments: tuple[str, ...]) -> None:
    done = squall(*arguments)
    assert done.exit_code == 3
    assert "→" in done.stderr


def test_the_report_of_a_period_on_a_terminal(squall: Squall, busy: FakeDeployment) -> None:
    done = squall("report", "--from", "2026-05-01", "--to", "2026-05-31", "--environment", "staging")
    assert done.exit_code == 0
    for words in (
        "3 experiments",
        "✗",
        "asg/web",
        "Slow",
        "3×",
        "→ Integrate chaos engineering",
        "page: s3://bucket/reports/period/x.html",
    ):
        assert words in done.stdout
    assert busy.asked == {"start": "2026-05-01T00:00:00+00:00", "end": "2026-06-01T00:00:00+00:00", "filters": {"environment": "staging"}}


def test_the_report_as_json_and_as_a_page(squall: Squall, busy: FakeDeployment, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    done = squall("report", "--json", "--html", page)
    assert json.loads(done.stdout)["total_experiments"] == 3
    assert page.read_text() == "reports/period/x.html"
    refused = squall("report", "--html", tmp_path / "no" / "page.html")
    assert refused.exit_code == 3


def test_hostile_names_are_harmless(squall: Squall, deployment: FakeDeployment) -> None:
    deployment.runs = [run(1, experiment=HOSTILE, environment=HOSTILE, findings=(FindingSeen("f", HOSTILE, "high"),))]
    done = squall("history", HOSTILE)
    assert done.exit_code == 0
    assert not CONTROL.search(done.stdout)
