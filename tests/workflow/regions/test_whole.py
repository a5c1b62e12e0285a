"""The whole run: home starts the parts, waits for them, and gives one verdict."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.campaign.outcome import StepOutcome
from squall.domain.campaign.result import CampaignResult
from squall.domain.regions.barrier import START_WITHIN
from tests.workflow.driver import execution_event
from tests.workflow.endings import unavailable
from tests.workflow.regions.rig import AWAY, HOME, RUN, Together, breach
from tests.workflow.regions.test_parts import PULSE, STOPPED, VALIDATED, ending, in_the_fault, is_quiet

BY_MESSAGE, BY_PULSE = timedelta(seconds=10), timedelta(seconds=70)
"""How long after the last part the whole run ends: when the part's message arrives, and when it is lost. The pulse comes once a minute."""


def wait_of_home(two: Together) -> timedelta:
    """How long after its last part the whole run has ended."""
    ends = [stack.record().ended_at for stack in two.stacks]
    assert two.whole.ended_at
    return two.whole.ended_at - max(end for end in ends if end)


def result_of(two: Together) -> CampaignResult:
    result = two.home.world.documents.get(RUN, CampaignResult)
    assert result is not None
    return result


def whole(two: Together) -> tuple[Status, Verdict | None, bool | None]:
    """How the run ended; people were told so, once."""
    record, result = two.whole, result_of(two)
    assert record.final, record
    assert record.told
    told = [message for message in two.home.world.notifier.sent if message.subject.startswith("Squall: campaign")]
    assert len(told) == 1
    assert (record.verdict or record.status).value in told[0].subject
    assert (result.status, result.verdict, result.reason) == (record.status, record.verdict, record.reason)
    return record.status, record.verdict, result.hypothesis_validated


def outcomes(two: Together) -> list[StepOutcome | None]:
    return [run.outcome for run in two.whole.runs]


def test_it_is_validated_if_both_regions_are(two: Together) -> None:
    two.begin()
    two.run()
    assert whole(two) == VALIDATED
    assert [run.step for run in two.whole.runs] == [HOME, AWAY]
    assert "eu-west-1: validated" in two.whole.reason
    assert "eu-central-1: validated" in two.whole.reason
    for run, stack in zip(two.whole.runs, two.stacks, strict=True):
        record = stack.record()
        assert run.watched_from == record.begins_at
        assert run.watched_from
        assert run.watched_until == run.watched_from + timedelta(seconds=record.observed_seconds)
    assert wait_of_home(two) <= BY_MESSAGE
    assert len(two.home.ended[RUN].states) < 20, "it sleeps on a token"


def test_faults_that_were_hardly_at_work_together_validate_nothing_about_both(two: Together) -> None:
    """One Region's record says that FIS began there when most of the fault was over elsewhere."""

    def shift(_: dict[str, Any]) -> None:
        record = two.away.record()
        assert record.fault_started_at
        late = record.fault_started_at + timedelta(seconds=record.observed_seconds * 0.6)
        two.away.world.records.items[record.id] = replace(record, fault_started_at=late)

    two.begin()
    two.away.after["Record"] = shift
    two.run()
    status, verdict, held = whole(two)
    assert (status, verdict, held) == (Status.COMPLETED, Verdict.INCONCLUSIVE, None)
    assert outcomes(two) == [StepOutcome.VALIDATED, StepOutcome.VALIDATED]
    assert "at work together for only" in two.whole.reason


@pytest.mark.parametrize("seconds", [0, 20, 40, 59])
def test_home_ends_within_a_minute_of_its_last_part_though_every_message_to_it_is_lost(two: Together, seconds: int) -> None:
    """Whenever the part ends between two pulses: the last one has read it as running, perhaps a moment before."""
    for stack in two.stacks:
        stack.world.failing["regions.ask_to_decide"] = unavailable("ask_to_decide")
    two.away.before["Record"] = lambda _: two.turns.sleep(seconds)
    two.begin()
    two.run()
    assert whole(two) == VALIDATED
    assert wait_of_home(two) <= BY_PULSE


def test_a_part_that_is_rejected_ends_the_run_without_waiting_for_a_pulse(two: Together) -> None:
    two.away.catalogue = {"shop": {**two.experiment, "hypothesis": "Another one"}}
    two.begin()
    two.run()
    assert two.whole.final
    assert wait_of_home(two) <= BY_MESSAGE


def test_a_part_that_somebody_else_closes_tells_home_too(two: Together) -> None:
    def die() -> None:
        record = two.away.record()
        two.away.kill(record.id)
        two.away.host.quietly("Watchdog", execution_event(record.execution_arn, "ABORTED", int(record.started_at.timestamp() * 1000)))

    two.away.before["Judge"] = lambda _: die()
    two.begin()
    two.run()
    assert two.whole.final
    assert wait_of_home(two) <= BY_MESSAGE


