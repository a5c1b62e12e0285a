"""What FIS starts is what was checked: a template that somebody edits or swaps injects nothing, or is stopped at once."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from squall.domain.base.vocabulary import AbortSource, Status, Verdict
from squall.domain.run.fis_state import ResolvedTarget
from squall.domain.run.timeline import EventName
from squall.domain.safety.fis_template import CHECKED_TAG
from squall.errors import Refused, Unavailable
from tests.fakes.world import FakeWorld
from tests.workflow.endings import ID, Intercept, ended, fail, is_settled, nothing_is_left, once, record_of, unavailable
from tests.workflow.walk import Walk

INPUT = {"experiment": "seed"}


def edit(world: FakeWorld) -> None:
    """Three instances instead of one, and nothing that stops the fault."""
    template_id = record_of(world).template_id
    assert template_id is not None
    body: dict[str, Any] = deepcopy(dict(world.faults.templates[template_id]))
    (target,) = body["targets"].values()
    target["resourceArns"] = [f"{target['resourceArns'][0].rpartition('/')[0]}/{member.id}" for member in world.fleet.members("web")]
    world.faults.templates[template_id] = {**body, "stopConditions": [{"source": "none"}]}


def swap(world: FakeWorld) -> None:
    """The record points at a template of another run of the stack."""
    template_id = record_of(world).template_id
    assert template_id is not None
    body = world.faults.templates[template_id]
    other = world.faults.create_template({**body, "tags": {**body["tags"], "squall:execution": "run-2"}}, "another run's token")
    world.records.items[ID] = replace(record_of(world), template_id=other)


def rejected(world: FakeWorld, *words: str) -> None:
    record = ended(world, Status.REJECTED, None, None)
    for word in words:
        assert word in record.reason, record.reason
    assert world.faults.runs == {}


@pytest.mark.parametrize("state", ["FinalCheck", "StartFault"])
def test_a_template_that_was_edited_is_not_started(walk: Walk, world: FakeWorld, state: str) -> None:
    walk.before[state] = lambda _: edit(world)
    walk.run(INPUT)
    rejected(world, "stopConditions", "resourceArns")
    nothing_is_left(world, twice=True)
    is_settled(world)


def test_only_a_template_that_passed_final_check_can_be_started(walk: Walk, world: FakeWorld) -> None:
    """Whatever the state machine does: IAM refuses StartFault a template without FinalCheck's tag."""

    def untag(_: object) -> None:
        for key, body in world.faults.templates.items():
            world.faults.templates[key] = {**body, "tags": {name: value for name, value in body["tags"].items() if name != CHECKED_TAG}}

    walk.before["StartFault"] = untag
    walk.run(INPUT)
    assert world.faults.runs == {}
    assert "AccessDeniedException" in ended(world, Status.FAILED, None, None).reason
    nothing_is_left(world, twice=True)


@pytest.mark.parametrize("seconds", [1, 40])
def test_a_tag_that_counts_late_delays_the_start(walk: Walk, world: FakeWorld, seconds: int) -> None:
    """Every check is made again before the next attempt."""
    world.faults.refuse_start = Refused("fis", "StartExperiment", "AccessDeniedException", "is not authorized")
    known = once(lambda: world.clock.after(seconds, lambda: setattr(world.faults, "refuse_start", None)))
    walk.after["FinalCheck"] = lambda _: known()
    done = walk.run(INPUT)
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    assert done.states.count("FinalCheck") == done.states.count("StartFault") > 1
    nothing_is_left(world)


@pytest.mark.parametrize("call", ["faults.template", "faults.mark_checked"])
@pytest.mark.parametrize("seconds", [40, 3600])
def test_iam_may_take_a_minute_to_know_the_tag_of_a_new_template(walk: Walk, world: FakeWorld, call: str, seconds: int) -> None:
    def deny() -> None:
        world.failing[call] = Unavailable("fis", call, "AccessDeniedException", "is not authorized", retryable=False)
        world.clock.after(seconds, world.failing.clear)

    denied = once(deny)
    walk.before["FinalCheck"] = lambda _: denied()
    done = walk.run(INPUT)
    assert done.states.count("FinalCheck") > 10
    if seconds == 40:
        ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    else:
        status = Status.REJECTED if call == "faults.template" else Status.FAILED
        assert ended(world, status, None, None).reason
        assert done.states.count("FinalCheck") < 25
        assert world.faults.runs == {}
    nothing_is_left(world)


