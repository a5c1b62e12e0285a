"""A prompt of a game day tells people: once, once more shortly before its wait ends, and at the end who answered. Whatever
keeps a message from them, the day goes on and they are told later."""

from __future__ import annotations

import shlex
from datetime import timedelta

import pytest

from squall.domain.base.vocabulary import Status
from squall.domain.campaign.outcome import PromptOutcome
from tests.fakes.messages import Sent
from tests.fakes.world import FakeWorld
from tests.workflow.campaign.rig import Steps, campaign_of, run_campaign
from tests.workflow.campaign.test_gameday import answer_after, say
from tests.workflow.endings import once, unavailable
from tests.workflow.walk import Walk


def asking(world: FakeWorld) -> list[Sent]:
    """The messages that ask people."""
    return [sent for sent in world.notifier.sent if "answer" in sent.subject]


def test_people_are_asked_once_with_the_command_that_answers(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    walk.pulse = True
    walk.enter["AskPeople"] = answer_after(walk, world)
    run_campaign(walk, {"campaign": "day", "requested_by": "ada"})
    assert [sent.subject for sent in asking(world)] == ["Squall: answer needed: Game day"] * 2
    first, second = asking(world)
    assert "Game day asks: Is everybody here?" in first.body
    assert "without an answer no further step starts" in first.body
    assert "After an answer: seed starts, with the fault " in first.body
    command = next(line for line in first.body.splitlines() if "--step ready" in line)
    assert shlex.split(command)[:7] == ["squall", "campaign", "answer", "c", "…", "--step", "ready"]
    assert "without an answer the next step follows" in second.body
    assert "After an answer: again starts" in second.body
    assert first.attributes == {"status": "running", "verdict": "none", "campaign": "day"}


def test_machines_get_an_event_with_the_same_command(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    walk.enter["AskPeople"] = answer_after(walk, world)
    run_campaign(walk, {"campaign": "day"})
    asked = world.campaign_events.asked
    assert [(event["campaign_id"], event["prompt"], event["question"], event["again"]) for event in asked] == [
        ("c", "ready", "Is everybody here?", False),
        ("c", "seen", "What did you see?", False),
    ]
    first = campaign_of(world).prompts[0]
    assert (event := asked[0])["until"] == first.until.isoformat()
    assert str(event["command"]) in asking(world)[0].body


def test_without_an_answer_they_are_asked_again_before_the_wait_ends(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    walk.pulse = True
    run_campaign(walk, {"campaign": "day"})
    assert [sent.subject for sent in asking(world)] == ["Squall: answer needed: Game day", "Squall: still no answer: Game day"]
    assert "Nobody has answered yet. It waits until" in asking(world)[1].body
    assert [event["again"] for event in world.campaign_events.asked] == [False, True]
    prompt = campaign_of(world).prompts[0]
    assert prompt.reminded_at
    left = prompt.until - prompt.reminded_at
    assert timedelta(minutes=3) <= left <= timedelta(minutes=5)


def test_a_short_wait_is_told_of_once(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    walk.pulse = True
    run_campaign(walk, {"campaign": "brief"})
    assert len(asking(world)) == 1


def test_who_answered_is_in_the_last_message(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    walk.enter["AskPeople"] = once(answer_after(walk, world))
    run_campaign(walk, {"campaign": "day"})
    last = world.notifier.sent[-1].body
    assert "[answered] ready: Is everybody here?" in last
    assert "ada: answer to ready" in last
    assert "[nobody answered] seen: What did you see?" in last


def test_a_message_that_can_not_be_sent_is_sent_by_the_pulse(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    def break_for_two_minutes() -> None:
        world.failing["notifier.publish"] = unavailable()
        world.clock.after(100, world.failing.clear)

    walk.pulse = True
    walk.enter["AskPeople"] = once(break_for_two_minutes)
    run_campaign(walk, {"campaign": "day"})
    assert asking(world)[0].subject == "Squall: answer needed: Game day"
    told_at = campaign_of(world).prompts[0].told_at
    assert told_at
    assert timedelta(seconds=100) <= told_at - campaign_of(world).prompts[0].asked_at <= timedelta(minutes=4)


def test_an_event_that_can_not_be_put_keeps_nobody_from_the_message(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    world.failing["campaign_events.ask"] = unavailable()
    walk.pulse = True
    walk.enter["AskPeople"] = answer_after(walk, world)
    run_campaign(walk, {"campaign": "day"})
    assert len(asking(world)) == 2
    assert campaign_of(world).status is Status.COMPLETED


def test_a_note_at_the_same_moment_does_not_repeat_the_message(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    publish = world.notifier.publish

    def publish_while_somebody_writes(message: object) -> str:
        say(walk, "the dashboard is red")
        return publish(message)  # type: ignore[arg-type]

    world.notifier.publish = publish_while_somebody_writes  # type: ignore[method-assign]
    walk.pulse = True
    walk.enter["AskPeople"] = answer_after(walk, world, seconds=200)
    run_campaign(walk, {"campaign": "day"})
    assert len(asking(world)) == 2
    assert [note.text for note in campaign_of(world).notes if not note.answers].count("the dashboard is red") >= 2


@pytest.mark.parametrize("stopped", ["Abort", "answered"])
def test_nobody_is_asked_again_when_the_prompt_is_over(walk: Walk, world: FakeWorld, steps: Steps, stopped: str) -> None:
    def end() -> None:
        if stopped == "Abort":
            walk.quietly("Abort", {"campaign_id": "c", "reason": "an incident", "requested_by": "ada"})
        else:
            say(walk, "stop", "ready", stops=True)

    walk.pulse = True
    walk.enter["AskPeople"] = lambda: world.clock.after(60, end)
    run_campaign(walk, {"campaign": "day"})
    walk.pulses(30)
    assert len(asking(world)) == 1
    assert campaign_of(world).prompts[0].outcome in {PromptOutcome.BROKEN_OFF, PromptOutcome.STOPPED}
