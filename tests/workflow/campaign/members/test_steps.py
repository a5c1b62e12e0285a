"""A campaign at home whose steps run in members: started there by home's machine, seen to their ends, and put together into one
verdict. No member's bad luck leaves a step running unseen, starts one twice, or counts one as validated."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.campaign.away import LONGEST_RUN, START_WITHIN
from squall.domain.campaign.outcome import StepOutcome
from squall.domain.run.home import Member
from squall.domain.run.record import ExecutionRecord
from squall.errors import Unavailable
from tests.workflow.campaign.members.rig import AWAY, HERE, ID, Fleet, fleet
from tests.workflow.regions.rig import breach
from tests.workflow.regions.test_parts import in_the_fault

DENIED = Unavailable("sts", "AssumeRole", "AccessDenied", "the role lets home not in", retryable=False)
THERE = {"experiment": "shop", "name": "there", "member": "orders"}


def ending(it: Fleet) -> tuple[Status, Verdict | None, list[StepOutcome | None]]:
    return it.record.status, it.record.verdict, [run.outcome for run in it.record.runs]


def starts(it: Fleet, member: str = "payments") -> int:
    return len(it.members[member].walks)


def test_a_step_runs_in_the_member_and_home_has_one_verdict() -> None:
    with fleet(HERE, AWAY) as it:
        it.begin(requested_by="ada")
        it.run()
        assert ending(it) == (Status.COMPLETED, Verdict.VALIDATED, [StepOutcome.VALIDATED] * 2)
        there = it.run_in(number=2)
        assert (there.verdict, there.requested_by) == (Verdict.VALIDATED, "ada")
        assert it.home.world.records.get(it.step(2).execution_id) is None
        assert it.step(2).token == "", "a token is left"
        states = it.home.ended[ID].states
        assert (states.count("RunStep"), states.count("RunInMember"), states.count("Pause")) == (1, 1, 0)
        step = it.result.steps[1]
        assert (step.member, step.execution_arn, step.fault_type) == ("payments", there.execution_arn, there.fault_type)
        assert [row.resource_type for row in it.result.coverage] == ["aws:ec2:instance", "in payments"]
        (message,) = [each for each in it.home.world.notifier.sent if ID in each.subject or "Fleet drill" in each.subject]
        assert f"shop in payments as {there.id}" in message.body


def test_what_a_member_refutes_refutes_the_campaign_and_a_guard_there_stops_it() -> None:
    with fleet(AWAY, HERE) as it:
        in_the_fault(it.payments, lambda: breach(it.payments.world))
        it.begin()
        it.run()
        assert ending(it) == (Status.COMPLETED, Verdict.REFUTED, [StepOutcome.GUARD])
        assert "here" in [step.step for step in it.result.steps if step.execution_id is None]


def test_steps_of_several_members_run_side_by_side_and_the_next_ones_wait_for_all() -> None:
    after = {"experiment": "shop", "name": "after", "needs": ["shop", "there"]}
    with fleet(AWAY, THERE, after, side_by_side=2, pause="10m") as it:
        it.begin()
        it.run()
        first, second, third = it.record.runs
        assert ending(it)[1] is Verdict.VALIDATED
        assert first.begun_at == second.begun_at
        ends = [run.ended_at for run in (first, second) if run.ended_at]
        assert third.begun_at >= max(ends) + timedelta(minutes=10)
        assert (starts(it), starts(it, "orders")) == (1, 1)


@pytest.mark.parametrize("broken", ["locate", "start", "role"])
def test_a_member_that_answers_again_in_time_is_started_once(broken: str) -> None:
    with fleet() as it:
        failing = it.home.world.member_runs.failing
        failing[broken] = DENIED
        it.turns.clock.after(200, failing.clear)
        it.begin()
        it.run()
        assert ending(it) == (Status.COMPLETED, Verdict.VALIDATED, [StepOutcome.VALIDATED])
        assert starts(it) == 1


@pytest.mark.parametrize(("broken", "kept"), [("locate", "locate"), ("role", "role"), ("start", "start")])
def test_a_member_that_does_not_let_home_in_is_told_as_not_started(broken: str, kept: str) -> None:
    with fleet(AWAY, HERE) as it:
        it.home.world.member_runs.failing[broken] = DENIED
        it.begin()
        it.run()
        assert ending(it) == (Status.COMPLETED, Verdict.INCONCLUSIVE, [StepOutcome.FAILED])
        assert it.step().reason.startswith("it was not started in payments: sts AssumeRole: AccessDenied")
        assert it.record.ended_at
        assert it.record.ended_at - it.record.started_at <= 3 * START_WITHIN
        assert starts(it) == 0


def test_the_other_members_go_on_if_the_suite_says_so() -> None:
    with fleet(AWAY, THERE, stop_on="never") as it:
        it.payments.gone = True
        it.begin()
        it.run()
        assert ending(it)[2] == [StepOutcome.FAILED, StepOutcome.VALIDATED]
        assert it.record.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("lost", ["once", "always"])
def test_a_start_whose_answer_is_late_starts_nothing_twice(lost: str) -> None:
    with fleet() as it:
        it.home.world.member_runs.late.add("start")
        if lost == "once":
            it.turns.clock.after(30, it.home.world.member_runs.late.clear)
        it.begin()
        it.run()
        assert ending(it) == (Status.COMPLETED, Verdict.VALIDATED, [StepOutcome.VALIDATED])
        assert starts(it) == 1


def test_the_member_refuses_a_start_that_arrives_when_home_has_given_it_up() -> None:
    with fleet() as it:
        it.home.world.member_runs.failing["start"] = DENIED
        it.begin()
        it.run()
        name = it.step().execution_id
        assert it.step().outcome is StepOutcome.FAILED
        late = {"campaign": ID, "number": 1, "start_by": (it.step().begun_at + START_WITHIN).isoformat()}
        it.payments.start(name, {"experiment": "shop", "requested_by": "campaign drill", "fleet": late})
        it.run()
        stored = it.payments.world.records.items[name]
        assert stored.status is Status.REJECTED
        assert "fleet.start_by" in stored.reason
        assert not it.payments.faults()


@pytest.mark.parametrize("method", ["describe", "read", "role"])
def test_a_member_that_is_not_read_for_a_while_is_waited_for(method: str) -> None:
    with fleet() as it:
        failing = it.home.world.member_runs.failing

        def lose() -> None:
            failing[method] = DENIED
            it.turns.clock.after(3600, failing.clear)

        in_the_fault(it.payments, lose)
        it.begin()
        it.run()
        assert ending(it) == (Status.COMPLETED, Verdict.VALIDATED, [StepOutcome.VALIDATED])
        ended = it.run_in().ended_at
        assert ended
        assert it.record.ended_at
        assert it.record.ended_at - ended > timedelta(minutes=30)


def test_a_member_that_is_never_read_again_is_given_up_when_its_run_has_ended_by_itself() -> None:
    with fleet(AWAY, HERE, stop_on="never") as it:
        in_the_fault(it.payments, it.payments.leave)
        it.begin()
        it.turns.run(longest=timedelta(days=5))
        assert ending(it) == (Status.COMPLETED, Verdict.INCONCLUSIVE, [StepOutcome.UNKNOWN])
        assert it.step().reason.startswith("payments could not be read until ")
        assert it.record.ended_at
        assert timedelta() < it.record.ended_at - it.record.started_at - LONGEST_RUN < timedelta(hours=2)


def test_a_member_that_can_be_read_and_closes_no_run_any_more_is_given_up_at_the_same_time() -> None:
    with fleet(AWAY, HERE, stop_on="never") as it:
        runs = it.home.world.member_runs
        read = runs.read

        def read_unclosed(member: Member, execution_id: str) -> ExecutionRecord | None:
            stored = read(member, execution_id)
            return replace(stored, status=Status.RUNNING, verdict=None) if stored else None

        setattr(runs, "read", read_unclosed)  # noqa: B010 - mypy takes no new method
        it.begin()
        it.turns.run(longest=timedelta(days=5))
        assert ending(it) == (Status.COMPLETED, Verdict.INCONCLUSIVE, [StepOutcome.UNKNOWN])
        assert it.step().reason.startswith("nobody in payments has closed its record")
        assert it.record.ended_at
        assert timedelta() < it.record.ended_at - it.record.started_at - LONGEST_RUN < timedelta(hours=2)


def test_a_run_that_another_version_recorded_is_not_taken_for_anything() -> None:
    with fleet() as it:
        message = "the item EXECUTION#1 can't be read by this version"
        it.home.world.member_runs.failing["read"] = Unavailable("dynamodb", "GetItem", "Unreadable", message, retryable=False)
        it.begin()
        it.run()
        assert ending(it) == (Status.COMPLETED, Verdict.INCONCLUSIVE, [StepOutcome.UNKNOWN])
        assert "can't be read by this version" in it.step().reason
        assert it.run_in().verdict is Verdict.VALIDATED


def test_an_execution_of_somebody_else_under_the_name_is_no_outcome() -> None:
    with fleet() as it:
        name = f"{ID}-s001"
        it.payments.start(name, {"experiment": "shop", "requested_by": "campaign drill"})
        it.begin()
        it.run()
        assert ending(it) == (Status.COMPLETED, Verdict.INCONCLUSIVE, [StepOutcome.UNKNOWN])
        assert it.step().reason == "its name belongs to another execution in payments"


def test_a_member_that_is_halted_rejects_the_step() -> None:
    with fleet() as it:
        it.payments.host.quietly("Halt", {"reason": "the shop is down"})
        it.begin()
        it.run()
        assert ending(it) == (Status.COMPLETED, Verdict.INCONCLUSIVE, [StepOutcome.REJECTED])
        assert "the shop is down" in it.step().reason


def test_an_experiment_that_the_member_does_not_have_is_rejected_there() -> None:
    with fleet({**AWAY, "experiment": "shopp"}) as it:
        it.begin()
        it.run()
        assert ending(it)[2] == [StepOutcome.REJECTED]
        assert 'did you mean "shop"' in it.step().reason


def test_a_member_that_the_fleet_has_no_more_is_waited_for_like_one_that_is_not_reached() -> None:
    with fleet() as it:
        known = list(it.known)

        def take_out() -> None:
            it.known.clear()
            it.turns.clock.after(3600, lambda: it.known.extend(known))

        in_the_fault(it.payments, take_out)
        it.begin()
        it.run()
        assert ending(it) == (Status.COMPLETED, Verdict.VALIDATED, [StepOutcome.VALIDATED])


def test_a_campaign_that_names_no_member_of_the_fleet_is_rejected() -> None:
    with fleet({**AWAY, "member": "payment"}) as it:
        it.begin()
        it.run()
        assert it.record.status is Status.REJECTED
        assert 'steps[0].member: "payment" is no member of the fleet, did you mean "payments"?' in it.record.reason


def test_a_campaign_that_is_started_twice_starts_its_steps_once() -> None:
    with fleet() as it:
        it.begin()
        in_the_fault(it.payments, lambda: it.home.start_run("again", {"campaign": "drill"}))
        it.run()
        assert ending(it)[1] is Verdict.VALIDATED
        assert it.home.world.campaigns.items["again"].status is Status.REJECTED
        assert starts(it) == 1


def test_a_state_whose_function_fails_leaves_the_step_to_the_pulse() -> None:
    with fleet() as it:
        tried: list[int] = []

        def fail(payload: dict[str, object]) -> None:
            if "step" in payload:
                tried.append(1)
                raise Unavailable("test", "ChooseSteps", "Broken", "by the test", retryable=True)

        it.home.before["ChooseSteps"] = fail
        it.begin()
        it.run()
        assert len(tried) == 4
        assert ending(it)[2] in ([StepOutcome.FAILED], [StepOutcome.VALIDATED])
        assert starts(it) <= 1


def test_an_attempt_of_the_state_that_comes_late_leaves_no_state_waiting_for_a_token_that_nobody_has() -> None:
    """Step Functions had given the attempt up, and the next one had stored its token."""
    with fleet() as it:

        def come_late() -> None:
            event = {"run": {"id": ID}, "redrive_count": 0, "step": 1, "task_token": "of an attempt that was given up"}
            it.home.host.invoke("ChooseSteps", event)

        in_the_fault(it.payments, come_late)
        it.begin()
        it.run()
        assert ending(it) == (Status.COMPLETED, Verdict.VALIDATED, [StepOutcome.VALIDATED])
        ended = it.run_in().ended_at
        assert ended
        assert it.record.ended_at
        assert (it.record.ended_at - ended).total_seconds() <= 660
        assert starts(it) == 1