def test_people_who_can_t_be_told_do_not_keep_home_waiting(two: Together) -> None:
    two.away.world.failing["notifier.send"] = unavailable("notifier.send")
    two.begin()
    two.run()
    assert two.whole.final
    assert wait_of_home(two) <= BY_MESSAGE


@pytest.mark.parametrize("seconds", [0, 5, 60, 300])
def test_a_run_of_the_same_name_with_another_home_claims_no_part_of_it(two: Together, seconds: int) -> None:
    """The parts have the same names, whoever starts them, and name their home."""
    two.begin()
    two.turns.clock.after(seconds, lambda: two.away.start_run(RUN, {"campaign": "shop"}))
    two.run()
    homes = {part.home for stack in two.stacks if (part := stack.record().part)}
    wholes = {stack.region: stack.world.campaigns.items[RUN] for stack in two.stacks}
    assert all(whole.final for whole in wholes.values())
    for region, whole in wholes.items():
        assert whole.verdict is not Verdict.VALIDATED or homes == {region}, f"{region} claims parts of {homes}"
    is_quiet(*two.stacks)


def test_a_guard_in_one_region_makes_the_hypothesis_of_the_run_false(two: Together) -> None:
    two.begin()
    in_the_fault(two.away, lambda: breach(two.away.world))
    two.run()
    assert whole(two) == (Status.ABORTED, Verdict.ABORTED, False)
    assert outcomes(two) == [StepOutcome.STOPPED, StepOutcome.GUARD]


def test_an_operator_aborts_the_whole_run_by_its_id(two: Together) -> None:
    def abort() -> None:
        two.home.host.invoke("Abort", {"campaign_id": RUN, "reason": "enough", "requested_by": "ada"})

    two.begin()
    in_the_fault(two.home, abort)
    two.run()
    assert whole(two) == STOPPED
    assert [ending(stack) for stack in two.stacks] == [STOPPED, STOPPED]
    assert two.whole.reason.startswith("aborted by ada: enough")
    is_quiet(*two.stacks)


def test_an_operator_who_aborts_before_the_decision_starts_nobody(two: Together) -> None:
    def abort() -> None:
        two.home.host.invoke("Abort", {"campaign_id": RUN, "reason": "enough", "requested_by": "ada"})

    two.away.before["CaptureBaseline"] = lambda _: two.turns.sleep(120)
    two.begin()
    two.turns.clock.after(60, abort)
    two.run()
    assert two.whole.status is Status.ABORTED
    assert not two.home.faults()
    assert not two.away.faults()
    is_quiet(*two.stacks)


def test_a_region_that_can_t_be_asked_starts_nobody(two: Together) -> None:
    two.home.world.regions.unreachable.add(AWAY)
    two.begin()
    two.run()
    assert two.decision
    assert not two.decision.start
    assert "eu-central-1 could not be started" in two.decision.reason
    assert not two.home.faults()
    assert two.whole.status is Status.FAILED
    assert outcomes(two) == [StepOutcome.REJECTED, StepOutcome.UNKNOWN]


def test_a_start_whose_answer_is_lost_is_no_second_start(two: Together) -> None:
    lost = [True]

    def lose() -> bool:
        return lost.pop() if lost and "regions.start_part" in two.home.world.calls[-1:] else False

    two.home.world.losing["regions"] = lose
    two.begin()
    two.run()
    assert two.decision
    assert not two.decision.start, "nobody knows whether it runs, so nobody starts"
    assert not two.home.faults()
    assert not two.away.faults()
    assert two.whole.final


def test_a_region_that_is_gone_makes_the_run_fail_and_not_wait_for_ever(two: Together) -> None:
    two.begin()
    in_the_fault(two.home, two.away.leave)
    two.run()
    assert ending(two.home) == STOPPED
    assert outcomes(two) == [StepOutcome.STOPPED, StepOutcome.UNKNOWN]
    assert two.whole.status is Status.FAILED
    assert "eu-central-1 could not be read" in two.whole.reason
    is_quiet(two.home)


def test_a_region_that_can_t_be_read_is_given_up_when_its_part_is_over_by_itself(two: Together) -> None:
    """Not earlier, because its verdict may still be read then, and not later."""
    two.begin()
    in_the_fault(two.home, two.away.leave)
    two.run()
    over_by, ended_at = two.whole.over_by, two.whole.ended_at
    part = two.home.record()
    assert over_by
    assert ended_at
    assert part.fault_started_at
    assert timedelta(0) <= ended_at - over_by <= PULSE
    longest = timedelta(minutes=10 + 2 + 15 + 20)  # the fault, what stopping and the recovery may take, judging
    assert two.whole.start_by
    assert over_by == two.whole.start_by + START_WITHIN + longest
    assert f"its fault has ended by itself by {over_by:%H:%M} UTC" in two.whole.reason


def test_a_longer_fault_is_waited_for_longer(two: Together) -> None:
    two.experiment["duration_minutes"] = 120
    two.begin()
    in_the_fault(two.home, two.away.leave)
    two.run()
    assert two.whole.over_by
    assert two.whole.ended_at
    assert two.whole.ended_at >= two.whole.over_by >= two.whole.started_at + timedelta(hours=2)
    assert two.whole.status is Status.FAILED


