"""The report of every ending: made after everybody was told, from what the run left, and never in anybody's way."""

from __future__ import annotations

from typing import Any

import pytest

from infra.code import UPLOT
from squall.adapters.eventbridge import DETAIL_TYPE, make_detail
from squall.application.reports.run import NotOverError
from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.run.timeline import EventName
from squall.errors import Unavailable
from squall.handlers import report
from squall.reporting import page
from tests.fakes.world import FakeWorld
from tests.workflow.driver import execution_event
from tests.workflow.endings import ID, ended, once, record_of, unavailable
from tests.workflow.walk import Walk


@pytest.fixture(autouse=True)
def charting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a staged asset has its copy of uPlot."""
    monkeypatch.setattr(page, "VENDOR", UPLOT / "dist")


def last_event(world: FakeWorld, execution_id: str = ID) -> dict[str, Any]:
    """As EventBridge delivers what Notify put on the bus."""
    record, reason = next((event, why) for event, why in reversed(world.lifecycle.events) if event.id == execution_id)
    return {"source": "squall", "detail-type": DETAIL_TYPE, "detail": make_detail(record, reason)}


def files(world: FakeWorld, execution_id: str = ID) -> dict[str, str]:
    prefix = f"results/{execution_id}/"
    return {key.removeprefix(prefix): body for key, body in world.documents.files.items() if key.startswith(prefix)}


def test_the_last_event_of_a_run_brings_its_report(walk: Walk, world: FakeWorld) -> None:
    walk.run({"experiment": "seed"})
    done = report.handler(last_event(world), None)
    assert (done["verdict"], done["environment"]) == ("validated", "staging")
    assert done["files"] == [f"results/{ID}/{name}" for name in ("report.html", "report.md", "series.csv")]
    made = files(world)
    assert '<h2 id="verdict">validated</h2>' in made["report.html"]
    assert made["report.md"].startswith("## ✅ EC2 Instance Termination Test")
    assert made["series.csv"].startswith("period_start,window,metric,value,unit\n")
    assert len(made["series.csv"].splitlines()) > 60
    assert [event.event for event in record_of(world).events][-1] == EventName.REPORTED


@pytest.mark.parametrize("payload", [{"experiment": "seed", "mode": "plan"}, {"experiment": "nobody"}, 5, {"definition": {}}], ids=str)
def test_a_run_that_injected_nothing_has_a_report_too(walk: Walk, world: FakeWorld, payload: Any) -> None:
    walk.run(payload)
    report.handler(last_event(world), None)
    assert "nothing was injected" in files(world)["report.html"]
    assert "report.md" in files(world)


def test_a_run_that_somebody_else_closed_has_one(walk: Walk, world: FakeWorld) -> None:
    walk.enter["WatchFault"] = once(walk.kill)
    done = walk.run({"experiment": "seed"})
    walk.invoke("Watchdog", execution_event(done.arn, "ABORTED", done.started_ms))
    report.handler(last_event(world), None)
    assert "ended from outside" in files(world)["report.html"]


def test_a_report_made_twice_is_said_once(walk: Walk, world: FakeWorld) -> None:
    walk.run({"experiment": "seed"})
    report.handler(last_event(world), None)
    first = files(world)
    report.handler({"execution_id": ID}, None)
    assert files(world) == first
    assert [event.event for event in record_of(world).events].count(EventName.REPORTED) == 1


def test_a_report_that_fails_is_said_and_changes_no_outcome(walk: Walk, world: FakeWorld) -> None:
    walk.run({"experiment": "seed"})
    before = files(world)
    world.failing["documents.write"] = unavailable("documents.write")
    for _ in range(3):  # as Lambda tries an event
        with pytest.raises(Unavailable):
            report.handler(last_event(world), None)
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    assert files(world) == before
    failed = [event for event in record_of(world).events if event.event == EventName.REPORT_FAILED]
    assert [event.detail for event in failed] == ["Unavailable: " + str(unavailable("documents.write"))]
    world.failing.clear()
    report.handler(last_event(world), None)
    assert "report.html" in files(world)


def test_a_run_that_is_not_over_is_refused(walk: Walk, world: FakeWorld) -> None:
    observed: list[str] = []

    def look(_: dict[str, Any]) -> None:
        with pytest.raises(NotOverError):
            report.handler({"execution_id": ID}, None)
        observed.append("refused")

    walk.before["Judge"] = look
    walk.run({"experiment": "seed"})
    assert observed == ["refused"]
    with pytest.raises(NotOverError):
        report.handler({"execution_id": "nobody"}, None)
