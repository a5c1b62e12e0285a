"""One compromised role: what every role of the stack may write to a record, and how far that gets against the promises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from infra.permissions.attributes import ATTRIBUTES
from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.documents.result import Result
from squall.domain.run.record import ExecutionRecord
from squall.errors import Unavailable
from tests.fakes.world import FakeWorld
from tests.workflow.endings import ID, nothing_runs, record_of
from tests.workflow.walk import Walk

INPUT = {"experiment": "seed"}
DISPROVED: dict[str, Any] = {"decided_status": Status.COMPLETED, "decided_verdict": Verdict.VALIDATED, "reason": "all is well"}
Lie = Callable[[ExecutionRecord], dict[str, Any]]
LIES: dict[str, Lie] = {
    "it is over": lambda _: {"status": Status.COMPLETED},
    "it was aborted": lambda _: {"status": Status.ABORTED, "reason": "somebody aborted it"},
    "it was rejected": lambda _: {"status": Status.REJECTED},
    "it is decided": lambda _: DISPROVED,
    "this state began in the future": lambda record: {"phase_since": record.started_at + timedelta(days=3)},
    "another state is running": lambda _: {"phase": "Record"},
}
"""Attributes that every role may write: none of them is bound to a function."""


@pytest.mark.parametrize("lie", LIES)
def test_what_is_told_here_every_role_may_write(walk: Walk, world: FakeWorld, lie: str) -> None:
    walk.run(INPUT)
    assert not LIES[lie](record_of(world)).keys() & ATTRIBUTES.keys()


@pytest.mark.parametrize("state", ["CaptureBaseline", "StartFault", "WatchFault"])
@pytest.mark.parametrize("lie", LIES)
def test_a_lie_that_every_role_can_tell_leaves_no_fault_and_forges_no_verdict(walk: Walk, world: FakeWorld, lie: str, state: str) -> None:
    """After the lie the targets fail: nothing may say that the hypothesis holds because of it."""

    def tell_lie(_: dict[str, Any]) -> None:
        world.records.items[ID] = replace(record_of(world), **LIES[lie](record_of(world)))
        world.metrics.set("HTTPCode_Target_5XX_Count", 2000.0)

    walk.after[state] = tell_lie
    walk.run(INPUT)
    walk.pulses(6)
    nothing_runs(world)
    record, result = record_of(world), world.documents.get(ID, Result)
    assert record.final
    assert record.verdict is not Verdict.VALIDATED
    assert result is None or result.verdict is not Verdict.VALIDATED
    assert world.notifier.endings, "nobody was told"
    assert not [message.subject for message in world.notifier.sent if "validated" in message.subject.lower()]


@pytest.mark.parametrize("killed", [False, True], ids=["rejected later", "killed later"])
def test_a_verdict_without_a_judgement_is_a_failure(walk: Walk, world: FakeWorld, killed: bool) -> None:
    """The record says `validated` before anything was injected; then the run ends early."""

    def claim(result: dict[str, Any]) -> None:
        world.records.items[ID] = replace(record_of(world), **DISPROVED)
        if killed:
            walk.kill()
            walk.invoke("Watchdog", walk.death())
        else:
            result.update(outcome="end")

    walk.after["CaptureBaseline"] = claim
    walk.run(INPUT)
    walk.pulses(5)
    record = record_of(world)
    assert (record.status, record.verdict) == (Status.FAILED, None), record.reason
    assert "there is no judgement" in record.reason
    assert world.faults.runs == {}


@pytest.mark.parametrize(
    ("function", "change"),
    [
        ("Discover", {"template_id": "EXTother"}),
        ("Judge", {"fis_experiment_id": "EXPother"}),
        ("Compare", {"verdict": Verdict.VALIDATED}),
        ("CheckSafety", {"lock_keys": ()}),
        ("WatchFault", {"guard_names": ()}),
        ("Report", {"abort": None}),
        ("Halt", {"votes": ()}),
        ("AskApproval", {"votes": ()}),
        ("Approve", {"confirmed": ("forged",)}),
        ("StartFault", {"closed_by": "pulse"}),
    ],
)
def test_a_field_that_others_rely_on_is_refused_to_a_role_that_has_no_business_with_it(
    walk: Walk, world: FakeWorld, function: str, change: dict[str, Any]
) -> None:
    walk.run(INPUT)
    walk.running.append(function)
    with pytest.raises(Unavailable, match=f"{function} may not write {next(iter(change))}"):
        world.records.update(ID, **change)
