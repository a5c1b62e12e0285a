"""A game day: experiments with prompts to people in between. Whatever people do or don't, it ends, told, with nothing left
running."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.campaign.outcome import PromptOutcome
from squall.domain.campaign.record import MOST_NOTES
from squall.domain.campaign.result import CampaignResult
from tests.fakes.world import FakeWorld
from tests.workflow.campaign.rig import Steps, campaign_death, campaign_of, outcomes, run_campaign
from tests.workflow.endings import once, unavailable
from tests.workflow.walk import Walk


def say(walk: Walk, text: str, answers: str = "", **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = walk.invoke("Note", {"campaign_id": "c", "text": text, "requested_by": "ada", "answers": answers, **more})
    return answer


def answer_after(walk: Walk, world: FakeWorld, seconds: float = 60, *, stops: bool = False) -> Callable[[], None]:
    """Somebody answers each prompt so many seconds after it is shown."""

    def answer() -> None:
        asked = campaign_of(world).open_prompt
        assert asked
        say(walk, f"answer to {asked.step}", asked.step, stops=stops)

    return lambda: world.clock.after(seconds, answer)


def prompts(world: FakeWorld) -> dict[str, PromptOutcome | None]:
    return {prompt.step: prompt.outcome for prompt in campaign_of(world).prompts}


def test_it_goes_on_as_soon_as_somebody_answers(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    walk.enter["AskPeople"] = answer_after(walk, world)
    done = run_campaign(walk, {"campaign": "day"})
    record = campaign_of(world)
    assert (record.status, record.verdict) == (Status.COMPLETED, Verdict.VALIDATED)
    assert record.reason == "2 steps: 2 validated; 2 of 2 prompts answered"
    assert outcomes(world) == ["validated", "validated"]
    assert prompts(world) == {"ready": PromptOutcome.ANSWERED, "seen": PromptOutcome.ANSWERED}
    assert all(prompt.ended_at and prompt.ended_at - prompt.asked_at < timedelta(minutes=2) for prompt in record.prompts)
    assert [note.by for note in record.notes] == ["ada", "ada"]
    assert record.task_token == ""
    assert done.states.count("AskPeople") == 2, "waiting enters no further state"
    result = world.documents.get("c", CampaignResult)
    assert result
    assert [(note.text, note.answers) for note in result.notes] == [("answer to ready", "ready"), ("answer to seen", "seen")]
    assert [prompt.prompt for prompt in result.prompts] == ["Is everybody here?", "What did you see?"]


def test_nobody_answers_and_nothing_further_starts(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    done = run_campaign(walk, {"campaign": "day"})
    record = campaign_of(world)
    assert (record.status, record.verdict) == (Status.COMPLETED, Verdict.INCONCLUSIVE)
    assert record.reason.endswith("2 not run; 0 of 2 prompts answered; stopped at the prompt ready: nobody answered")
    assert prompts(world) == {"ready": PromptOutcome.UNANSWERED}
    assert steps.started == []
    assert record.told
    assert done.states.count("ChooseSteps") == 2, "waiting for half an hour enters as many states as waiting for a minute"


def test_nobody_answers_a_prompt_that_says_go_on(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    walk.enter["AskPeople"] = once(answer_after(walk, world))
    run_campaign(walk, {"campaign": "day"})
    assert prompts(world) == {"ready": PromptOutcome.ANSWERED, "seen": PromptOutcome.UNANSWERED}
    assert outcomes(world) == ["validated", "validated"]
    assert campaign_of(world).reason == "2 steps: 2 validated; 1 of 2 prompts answered"


def test_somebody_answers_stop(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    walk.enter["AskPeople"] = answer_after(walk, world, stops=True)
    run_campaign(walk, {"campaign": "day"})
    assert prompts(world) == {"ready": PromptOutcome.STOPPED}
    assert steps.started == []
    assert campaign_of(world).verdict is Verdict.INCONCLUSIVE
    assert "somebody answered that no further step starts" in campaign_of(world).reason


def test_an_abort_ends_the_wait_at_once(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    payload = {"campaign_id": "c", "reason": "an incident", "requested_by": "ada"}
    walk.enter["AskPeople"] = lambda: world.clock.after(60, lambda: walk.quietly("Abort", payload))
    run_campaign(walk, {"campaign": "day"})
    record = campaign_of(world)
    assert (record.status, record.reason) == (Status.ABORTED, "aborted by ada: an incident")
    assert record.ended_at
    assert record.ended_at - record.started_at < timedelta(minutes=5)
    assert prompts(world) == {"ready": PromptOutcome.BROKEN_OFF}
    assert steps.started == []


def test_an_abort_that_could_not_wake_the_wait_is_finished_by_the_pulse(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    def abort() -> None:
        world.failing["workflow.wake"] = unavailable()
        walk.quietly("Abort", {"campaign_id": "c", "reason": "an incident", "requested_by": "ada"})
        world.failing.clear()

    walk.pulse = True
    walk.enter["AskPeople"] = lambda: world.clock.after(60, abort)
    run_campaign(walk, {"campaign": "day"})
    record = campaign_of(world)
    assert record.status is Status.ABORTED
    assert record.ended_at
    assert record.ended_at - record.started_at < timedelta(minutes=5)


@pytest.mark.parametrize("resumed", [False, True])
def test_after_a_halt_an_answer_starts_nothing_while_it_is_engaged(walk: Walk, world: FakeWorld, steps: Steps, *, resumed: bool) -> None:
    def halt_and_answer() -> None:
        walk.quietly("Halt", {"reason": "an incident"})
        if resumed:
            walk.quietly("Resume", {"reason": "over"})
        say(walk, "go", "ready")

    walk.enter["AskPeople"] = once(lambda: world.clock.after(60, halt_and_answer))
    run_campaign(walk, {"campaign": "day"})
    assert bool(steps.started) is resumed
    assert campaign_of(world).status is (Status.COMPLETED if resumed else Status.ABORTED)


@pytest.mark.parametrize("status", ["ABORTED", "TIMED_OUT", "FAILED"])
def test_the_execution_dies_while_it_waits(walk: Walk, world: FakeWorld, steps: Steps, status: str) -> None:
    walk.enter["AskPeople"] = lambda: world.clock.after(60, lambda: walk.kill(status))
    done = run_campaign(walk, {"campaign": "day"})
    assert done.status == status
    walk.quietly("Watchdog", campaign_death(done, status))
    record = campaign_of(world)
    assert record.final
    assert record.told
    assert prompts(world) == {"ready": PromptOutcome.BROKEN_OFF}
    refused = say(walk, "too late", "ready")
    assert (refused["recorded"], steps.started) == (False, [])


def test_an_answer_before_the_token_is_stored_is_not_lost(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    walk.enter["AskPeople"] = once(lambda: say(walk, "quick", "ready"))
    run_campaign(walk, {"campaign": "day"})
    first = campaign_of(world).prompts[0]
    assert first.outcome is PromptOutcome.ANSWERED
    assert first.ended_at == first.asked_at or (first.ended_at and first.ended_at - first.asked_at < timedelta(minutes=1))


def test_the_first_answer_counts_and_a_second_one_is_refused(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    said: list[dict[str, Any]] = []

    def twice() -> None:
        said.extend([say(walk, "go", "ready"), say(walk, "stop", "ready", stops=True)])

    walk.enter["AskPeople"] = once(lambda: world.clock.after(60, twice))
    run_campaign(walk, {"campaign": "day"})
    assert [answer["recorded"] for answer in said] == [True, False]
    assert prompts(world)["ready"] is PromptOutcome.ANSWERED


def test_a_note_is_taken_at_any_time_and_starts_nothing(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    def see() -> None:
        say(walk, "the dashboard is red")

    steps.during[1] = see
    walk.enter["AskPeople"] = answer_after(walk, world)
    run_campaign(walk, {"campaign": "day"})
    assert say(walk, "a thought from afterwards")["recorded"]
    texts = [note.text for note in campaign_of(world).notes]
    assert texts == ["answer to ready", "the dashboard is red", "answer to seen", "a thought from afterwards"]
    assert steps.started == ["c-s001", "c-s002"]


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ({"campaign_id": "nobody", "text": "x"}, "no such campaign"),
        ({"campaign_id": "c", "text": "  "}, "a note has a text"),
        ({"campaign_id": "c", "text": "x", "answers": "ready"}, "nothing any more"),
    ],
)
def test_what_can_not_be_recorded_says_why(walk: Walk, world: FakeWorld, steps: Steps, payload: dict[str, Any], words: str) -> None:
    run_campaign(walk, {"campaign": "day"})
    answer = walk.invoke("Note", payload)
    assert answer["recorded"] is False
    assert words in answer["message"]


def test_a_campaign_has_a_bounded_number_of_notes_of_bounded_length(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    run_campaign(walk, {"campaign": "two"})
    recorded = [say(walk, "ä" * 5000)["recorded"] for _ in range(MOST_NOTES + 2)]
    assert recorded.count(True) == MOST_NOTES
    assert all(len(note.text.encode()) <= 400 for note in campaign_of(world).notes)
