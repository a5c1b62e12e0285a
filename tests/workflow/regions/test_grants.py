"""Every grant over Regions is missed where it is denied: a scene shows something else without it. The scenes of
`tests/chaos/grants.py` are of one Region."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from infra.permissions.holders import HOLDERS
from infra.permissions.regions import OVER_REGIONS
from squall.errors import Unavailable
from tests.infra.test_permissions import NEEDS
from tests.workflow.driver import execution_event
from tests.workflow.endings import unavailable
from tests.workflow.regions.rig import AWAY, HOME, RUN, Stack, Together, breach, several_regions
from tests.workflow.regions.test_evacuation import evacuate, move
from tests.workflow.regions.test_parts import in_the_fault, lambda_once
from tests.workflow.regions.test_report import make_report

METHOD_OF = {capability: method.partition(".")[2] for method, (capability, *_) in NEEDS.items() if capability in OVER_REGIONS}
LEASE = 310
"""Seconds after which a lock that nobody renews can be taken."""
OF_PEERS = ("read_parts", "read_decisions")
"""What is granted on the peers alone: a function reads its own stack's table by another grant."""
HELD = tuple(
    (function, capability) for function, held in HOLDERS.items() for capability in dict.fromkeys(held) if capability in OVER_REGIONS
)


def good(two: Together) -> None:
    two.begin("10m")


def evacuated(two: Together) -> None:
    move(*evacuate(two))
    two.begin("10m")


def refused_later(two: Together) -> None:
    """The other Region's targets are not opted in; home is ready before that is found."""
    for member in two.away.world.fleet.members("web"):
        member.tags["squall:environment"] = "production"
    two.away.before["Discover"] = lambda_once(lambda: two.turns.sleep(90))
    two.begin("10m")


def guard_away(two: Together) -> None:
    in_the_fault(two.away, lambda: breach(two.away.world))
    two.begin("10m")


def guard_unheard(two: Together) -> None:
    """Every message between the Regions is lost, so that the pulses have to find it."""
    for stack in two.stacks:
        stack.world.failing["regions.abort_part"] = unavailable("abort_part")
    guard_away(two)


def decided_before_it_waits(two: Together) -> None:
    two.away.before["AwaitPeers"] = lambda_once(lambda: two.turns.sleep(5))
    two.home.before["FinalCheck"] = lambda_once(lambda: two.turns.sleep(2))
    two.begin("10m")


def not_woken(two: Together) -> None:
    """What wakes the parts and home is lost: their pulses look after them."""
    two.home.before["Decide"] = lambda _: fail()
    two.begin("10m")


def not_ready_in_time(two: Together) -> None:
    """The deadline comes between two pulses, so that home's execution decides."""
    two.away.before["ArmGuards"] = lambda_once(lambda: two.turns.sleep(900))
    two.begin("630s")


def aborted(two: Together) -> None:
    """The other Region is not ready yet. Without its own abort it would only be told that nobody starts."""
    payload = {"campaign_id": RUN, "reason": "enough", "requested_by": "ada"}
    two.away.before["CaptureBaseline"] = lambda_once(lambda: two.turns.sleep(120))
    two.turns.clock.after(60, lambda: two.home.host.quietly("Abort", payload))
    two.begin("10m")


def hears_of_the_end(stack: Stack, *, pulse: bool = False) -> Callable[[], None]:
    """A part's execution is stopped, and the watchdog hears of it, or only the pulse finds it."""

    def die() -> None:
        record = stack.record()
        stack.kill(record.id)
        if not pulse:
            stack.host.quietly("Watchdog", execution_event(record.execution_arn, "ABORTED", int(record.started_at.timestamp() * 1000)))

    return die


def part_dies(two: Together) -> None:
    in_the_fault(two.away, hears_of_the_end(two.away))
    two.begin("10m")


def part_dies_before_its_fault(two: Together) -> None:
    two.away.before["ArmGuards"] = lambda_once(hears_of_the_end(two.away))
    two.begin("10m")


def part_dies_unheard(two: Together) -> None:
    in_the_fault(two.away, hears_of_the_end(two.away, pulse=True))
    two.begin("10m")


