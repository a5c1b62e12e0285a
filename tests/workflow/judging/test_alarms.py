"""Alarms of the workload as steady state and as criterion, in whole runs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from squall.domain.base.vocabulary import CriterionOutcome, Status, Verdict
from squall.errors import Unavailable
from tests.fakes.monitoring import FakeAlarm
from tests.fakes.world import FakeWorld
from tests.workflow.endings import nothing_is_left, once, record_of, result_of
from tests.workflow.walk import Walk

SENTENCE = "alarm pager does not fire"


@pytest.fixture
def pager(world: FakeWorld, experiment: dict[str, Any]) -> FakeAlarm:
    experiment["success_criteria"] = [SENTENCE]
    experiment["steady_state"] = ["alarm pager is OK"]
    world.alarms.alarms["pager"] = FakeAlarm("pager", "OK", world.clock.now() - timedelta(days=1))
    return world.alarms.alarms["pager"]


def outcome_of(world: FakeWorld) -> CriterionOutcome:
    return next(criterion.outcome for criterion in result_of(world).criteria if criterion.text == SENTENCE)


def test_an_alarm_that_stays_ok_is_met(walk: Walk, world: FakeWorld, pager: FakeAlarm) -> None:
    walk.run({"experiment": "seed"})
    assert (outcome_of(world), result_of(world).verdict) == (CriterionOutcome.MET, Verdict.VALIDATED), result_of(world).reason
    nothing_is_left(world)


def test_an_alarm_whose_history_cant_be_read_is_never_met(walk: Walk, world: FakeWorld, pager: FakeAlarm) -> None:
    world.failing["alarms.history_since"] = Unavailable("cloudwatch", "DescribeAlarmHistory", "InternalError", "down", retryable=True)
    walk.run({"experiment": "seed"})
    assert outcome_of(world) is CriterionOutcome.CANNOT_TELL
    assert result_of(world).verdict is Verdict.INCONCLUSIVE
    nothing_is_left(world)


def test_an_alarm_that_is_gone_when_it_is_judged_is_never_met(walk: Walk, world: FakeWorld, pager: FakeAlarm) -> None:
    walk.enter["Judge"] = once(lambda: world.alarms.delete(["pager"]))
    walk.run({"experiment": "seed"})
    assert outcome_of(world) is CriterionOutcome.CANNOT_TELL


@pytest.mark.parametrize("state", [None, "ALARM", "INSUFFICIENT_DATA"])
def test_an_alarm_that_is_not_known_to_be_ok_refuses_the_run(walk: Walk, world: FakeWorld, pager: FakeAlarm, state: str | None) -> None:
    if state is None:
        del world.alarms.alarms["pager"]
    else:
        pager.state = state
    walk.run({"experiment": "seed"})
    assert world.faults.runs == {}
    assert (record_of(world).status, "pager" in record_of(world).reason) == (Status.REJECTED, True), record_of(world).reason