def test_a_region_that_answers_again_in_time_is_read(two: Together) -> None:
    """Home can't read it for half an hour while its part ends."""
    lose = two.home.world.regions.unreachable

    def lose_it() -> None:
        lose.add(AWAY)
        two.turns.clock.after(1800, lose.clear)

    two.begin()
    in_the_fault(two.home, lose_it)
    two.run()
    assert outcomes(two) == [StepOutcome.STOPPED, StepOutcome.STOPPED]
    assert two.whole.status is Status.ABORTED
    assert "could not be read since" not in " ".join(run.reason for run in two.whole.runs if run.outcome is StepOutcome.UNKNOWN)


def test_once_nobody_starts_a_region_that_can_t_be_read_is_waited_for_ten_minutes(two: Together) -> None:
    two.home.world.regions.unreachable.add(AWAY)
    two.begin()
    two.run()
    assert two.decision
    assert not two.decision.start
    assert two.whole.ended_at
    assert two.whole.ended_at - two.decision.until <= timedelta(minutes=21)
    assert two.whole.status is Status.FAILED


def test_the_run_ends_if_homes_pulse_is_dead(two: Together) -> None:
    """Nobody wakes home's execution: it looks by itself. (Its own part is stopped by its peer then.)"""
    two.home.pulse = False
    two.begin()
    two.turns.run()
    assert two.whole.final
    assert two.whole.status is Status.ABORTED
    assert ending(two.away) == STOPPED


def test_whoever_stops_homes_execution_aborts_the_run(two: Together) -> None:
    def stop() -> None:
        two.home.kill(RUN)
        two.home.host.quietly("Watchdog", execution_event(two.whole.execution_arn, "ABORTED", int(two.whole.started_at.timestamp() * 1000)))

    two.begin()
    in_the_fault(two.home, stop)
    two.run()
    assert [ending(stack) for stack in two.stacks] == [STOPPED, STOPPED]
    assert two.whole.status is Status.ABORTED
    is_quiet(*two.stacks)


def test_homes_pulse_closes_the_run_if_nobody_heard_that_its_execution_died(two: Together) -> None:
    two.begin()
    in_the_fault(two.home, lambda: two.home.kill(RUN))
    two.run()
    assert [ending(stack) for stack in two.stacks] == [STOPPED, STOPPED]
    assert two.whole.final
    is_quiet(*two.stacks)


def test_a_halted_home_starts_nothing(two: Together) -> None:
    two.home.host.invoke("Halt", {"reason": "incident", "requested_by": "ada"})
    two.begin()
    two.run()
    assert two.whole.status is Status.ABORTED
    assert not two.whole.runs
    assert not two.away.world.records.items


def test_a_halt_elsewhere_stops_both(two: Together) -> None:
    two.begin()
    in_the_fault(two.away, lambda: two.away.host.invoke("Halt", {"reason": "incident", "requested_by": "ada"}))
    two.run()
    assert [ending(stack) for stack in two.stacks] == [STOPPED, STOPPED]
    assert whole(two) == STOPPED


@pytest.mark.parametrize("state", ["ChooseSteps", "AskPeople"])
def test_a_failing_home_leaves_nothing_behind(two: Together, state: str) -> None:
    """ChooseSteps never works again once the faults run: Squall has failed, and the parts are aborted."""

    def break_home() -> None:
        two.home.before["ChooseSteps"] = fail

    def fail(_: dict[str, Any]) -> None:
        raise unavailable(state)

    two.begin()
    in_the_fault(two.home, break_home)
    two.run()
    assert two.whole.final
    is_quiet(*two.stacks)


@pytest.mark.parametrize(
    ("settings", "regions", "message"),
    [
        ({"SQUALL_PEER_REGIONS": ""}, (HOME, AWAY), "this stack acts with no stack in eu-central-1"),
        ({}, ("us-east-1", AWAY), "eu-west-1, where the run would be started, is none of its Regions"),
    ],
)
def test_what_home_can_t_start_is_refused_before_anything_is(
    two: Together, settings: dict[str, str], regions: tuple[str, ...], message: str
) -> None:
    two.home.wiring = two.home.world.wiring(**{**two.home.settings, **settings})
    own = dict(two.experiment["regions"])
    two.experiment["regions"] = {region: own.get(region) or {"target_resources": ["i-0000000000000000a"]} for region in regions}
    two.begin()
    two.run()
    assert two.whole.status is Status.REJECTED
    assert message in two.whole.reason
    assert not two.away.world.records.items


def test_every_problem_of_every_region_is_told_at_once(two: Together) -> None:
    two.experiment["regions"][AWAY]["target_resources"] = []
    two.experiment["regions"][HOME]["sentinel"] = {"url": "nonsense"}
    two.begin()
    two.run()
    assert two.whole.status is Status.REJECTED
    assert "eu-central-1" in two.whole.reason
    assert "eu-west-1" in two.whole.reason
