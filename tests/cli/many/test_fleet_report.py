"""`squall fleet report` over all accounts, also when a member is gone."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.history.collected import Mark
from squall.domain.history.summary import RunSummary
from tests.cli.conftest import Squall
from tests.cli.many.test_fleet import REPORT, FakeDoor, door, lose, stacks_of

__all__ = ["door"]

KEY = "444455556666:eu-west-1:Payments"
NOW = datetime.now(UTC)


def runs(*verdicts: Verdict) -> list[RunSummary]:
    return [
        RunSummary(
            f"run-{number}",
            NOW - timedelta(hours=number + 1),
            Status.COMPLETED,
            "latency",
            "staging",
            "network_latency",
            verdict,
            hypothesis_validated=verdict is Verdict.VALIDATED,
            ended_at=NOW - timedelta(hours=number),
            workload="asg/pay",
            summarised=True,
        )
        for number, verdict in enumerate(verdicts)
    ]


def answering(door: FakeDoor) -> None:
    report = {**REPORT, "by_status": {"completed": 4}, "by_verdict": {"validated": 3, "refuted": 1}}
    for stack in door.stacks.values():
        stack.period = {"report": report, "files": []}


def test_a_member_that_is_gone_is_reported_from_homes_copies(squall: Squall, door: FakeDoor) -> None:
    answering(door)
    door.instead = {"payments": lose}
    mark = Mark(NOW, NOW - timedelta(minutes=4))
    door.stacks["home"].copies = {KEY: (mark, runs(Verdict.VALIDATED, Verdict.REFUTED))}
    done = squall("fleet", "report", "--json")
    assert done.exit_code == 5, "not every stack answered"
    document = json.loads(done.stdout)
    assert stacks_of(done)["payments"]["outcome"] == "unreachable"
    copy = document["copies"]["payments"]
    assert (copy["report"]["total_experiments"], copy["at"], copy["complete"]) == (2, mark.at.isoformat(), True)
    fleet: dict[str, Any] = document["fleet_report"]
    assert (fleet["stacks"], fleet["total_experiments"]) == (["home", "search", "payments"], 10)
    assert (fleet["success_rate"], fleet["hypothesis_validation_rate"]) == (100.0, 70.0)
    assert [(entry["stack"], entry["workload"]) for entry in fleet["workloads"]] == [
        ("home", "asg/web"),
        ("search", "asg/web"),
        ("payments", "asg/pay"),
    ], "the weakest first"
    shown = squall("fleet", "report")
    assert "From home's copies" in shown.stdout
    assert "asg/pay" in shown.stdout
    assert "In all: 10 runs in 3 stacks, 100 % judged, 70 % validated." in shown.stderr


def test_copies_that_are_not_complete_or_missing_are_told(squall: Squall, door: FakeDoor) -> None:
    answering(door)
    door.instead = {"payments": lose}
    assert "payments: home has no copies of its runs." in squall("fleet", "report").stderr
    door.stacks["home"].copies = {KEY: (Mark(NOW, NOW, complete=False), [])}
    assert squall("fleet", "report", "--json").stdout.count('"complete": false') == 1
    assert json.loads(squall("fleet", "report", "--json").stdout)["fleet_report"]["stacks"] == ["home", "search", "payments"]


def test_a_home_whose_copies_cannot_be_read_says_so_and_the_others_are_reported(squall: Squall, door: FakeDoor) -> None:
    answering(door)
    door.instead = {"payments": lose, "home": lose}
    done = squall("fleet", "report")
    assert done.exit_code == 5
    assert "payments: home's copies of its runs could not be read: AWS cannot be reached" in " ".join(done.stderr.split())
    assert "In all: 4 runs in 1 stacks" in done.stderr


def test_a_fleet_that_answers_needs_no_copies(squall: Squall, door: FakeDoor) -> None:
    answering(door)
    done = squall("fleet", "report", "--json")
    assert (done.exit_code, json.loads(done.stdout)["copies"]) == (0, {})
