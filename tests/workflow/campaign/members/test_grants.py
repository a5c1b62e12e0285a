"""Every grant for steps in members is missed where it is denied: at home, by function; in the member, by what its role allows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any

import pytest

from infra.permissions.fleet import RUN_IN_MEMBERS
from infra.permissions.holders import HOLDERS
from squall.errors import Unavailable
from tests.workflow.campaign.members.rig import AWAY, HERE, Fleet, fleet
from tests.workflow.driver import Driver
from tests.workflow.regions.test_parts import in_the_fault

METHODS = ("locate", "start", "describe", "read", "abort")
DENIED = Unavailable("test", "Call", "AccessDenied", "the test says so", retryable=False)


def good(it: Fleet) -> None:
    it.begin()


def aborted(it: Fleet) -> None:
    in_the_fault(it.payments, it.abort)
    it.begin()


def halted(it: Fleet) -> None:
    in_the_fault(it.payments, lambda: it.home.host.quietly("Halt", {"reason": "the shop is down"}))
    it.begin()


def home_is_stopped(it: Fleet) -> None:
    in_the_fault(it.payments, it.hear_of_the_end)
    it.begin()


def home_fails_at_the_end(it: Fleet) -> None:
    """ChooseSteps does not work any more when the run in the member has ended."""

    def fail(_: dict[str, Any]) -> None:
        raise DENIED

    it.payments.after["Release"] = lambda _: it.home.before.update(ChooseSteps=fail)
    it.begin()


SCENES: dict[str, Callable[[Fleet], None]] = {
    scene.__name__: scene for scene in (good, aborted, halted, home_is_stopped, home_fails_at_the_end)
}
MISSED_IN = {
    "ChooseSteps": "good",
    "Pulse": "good",
    "Abort": "aborted",
    "Watchdog": "home_is_stopped",
    "FinishCampaign": "home_fails_at_the_end",
}
"""The function to the scene that shows that it needs to enter members."""


def deny(it: Fleet, function: str, methods: tuple[str, ...], denied: list[str]) -> None:
    """This function of home's lacks the grant; an empty one stands for all. `denied` fills with the calls that were refused."""
    runs = it.home.world.member_runs
    for name in methods:

        def call(*args: Any, name: str = name, allowed: Any = getattr(runs, name)) -> Any:  # noqa: B008 - as it was
            running = {each for walk in (it.home.host, *it.home.walks.values()) for each in innermost(walk)}
            if not function or function in running:
                denied.append(name)
                raise DENIED
            return allowed(*args)

        setattr(runs, name, call)


def innermost(walk: Driver) -> list[str]:
    """The function that runs, in whichever thread: several steps are asked at once."""
    return [stack[-1] for stack in walk._stacks.values() if stack]


def play(scene: str, function: str = "", methods: tuple[str, ...] = ()) -> tuple[tuple[Any, ...], list[str]]:
    """What people and the accounts see of the scene, and what was refused."""
    denied: list[str] = []
    with fleet(AWAY, HERE) as it:
        deny(it, function, methods, denied)
        SCENES[scene](it)
        end = it.turns.clock.now() + timedelta(hours=2)
        it.turns.run(until=lambda: it.turns.clock.now() >= end)
        return seen(it), denied


def seen(it: Fleet) -> tuple[Any, ...]:
    runs = [
        (record.id, record.status, record.verdict, record.reason, record.ended_at, record.abort)
        for stack in (it.home, it.payments)
        for record in stack.world.records.items.values()
    ]
    record = it.record
    told = [message.subject for message in it.home.world.notifier.sent]
    return runs, record.status, record.verdict, record.reason, record.ended_at, record.runs, told


@cache
def undisturbed(scene: str) -> tuple[Any, ...]:
    return play(scene)[0]


def test_every_function_that_enters_members_has_a_scene() -> None:
    assert set(MISSED_IN) == {function for function, held in HOLDERS.items() if RUN_IN_MEMBERS in held}


@pytest.mark.parametrize("scene", SCENES)
def test_a_scene_with_everything_granted_is_the_same_twice(scene: str) -> None:
    assert play(scene)[0] == undisturbed(scene)


@pytest.mark.parametrize(("function", "scene"), MISSED_IN.items())
def test_without_the_grant_of_a_function_the_campaign_is_another(function: str, scene: str) -> None:
    other, denied = play(scene, function, METHODS)
    assert denied, f"{function} asks for nothing"
    assert other != undisturbed(scene), "nothing is missed without it"


@pytest.mark.parametrize("method", METHODS)
def test_without_an_action_of_the_member_s_role_the_campaign_is_another(method: str) -> None:
    other, denied = play("aborted", "", (method,))
    assert denied
    assert other != undisturbed("aborted")


def test_the_pulse_reads_the_halt_flag_for_the_steps_in_members() -> None:
    with fleet(AWAY, HERE) as it:
        flag = it.home.world.halt_flag
        get = flag.get

        def denied() -> Any:
            if "Pulse" in innermost(it.home.host):
                raise DENIED
            return get()

        flag.get = denied  # type: ignore[method-assign]
        halted(it)
        it.run()
        assert seen(it) != undisturbed("halted")
