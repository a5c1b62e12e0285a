"""A campaign that is stopped, or that dies, while a step has its fault. The steps are whole runs of the experiment
machine."""

from __future__ import annotations

from typing import Any

import pytest

from squall.application.campaign.finish import StepRunningError
from squall.application.stopping.abort import NotAnAbortError
from squall.application.stopping.abort_campaign import answer_abort
from squall.domain.base.vocabulary import AbortSource, Status, Verdict
from squall.domain.campaign.outcome import StepOutcome
from squall.domain.run.record import Abort
from squall.domain.run.timeline import EventName
from squall.errors import Unavailable
from tests.chaos.modes import SERVICE
from tests.fakes.world import FakeWorld
from tests.workflow.campaign.rig import VALIDATED, Ending, Steps, campaign_death, campaign_of, run_campaign
from tests.workflow.endings import Intercept, ended, nothing_is_left, nothing_runs, once, record_of, unavailable
from tests.workflow.walk import Walk

OPERATOR = Abort(AbortSource.OPERATOR, "aborted by ada: slow", None, "ada")  # type: ignore[arg-type]
STOPPED: Ending = (Status.ABORTED, Verdict.ABORTED, OPERATOR)


def test_an_abort_stops_the_fault_of_the_running_step_and_its_end_is_proven_before_the_campaign_ends(walk: Walk, world: FakeWorld) -> None:
    payload = {"campaign_id": "c", "reason": "slow", "requested_by": "ada"}
    walk.enter["WatchFault"] = once(lambda: world.clock.after(30, lambda: walk.quietly("Abort", payload)))
    run_campaign(walk, {"campaign": "web"})
    step, campaign = record_of(world, "c-s001"), campaign_of(world)
    nothing_is_left(world, "c-s001")
    assert step.happened(EventName.STOP_REQUESTED)
    assert step.fault_ended_at
    assert step.fault_started_at
    assert (step.fault_ended_at - step.fault_started_at).total_seconds() < 120
    assert (campaign.status, campaign.reason) == (Status.ABORTED, "aborted by ada: slow")
    assert [run.outcome for run in campaign.runs] == [StepOutcome.STOPPED]
    assert campaign.ended_at
    assert step.ended_at
    assert campaign.ended_at >= step.ended_at
    assert list(world.records.items) == ["c-s001"]


def test_an_abort_that_dies_before_it_reaches_the_steps_is_finished_by_the_pulse(walk: Walk, world: FakeWorld) -> None:
    def die_in_abort() -> None:
        world.failing["campaigns.get"] = unavailable()
        walk.quietly("Abort", {"campaign_id": "c", "reason": "slow", "requested_by": "ada"})
        world.failing.clear()

    walk.enter["WatchFault"] = once(lambda: world.clock.after(30, die_in_abort))
    run_campaign(walk, {"campaign": "web"})
    step, campaign = record_of(world, "c-s001"), campaign_of(world)
    nothing_is_left(world, "c-s001")
    assert step.happened(EventName.STOP_REQUESTED)
    assert step.abort is not None
    assert step.abort.reason == "aborted by the pulse: campaign c: aborted by ada: slow"
    assert step.fault_ended_at
    assert step.fault_started_at
    assert (step.fault_ended_at - step.fault_started_at).total_seconds() < 150
    assert (campaign.status, campaign.reason) == (Status.ABORTED, "aborted by ada: slow")
    assert sum(event.event == EventName.ABORT_REQUESTED for event in step.events) == 1


@pytest.mark.parametrize(("execution", "campaign"), [("c-s001", "nobody"), ("nobody", "c"), ("c-s001", "c")])
def test_an_abort_that_names_a_run_and_a_campaign_aborts_both(walk: Walk, world: FakeWorld, execution: str, campaign: str) -> None:
    answers: list[dict[str, Any]] = []
    payload = {"execution_id": execution, "campaign_id": campaign, "reason": "slow", "requested_by": "ada"}
    walk.enter["WatchFault"] = once(lambda: world.clock.after(30, lambda: answers.append(walk.invoke("Abort", payload))))
    run_campaign(walk, {"campaign": "web"})
    (answer,) = answers
    assert (answer["campaign_id"], answer["known"], answer["run"]["execution_id"]) == (campaign, campaign == "c", execution)
    step = record_of(world, "c-s001")
    nothing_is_left(world, "c-s001")
    assert step.happened(EventName.STOP_REQUESTED)
    assert (step.status, step.verdict) == (Status.ABORTED, Verdict.ABORTED)
    assert (campaign_of(world).abort is not None) is (campaign == "c")


