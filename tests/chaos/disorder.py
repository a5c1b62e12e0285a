"""Every combination of what ends a fault and how its events arrive.

One or two things end the fault in the same second. Their events are lost, doubled, late or out of order, on clocks that
differ by two minutes. Every combination is a scene; after each of them nothing is left and the record says what
happened.

`python -m tests.chaos.disorder` runs all of them and prints how many there are, which failed, and how long the slowest
took.
"""

from __future__ import annotations

import logging
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import cycle, permutations, product
from typing import Any

from squall.application.fault.watch import LONGEST_FIRST_LOOK_SECONDS
from squall.domain.base.vocabulary import AbortSource, Status, Verdict
from squall.domain.run.fis_state import FisExperiment
from squall.wiring import set_wiring
from tests.chaos.matrix import BOUND_SECONDS, over, until_over, whole
from tests.chaos.modes import Trial
from tests.fakes.world import SETTINGS, FakeWiring, FakeWorld
from tests.workflow.driver import FIS_EVENT, PULSE_SECONDS, alarm_action, alarm_event
from tests.workflow.endings import GUARD, ID, is_settled, once, record_of, unavailable
from tests.workflow.rig import OBSERVED, ONE_FAULT, SCENARIO, arranged
from tests.workflow.voting import ADA, BOB, ask_people, payload_of
from tests.workflow.walk import Walk

INTO_THE_FAULT = {ONE_FAULT: (125,), SCENARIO: (125, 270, 400), OBSERVED: (30, 125)}
"""Seconds after the start at which something ends the fault. In a scenario two faults run, then none while the third waits,
then the third. In an observation the fault runs, then it is over."""
FAULT_SECONDS = {ONE_FAULT: 600, SCENARIO: 540, OBSERVED: 600}
"""Seconds after the start at which the time of the faults, or of their observation, is over."""
SHARE = {ONE_FAULT: 1, SCENARIO: 1, OBSERVED: 4}
"""One in so many scenes is played in this shape."""
LATE = 90
"""Seconds until an event arrives that is late: still within the fault, after the next pulse."""
AFTER_ALL = 5400
"""Seconds until an event arrives that is too late: after the execution has ended."""
SKEW = 120


@dataclass(frozen=True)
class Post:
    """When the n-th event of a kind arrives: the seconds after it happened, one number for each delivery."""

    name: str
    delays: Callable[[int], tuple[float, ...]]

    def __str__(self) -> str:
        return self.name


IN_TIME = Post("in time", lambda n: (1,))
LOST = Post("lost", lambda n: ())
POSTS = (
    IN_TIME,
    LOST,
    Post("twice", lambda n: (1, 1)),
    Post("late", lambda n: (LATE,)),
    Post("after all", lambda n: (AFTER_ALL,)),
    Post("last first, again after all", lambda n: (max(1, 40 - 13 * n), AFTER_ALL)),
)

Clocks = Callable[[str, int], float]
"""Maps a function, and how often a clock was read, to how many seconds that clock is ahead."""
CLOCKS: dict[str, Clocks] = {
    "one clock": lambda function, n: 0,
    "the pulse is ahead": lambda function, n: SKEW if function == "Pulse" else 0,
    "the pulse is behind": lambda function, n: -SKEW if function == "Pulse" else 0,
    "abort and watchdog are ahead": lambda function, n: SKEW if function in {"Abort", "Watchdog", "Halt"} else 0,
    "abort and watchdog are behind": lambda function, n: -SKEW if function in {"Abort", "Watchdog", "Halt"} else 0,
    "every other invocation is ahead": lambda function, n: SKEW * (n % 2),
}


class _Clock:
    """The world's clock as the running function sees it: ahead or behind. Waiting takes as long as on the world's
    clock."""

    def __init__(self, walk: Walk, ahead: Clocks) -> None:
        self._walk, self._ahead, self._invocations = walk, ahead, 0
        self._before = ""

    def now(self) -> datetime:
        function = self._walk.running[-1] if self._walk.running else ""
        if function != self._before:
            self._before, self._invocations = function, self._invocations + 1
        return self._walk.world.clock.now() + timedelta(seconds=self._ahead(function, self._invocations))

    def sleep(self, seconds: float) -> None:
        self._walk.world.clock.sleep(seconds)


