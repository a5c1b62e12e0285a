"""The scenes of campaigns that are played while one grant is missing: how one runs, is stopped, dies and is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.chaos.grant_scenes import Scene, catalogue, deployed, forget, policy
from tests.fakes.publishing import publish
from tests.fakes.world import FakeWorld
from tests.workflow.campaign.rig import CAMPAIGN_MACHINE, campaign_asl, campaign_death, run_campaign
from tests.workflow.endings import once
from tests.workflow.faults.test_adopted_template import foreign
from tests.workflow.walk import Walk

ID = "c"


def play_campaign(walk: Walk, experiment: str = "seed") -> None:
    """A campaign of one step. If its execution dies, the watchdog hears of it."""
    steps = [{"experiment": experiment, "name": "only"}]
    deployed().campaigns["web"] = {"name": "Web", "description": "d", "kind": "suite", "steps": steps}
    done = run_campaign(walk, {"campaign": "web"}, ID)
    if done.status != "SUCCEEDED":
        walk.quietly("Watchdog", campaign_death(done, done.status))


def good(walk: Walk, world: FakeWorld) -> None:
    play_campaign(walk)


def published(walk: Walk, world: FakeWorld) -> None:
    policy(catalogue="published")
    publish(world, "mine", deployed().catalogue["seed"])
    play_campaign(walk, "mine")


def adopted(walk: Walk, world: FakeWorld) -> None:
    world.faults.foreign["EXTtheirs"] = foreign(world)
    policy(fis_templates=["EXTtheirs"])
    catalogue(fis_template_id="EXTtheirs", target_resources=None)
    play_campaign(walk)


def started_twice(walk: Walk, world: FakeWorld) -> None:
    walk.enter["WatchFault"] = once(lambda: run_again(walk))
    play_campaign(walk)


def run_again(walk: Walk) -> None:
    run_campaign(walk, {"campaign": "web"}, "again")


def aborted(walk: Walk, world: FakeWorld) -> None:
    payload = {"campaign_id": ID, "reason": "enough", "requested_by": "ada"}
    walk.enter["WatchFault"] = once(lambda: walk.quietly("Abort", payload))
    play_campaign(walk)


def dies_in(state: str, *, heard: bool = True) -> Scene:
    """The campaign's execution is stopped, and its step goes on."""

    def scene(walk: Walk, world: FakeWorld) -> None:
        def die() -> None:
            event = walk.death(at=0)
            walk.kill(at=0)
            if heard:
                world.clock.after(2, lambda: walk.quietly("Watchdog", event))

        walk.enter[state] = once(die)
        play_campaign(walk)
        walk.pulses(4)

    return scene


def redriven(walk: Walk, world: FakeWorld) -> None:
    """Somebody redrives a campaign that was stopped before it chose its first step, before the watchdog hears of it."""
    answers: list[dict[str, Any]] = []
    walk.after["AdmitCampaign"] = answers.append
    walk.enter["ChooseSteps"] = once(walk.kill)
    deployed().campaigns["web"] = {"name": "Web", "description": "d", "kind": "suite", "steps": [{"experiment": "seed"}]}
    run_campaign(walk, {"campaign": "web"}, ID)
    walk.redrive_count = 1
    variables = {"run": answers[0]["run"], "round": 0, "failure": ""}
    walk.run({"campaign": "web"}, ID, start_at="ChooseSteps", variables=variables, machine=campaign_asl(), machine_arn=CAMPAIGN_MACHINE)


def loses_its_plan(before: str) -> Scene:
    def scene(walk: Walk, world: FakeWorld) -> None:
        walk.before[before] = lambda _: forget(world, "campaign")
        play_campaign(walk)

    return scene


def play_game_day(walk: Walk) -> None:
    """A prompt, and a step after it."""
    prompt = {"name": "ready", "prompt": "Is everybody here?", "wait": "30m"}
    steps = [prompt, {"experiment": "seed", "name": "only"}]
    deployed().campaigns["day"] = {"name": "Game day", "description": "d", "kind": "gameday", "steps": steps}
    run_campaign(walk, {"campaign": "day"}, ID)


def answered(walk: Walk, world: FakeWorld) -> None:
    payload = {"campaign_id": ID, "text": "all here", "requested_by": "ada", "answers": "ready"}
    walk.enter["AskPeople"] = once(lambda: world.clock.after(60, lambda: walk.quietly("Note", payload)))
    play_game_day(walk)


def aborted_before_it_waits(walk: Walk, world: FakeWorld) -> None:
    """The abort is older than the token, so it finds nothing to wake."""
    payload = {"campaign_id": ID, "reason": "enough", "requested_by": "ada"}
    walk.enter["AskPeople"] = once(lambda: walk.quietly("Abort", payload))
    play_game_day(walk)


OF_CAMPAIGNS: dict[str, Callable[[Walk, FakeWorld], None]] = {
    "a campaign": good,
    "a campaign of a published experiment": published,
    "a campaign of an adopted template": adopted,
    "a campaign that is started twice": started_twice,
    "a campaign that is aborted": aborted,
    "a campaign that dies in a step": dies_in("WatchFault"),
    "a campaign that dies in a step, unheard": dies_in("WatchFault", heard=False),
    "a campaign that dies before it is admitted": dies_in("AdmitCampaign"),
    "a campaign that is redriven": redriven,
    "a game day that is answered": answered,
    "a game day that is aborted before it waits": aborted_before_it_waits,
    "a campaign whose plan is lost": loses_its_plan("ChooseSteps"),
    "a campaign whose plan is lost in the end": loses_its_plan("FinishCampaign"),
}
