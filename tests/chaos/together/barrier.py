"""The barrier of a run over several Regions: a model of home, parts and their pulses, every interleaving of which is
explored, with reads that fail, functions and pulses that die, and clocks that differ.

What is explored are the rules of `domain/regions/barrier.py` themselves; the model is what surrounds them. Time goes in
ticks. Within a tick everybody acts in any order, and between two reads of one function anything may happen. A tick ends
only when everybody who is alive has done what is due.

`python -m tests.chaos.together.barrier` explores all cases and prints how many states there are.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from squall.domain.regions import barrier
from squall.domain.regions.barrier import Decision, Move, PartState, Sight

TICK = 30
"""Seconds."""
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
START_BY = BEGIN + timedelta(seconds=TICK)
"""The barrier's deadline. Nothing is gained by more time: everybody may act in any order within a tick."""
PREPARED_BY = 3
"""Ticks after which every part has either got ready or ended: later than the deadline."""
PULSE = 2
"""Ticks between two looks of a pulse."""
FAULT, SHORT_FAULT = 11, 6
"""Ticks that the fault lasts: longer than every bound below, and than the first of them."""
ALONE, ALONE_UNREAD, ALONE_UNCLOSED = 4, 6, 8
"""The most ticks in which a fault may run while a peer's neither runs nor has ended as planned, if all clocks agree: two
minutes; three if reads may fail; four if the peer's workflow and pulse are dead, so that nobody closes its record."""
NEVER = -1
CLOSED = (PartState.DONE, PartState.ENDED)
CLOCKS = ((0, 0, 0), (10, 0, 0), (0, 10, 0), (0, 0, 10), (10, 10, 0), (10, 0, 10), (0, 10, 10))
"""How many seconds the clocks of home and of the parts are fast: every way in which one differs from the others."""
CASES: tuple[tuple[tuple[int, ...], dict[str, Any]], ...] = (
    *((clocks, {"reads_fail": False}) for clocks in CLOCKS),
    (CLOCKS[0], {}),
    (CLOCKS[2], {}),
    ((0, 0, 0, 0), {"reads_fail": False, "mishaps": 1, "fault": SHORT_FAULT}),
)
"""What is explored, by the arguments of `explore`. With reads that fail and other clocks there are up to 7 million
states; with three parts and more mishaps there are more than anybody waits for."""
REGIONS = ("eu-west-1", "eu-central-1", "us-east-1")
Told = tuple[bool, int] | None
"""Home's decision: whether to start, and until which second of home's clock."""
View = tuple[PartState | None, int]
"""What one part has read of the other: its state, and the second of its own clock at which it last read its peer."""


@dataclass(frozen=True)
class Rules:
    """The rules that are explored. Tests put broken ones in their place."""

    decide_start: Callable[[Sequence[Sight], datetime, datetime], Decision | None] = barrier.decide_start
    await_start: Callable[[Decision | None, Sequence[Sight], datetime, datetime], tuple[Move, str]] = barrier.await_start
    watch_peers: Callable[[Sequence[Sight], datetime, datetime, datetime], str] = barrier.watch_peers
    asks_again: bool = True
    """Whether a part asks again right before it calls FIS."""


class Part(NamedTuple):
    state: PartState = PartState.PREPARING
    fault: bool = False
    """Whether FIS runs the fault: that is the truth, `state` is what the record says."""
    passed: bool = False
    """Whether it has passed the barrier and is about to call FIS."""
    execution: bool = True
    """Whether the workflow lives. Its own watchdog or pulse closes the run if it does not."""
    pulse: bool = True
    started: int = NEVER
    """Tick at which the fault started."""
    read_at: int = 0
    """Tick at which it last read all peers."""
    looked: int = 0
    """Tick at which its pulse last looked."""
    asked: bool = False
    """Whether a function that looks at the barrier has tried to read home's decision."""
    told: Told = None
    """What it has read there."""
    views: tuple[View, ...] = ()
    """What a function that looks has read of the peers."""
    alone: int = 0
    """Ticks in which its fault has run since those of all peers last did."""