def part_dies_unheard_before_its_fault(two: Together) -> None:
    two.away.before["ArmGuards"] = lambda_once(hears_of_the_end(two.away, pulse=True))
    two.begin("10m")


def take_over(two: Together) -> Callable[[], None]:
    """The other Region's part dies, of which no pulse hears. When nobody has renewed its lock for long enough, another run takes it."""
    alone = {**two.experiment, "blast_radius": "single_instance"}
    del alone["regions"]
    alone["target_resources"] = [member.id for member in two.away.world.fleet.members("web")][1:2]
    two.away.catalogue = {"shop": two.experiment, "alone": alone}

    def die() -> None:
        two.away.pulse = False
        two.away.kill(two.away.record().id)
        two.turns.clock.after(LEASE, want_its_lock)

    def want_its_lock() -> None:
        two.away.start("alone", {"experiment": "alone"})

    return die


def taken_over(two: Together) -> None:
    two.away.before["ArmGuards"] = lambda_once(take_over(two))
    two.begin("10m")


def taken_over_in_the_fault(two: Together) -> None:
    """What home would tell it is lost."""
    two.home.world.failing["regions.abort_part"] = unavailable("abort_part")
    in_the_fault(two.away, take_over(two))
    two.begin("10m")


def reported(two: Together) -> None:
    two.begin("10m")


def home_dies(two: Together) -> None:
    def die() -> None:
        two.home.kill(RUN)
        started = int(two.whole.started_at.timestamp() * 1000)
        two.home.host.quietly("Watchdog", execution_event(two.whole.execution_arn, "ABORTED", started))

    in_the_fault(two.home, die)
    two.begin("10m")


def home_dies_at_the_end(two: Together) -> None:
    """Home's execution is stopped when both parts have ended, and before it has seen that."""

    def die(_: dict[str, Any]) -> None:
        if all(stack.record().final for stack in two.stacks) and not two.whole.final:
            two.home.kill(RUN)
            started = int(two.whole.started_at.timestamp() * 1000)
            two.home.host.quietly("Watchdog", execution_event(two.whole.execution_arn, "ABORTED", started))

    for stack in two.stacks:
        stack.after["Release"] = die
    two.begin("10m")


def home_fails(two: Together) -> None:
    """ChooseSteps does not work any more once the faults run: FinishCampaign looks whether a part still does."""
    in_the_fault(two.home, lambda: two.home.before.update(ChooseSteps=lambda _: fail()))
    two.begin("10m")


def home_fails_at_the_end(two: Together) -> None:
    """ChooseSteps does not work any more when the parts have ended."""
    for stack in two.stacks:
        stack.after["Release"] = lambda _: two.home.before.update(ChooseSteps=lambda _: fail())
    two.begin("10m")


def fail() -> None:
    raise unavailable("broken by the test")


SCENES: dict[str, Callable[[Together], None]] = {
    scene.__name__: scene
    for scene in (
        good, evacuated, refused_later, guard_away, guard_unheard, decided_before_it_waits, not_woken, not_ready_in_time,
        aborted, part_dies, part_dies_before_its_fault, part_dies_unheard, part_dies_unheard_before_its_fault,
        taken_over, taken_over_in_the_fault, home_dies, home_dies_at_the_end, home_fails, home_fails_at_the_end, reported,
    )
}  # fmt: skip


AFTERWARDS: dict[str, Callable[[Together], object]] = {"reported": make_report}
"""What is done when everything has ended."""


def deny(stack: Stack, function: str, capability: str, denied: list[str]) -> None:
    """This function of the stack lacks the grant. `denied` fills with the calls that it was refused."""
    name = METHOD_OF[capability]
    allowed = getattr(stack.world.regions, name)

    def call(region: str, *args: Any, **kwargs: Any) -> Any:
        running = {each for walk in (stack.host, *stack.walks.values()) for each in walk.running[-1:]}
        if function in running and (capability not in OF_PEERS or region != stack.region):
            denied.append(region)
            raise Unavailable("test", name, "AccessDenied", f"{function} may not", retryable=False)
        return allowed(region, *args, **kwargs)

    setattr(stack.world.regions, name, call)


