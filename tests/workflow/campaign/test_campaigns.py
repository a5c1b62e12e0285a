"""A campaign starts its steps one after the other, stops when it has to, and tells how it ended, whatever dies."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from squall.domain.base.vocabulary import AbortSource, Status, Verdict
from squall.domain.campaign.outcome import StepOutcome
from squall.domain.campaign.plan import CampaignPlan
from squall.domain.campaign.result import CampaignResult
from squall.domain.run.record import Abort
from squall.errors import Unavailable
from tests.fakes.world import FakeWorld
from tests.workflow.campaign.rig import (
    CAMPAIGNS,
    FAILED,
    REFUTED,
    REJECTED,
    VALIDATED,
    Ending,
    Steps,
    campaign_asl,
    campaign_death,
    campaign_of,
    outcomes,
    run_campaign,
)
from tests.workflow.walk import HISTORY_LIMIT, Walk, every_state

STATES_OF_A_STEP, EVENTS_OF_A_STEP = 6, 23
"""What a step adds to the campaign's history, if nothing pauses."""
STATES = [name for name, state in every_state(campaign_asl()["States"]).items() if state["Type"] != "Fail" and name != "RunInMember"]
"""`members/` breaks the one that only a step in a member enters."""


def test_a_suite_runs_its_steps_in_order_and_tells_people_and_machines(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    walked = run_campaign(walk, {"campaign": "web", "requested_by": "ada"})
    record = campaign_of(world)
    assert walked.error == ""
    assert (walked.status, record.status, record.verdict) == ("SUCCEEDED", Status.COMPLETED, Verdict.VALIDATED)
    assert steps.started == ["c-s001", "c-s002", "c-s003"]
    assert [event.status for event in world.campaign_events.emitted] == [Status.RUNNING, Status.COMPLETED]
    (message,) = world.notifier.sent
    assert message.subject == "Squall: campaign validated: Web"
    assert "[validated] again as c-s002" in message.body
    assert record.told
    result = world.documents.get("c", CampaignResult)
    assert result
    assert [step.outcome for step in result.steps] == [StepOutcome.VALIDATED] * 3
    assert walked.largest < 8192


def test_a_refuted_step_stops_a_suite_and_the_rest_is_said_not_to_have_run(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    steps.ending = lambda step, _: REFUTED
    run_campaign(walk, {"campaign": "web"})
    assert campaign_of(world).verdict is Verdict.REFUTED
    assert steps.started == ["c-s001"]
    result = world.documents.get("c", CampaignResult)
    assert result
    assert [(step.step, step.reason) for step in result.steps[1:]] == [
        ("again", "needs seed, which was not validated"),
        ("third", "the campaign had ended before"),
    ]


def test_steps_side_by_side_are_chosen_together(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    walked = run_campaign(walk, {"campaign": "side"})
    assert walked.states.count("RunSteps") == 2
    assert [run.step for run in campaign_of(world).runs] == ["seed", "third", "again"]


def test_a_suite_pauses_between_its_steps(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    started = world.clock.now()
    walked = run_campaign(walk, {"campaign": "pausing"})
    assert walked.states.count("Pause") == 2
    assert (world.clock.now() - started).total_seconds() >= 3 * 600 + 2 * 1800


def test_a_ramp_finds_the_dose(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    def ending(step: str, payload: dict[str, Any]) -> Ending:
        return REFUTED if int(step.removeprefix("duration ")) > 1300 else VALIDATED

    steps.ending = ending
    run_campaign(walk, {"campaign": "limit"})
    assert (campaign_of(world).verdict, campaign_of(world).reason) == (Verdict.REFUTED, "holds to duration 1200, fails from duration 1500")
    result = world.documents.get("c", CampaignResult)
    assert result
    assert result.ramp
    assert (result.ramp.holds_to, result.ramp.fails_from) == (1200, 1500)
    assert len(steps.started) <= 5


@pytest.mark.parametrize(
    ("ending", "verdict", "words"),
    [
        (
            VALIDATED,
            Verdict.VALIDATED,
            f"nothing fails in the range: it holds to duration {CAMPAIGNS['limit']['ramp']['to']}, the largest dose",
        ),
        (
            REFUTED,
            Verdict.REFUTED,
            f"everything fails in the range: it fails from duration {CAMPAIGNS['limit']['ramp']['from']}, the smallest",
        ),
    ],
)
def test_a_ramp_whose_ends_agree_says_so(walk: Walk, world: FakeWorld, steps: Steps, ending: Ending, verdict: Verdict, words: str) -> None:
    steps.ending = lambda _step, _input: ending
    run_campaign(walk, {"campaign": "limit"})
    assert (campaign_of(world).status, campaign_of(world).verdict) == (Status.COMPLETED, verdict)
    assert campaign_of(world).reason.startswith(words)
    assert words in world.notifier.sent[-1].body


def test_a_campaign_that_can_not_run_is_refused_with_every_problem(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    walked = run_campaign(walk, {"campaign": "bad"})
    record = campaign_of(world)
    assert (walked.status, record.status, steps.started) == ("SUCCEEDED", Status.REJECTED, [])
    assert "steps[0].experiment" in record.reason
    assert "steps[1].overrides.duration" in record.reason
    assert "campaign rejected" in world.notifier.sent[0].subject


def test_a_campaign_that_runs_already_is_refused(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    def second() -> None:
        walk.child, inner = None, walk.child
        run_campaign(walk, {"campaign": "web"}, "other")
        walk.child = inner

    steps.during[2] = second
    run_campaign(walk, {"campaign": "web"})
    assert campaign_of(world, "other").status is Status.REJECTED
    assert "web runs already, as c" in campaign_of(world, "other").reason
    run_campaign(walk, {"campaign": "web"}, "later")
    assert campaign_of(world, "later").verdict is Verdict.VALIDATED


def test_an_abort_starts_no_further_step_and_aborts_the_running_one(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    answers: list[dict[str, Any]] = []
    steps.during[2] = lambda: answers.append(walk.invoke("Abort", {"campaign_id": "c", "reason": "slow", "requested_by": "ada"}))
    run_campaign(walk, {"campaign": "web"})
    record = campaign_of(world)
    assert steps.started == ["c-s001", "c-s002"]
    assert (record.status, record.verdict, record.reason) == (Status.ABORTED, Verdict.ABORTED, "aborted by ada: slow")
    assert [answer["execution_id"] for answer in answers[0]["steps"]] == ["c-s002"]


def test_a_step_that_starts_while_its_campaign_is_aborted_is_rejected(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    """The abort comes after the step was chosen and before it has a record: nothing is there to be aborted yet."""
    walk.child = None
    walk.enter["RunStep"] = lambda: walk.invoke("Abort", {"campaign_id": "c", "reason": "slow", "requested_by": "ada"})
    run_campaign(walk, {"campaign": "web"})
    assert world.records.items["c-s001"].status is Status.REJECTED
    assert "the campaign starts no further step: aborted by ada: slow" in world.records.items["c-s001"].reason
    assert list(world.records.items) == ["c-s001"]
    assert campaign_of(world).status is Status.ABORTED
    walk.child = steps


@pytest.mark.parametrize(("campaign", "name"), [({"id": "c", "number": 1}, "mine"), ({"id": "nowhere", "number": 1}, "c-s001")])
def test_nobody_starts_a_step_of_a_campaign_by_hand(
    walk: Walk, world: FakeWorld, steps: Steps, campaign: dict[str, Any], name: str
) -> None:
    run_campaign(walk, {"campaign": "web"})
    walk.child = None
    world.records.items.pop("c-s001")
    world.workflow.executions.clear()
    walk.run({"experiment": "seed", "campaign": campaign}, name)
    assert world.records.items[name].status is Status.REJECTED
    walk.child = steps


def test_a_step_that_is_closed_late_is_waited_for_each_time_anew(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    """The record of each step becomes final eight minutes after its execution has ended."""
    held: dict[str, Any] = {}

    def hold_back(_: dict[str, Any]) -> None:
        for name in steps.started:
            if name not in held:
                held[name] = world.records.items.pop(name)
                world.clock.after(480, partial(world.records.items.update, {name: held[name]}))

    walk.before["ChooseSteps"] = hold_back
    run_campaign(walk, {"campaign": "web"})
    assert outcomes(world) == ["validated"] * 3


def test_a_halted_stack_starts_no_step(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    def halt() -> None:
        world.halt_flag.engage("an incident", "ada", world.clock.now())

    steps.during[1] = halt
    run_campaign(walk, {"campaign": "web"})
    record = campaign_of(world)
    assert (record.status, steps.started) == (Status.ABORTED, ["c-s001"])
    assert "no further step was started: the stack is halted" in record.reason


def test_a_step_without_a_record_is_unknown_and_stops_the_campaign(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    steps.ending = lambda step, _: None
    walked = run_campaign(walk, {"campaign": "side"})
    record = campaign_of(world)
    assert record.verdict is Verdict.INCONCLUSIVE
    assert {run.outcome for run in record.runs} == {StepOutcome.UNKNOWN}
    assert "there is no record of this execution, 10 min after it ended" in record.runs[0].reason
    assert walked.states.count("Pause") < 30


def test_a_record_of_another_definition_is_no_outcome_of_the_step(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    def forge(result: dict[str, Any]) -> None:
        for name, record in world.records.items.items():
            world.records.items[name] = type(record)(**{**vars(record), "definition_hash": "0" * 64})

    walk.enter["RunSteps"] = lambda: None
    walk.before["ChooseSteps"] = forge
    run_campaign(walk, {"campaign": "web"})
    assert outcomes(world) == ["unknown"]
    assert "another definition" in campaign_of(world).runs[0].reason


@pytest.mark.parametrize(
    ("ending", "outcome"),
    [(REJECTED, "rejected"), (FAILED, "failed"), ((Status.ABORTED, Verdict.ABORTED, Abort(AbortSource.OPERATOR, "x", None)), "stopped")],  # type: ignore[arg-type]
)
def test_what_is_no_verdict_is_never_a_pass(walk: Walk, world: FakeWorld, steps: Steps, ending: Ending, outcome: str) -> None:
    steps.ending = lambda step, _: ending
    run_campaign(walk, {"campaign": "side"})
    assert set(outcomes(world)) == {outcome}
    assert campaign_of(world).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("function", ["AdmitCampaign", "ChooseSteps", "FinishCampaign"])
def test_an_answer_that_is_lost_starts_no_step_twice_and_tells_nobody_twice(
    walk: Walk, world: FakeWorld, steps: Steps, function: str
) -> None:
    lost: set[int] = set()

    def lose(result: dict[str, Any]) -> None:
        rounds = len(campaign_of(world).runs)
        if rounds not in lost:
            lost.add(rounds)
            raise Unavailable("test", "Invoke", "Lost", "the answer was lost", retryable=True)

    walk.after[function] = lose
    run_campaign(walk, {"campaign": "web"})
    assert lost
    assert steps.started == ["c-s001", "c-s002", "c-s003"]
    assert campaign_of(world).verdict is Verdict.VALIDATED
    assert len(world.notifier.sent) == 1


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("status", ["ABORTED", *(pytest.param(status, marks=pytest.mark.soak) for status in ("FAILED", "TIMED_OUT"))])
def test_a_campaign_that_dies_anywhere_starts_no_further_step_and_is_closed_and_told(
    walk: Walk, world: FakeWorld, steps: Steps, state: str, status: str
) -> None:
    campaign = {"Pause": "pausing", "AskPeople": "day"}.get(state, "web")
    walk.enter[state] = lambda: walk.kill(status)
    walked = run_campaign(walk, {"campaign": campaign})
    started = list(steps.started)
    assert walked.status == status
    walk.invoke("Watchdog", campaign_death(walked, status))
    walk.invoke("Watchdog", campaign_death(walked, status))  # events are delivered at least once
    record = campaign_of(world)
    assert record.final
    assert record.told
    assert len(world.notifier.sent) == 1
    assert record.verdict is not Verdict.VALIDATED or state == "Done"
    assert steps.started == started
    if record.runs and record.runs[-1].execution_id not in world.records.items:  # chosen, and perhaps about to start
        walk.child = None
        walk.enter.clear()
        walk.run({"experiment": "seed", "campaign": {"id": "c", "number": len(record.runs)}}, record.runs[-1].execution_id)
        assert world.records.items[record.runs[-1].execution_id].status is Status.REJECTED
        walk.child = steps


def test_each_step_adds_the_same_states_and_events(walk: Walk, steps: Steps) -> None:
    small = run_campaign(walk, {"campaign": "of 5"}, "small")
    large = run_campaign(walk, {"campaign": "of 10"}, "large")
    assert (len(large.states) - len(small.states), large.events - small.events) == (5 * STATES_OF_A_STEP, 5 * EVENTS_OF_A_STEP)


@pytest.mark.soak
def test_five_hundred_steps_stay_within_the_limit_of_a_history(walk: Walk, steps: Steps) -> None:
    few = run_campaign(walk, {"campaign": "of 10"}, "few")
    many = run_campaign(walk, {"campaign": "of 500"}, "many")
    assert many.status == "SUCCEEDED"
    assert len(steps.started) == 510
    assert len(many.states) - len(few.states) == 490 * STATES_OF_A_STEP
    assert many.events - few.events == 490 * EVENTS_OF_A_STEP
    assert many.events < HISTORY_LIMIT / 2
    assert many.largest < 8192


def test_a_limit_that_falls_from_one_campaign_to_the_next_is_a_finding(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    limit = [1500]
    steps.ending = lambda step, _: VALIDATED if " " not in step or int(step.split()[1]) <= limit[0] else REFUTED
    run_campaign(walk, {"campaign": "limit"}, "first")
    run_campaign(walk, {"campaign": "web"}, "another")
    limit[0] = 900
    run_campaign(walk, {"campaign": "limit"}, "second")
    first, second = world.documents.get("first", CampaignResult), world.documents.get("second", CampaignResult)
    assert first
    assert second
    assert (first.comparison, first.findings) == ("", ())
    assert campaign_of(world, "second").previous == "first"
    assert second.comparison == "the limit has fallen: duration 1500 held in first, and 1200 fails now"
    (finding,) = second.findings
    assert (finding.kind, finding.evidence.threshold, finding.evidence.value) == ("limit_fell", 1500, 1200)
    assert "medium: The limit of duration has fallen" in world.notifier.sent[-1].body


def test_a_campaign_without_an_answer_is_passed_over(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    steps.ending = lambda step, _: VALIDATED
    run_campaign(walk, {"campaign": "limit"}, "first")
    steps.ending = lambda step, _: FAILED
    run_campaign(walk, {"campaign": "limit"}, "failed")
    steps.ending = lambda step, _: REFUTED
    run_campaign(walk, {"campaign": "limit"}, "third")
    assert [getattr(world.documents.get(name, CampaignResult), "comparison", None) for name in ("first", "failed")] == ["", ""]
    third = world.documents.get("third", CampaignResult)
    assert third
    assert "2400 held in first, and 600 fails now" in third.comparison


def test_a_last_campaign_that_can_not_be_read_delays_no_ending(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    run_campaign(walk, {"campaign": "limit"}, "first")
    plan = world.documents.get("first", CampaignPlan)
    assert plan
    world.documents.put("first", plan.model_copy(update={"steps": plan.steps[:-1]}))
    run_campaign(walk, {"campaign": "limit"}, "second")
    second = world.documents.get("second", CampaignResult)
    assert second
    assert second.comparison == "not compared with first: its plan is not the one that was admitted"
    assert second.verdict is Verdict.VALIDATED