class World(NamedTuple):
    now: int = 0
    home: bool = True
    decision: Told = None
    read: tuple[View, ...] = ()
    """What home has read since it began to look."""
    parts: tuple[Part, ...] = (Part(), Part())
    mishaps: int | None = None
    """How many deaths, guards and refusals may still come; None: any number."""


@dataclass(frozen=True)
class Explored:
    states: int
    started: int
    """Endings of time in which all faults had run as planned."""
    kept: int
    """Endings in which no fault was ever started."""


def explore(
    rules: Rules,
    clocks: tuple[int, ...] = (0, 0, 0),
    *,
    reads_fail: bool = True,
    fault: int = FAULT,
    mishaps: int | None = None,
) -> Explored:
    """Explore everything that can happen. `clocks` says how many seconds home's and the parts' clocks are fast,
    `reads_fail` whether any read may fail, `fault` how many ticks a fault lasts, `mishaps` how many deaths, guards and
    refusals there may be (None: any number). Raises AssertionError for a state that must not be."""
    model = Model(rules, clocks, reads_fail=reads_fail, fault=fault, calm=mishaps == 0 and not reads_fail)
    first = World(parts=(Part(),) * (len(clocks) - 1), mishaps=mishaps)
    seen, todo = {first}, [first]
    started = kept = 0
    while todo:
        world = todo.pop()
        following = list(model.follow(world))
        if world.now >= model.horizon:
            model.check_end(world)
            started += all(part.state is PartState.DONE for part in world.parts)
            kept += all(part.started == NEVER for part in world.parts)
            continue
        assert following, f"nobody can go on: {world}"
        for then in following:
            if then not in seen:
                seen.add(then)
                todo.append(then)
    return Explored(len(seen), started, kept)


