"""CreateTemplate's role may create templates of its run and write the document they are compared with: that is not enough."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from squall.domain.base.vocabulary import Status
from squall.domain.documents.fault import FaultTemplate
from tests.fakes.world import FakeWorld
from tests.workflow.endings import ID, ended, nothing_is_left, record_of
from tests.workflow.voting import ask_people, vote_in
from tests.workflow.walk import Walk

Change = Callable[[FakeWorld, dict[str, Any]], None]


def widen(world: FakeWorld, body: dict[str, Any]) -> None:
    """Three instances instead of the approved one."""
    (target,) = body["targets"].values()
    target["resourceArns"] = [f"{target['resourceArns'][0].rpartition('/')[0]}/{one.id}" for one in world.fleet.members("web")]


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