def on(walk: Walk, clocks: Clocks) -> None:
    """Make functions read these clocks."""
    wiring = FakeWiring(walk.world, SETTINGS)
    vars(wiring)["clock"] = _Clock(walk, clocks)
    set_wiring(wiring)


@dataclass
class Mail:
    """Delivers what the world tells the functions outside the workflow, when its posts say."""

    walk: Walk
    action: Post
    rule: Post
    fis: Post
    execution: Post
    _counts: dict[str, int]

    def connect(self) -> None:
        self.walk.events = self.walk.abort_function = False
        self.walk.world.faults.listeners.append(lambda _: self.send("fis", self.fis, "Pulse", FIS_EVENT))
        self.walk.world.alarms.listeners.append(self._on_alarm)

    def _on_alarm(self, alarm: Any) -> None:
        if alarm.name.startswith("squall-"):
            if alarm.state == "ALARM":  # an action is of one state
                self.send("action", self.action, "Abort", alarm_action(alarm))
            self.send("rule", self.rule, "Abort", alarm_event(alarm))

    def send(self, kind: str, post: Post, function: str, payload: dict[str, Any]) -> None:
        number = self._counts[kind] = self._counts.get(kind, -1) + 1
        for delay in post.delays(number):
            self.walk.world.clock.after(delay, lambda: self.walk.quietly(function, payload))


@dataclass(frozen=True)
class Cause:
    """Something that ends a fault, and the sources of abort that may be recorded for it."""

    act: Callable[[Walk, Mail], None]
    sources: frozenset[AbortSource | None]
    heard_by_itself: bool = False
    """Whether it ends the fault without any event, within the second."""


def fires(walk: Walk, mail: Mail) -> None:
    walk.world.alarms.set_state(GUARD, "ALARM")


def flaps(walk: Walk, mail: Mail) -> None:
    def turn(state: str) -> None:
        if GUARD in walk.world.alarms.alarms:
            walk.world.alarms.set_state(GUARD, state)

    for seconds, state in enumerate(("ALARM", "OK") * 3):
        walk.world.clock.after(seconds, partial(turn, state))


def abort_by(name: str) -> Callable[[Walk, Mail], None]:
    return lambda walk, _: walk.quietly("Abort", {"execution_id": ID, "reason": "enough", "requested_by": name})


def console(walk: Walk, mail: Mail) -> None:
    for run in list(walk.world.faults.runs):
        walk.world.faults.stop(run)


def killed(walk: Walk, mail: Mail) -> None:
    if walk._walking:
        event = walk.death()
        walk.kill()
        mail.send("execution", mail.execution, "Watchdog", event)


def fails(walk: Walk, mail: Mail) -> None:
    for run in list(walk.world.faults.runs):
        walk.world.faults.fail(run)


OF_GUARD = frozenset({AbortSource.GUARD})
CAUSES = {
    "guard": Cause(fires, OF_GUARD),
    "flapping guard": Cause(flaps, OF_GUARD),
    "operator": Cause(abort_by("ada"), frozenset({AbortSource.OPERATOR}), heard_by_itself=True),
    "second operator": Cause(abort_by("bob"), frozenset({AbortSource.OPERATOR}), heard_by_itself=True),
    "halt": Cause(lambda walk, _: walk.quietly("Halt", {"reason": "enough"}), frozenset({AbortSource.HALT}), heard_by_itself=True),
    "FIS console": Cause(console, frozenset({AbortSource.UNKNOWN}), heard_by_itself=True),
    "execution stopped": Cause(killed, frozenset({None})),
    "FIS fails": Cause(fails, frozenset({None}), heard_by_itself=True),
}
SETS: list[tuple[str, ...]] = [(cause,) for cause in CAUSES] + list(permutations(CAUSES, 2))
"""Each cause alone, and every two of them in the same second, in either order."""