@pytest.mark.parametrize("state", ["FinalCheck", "StartFault"])
def test_another_run_s_template_is_not_started(walk: Walk, world: FakeWorld, state: str) -> None:
    walk.before[state] = lambda _: swap(world)
    walk.run(INPUT)
    rejected(world, 'tag squall:execution is "run-2", compiled was "run-1"')


def test_what_was_edited_in_the_last_moment_is_stopped_at_once_and_told(walk: Walk, world: FakeWorld) -> None:
    """Between the comparison and the start."""
    world.faults.stop_seconds = 0
    edits = once(lambda: edit(world))
    world.failing = Intercept(lambda called: edits() if called == "faults.start" else None)
    walk.run(INPUT)
    record = ended(world, Status.ABORTED, Verdict.ABORTED, None)
    assert record.abort is not None
    assert record.abort.source is AbortSource.OUTSIDE
    assert "FIS started something other than what was checked" in record.reason
    (run,) = world.faults.runs.values()
    assert run.experiment.status == "stopped"
    assert run.experiment.started_at is not None
    assert run.experiment.ended_at == run.experiment.started_at, "stopped in the moment it was started"
    assert "something other than what was checked" in world.notifier.sent[-1].body
    nothing_is_left(world, twice=True)


STRANGER = ResolvedTarget("Instances", frozenset({"arn:aws:ec2:eu-west-1:123456789012:instance/i-stranger"}))


def test_a_fault_that_fis_resolved_for_more_than_was_pinned_is_stopped_by_the_next_pulse(walk: Walk, world: FakeWorld) -> None:
    world.faults.stop_seconds = 0
    world.faults.resolved_besides = [STRANGER]
    walk.run(INPUT)
    record = ended(world, Status.ABORTED, Verdict.ABORTED, None)
    assert record.abort is not None
    assert (record.abort.source, record.abort.by) == (AbortSource.OUTSIDE, "pulse")
    assert "i-stranger for Instances, which was not pinned" in record.reason
    (run,) = world.faults.runs.values()
    assert run.experiment.started_at is not None
    assert run.experiment.ended_at is not None
    assert run.experiment.ended_at - run.experiment.started_at <= timedelta(seconds=61)
    nothing_is_left(world, twice=True)


def test_what_only_the_end_of_the_fault_reveals_is_no_validated_run(walk: Walk, world: FakeWorld) -> None:
    """FIS could not be asked while the fault ran."""
    world.faults.resolved_besides = [STRANGER]
    hidden = (["Pulse"], "faults.resolved_targets")
    world.failing = Intercept(lambda called: fail(called) if (walk.running[-1:], called) == hidden else None)
    walk.run(INPUT)
    record = ended(world, Status.ABORTED, Verdict.ABORTED, None)
    assert record.abort is not None
    assert (record.abort.source, record.abort.by) == (AbortSource.OUTSIDE, "StopFault")


def test_a_run_whose_resolved_targets_cannot_be_read_says_so(walk: Walk, world: FakeWorld) -> None:
    world.failing["faults.resolved_targets"] = unavailable("faults.resolved_targets")
    walk.run(INPUT)
    record = ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    assert record.happened(EventName.RESOLVED_TARGETS_UNKNOWN)


def test_a_template_that_cannot_be_read_is_not_started(walk: Walk, world: FakeWorld) -> None:
    world.failing["faults.template"] = unavailable("faults.template")
    walk.run(INPUT)
    rejected(world, "fis_template_unchanged", "could not be compared")


def test_a_template_that_cannot_be_read_right_before_the_start_is_not_started(walk: Walk, world: FakeWorld) -> None:
    world.failing = Intercept(lambda called: fail(called) if (walk.running[-1:], called) == (["StartFault"], "faults.template") else None)
    walk.run(INPUT)
    assert "Squall failed" in ended(world, Status.FAILED, None, None).reason
    assert world.faults.runs == {}
    nothing_is_left(world, twice=True)