def play(scene: str, function: str = "", capability: str = "") -> tuple[tuple[Any, ...], list[str]]:
    """What people and the account see of the scene, without that grant in either stack; and what was refused."""
    denied: list[str] = []
    with several_regions(HOME, AWAY) as two:
        for stack in two.stacks if function else ():
            deny(stack, function, capability, denied)
        SCENES[scene](two)
        two.run()
        shown = AFTERWARDS[scene](two) if scene in AFTERWARDS else None
        return (*seen(two), shown), denied


def seen(two: Together) -> tuple[Any, ...]:
    parts = [
        (record.id, record.status, record.verdict, record.reason, record.ended_at, record.fault_started_at, record.events)
        for stack in two.stacks
        for record in stack.world.records.items.values()
    ]
    told = [message.subject for stack in two.stacks for message in stack.world.notifier.sent]
    return parts, two.decision, two.whole.status, two.whole.verdict, two.whole.reason, two.whole.ended_at, told


@cache
def undisturbed(scene: str) -> tuple[Any, ...]:
    return play(scene)[0]


MISSED_IN = {
    ("AcquireLock", "abort_parts"): "taken_over_in_the_fault",
    ("AcquireLock", "ask_home"): "taken_over",
    ("AcquireLock", "read_decisions"): "taken_over",
    ("FinalCheck", "ask_home"): "good",
    ("FinalCheck", "read_decisions"): "good",
    ("FinalCheck", "read_parts"): "good",
    ("AwaitPeers", "read_decisions"): "decided_before_it_waits",
    ("StartFault", "read_decisions"): "good",
    ("StartFault", "read_parts"): "good",
    ("StopFault", "abort_parts"): "guard_away",
    ("StopFault", "ask_home"): "refused_later",
    ("StopFault", "read_decisions"): "refused_later",
    ("VerifyRollback", "read_parts"): "evacuated",
    ("Abort", "abort_parts"): "aborted",
    ("Decide", "read_parts"): "good",
    ("Decide", "wake_parts"): "good",
    ("Decide", "write_decisions"): "good",
    ("Pulse", "abort_parts"): "part_dies_unheard",
    ("Pulse", "ask_home"): "part_dies_unheard_before_its_fault",
    ("Pulse", "read_decisions"): "part_dies_unheard_before_its_fault",
    ("Pulse", "read_parts"): "guard_unheard",
    ("Pulse", "wake_parts"): "not_woken",
    ("Pulse", "write_decisions"): "not_woken",
    ("Notify", "ask_home"): "good",
    ("Watchdog", "abort_parts"): "part_dies",
    ("Watchdog", "ask_home"): "part_dies_before_its_fault",
    ("Watchdog", "read_decisions"): "part_dies_before_its_fault",
    ("Watchdog", "read_parts"): "home_dies_at_the_end",
    ("ChooseSteps", "read_parts"): "good",
    ("ChooseSteps", "start_parts"): "good",
    ("ChooseSteps", "wake_parts"): "not_ready_in_time",
    ("ChooseSteps", "write_decisions"): "not_ready_in_time",
    ("FinishCampaign", "read_parts"): "home_fails_at_the_end",
    ("Report", "read_results"): "reported",
}
"""The scene that shows what is missing without each grant."""


def test_every_grant_over_regions_has_a_scene() -> None:
    assert set(MISSED_IN) == set(HELD)


def test_a_scene_with_everything_granted_is_the_same_twice() -> None:
    """If they differed, a difference would prove nothing about a grant."""
    assert play("guard_away")[0] == undisturbed("guard_away")


@pytest.mark.parametrize(("function", "capability"), MISSED_IN)
def test_without_a_grant_the_run_is_another(function: str, capability: str) -> None:
    scene = MISSED_IN[function, capability]
    other, denied = play(scene, function, capability)
    assert denied, f"{function} asks for nothing of {capability} in {scene}"
    assert other != undisturbed(scene), "nothing is missed without it"