@dataclass(frozen=True)
class Scene:
    causes: tuple[str, ...]
    at_the_end: bool
    """Whether the causes come in the very second in which the fault's time is over."""
    deaf: bool
    """Whether FIS's own stop conditions miss the alarm."""
    stop_seconds: int
    action: Post
    rule: Post
    fis: Post
    execution: Post
    clocks: str
    shape: str = ONE_FAULT
    into: int = 0
    """Seconds into the fault, unless the causes come at its end."""

    def __str__(self) -> str:
        when = "at the fault's end" if self.at_the_end else f"{self.into} s into the fault"
        posts = f"action {self.action}, rule {self.rule}, FIS {self.fis}, execution {self.execution}"
        deaf = ", FIS deaf" if self.deaf else ""
        return f"{' and '.join(self.causes)} {when}, {self.stop_seconds} s to stop{deaf}; {posts}; {self.clocks}; {self.shape}"


def scenes() -> list[Scene]:
    """Every scene: a single cause with every pair of posts, two causes with every post of every event, in every shape of an
    experiment. The clocks, FIS's slowness and the moments within the fault take turns."""
    return [scene for shape, share in SHARE.items() for scene in list(_scenes_of(shape))[::share]]


def _scenes_of(shape: str) -> Iterator[Scene]:
    clocks, stopping, into = cycle(CLOCKS), cycle((0, 20, 20, 0, 20)), cycle(INTO_THE_FAULT[shape])
    for causes, at_the_end in product(SETS, (False, True)):
        alarmed, died = bool({"guard", "flapping guard"} & set(causes)), "execution stopped" in causes
        for deaf in (False, True) if alarmed else (False,):
            for posts in dict.fromkeys(_posts(alarmed, died, together=len(causes) == 1)):
                yield Scene(causes, at_the_end, deaf, next(stopping), *posts, next(clocks), shape, next(into))


def _posts(alarmed: bool, died: bool, *, together: bool) -> Iterator[tuple[Post, Post, Post, Post]]:
    """The posts of the alarm's action, the rule, FIS and the execution. Events that nobody sends are in time."""
    heard, ends = POSTS if alarmed else (IN_TIME,), POSTS if died else (IN_TIME,)
    for posts in product(heard, heard, POSTS, ends):
        if sum(post is not IN_TIME for post in posts) <= 1 + together or set(posts) <= {IN_TIME, LOST}:
            yield posts


def some(count: int, seed: int) -> list[Scene]:
    """`count` scenes, each cause and each shape among them. The seed decides the rest."""
    every = scenes()
    random.Random(seed).shuffle(every)
    first = list({**{scene.causes[0]: scene for scene in every}, **{scene.shape: scene for scene in every}}.values())
    return [*first, *every][:count]


@dataclass(frozen=True)
class Played:
    scene: Scene | Ballot
    stopping_seconds: float
    """Seconds from the first cause until FIS was stopping."""
    seconds: float
    """Seconds from the end of the execution until its last trace was gone."""
    wrong: str = ""


def play(scene: Scene) -> Played:
    with arranged(scene.shape) as (walk, world):
        on(walk, CLOCKS[scene.clocks])
        mail = Mail(walk, scene.action, scene.rule, scene.fis, scene.execution, {})
        mail.connect()
        world.faults.stop_seconds = scene.stop_seconds
        if scene.deaf:
            world.alarms.listeners.remove(world.faults._on_alarm)
        trial = Trial(walk, world, "WatchFault")
        at: dict[str, datetime] = {}

        def changed(fis: FisExperiment) -> None:
            if fis.status != "running":
                at.setdefault("stopping", world.clock.now())

        def act() -> None:
            at["caused"] = world.clock.now()
            for cause in scene.causes:
                CAUSES[cause].act(walk, mail)

        world.faults.listeners.append(changed)
        arm = once(lambda: world.clock.after(FAULT_SECONDS[scene.shape] if scene.at_the_end else scene.into, act))
        walk.after["StartFault"] = lambda _: arm()
        walk.run({"experiment": "seed"})
        return _judged(scene, trial, at)