@pytest.mark.parametrize("campaign", [5, None, ["c"]])
def test_an_abort_of_no_campaign_and_no_run_is_an_error(walk: Walk, campaign: object) -> None:
    with pytest.raises(NotAnAbortError, match="execution_id or campaign_id"):
        answer_abort(walk.world.wiring(), {"campaign_id": campaign})


@pytest.mark.parametrize(
    ("status", "heard"),
    [
        ("ABORTED", True),
        ("FAILED", False),
        pytest.param("ABORTED", False, marks=pytest.mark.soak),
        pytest.param("FAILED", True, marks=pytest.mark.soak),
    ],
)
def test_a_campaign_that_dies_aborts_its_running_step_and_ends_when_that_has_ended(
    walk: Walk, world: FakeWorld, status: str, heard: bool
) -> None:
    def die() -> None:
        walk.kill(status, at=0)
        event = walk.death(status, at=0)
        if heard:
            world.clock.after(2, lambda: walk.quietly("Watchdog", event))

    walk.enter["WatchFault"] = once(die)
    run_campaign(walk, {"campaign": "web"})
    walk.pulses(2)
    step, campaign = record_of(world, "c-s001"), campaign_of(world)
    nothing_is_left(world, "c-s001")
    assert step.abort
    assert step.abort.source is AbortSource.OUTSIDE
    assert campaign.told
    assert (campaign.status, campaign.verdict) == ((Status.ABORTED, Verdict.ABORTED) if status == "ABORTED" else (Status.FAILED, None))
    assert status in campaign.reason
    assert campaign.ended_at
    assert step.ended_at
    assert campaign.ended_at >= step.ended_at
    assert [run.outcome for run in campaign.runs] == [StepOutcome.STOPPED]
    assert world.campaigns.list_open() == []


def test_a_halt_ends_the_campaign_even_if_it_is_over_before_the_step_has_ended(walk: Walk, world: FakeWorld) -> None:
    def halt() -> None:
        walk.quietly("Halt", {"reason": "an incident"})
        world.clock.after(1, lambda: walk.quietly("Resume", {"reason": "over"}))

    walk.enter["WatchFault"] = once(halt)
    run_campaign(walk, {"campaign": "side"})
    nothing_runs(world)
    campaign = campaign_of(world)
    assert not world.halt_flag.get().engaged
    assert campaign.status is Status.ABORTED
    assert "no further step was started: " in campaign.reason
    assert [run.step for run in campaign.runs] == ["seed", "third"], "those that were started together"


