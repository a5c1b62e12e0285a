"""Events that are lost, doubled, late or out of order; alarms that flap; two ends in one second; clocks two minutes
apart. Afterwards nothing is left, and the record says what happened."""

from __future__ import annotations

import random

import pytest

from tests.chaos.disorder import CAUSES, CLOCKS, POSTS, SHARE, Ballot, Played, Scene, ballots, play, poll, scenes, some, summary

SEED = 20300107
SCENES, BALLOTS = 24, 6
SHARDS = 8


@pytest.mark.parametrize("scene", some(SCENES, SEED), ids=str)
def test_whoever_ends_a_fault_and_whatever_is_heard_of_it(scene: Scene) -> None:
    played = play(scene)
    assert not played.wrong, played


@pytest.mark.parametrize("ballot", random.Random(SEED).sample(ballots(), BALLOTS), ids=str)
def test_nothing_is_injected_on_an_approval_that_came_too_late(ballot: Ballot) -> None:
    played = poll(ballot)
    assert not played.wrong, played


def test_the_sample_leaves_out_no_cause_no_post_and_no_clock() -> None:
    chosen = some(SCENES, SEED)
    assert {cause for scene in chosen for cause in scene.causes} == set(CAUSES)
    assert {scene.clocks for scene in chosen} == set(CLOCKS)
    assert {scene.shape for scene in chosen} == set(SHARE)
    assert {post for scene in chosen for post in (scene.action, scene.rule, scene.fis, scene.execution)} == set(POSTS)
    assert len(chosen) < len(scenes())


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_every_scene(shard: int) -> None:
    played: list[Played] = [play(scene) for scene in scenes()[shard::SHARDS]]
    assert [outcome for outcome in played if outcome.wrong] == [], summary(played)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_every_ballot() -> None:
    played = [poll(ballot) for ballot in ballots()]
    assert [outcome for outcome in played if outcome.wrong] == [], summary(played)