def _judged(scene: Scene, trial: Trial, at: dict[str, datetime]) -> Played:
    walk, world = trial.walk, trial.world
    stopping = (at["stopping"] - at["caused"]).total_seconds() if {"stopping", "caused"} <= set(at) else 0.0
    seconds, wrong = until_over(trial, over)
    try:
        assert not wrong, wrong
        assert "caused" in at, "nothing happened"
        _stopped_in_time(scene, stopping)
        _blamed(scene, world)
        before, heard = record_of(world), len(world.notifier.sent)
        walk.pass_time(AFTER_ALL + PULSE_SECONDS)  # the rest of the post
        assert (record_of(world), len(world.notifier.sent)) == (before, heard), "late post changed what had ended"
        is_settled(world)
        _told_once(world)
    except AssertionError as error:
        return Played(scene, stopping, seconds, f"{error}".partition("\n")[0] or "assertion")
    return Played(scene, stopping, seconds)


def _stopped_in_time(scene: Scene, seconds: float) -> None:
    """The quickest of the functions that get an event stops the fault; if none gets one, the pulse does. At the end of its
    time FIS ends one fault by itself; a scenario and an observation end at the execution's first look after it."""
    alarmed = scene.causes != ("execution stopped",)
    by_itself = any(CAUSES[cause].heard_by_itself for cause in scene.causes) or (scene.at_the_end and scene.shape == ONE_FAULT)
    posts = [*([scene.execution] if "execution stopped" in scene.causes else []), *([scene.action, scene.rule] if alarmed else [])]
    heard = [delay for post in posts for delay in post.delays(0)]
    looks = [LONGEST_FIRST_LOOK_SECONDS] if scene.at_the_end and "execution stopped" not in scene.causes else []
    bound = 0.0 if by_itself or (alarmed and not scene.deaf) else min([PULSE_SECONDS, *heard, *looks])
    assert seconds <= bound, f"stopping after {seconds:.0f} s, not {bound:.0f} s"


def _blamed(scene: Scene, world: FakeWorld) -> None:
    """The recorded source is one of the causes. `unknown` is recorded only if no cause could be known."""
    record = record_of(world)
    blamed = record.abort.source if record.abort else None
    lasted = [_lasted(scene, run.experiment) for run in world.faults.runs.values()] == [True]
    true = frozenset[AbortSource | None]().union(*(CAUSES[cause].sources for cause in scene.causes))
    if lasted:
        true |= {None}
    elif true - {None, AbortSource.UNKNOWN}:
        true -= {AbortSource.UNKNOWN}
    assert blamed in true, f"blamed {blamed}, not {sorted(map(str, true))}"
    if record.status is Status.ABORTED and record.abort is None:
        assert record.closed_by, "aborted by nobody"
    if blamed is None and scene.causes == ("execution stopped",):
        assert "execution is ABORTED" in record.reason, record.reason
    if not lasted and blamed is not None:
        assert record.verdict is not Verdict.VALIDATED, "validated without a whole fault"


def _lasted(scene: Scene, fis: FisExperiment) -> bool:
    """Whether nothing has to be blamed for the end: FIS ended by itself, or Squall ended what FIS kept in reserve."""
    return fis.status == "completed" or (scene.shape != ONE_FAULT and whole(fis, FAULT_SECONDS[scene.shape]))


def _told_once(world: FakeWorld) -> None:
    final = [message for message in world.notifier.sent if message.attributes["status"] == record_of(world).status.value]
    assert len(final) == 1, f"told {len(final)} times"


@dataclass(frozen=True)
class Ballot:
    """People who approve at about the moment at which their request expires."""

    seconds: float
    """After the expiry."""
    wake: bool
    """Whether the voting function wakes the workflow, or dies before it does."""
    pulse: bool
    clocks: str

    def __str__(self) -> str:
        lost = "" if self.wake else ", nobody woken"
        return f"approved {self.seconds:+.0f} s after expiry{lost}{'' if self.pulse else ', no pulse'}; {self.clocks}"