def test_a_ramp_does_not_repeat_a_dose_that_somebody_has_just_aborted(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    steps.ending = lambda step, _: STOPPED
    run_campaign(walk, {"campaign": "limit"})
    assert steps.started == ["c-s001"]
    assert campaign_of(world).status is Status.ABORTED
    assert "aborted by ada: slow" in campaign_of(world).reason


def test_a_suite_goes_on_after_an_aborted_step_only_where_it_says_so(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    steps.ending = lambda step, _: STOPPED if step == "seed" else VALIDATED
    run_campaign(walk, {"campaign": "side"})
    assert [run.outcome for run in campaign_of(world).runs] == [StepOutcome.STOPPED, StepOutcome.VALIDATED]
    run_campaign(walk, {"campaign": "web"}, "d")
    assert [run.step for run in campaign_of(world, "d").runs] == ["seed"]


def test_a_campaign_does_not_end_while_a_step_may_run(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    """FinishCampaign is called although a step has a record that is not final, as after a redrive."""
    campaign: dict[str, Any] = {}

    def finish_early() -> None:
        run = campaign_of(world).runs[-1]
        walk.child = None
        world.records.items[run.execution_id] = record_of(world, "other")
        world.records.items[run.execution_id] = type(record_of(world, "other"))(
            **{
                **vars(record_of(world, "other")),
                "id": run.execution_id,
                "execution_arn": world.wiring().settings.execution_arn(run.execution_id),
                "started_at": world.clock.now(),
                "status": Status.RUNNING,
            }
        )
        with pytest.raises(StepRunningError, match="c-s001 may still run"):
            walk.invoke("FinishCampaign", {"run": campaign["run"], "redrive_count": 0, "failure": ""})
        campaign["status"] = campaign_of(world).status
        walk.child = steps

    walk.child = None
    walk.run({"experiment": "seed"}, "other")
    walk.child = steps
    walk.after["AdmitCampaign"] = campaign.update
    steps.during[1] = finish_early
    run_campaign(walk, {"campaign": "web"})
    assert campaign["status"] is Status.RUNNING


def test_a_campaign_whose_last_state_always_fails_is_told_by_the_watchdog(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    def fail(_: dict[str, Any]) -> None:
        raise ValueError

    walk.before["FinishCampaign"] = fail
    walked = run_campaign(walk, {"campaign": "web"})
    assert walked.status == "FAILED"
    assert world.notifier.sent == []
    walk.invoke("Watchdog", campaign_death(walked, "FAILED"))
    assert (campaign_of(world).status, campaign_of(world).told) == (Status.FAILED, True)
    assert [run.outcome for run in campaign_of(world).runs] == [StepOutcome.VALIDATED] * 3
    (message,) = world.notifier.sent
    assert message.subject == "Squall: campaign failed: Web"


def test_a_message_that_could_not_be_sent_is_sent_by_the_pulse(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    walk.after["ChooseSteps"] = lambda _: world.failing.update({"notifier.publish": ValueError("no topic")})
    run_campaign(walk, {"campaign": "web"})
    assert campaign_of(world).final
    assert not campaign_of(world).told
    world.failing.clear()
    walk.pulses(4)
    assert campaign_of(world).told
    assert [message.subject for message in world.notifier.sent] == ["Squall: campaign validated: Web"]


def test_a_refused_campaign_that_dies_before_it_is_told_is_still_refused(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    walk.enter["FinishCampaign"] = walk.kill
    walked = run_campaign(walk, {"campaign": "bad"})
    walk.invoke("Watchdog", campaign_death(walked))
    ended_record = campaign_of(world)
    assert (ended_record.status, ended_record.verdict) == (Status.REJECTED, None)
    assert "steps[0].experiment" in ended_record.reason


def test_the_steps_of_a_campaign_are_whole_runs(walk: Walk, world: FakeWorld) -> None:
    run_campaign(walk, {"campaign": "two", "requested_by": "ada"})
    for name in ("c-s001", "c-s002"):
        assert ended(world, Status.COMPLETED, Verdict.VALIDATED, True, name).requested_by == "ada"
        nothing_is_left(world, name)
    assert campaign_of(world).verdict is Verdict.VALIDATED


def test_a_step_that_never_ends_is_ended_by_its_own_time_limit(walk: Walk, world: FakeWorld) -> None:
    """The experiment machine ends after three days, before the campaign stops waiting for it; what it leaves is closed."""

    def expire() -> None:
        event = walk.death("TIMED_OUT")
        walk.kill("TIMED_OUT")
        world.clock.after(2, lambda: walk.quietly("Watchdog", event))

    walk.enter["WatchFault"] = once(expire)
    run_campaign(walk, {"campaign": "web"})
    step, campaign = record_of(world, "c-s001"), campaign_of(world)
    nothing_is_left(world, "c-s001")
    assert "TIMED_OUT" in step.reason
    assert [run.outcome for run in campaign.runs] == [StepOutcome.FAILED]
    assert (campaign.final, campaign.verdict) == (True, Verdict.INCONCLUSIVE)
    assert "seed" in campaign.reason
    assert list(world.records.items) == ["c-s001"], "no further step was started"


def test_without_its_table_a_campaign_starts_nothing(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    lose_table(world)
    walked = run_campaign(walk, {"campaign": "web"})
    assert (walked.status, steps.started) == ("FAILED", [])
    with pytest.raises(Unavailable):  # the alarm on the errors of the watchdog tells people
        walk.invoke("Watchdog", campaign_death(walked, "FAILED"))


def test_a_campaign_whose_table_is_gone_for_ever_leaves_no_fault_and_starts_no_further_step(walk: Walk, world: FakeWorld) -> None:
    walk.enter["WatchFault"] = once(lambda: lose_table(world))
    walked = run_campaign(walk, {"campaign": "web"})
    for death in [campaign_death(each, each.status) for each in walk.walked]:
        walk.quietly("Watchdog", death)
    walk.pulses(3)
    assert walked.status == "FAILED"
    assert (world.faults.active(), world.faults.templates) == ([], {})
    assert len(world.faults.runs) == 1
    assert "raised:Watchdog:Unavailable" in world.calls, "the alarm on its errors tells people"


def lose_table(world: FakeWorld) -> None:
    """No call of DynamoDB has an effect or an answer any more."""

    def lose(called: str) -> None:
        if called.partition(".")[0] in SERVICE["DynamoDB"]:
            raise Unavailable("dynamodb", called, "ResourceNotFoundException", "the table is gone", retryable=False)

    world.failing = Intercept(lose)
