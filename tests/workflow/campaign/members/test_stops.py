"""One stop for a campaign over members: whoever stops it, the runs in the members are aborted by the members' own functions, and home
goes on asking until each has ended. If home is dead, each run ends by itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from squall.domain.base.vocabulary import AbortSource, Status, Verdict
from squall.domain.campaign.outcome import StepOutcome
from squall.domain.run.record import Abort
from squall.errors import Unavailable
from tests.workflow.campaign.members.rig import AWAY, HERE, ID, Fleet, fleet
from tests.workflow.campaign.members.test_steps import DENIED, THERE, ending, starts
from tests.workflow.regions.test_parts import in_the_fault


def ask_abort(it: Fleet) -> dict[str, Any]:
    answer: dict[str, Any] = it.home.host.invoke("Abort", {"campaign_id": ID, "reason": "enough", "requested_by": "ada"})
    return answer


def no_fault_runs(it: Fleet) -> None:
    for stack in (it.home, *it.members.values()):
        assert stack.world.faults.active() == [], stack.region
        assert [id_ for id_, record in stack.world.records.items.items() if not record.final] == [], stack.region


def test_an_abort_stops_the_run_in_the_member_and_the_campaign_ends_when_it_has_ended() -> None:
    with fleet(AWAY, HERE) as it:
        answers: list[dict[str, Any]] = []
        in_the_fault(it.payments, lambda: answers.append(ask_abort(it)))
        it.begin()
        it.run()
        assert ending(it) == (Status.ABORTED, Verdict.ABORTED, [StepOutcome.STOPPED])
        assert answers[0]["steps"] == [{"execution_id": f"{ID}-s001", "member": "payments", "asked": True}]
        there = it.run_in()
        assert there.abort
        assert there.ended_at
        assert it.record.ended_at
        assert there.abort.reason == f"aborted by ada: campaign {ID}: enough"
        assert there.ended_at <= it.record.ended_at
        no_fault_runs(it)


@pytest.mark.parametrize("method", ["abort", "role"])
def test_a_member_that_is_not_reached_is_told_with_the_command_and_asked_again(method: str) -> None:
    with fleet() as it:
        answers: list[dict[str, Any]] = []
        failing = it.home.world.member_runs.failing

        def lose() -> None:
            failing[method] = DENIED
            it.turns.clock.after(200, failing.clear)
            answers.append(ask_abort(it))

        in_the_fault(it.payments, lose)
        it.begin()
        it.run()
        (step,) = answers[0]["steps"]
        assert (step["member"], step["asked"]) == ("payments", False)
        assert step["command"] == f"squall --stack Squall --region eu-central-1 abort {ID}-s001"
        assert "raised:Pulse:" in " ".join(it.home.world.calls), "nobody is told by the alarm on the pulse's errors"
        assert ending(it) == (Status.ABORTED, Verdict.ABORTED, [StepOutcome.STOPPED])
        no_fault_runs(it)


@pytest.mark.parametrize("where", [{"region": "eu-west-1"}, {"role_arn": "arn:aws:iam::999999999999:role/Squall-eu-central-1-campaign"}])
def test_a_member_whose_name_is_another_account_s_by_now_is_not_asked_to_abort_what_it_does_not_run(where: dict[str, str]) -> None:
    """Its Abort function would take the request, and stop nothing."""
    with fleet() as it:
        answers: list[dict[str, Any]] = []
        known = list(it.known)

        def move() -> None:
            it.known[0] = replace(known[0], **where)
            it.turns.clock.after(300, lambda: it.known.__setitem__(0, known[0]))
            answers.append(ask_abort(it))

        in_the_fault(it.payments, move)
        it.begin()
        it.run()
        (step,) = answers[0]["steps"]
        assert (step["member"], step["asked"]) == ("payments", False)
        assert "the run is in" in step["error"]
        assert step["command"] == f"squall --region eu-central-1 abort {ID}-s001"
        assert ending(it) == (Status.ABORTED, Verdict.ABORTED, [StepOutcome.STOPPED])
        no_fault_runs(it)


def test_an_abort_whose_answer_is_lost_is_asked_again_and_done_once() -> None:
    with fleet() as it:
        it.home.world.member_runs.late.add("abort")
        in_the_fault(it.payments, it.abort)
        it.begin()
        it.run()
        assert ending(it) == (Status.ABORTED, Verdict.ABORTED, [StepOutcome.STOPPED])
        no_fault_runs(it)


def test_one_member_that_is_not_reached_delays_no_other() -> None:
    with fleet(AWAY, THERE, side_by_side=2) as it:
        ended: list[bool] = []

        def lose() -> None:
            it.payments.gone = True
            it.abort()
            it.turns.clock.after(100, lambda: ended.append(it.run_in("orders", 2).abort is not None))
            it.turns.clock.after(900, lambda: setattr(it.payments, "gone", False))

        in_the_fault(it.payments, lose)
        it.begin()
        it.run()
        assert ended == [True]
        assert it.record.status is Status.ABORTED
        assert None not in [run.outcome for run in it.record.runs]
        no_fault_runs(it)


def test_a_step_that_was_not_started_when_the_campaign_was_aborted_never_is() -> None:
    with fleet() as it:
        failing = it.home.world.member_runs.failing
        failing["locate"] = DENIED
        it.turns.clock.after(30, it.abort)
        it.turns.clock.after(40, failing.clear)
        it.begin()
        it.run()
        assert (it.record.status, starts(it)) == (Status.ABORTED, 0)
        assert "1 step had not started and can't start any more" in it.record.reason


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_abort_at_the_moment_of_the_start_is_seen_by_one_of_the_two(when: str) -> None:
    """Before the ARN is written, nothing starts. After it, the run may be on its way, and the pulse aborts it."""
    with fleet() as it:
        runs = it.home.world.member_runs
        method = "locate" if when == "before" else "start"
        act = getattr(runs, method)

        def abort_then(*args: Any) -> Any:
            setattr(runs, method, act)
            it.abort()
            return act(*args)

        setattr(runs, method, abort_then)
        it.begin()
        it.run()
        assert it.record.status is Status.ABORTED
        assert starts(it) == (0 if when == "before" else 1)
        assert not it.payments.faults() or it.run_in().abort
        no_fault_runs(it)


@pytest.mark.parametrize("heard", [True, False])
def test_home_s_execution_that_is_stopped_aborts_the_runs_in_members(heard: bool) -> None:
    with fleet(AWAY, HERE) as it:
        in_the_fault(it.payments, it.hear_of_the_end if heard else lambda: it.home.kill(ID))
        it.begin()
        it.run()
        assert it.record.status is Status.ABORTED
        assert [run.outcome for run in it.record.runs] == [StepOutcome.STOPPED]
        assert it.run_in().abort
        no_fault_runs(it)


def test_a_halt_at_home_aborts_the_runs_in_members() -> None:
    with fleet(AWAY, HERE) as it:
        halted: list[datetime] = []

        def halt() -> None:
            halted.append(it.turns.clock.now())
            it.home.host.quietly("Halt", {"reason": "the shop is down"})

        in_the_fault(it.payments, halt)
        it.begin()
        it.run()
        assert ending(it)[:2] == (Status.ABORTED, Verdict.ABORTED)
        assert "the shop is down" in it.record.reason
        there = it.run_in()
        assert there.abort
        assert (there.abort.at - halted[0]).total_seconds() <= 65
        no_fault_runs(it)


@pytest.mark.parametrize("stop", ["halt", "abort"])
def test_home_that_can_t_read_its_plan_stops_the_runs_in_members_all_the_same(stop: str) -> None:
    """S3 may be what is broken. Of an abort nothing but the reason was written, so that the pulse has to finish it."""
    with fleet(AWAY, HERE) as it:
        stopped: list[datetime] = []
        failing = it.home.world.failing

        def act() -> None:
            failing["documents.get"] = Unavailable("s3", "GetObject", "SlowDown", "by the test", retryable=True)
            stopped.append(it.turns.clock.now())
            if stop == "halt":
                it.home.host.quietly("Halt", {"reason": "the shop is down"})
            else:
                it.home.world.campaigns.request_abort(ID, Abort(AbortSource.OPERATOR, "enough", it.turns.clock.now(), "ada"))
            it.turns.clock.after(200, failing.clear)

        in_the_fault(it.payments, act)
        it.begin()
        it.run()
        there = it.run_in()
        assert there.abort
        assert (there.abort.at - stopped[0]).total_seconds() <= 65
        assert ending(it) == (Status.ABORTED, Verdict.ABORTED, [StepOutcome.STOPPED])
        no_fault_runs(it)


def test_a_halt_at_home_that_is_over_again_aborts_them_all_the_same() -> None:
    with fleet(AWAY, HERE) as it:

        def halt() -> None:
            it.home.host.quietly("Halt", {"reason": "the shop is down"})
            it.turns.clock.after(5, lambda: it.home.host.quietly("Resume", {"reason": "it is up"}))

        in_the_fault(it.payments, halt)
        it.begin()
        it.run()
        assert ending(it) == (Status.ABORTED, Verdict.ABORTED, [StepOutcome.STOPPED])
        assert "the stack was halted meanwhile" in it.record.reason
        no_fault_runs(it)


def test_a_resume_before_the_step_began_ends_nothing() -> None:
    with fleet() as it:
        for function in ("Halt", "Resume"):
            it.home.host.quietly(function, {"reason": "a test"})
        it.turns.clock.advance(60)
        it.begin()
        it.run()
        assert ending(it)[1] is Verdict.VALIDATED


def test_a_halt_that_can_t_be_read_ends_nothing_that_runs() -> None:
    with fleet() as it:
        in_the_fault(it.payments, lambda: it.home.world.failing.update({"halt_flag.get": DENIED, "halt_copy.get": DENIED}))
        it.begin()
        it.turns.run(until=lambda: bool(it.payments.world.records.items) and it.run_in().final)
        assert it.run_in().verdict is Verdict.VALIDATED


def test_a_halt_of_the_member_ends_its_run_and_not_the_campaign() -> None:
    with fleet(AWAY, HERE, stop_on="never") as it:
        in_the_fault(it.payments, lambda: it.payments.host.quietly("Halt", {"reason": "the shop is down"}))
        it.begin()
        it.run()
        assert ending(it) == (Status.COMPLETED, Verdict.INCONCLUSIVE, [StepOutcome.STOPPED, StepOutcome.VALIDATED])


def test_if_home_is_dead_the_run_ends_by_itself_and_nothing_new_starts() -> None:
    with fleet(AWAY, THERE) as it:
        in_the_fault(it.payments, it.home.leave)
        it.begin()
        it.run()
        assert it.run_in().verdict is Verdict.VALIDATED
        assert starts(it, "orders") == 0
        no_fault_runs(it)


def test_home_that_comes_back_finds_how_the_run_has_ended() -> None:
    """The campaign's execution waited all the time; its functions and pulse did not work for an hour."""
    with fleet(AWAY, THERE) as it:

        def lose() -> None:
            it.home.gone = True
            it.turns.clock.after(3600, lambda: setattr(it.home, "gone", False))

        in_the_fault(it.payments, lose)
        it.begin()
        it.run()
        assert ending(it) == (Status.COMPLETED, Verdict.VALIDATED, [StepOutcome.VALIDATED] * 2)