class Model:
    def __init__(self, rules: Rules, clocks: tuple[int, ...], *, reads_fail: bool, fault: int, calm: bool) -> None:
        self.rules, self.clocks = rules, clocks
        self.fault, self.calm = fault, calm
        self.horizon = PREPARED_BY + 2 + fault + 2 * PULSE
        self.reads_fail = reads_fail
        self._decide, self._await, self._watch_peers = cache(self._ask_home), cache(self._ask_barrier), cache(self._ask_peers)

    def follow(self, world: World) -> Iterator[World]:
        """Every state that may come next."""
        yield from self._follow_home(world)
        for index, part in enumerate(world.parts):
            if part.state not in CLOSED:
                if world.mishaps != 0:
                    left = None if world.mishaps is None else world.mishaps - 1
                    yield from (_put(world, index, then)._replace(mishaps=left) for then in _list_mishaps(part, world.now))
                yield from (_put(world, index, then) for then in self._follow_part(world, index))
        if not any(self._is_due(world, index) for index in range(len(world.parts))):
            yield self._tick(world)

    def check_end(self, world: World) -> None:
        if self.calm:
            done = [part.state is PartState.DONE for part in world.parts]
            assert all(done) or all(part.started == NEVER for part in world.parts), f"not all or none, and nothing went wrong: {world}"
        for part in world.parts:
            assert not part.fault, f"a fault runs for ever: {world}"
            closed = part.state in {PartState.DONE, PartState.ENDED}
            assert closed or not (part.execution or part.pulse), f"a part waits for ever: {world}"

    def _follow_home(self, world: World) -> Iterator[World]:
        """Home reads one part after the other, then decides. It may begin again, or be gone at any moment."""
        if not world.home or world.decision:
            return
        if world.mishaps != 0:
            yield world._replace(home=False, read=(), mishaps=None if world.mishaps is None else world.mishaps - 1)
        if len(world.read) < len(world.parts):
            for view in self._views(world, len(world.read)):
                yield world._replace(read=(*world.read, view))
            return
        decision = self._decide(world.read, world.now * TICK + self.clocks[0])
        if decision is None:
            yield world._replace(read=())
            return
        if decision[0]:
            assert all(state is PartState.READY for state, _ in world.read), f"home starts what is not ready: {world}"
        yield world._replace(decision=decision, read=())

    def _follow_part(self, world: World, index: int) -> Iterator[Part]:
        part = world.parts[index]
        if part.execution:
            yield from self._follow_execution(world, index)
        elif part.pulse:  # it closes a run whose execution has died, and stops its fault
            yield _forget(part, state=PartState.ENDED, fault=False)

    def _follow_execution(self, world: World, index: int) -> Iterator[Part]:
        part = world.parts[index]
        if part.state is PartState.PREPARING:
            yield part._replace(state=PartState.READY)
        elif part.state is PartState.READY and part.fault:
            yield part._replace(state=PartState.RUNNING)
        elif part.state is PartState.READY:
            yield from self._wait_at_barrier(world, index)
        else:
            if part.pulse:
                yield from self._watch(world, index)
            if any(peer.state is PartState.ENDED for peer in _peers(world, index)):  # the event of the peer's end arrives
                yield _forget(part, state=PartState.ENDED, fault=False)

    def _wait_at_barrier(self, world: World, index: int) -> Iterator[Part]:
        """The part reads home's decision, then its peer, then moves; and again right before it calls FIS."""
        part = world.parts[index]
        if part.passed and not self.rules.asks_again:
            yield self._start(world, index)
        elif not part.asked:
            yield from (part._replace(asked=True, told=told) for told in ({None, world.decision} if self.reads_fail else {world.decision}))
        elif len(part.views) < len(world.parts) - 1:
            yield from self._read_peer(world, index)
        else:
            clock = self._clock(world.now, index)
            move = self._await(part.told, part.views, clock)
            if move is Move.WAIT:
                assert _at(clock) < barrier.last_start(START_BY), f"it waits beyond the last start: {world}"
                yield _forget(part, passed=False)
            elif move is Move.STOP:
                yield _forget(part, state=PartState.ENDED, passed=False)
            else:
                yield self._start(world, index) if part.passed else _forget(part, passed=True)

    def _read_peer(self, world: World, index: int) -> Iterator[Part]:
        """It reads the record of the next peer."""
        part = world.parts[index]
        peers = [other for other in range(len(world.parts)) if other != index]
        yield from (part._replace(views=(*part.views, view)) for view in self._views(world, peers[len(part.views)]))

    def _start(self, world: World, index: int) -> Part:
        start, until = world.decision or (False, 0)
        assert start, f"it starts, and home has not decided so: {world}"
        assert self._clock(world.now, index) < until, f"it starts after the last start: {world}"
        return _forget(world.parts[index], fault=True, passed=False, started=world.now, read_at=world.now, looked=world.now)

    def _watch(self, world: World, index: int) -> Iterator[Part]:
        """The pulse reads the peer, then goes on or aborts. It also sees a fault that somebody else has stopped."""
        part = world.parts[index]
        if not part.fault:
            yield _forget(part, state=PartState.ENDED)
        elif len(part.views) < len(world.parts) - 1:
            yield from self._read_peer(world, index)
        else:
            now, started, read_at = (self._clock(tick, index) for tick in (world.now, part.started, part.read_at))
            if self._watch_peers(part.views, now, started, read_at):
                yield _forget(part, state=PartState.ENDED, fault=False)
            else:
                unread = any(state is None for state, _ in part.views)
                yield _forget(part, read_at=part.read_at if unread else world.now, looked=world.now)

    def _is_due(self, world: World, index: int) -> bool:
        """Whether somebody of this part who is alive has to act before the tick ends."""
        part = world.parts[index]
        pulse_is_due = part.pulse and world.now - part.looked >= PULSE
        if part.state in CLOSED:
            return False
        if not part.execution:
            return pulse_is_due
        if part.state is PartState.PREPARING:
            return world.now >= PREPARED_BY
        if part.state is PartState.READY:
            prompt = self.calm and world.decision is not None
            return prompt or part.fault or part.asked or _at(self._clock(world.now, index)) >= barrier.last_start(START_BY)
        return pulse_is_due or (part.pulse and bool(part.views))

    def _tick(self, world: World) -> World:
        """Time passes. A fault ends as planned when it has lasted long enough; the workflow looks then at the latest."""
        now = world.now + 1
        parts = []
        for index, part in enumerate(world.parts):
            if part.started != NEVER and now >= part.started + self.fault and part.state not in CLOSED:
                looks = part.execution and part.state is PartState.RUNNING
                state = (PartState.DONE if part.fault else PartState.ENDED) if looks else part.state
                parts.append(_forget(part, state=state, fault=False, alone=0))
                continue
            missing = _list_missing(_peers(world, index))
            alone = part.alone + 1 if part.fault and part.pulse and missing else 0
            assert alone <= self._most_alone(missing), f"a fault runs alone for {alone} ticks: {world}"
            parts.append(part._replace(alone=alone))
        return world._replace(now=now, parts=tuple(parts))

    def _most_alone(self, missing: list[Part]) -> int:
        closed = all(peer.pulse for peer in missing)
        most = (ALONE_UNREAD if self.reads_fail else ALONE) if closed else ALONE_UNCLOSED
        return most + (len(set(self.clocks[1:])) > 1)

    def _views(self, world: World, index: int) -> Iterator[View]:
        """What a reader of the part's record may get: nothing, or its state and what it wrote by its own clock."""
        part = world.parts[index]
        if self.reads_fail:
            yield (None, 0)
        yield (part.state, self._clock(part.read_at, index) if part.state is PartState.RUNNING else 0)

    def _clock(self, tick: int, index: int) -> int:
        """What the clock of this part shows at the tick, in seconds."""
        return tick * TICK + self.clocks[1 + index]

    def _ask_home(self, read: tuple[View, ...], clock: int) -> Told:
        sights = [_sight(view, region) for view, region in zip(read, REGIONS, strict=False)]
        decision = self.rules.decide_start(sights, _at(clock), START_BY)
        return None if decision is None else (decision.start, int((decision.until - BEGIN).total_seconds()))

    def _ask_barrier(self, told: Told, views: tuple[View, ...], clock: int) -> Move:
        decision = None if told is None else Decision(start=told[0], reason="", until=_at(told[1]))
        return self.rules.await_start(decision, [_sight(view) for view in views], _at(clock), START_BY)[0]

    def _ask_peers(self, views: tuple[View, ...], clock: int, started: int, read_at: int) -> bool:
        return bool(self.rules.watch_peers([_sight(view) for view in views], _at(clock), _at(started), _at(read_at)))


