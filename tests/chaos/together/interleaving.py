"""Every order in which functions that run at once can read and change the world, one port call at a time.

The functions are the real handlers, each in a thread of its own that stops before each call. A schedule lets one of
them make one call, or die there. All schedules are tried, depth first, and nothing is sampled. A state that was seen
before (the world, and the answers that each running function has had) is not followed again, because what follows it is
known.

One kind of call is no step of its own: a read of something that no other function of the scene writes. Its answer is
the same at any moment, and it makes no difference to the others whether the function dies before or after it. Which
reads these are is observed. As soon as another function writes what was read in this way, the exploration begins again,
with a step for that read.
"""

from __future__ import annotations

import copy
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from squall.domain.run.record import ExecutionRecord
from squall.domain.run.timeline import DECIDES
from squall.wiring import set_wiring
from tests.fakes.world import PORTS, SETTINGS, FakeWiring, FakeWorld
from tests.workflow.rig import ONE_FAULT, arranged
from tests.workflow.walk import Walk

Choice = tuple[str, int]
LIMIT = 200_000
"""The most schedules of a scene: a backstop against a scene that is too big."""


READS = frozenset(
    {
        *("get", "line", "all", "slots", "holds", "holders", "of", "open", "open_ids", "waiting_ids", "status"),
        *("template", "of_template", "of_execution", "own_templates", "active", "resolved_targets"),
        *("states", "with_prefix", "fired_since", "refresh"),
    }
)
"""Methods of ports that change nothing. Any other method counts as a write."""
WATCHED_READS = 20
"""How many reads of each kind are watched for a change, in each scene."""
STORES = frozenset({"records", "locks", "findings", "sightings", "halt_flag", "halt_copy"})
"""Ports whose state no other port reads or changes, unlike those of FIS, alarms and targets."""


class Died(BaseException):
    """The sandbox is gone. No `except Exception` catches this."""


@dataclass
class Actor:
    act: Callable[[], Any]
    ended: Callable[[Any], None] = lambda _: None
    """Called with the value that it returned, before any other actor goes on."""
    heard: list[str] = field(default_factory=list)
    """The calls that it made and their answers: everything that it can know."""
    over: bool = False
    dies: bool = False
    failed: str = ""
    answer: str = ""
    thread: threading.Thread | None = None
    go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    back: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    @property
    def key(self) -> tuple[object, ...]:
        """Everything that the following calls can depend on. An actor that is over has forgotten what it heard."""
        return (self.dies, self.failed, self.answer) if self.over else (self.thread is None, tuple(self.heard))

    def step(self) -> None:
        """Run the actor to its next call, or to its end."""
        if self.thread is None:
            self.thread = threading.Thread(target=self._run, daemon=True)
            self.thread.start()
        else:
            self.go.release()
        self.back.acquire()

    def die(self) -> None:
        self.dies, self.over = True, True
        if self.thread is not None and self.thread.is_alive():
            self.go.release()
            self.back.acquire()

    def wait(self) -> None:
        """Stop before a call, in the actor's own thread."""
        if self.dies:
            raise Died
        self.back.release()
        self.go.acquire()
        if self.dies:
            raise Died

    def _run(self) -> None:
        try:
            answer = self.act()
            self.over, self.answer = True, repr(answer)
            self.ended(answer)
        except Died:
            pass
        except Exception as error:  # noqa: BLE001 - as Lambda does; the scene's end says whether it mattered
            self.over, self.failed = True, f"{type(error).__name__}: {error}"
        finally:
            self.back.release()


