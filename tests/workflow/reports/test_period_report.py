"""Runs end, are summarised, and a period's report finds them; whose event was lost is found by the report itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.code import UPLOT
from squall.application.admission import deployed
from squall.domain.history.analytics import COLUMNS
from squall.errors import Unavailable
from squall.handlers import report
from squall.reporting import page
from tests.fakes.publishing import publish, retire
from tests.fakes.world import FakeWorld
from tests.workflow.endings import ID, unavailable
from tests.workflow.reports.test_report import last_event
from tests.workflow.walk import Walk


@pytest.fixture(autouse=True)
def charting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "VENDOR", UPLOT / "dist")


def test_published_experiments_that_could_start_count_as_never_run_types_do(
    walk: Walk, world: FakeWorld, known: deployed.DeployedDefinitions, experiment: dict[str, Any]
) -> None:
    slow = {**experiment, "name": "Slow network", "type": "network_latency", "parameters": {"latency_ms": 200}}
    publish(world, "slow", slow)
    publish(world, "gone", {**slow, "name": "Gone", "type": "cpu_stress", "parameters": {"load_percent": 80}})
    retire(world, "gone")
    publish(world, "elsewhere", {**slow, "name": "Elsewhere", "environment": "production"})
    walk.run({"experiment": "seed"})
    report.handler(last_event(world), None)
    assert set(period()["report"]["workloads"][0]["types"]) == {"instance_termination"}, "no policy lets published experiments run"
    known.environments["staging"]["catalogue"] = "published"
    result = period()["report"]
    assert {name: cell["state"] for name, cell in result["workloads"][0]["types"].items()} == {
        "instance_termination": "validated",
        "network_latency": "never",
    }
    assert result["never_run"] == ["Slow network"]
    assert period(filters={"environment": "production"})["report"]["never_run"] == []


def period(**asked: Any) -> dict[str, Any]:
    return report.handler({"period": {"days": 7, **asked}}, None)


def test_a_run_that_is_over_is_summarised_and_counted(walk: Walk, world: FakeWorld) -> None:
    walk.run({"experiment": "seed"})
    report.handler(last_event(world), None)
    (summary,) = world.history.of_experiment("EC2 Instance Termination Test", 5)
    assert summary.summarised
    assert summary.workload.startswith("asg/")
    assert summary.recovery_seconds is not None
    files = world.documents.files
    row = json.loads(next(body for key, body in files.items() if key.startswith("analytics/executions/environment=staging/")))
    assert (row["execution_id"], row["verdict"]) == (ID, "validated")
    measured = next((body for key, body in files.items() if key.startswith("analytics/measurements/")), "")
    assert {frozenset(json.loads(line)) for line in measured.splitlines()} <= {frozenset(COLUMNS["measurements"])}
    result = period()["report"]
    assert (result["total_experiments"], result["hypothesis_validation_rate"]) == (1, 100.0)
    assert result["workloads"][0]["types"]["instance_termination"]["state"] == "validated"


def test_a_run_whose_event_was_lost_is_summarised_by_the_report(walk: Walk, world: FakeWorld) -> None:
    walk.run({"experiment": "seed"})
    assert not world.history.of_experiment("EC2 Instance Termination Test", 1)[0].summarised
    assert period()["report"]["workloads"][0]["runs"] == 1
    assert world.history.of_experiment("EC2 Instance Termination Test", 1)[0].summarised


@pytest.mark.parametrize(
    "asked",
    [
        {"name": "../results/run-1"},
        {"name": ""},
        {"days": 0},
        {"days": float("nan")},
        {"days": 100_000},
        {"start": "2026-05-01T00:00:00"},
        {"start": "1999-01-01T00:00:00Z"},
        {"stale_days": 0},
        {"surprise": 1},
    ],
    ids=str,
)
def test_what_cannot_be_a_period_is_refused_and_nothing_is_written(walk: Walk, world: FakeWorld, asked: dict[str, Any]) -> None:
    walk.run({"experiment": "seed"})
    before = dict(world.documents.files)
    with pytest.raises(ValueError, match=next(iter(asked)) + "|longer than"):
        period(**asked)
    assert world.documents.files == before


def test_a_schedules_report_is_told_a_persons_is_not(walk: Walk, world: FakeWorld) -> None:
    walk.run({"experiment": "seed"})
    before = len(world.notifier.sent)
    files = period()["files"]
    assert len(world.notifier.sent) == before
    assert sorted(key.rsplit(".")[-1] for key in files) == ["html", "json"]
    done = period(digest=True, name="weekly")
    (message,) = world.notifier.sent[before:]
    assert "1 experiments" in message.subject
    assert done["files"][1] in message.body
    assert done["files"][1].startswith("reports/weekly/")
    assert json.loads(world.documents.files[done["files"][0]]) == done["report"]


@pytest.mark.parametrize("asked", [{"days": "many"}, {"filters": {"colour": "red"}}, {"start": "2030-01-02", "end": "2030-01-01"}], ids=str)
def test_a_period_nobody_can_mean_is_refused(walk: Walk, world: FakeWorld, asked: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        period(**asked)
    assert not [key for key in world.documents.files if key.startswith("reports/")]


@pytest.mark.parametrize("call", ["history.of_period", "documents.publish", "notifier.publish"])
def test_a_report_that_cannot_be_made_fails_so_that_it_is_retried(walk: Walk, world: FakeWorld, call: str) -> None:
    walk.run({"experiment": "seed"})
    world.failing[call] = unavailable(call)
    with pytest.raises(Unavailable):
        period(digest=True)
    del world.failing[call]
    assert period(digest=True)["report"]["total_experiments"] == 1