def _list_mishaps(part: Part, now: int) -> Iterator[Part]:
    """What may go wrong with a part that is not closed, by itself."""
    if part.execution:
        looked = now if part.started == NEVER else part.looked  # whoever has not started had no pulse of its own
        yield _forget(part, execution=False, passed=False, looked=looked)
    if part.pulse:
        yield part._replace(pulse=False)
    if part.fault and (part.state is PartState.RUNNING or not part.execution):
        yield part._replace(fault=False)  # a guard has fired and FIS has stopped it, and nobody has noted it yet
    if part.execution and (part.passed or part.state is PartState.PREPARING):
        yield _forget(part, state=PartState.ENDED, passed=False)  # a check refuses, or FIS


def _peers(world: World, index: int) -> tuple[Part, ...]:
    return world.parts[:index] + world.parts[index + 1 :]


def _list_missing(peers: tuple[Part, ...]) -> list[Part]:
    """The peers whose fault neither runs nor has ended as planned."""
    return [peer for peer in peers if not peer.fault and peer.state is not PartState.DONE]


def _put(world: World, index: int, part: Part) -> World:
    """The world with this part. Where its fault begins and is the last one, nobody is alone any more."""
    begins = part.fault and not world.parts[index].fault
    then = world._replace(parts=(*world.parts[:index], part, *world.parts[index + 1 :]))
    if begins and not _list_missing(then.parts):
        return then._replace(parts=tuple(each._replace(alone=0) for each in then.parts))
    return then


def _forget(part: Part, **changes: Any) -> Part:
    """The part after a function of it has ended."""
    return part._replace(asked=False, told=None, views=(), **changes)


def _at(seconds: int) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def _sight(view: View, region: str = REGIONS[0]) -> Sight:
    return Sight(region, view[0], peers_read_at=_at(view[1]) if view[0] is PartState.RUNNING else None)


def main() -> int:
    began = time.process_time()
    for clocks, options in CASES:
        print(clocks, options, explore(Rules(), clocks, **options), flush=True)
    print(f"{time.process_time() - began:.0f} s of one core")
    return 0


if __name__ == "__main__":
    sys.exit(main())