@dataclass
class Scene:
    """A world, the actors that act in it at once, and what must be true when all of them have ended."""

    walk: Walk
    cast: Callable[[], list[Actor]]
    """Makes the actors. Called for each schedule, on the world as it was when the scene was made."""
    check: Callable[[list[Actor]], None]
    deaths: int = 1
    always: Callable[[], None] = lambda: None
    """Checked in every state."""
    actors: list[Actor] = field(default_factory=list)
    written: dict[str, set[int]] = field(default_factory=dict)
    """What is stored, with the actors that have written it in any schedule."""
    read_at_once: dict[str, set[int]] = field(default_factory=dict)
    """What is stored, with the actors that have read it without a step."""
    reads_seen: Counter[tuple[str, str]] = field(default_factory=Counter)
    not_reads: set[tuple[str, str]] = field(default_factory=set)
    """Port and method of each call that counts as a read although it has changed the world."""

    @property
    def world(self) -> FakeWorld:
        return self.walk.world

    def choices(self) -> list[Choice]:
        going = [("go", number) for number, actor in enumerate(self.actors) if not actor.over]
        left = self.deaths - sum(actor.dies for actor in self.actors)
        mortal = [(number, actor) for number, actor in enumerate(self.actors) if not actor.over and actor.thread is not None]
        return going + [("die", number) for number, _ in mortal if left > 0]

    def take(self, choice: Choice) -> None:
        kind, number = choice
        if kind == "go":
            self.actors[number].step()
        else:
            self.actors[number].die()

    def forget_wrong_reads(self) -> bool:
        """Whether an actor wrote what another one reads without a step. From now on, that read is a step."""
        wrong = [
            stored for stored, readers in self.read_at_once.items() if any(self.written.get(stored, set()) - {reader} for reader in readers)
        ]
        for stored in wrong:
            del self.read_at_once[stored]
        return bool(wrong)

    def abandon(self) -> None:
        for actor in self.actors:
            if not actor.over:
                actor.die()

    def key(self) -> int:
        return hash((_seen(self.world), tuple(actor.key for actor in self.actors)))


