"""CreateTemplate's role may create templates of its run and write `template.json`, which describes them: that is not enough."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.documents.fault import FaultTemplate
from squall.domain.run.fis_state import ResolvedTarget
from tests.fakes.world import FakeWorld
from tests.workflow.endings import ID, Intercept, ended, fail, nothing_is_left, record_of
from tests.workflow.voting import ask_people, vote_in
from tests.workflow.walk import Walk

Change = Callable[[FakeWorld, dict[str, Any]], None]


def widen(world: FakeWorld, body: dict[str, Any]) -> None:
    """Three instances instead of the approved one."""
    (target,) = body["targets"].values()
    target["resourceArns"] = [f"{target['resourceArns'][0].rpartition('/')[0]}/{member.id}" for member in world.fleet.members("web")]


def remove_stop_conditions(_: FakeWorld, body: dict[str, Any]) -> None:
    body["stopConditions"] = [{"source": "none"}]


def take_another_role(_: FakeWorld, body: dict[str, Any]) -> None:
    body["roleArn"] = body["roleArn"].replace("staging", "production") + "-other"


def replace_template(world: FakeWorld, change: Change) -> None:
    """Another template with the run's tags, the document that describes it, and the record's `template_id`."""
    stored = world.documents.get(ID, FaultTemplate)
    assert stored is not None
    body = deepcopy(dict(stored.body))
    change(world, body)
    world.documents.put(ID, stored.model_copy(update={"body": body}))
    world.records.items[ID] = replace(record_of(world), template_id=world.faults.create_template(body, "another token"))


@pytest.mark.parametrize("change", [widen, remove_stop_conditions, take_another_role])
@pytest.mark.parametrize("state", ["FinalCheck", "StartFault"])
def test_a_template_replaced_together_with_its_document_is_not_started(walk: Walk, world: FakeWorld, state: str, change: Change) -> None:
    ask_people()
    vote_in(walk, world, 60)
    walk.before[state] = lambda _: replace_template(world, change)
    walk.run({"experiment": "seed"})
    ended(world, Status.REJECTED, None, None)
    assert world.faults.runs == {}
    nothing_is_left(world, twice=True)


STRANGER = ResolvedTarget("Instances", frozenset({"arn:aws:ec2:eu-west-1:123456789012:instance/i-stranger"}))


@pytest.mark.parametrize("asked_by", ["pulse", "StopFault"])
def test_a_document_that_names_more_targets_hides_nothing_that_fis_resolved(walk: Walk, world: FakeWorld, asked_by: str) -> None:
    """FIS resolved an instance that was not pinned, and `template.json` lists it."""

    def lie(_: object) -> None:
        stored = world.documents.get(ID, FaultTemplate)
        assert stored is not None
        body = deepcopy(dict(stored.body))
        body["targets"]["Instances"]["resourceArns"] = [name for target in (STRANGER,) for name in target.names]
        world.documents.put(ID, stored.model_copy(update={"body": body}))

    walk.after["StartFault"] = lie
    world.faults.stop_seconds = 0
    world.faults.resolved_besides = [STRANGER]
    if asked_by == "StopFault":
        hidden = (["Pulse"], "faults.resolved_targets")
        world.failing = Intercept(lambda called: fail(called) if (walk.running[-1:], called) == hidden else None)
    walk.run({"experiment": "seed"})
    record = ended(world, Status.ABORTED, Verdict.ABORTED, None)
    assert record.abort is not None
    assert record.abort.by == asked_by
    assert "i-stranger for Instances, which was not pinned" in record.reason
