"""What can go wrong with the step of a campaign that runs in a member of the fleet; the member answers by its contract."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest.mock import patch

from squall.application.fleet import members
from squall.domain.campaign.outcome import StepOutcome, classify_run
from squall.domain.campaign.record import CampaignRecord
from squall.errors import Unavailable
from tests.chaos.modes import Mode, Trial
from tests.fakes.world import FakeWorld
from tests.workflow.campaign.members.contract import MemberByContract
from tests.workflow.campaign.members.rig import make_member

PAYMENTS = "payments"
RUN_SECONDS = 900
DENIED = Unavailable("sts", "AssumeRole", "AccessDenied", "the role lets home not in", retryable=False)
CAMPAIGN: dict[str, Any] = {
    "name": "Away",
    "description": "One run in a member, then one at home, whatever comes of the first one.",
    "kind": "suite",
    "pause": "5m",
    "stop_on": "never",
    "steps": [{"experiment": "theirs", "member": PAYMENTS}, {"experiment": "seed"}],
}


@contextmanager
def fleet_of_one(world: FakeWorld) -> Iterator[None]:
    """The world is home, and has one member."""
    payments = make_member(PAYMENTS)
    world.member_runs.stacks = {PAYMENTS: MemberByContract(world.clock, payments, RUN_SECONDS)}
    with patch.object(members, "load_members", lambda _: (payments,)):
        yield


def member_of(world: FakeWorld) -> MemberByContract:
    found = world.member_runs.stacks[PAYMENTS]
    assert isinstance(found, MemberByContract)
    return found


def deny(trial: Trial, *, call: str, after: float = 0, seconds: float = 0) -> None:
    """Calls of the member fail: at once or later, for some time or until the trial is repaired."""
    failing = trial.world.member_runs.failing

    def end() -> None:
        failing.pop(call, None)

    trial.world.clock.after(after, lambda: failing.update({call: DENIED}))
    if seconds:
        trial.world.clock.after(after + seconds, end)


def lose_answers(trial: Trial, *, call: str) -> None:
    trial.world.member_runs.late.add(call)


def later(trial: Trial, *, mode: Mode, after: float = 300) -> None:
    """While the run in the member goes on."""
    trial.world.clock.after(after, lambda: mode(trial))


def deny_abort(trial: Trial, *, abort: Mode) -> None:
    """The member is not reached by an abort for some minutes."""
    deny(trial, call="role", after=290, seconds=240)
    later(trial, mode=abort)


OF_MEMBERS: dict[str, Mode] = {
    **{f"the member denies {call} for 5 min": partial(deny, call=call, seconds=300) for call in ("role", "locate", "start", "describe")},
    **{f"the member denies {call} for ever": partial(deny, call=call) for call in ("role", "locate", "start")},
    **{
        f"the member denies {call} while it runs": partial(deny, call=call, after=300, seconds=1200)
        for call in ("role", "describe", "read")
    },
    "the answers of the start are lost": partial(lose_answers, call="start"),
}


def make_stops(stop: Mode, stop_unheard: Mode, abort: Mode, halt: Mode) -> dict[str, Mode]:
    """How the campaign is stopped while its step runs in the member."""
    return {
        "the campaign is stopped while it runs there": partial(later, mode=stop),
        "the campaign is stopped while it runs there, unheard": partial(later, mode=stop_unheard),
        "somebody aborts while it runs there": partial(later, mode=abort),
        "somebody aborts while the member is not reached": partial(deny_abort, abort=abort),
        "somebody halts while it runs there": partial(later, mode=halt),
    }


def members_are_true(world: FakeWorld, record: CampaignRecord) -> None:
    """A step in a member has the outcome of its run there, which had ended when the campaign had; nothing was started that the campaign
    counts as not started."""
    member = member_of(world)
    for step in record.runs:
        stored = member.find(step.execution_id) if step.member else None
        if stored is not None:
            assert stored.final, f"{step.execution_id} goes on in the member"
            assert step.outcome in {classify_run(stored), StepOutcome.UNKNOWN}, "another outcome than the run's in the member"
            assert record.ended_at
            assert stored.ended_at
            assert stored.ended_at <= record.ended_at, "a run in the member went on when the campaign had ended"
        elif step.member:
            assert step.outcome in {None, StepOutcome.UNKNOWN, StepOutcome.FAILED}, "an outcome without a run in the member"
    begun = {name for name in member.begun if name.startswith(f"{record.id}-s")} - {step.execution_id for step in record.runs}
    assert begun == set(), "a run in the member that the campaign does not know"