class _Gate:
    """A port whose calls wait for their turn, if another actor can change their answer."""

    def __init__(self, scene: Scene, name: str) -> None:
        self._scene, self._name, self._port = scene, name, getattr(scene.world, name)

    def __getattr__(self, method: str) -> Any:
        attribute = getattr(self._port, method)
        if not callable(attribute):
            return attribute

        def call(*args: Any, **kwargs: Any) -> Any:
            actors = self._scene.actors
            number = next((number for number, actor in enumerate(actors) if actor.thread is threading.current_thread()), None)
            if number is None:
                return attribute(*args, **kwargs)
            if (self._name, method) != ("clock", "now") and self._takes_a_step(method, args, number):
                actors[number].wait()
            answer = self._call(method, attribute, args, kwargs)
            actors[number].heard.append(f"{self._name}.{method} {_keep_decisive(answer)!r}")
            return answer

        return call

    def _call(self, method: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Makes the call. The first reads of each kind are watched: a read must not change the world."""
        kind, world = (self._name, method), self._scene.world
        if method not in READS or self._scene.reads_seen[kind] >= WATCHED_READS:
            return function(*args, **kwargs)
        self._scene.reads_seen[kind] += 1
        before = _seen(world)
        answer = function(*args, **kwargs)
        if _seen(world) != before:
            self._scene.not_reads.add(kind)
        return answer

    def _takes_a_step(self, method: str, args: tuple[Any, ...], number: int) -> bool:
        stored = self._stored(args)
        if method not in READS:
            self._scene.written.setdefault(stored, set()).add(number)
            return True
        if self._scene.written.get(stored, set()) - {number}:
            return True
        self._scene.read_at_once.setdefault(stored, set()).add(number)
        return False

    def _stored(self, args: tuple[Any, ...]) -> str:
        """What a call reads or writes: a document, a whole store, or everything that can have an effect on a target."""
        if self._name == "documents":
            execution_id, document = args[:2]
            kind = document if isinstance(document, type) else type(document)
            return f"{execution_id} {document if isinstance(document, str) else kind.__name__}"
        return self._name if self._name in STORES else "account"


def _keep_decisive(answer: object) -> object:
    """The answer without the events of a record's timeline that decide nothing (`DECIDES`).

    No function acts differently because of them, so two states that differ in nothing else are followed only once. The
    world keeps all of them.
    """
    if not isinstance(answer, ExecutionRecord):
        return answer
    return replace(answer, events=tuple(event for event in answer.events if event.event in DECIDES))


class _Saved:
    """The state of a world's ports, which can be restored any number of times."""

    def __init__(self, walk: Walk) -> None:
        self._ports = {name: getattr(walk.world, name) for name in (*PORTS, "fleet")}
        self._kept = {id(item): item for item in (walk, walk.world, *self._ports.values())}
        self._state = self._copied({name: vars(port) for name, port in self._ports.items()})

    def put_back(self) -> None:
        for name, state in self._copied(self._state).items():
            vars(self._ports[name]).clear()
            vars(self._ports[name]).update(state)

    def _copied(self, state: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        return copy.deepcopy(state, dict(self._kept))


def _seen(world: FakeWorld) -> str:
    """The state of the world that any function can read, as text."""
    locks = (world.locks.leases, world.locks.slot_leases, world.locks.tickets)
    published = (len(world.notifier.sent), len(world.lifecycle.events), hash(frozenset(world.documents.files.items())))
    runs, states = (
        [run.experiment for run in world.faults.runs.values()],
        [(alarm.name, alarm.state) for alarm in world.alarms.alarms.values()],
    )
    flow = (sorted(world.workflow.tokens), world.workflow.executions)
    records = (world.records.items, sorted(world.records.in_open_index))
    flags = (world.halt_flag.value, world.halt_copy.value, world.sightings.seen)
    return repr((world.clock.now(), records, locks, runs, sorted(world.faults.templates), states, published, flow, flags))


@dataclass
class Explored:
    schedules: int = 0
    states: int = 0
    endings: int = 0


def explore(made: Callable[[Walk, FakeWorld], Scene], shape: str = ONE_FAULT) -> Explored:
    """Explores every schedule of the scene, in which `seed` has this shape. Raises what a check raises, with the schedule in a note."""
    explored, visited = Explored(), set[int]()
    pending: list[tuple[Choice, ...]] = [()]
    with ExitStack() as stack:
        walk, world = stack.enter_context(arranged(shape))
        walk.pulse = walk.events = False
        world.faults.stop_seconds = 1
        scene = made(walk, world)
        saved = _Saved(walk)
        wiring = FakeWiring(world, SETTINGS)
        vars(wiring).update({name: _Gate(scene, name) for name in PORTS})
        set_wiring(wiring)
        while pending:
            saved.put_back()
            scene.actors = scene.cast()
            explored.schedules += 1
            assert explored.schedules < LIMIT, "too big a scene"
            pending += _play(scene, pending.pop(), visited, explored)
            assert not scene.not_reads, f"not only reads: {scene.not_reads}"
            if scene.forget_wrong_reads():
                explored, visited, pending = Explored(), set(), [()]
    explored.states = len(visited)
    return explored


def _play(scene: Scene, path: tuple[Choice, ...], visited: set[int], explored: Explored) -> list[tuple[Choice, ...]]:
    """Follow the path, then let the first actor that can go on until every state has been seen. Returns the paths that
    branch off."""
    aside: list[tuple[Choice, ...]] = []
    try:
        for choice in path:
            scene.take(choice)
        while (key := scene.key()) not in visited:
            visited.add(key)
            scene.always()
            choices = scene.choices()
            if not any(kind == "go" for kind, _ in choices):
                explored.endings += 1
                scene.check(scene.actors)
                break
            aside += [(*path, other) for other in choices[1:]]
            scene.take(choices[0])
            path = (*path, choices[0])
    except AssertionError as error:
        error.add_note(f"schedule {path}: {[actor.failed for actor in scene.actors if actor.failed]}")
        raise
    finally:
        scene.abandon()
    return aside