EXPIRY_SECONDS = 1800
APPROVE_CLOCKS: dict[str, Clocks] = {
    **CLOCKS,
    "Approve is ahead": lambda function, n: SKEW if function == "Approve" else 0,
    "Approve is behind": lambda function, n: -SKEW if function == "Approve" else 0,
    "the observer is ahead": lambda function, n: SKEW if function == "ObserveApproval" else 0,
    "the observer is behind": lambda function, n: -SKEW if function == "ObserveApproval" else 0,
}


def ballots() -> list[Ballot]:
    moments = (-SKEW - 1, -SKEW, -11, -1, 0, 1, 10, 11, SKEW, SKEW + 11, AFTER_ALL)
    return [Ballot(*combination) for combination in product(moments, (True, False), (True, False), APPROVE_CLOCKS)]


def poll(ballot: Ballot) -> Played:
    with arranged() as (walk, world):
        ask_people(expires_after=f"PT{EXPIRY_SECONDS}S")
        on(walk, APPROVE_CLOCKS[ballot.clocks])
        walk.pulse = ballot.pulse
        if not ballot.wake:
            walk.before["Approve"] = lambda _: world.failing.update({"workflow.wake": unavailable("workflow.wake")})
        trial = Trial(walk, world, "AwaitApproval")

        def vote() -> None:
            for person in (ADA, BOB):
                walk.quietly("Approve", payload_of(world, person))
            world.failing.clear()

        asked: list[None] = []

        def ask() -> None:
            record = record_of(world)
            if record.ask and not asked:
                asked.append(None)
                left = (record.ask.expires_at - world.clock.now()).total_seconds()
                world.clock.after(max(0.0, left + ballot.seconds), vote)

        walk.after["AskApproval"] = lambda _: ask()
        walk.run({"experiment": "seed"})
        walk.pulse = True
        walk.pass_time(max(0.0, ballot.seconds) + PULSE_SECONDS)
        seconds, wrong = until_over(trial, over)
        try:
            assert not wrong, wrong
            _decided(ballot, world)
        except AssertionError as error:
            return Played(ballot, 0, seconds, f"{error}".partition("\n")[0] or "assertion")
        return Played(ballot, 0, seconds)


def _decided(ballot: Ballot, world: FakeWorld) -> None:
    """If the vote was in time by every clock, the run had its fault. If it was too late by every clock, the run had
    none, and the record says why."""
    record = record_of(world)
    if ballot.seconds > SKEW:
        assert not world.faults.runs, "injected after its approval had expired"
    if not world.faults.runs:
        assert record.status is Status.REJECTED, record.status
        assert "not approved by" in record.reason or "not_approved" in record.reason or "approved" in record.reason, record.reason
    if ballot.seconds < -SKEW:
        assert world.faults.runs, f"approved in time, and not injected: {record.reason}"


def summary(played: list[Played]) -> str:
    """The outcomes, in words."""
    survivors = [outcome for outcome in played if outcome.wrong]
    lines = [f"{len(played)} scenes, {len(survivors)} survivors"]
    lines += [f"  {outcome.scene}: {outcome.wrong}" for outcome in survivors]
    lines.append(f"  cause to stopping {max(outcome.stopping_seconds for outcome in played):.0f} s at most")
    lines.append(f"  end to the last trace gone {max(outcome.seconds for outcome in played):.0f} s at most, of {BOUND_SECONDS} s")
    return "\n".join(lines)


def main() -> int:
    logging.disable(logging.CRITICAL)
    began = time.process_time()
    every = [play(scene) for scene in scenes()] + [poll(ballot) for ballot in ballots()]
    print(summary(every))
    print(f"{time.process_time() - began:.0f} s of one core")
    return 1 if any(outcome.wrong for outcome in every) else 0


if __name__ == "__main__":
    sys.exit(main())
