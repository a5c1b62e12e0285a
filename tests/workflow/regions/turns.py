"""Several executions at the same time on one clock, one at a time: each is a thread that hands its turn on when it lets time
pass. So their order is the same in every test run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.fakes.clock import FakeClock
from tests.patience import PATIENCE


@dataclass
class Task:
    until: datetime
    """When it wants its next turn at the latest."""
    turn: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    over: bool = False
    error: BaseException | None = None


@dataclass
class Turns:
    clock: FakeClock
    every_minute: Callable[[], None] = lambda: None
    """Called once a minute, as schedules are."""
    tasks: list[Task] = field(default_factory=list)
    _handed_back: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    _own: threading.local = field(default_factory=threading.local)
    _next_minute: datetime | None = None

    def begin(self, does: Callable[[], None]) -> None:
        """Add a task, which gets its first turn soon."""
        task = Task(self.clock.now())
        self.tasks.append(task)

        def run() -> None:
            self._own.task = task
            task.turn.acquire()
            try:
                does()
            except BaseException as error:  # noqa: BLE001 - handed to the test's thread
                task.error = error
            task.over = True
            self._handed_back.release()

        threading.Thread(target=run, daemon=True).start()

    def wait(self, seconds: float) -> None:
        """Of a task: hand the turn on until something has happened, or this time has passed. Elsewhere: let time pass."""
        task: Task | None = getattr(self._own, "task", None)
        if task is None:
            self.clock.advance(seconds)
            return
        task.until = self.clock.now() + timedelta(seconds=max(seconds, 0.001))
        self._handed_back.release()
        task.turn.acquire()

    def sleep(self, seconds: float) -> None:
        """Of a task: hand the turn on until this time has passed."""
        until = self.clock.now() + timedelta(seconds=seconds)
        while self.clock.now() < until:
            self.wait((until - self.clock.now()).total_seconds())

    def run(self, *, until: Callable[[], bool] = lambda: False, longest: timedelta = timedelta(hours=12)) -> None:
        """Give turns until all tasks are over, or until the condition holds. Raises what a task raised."""
        end = self.clock.now() + longest
        while not until():
            for task in [task for task in self.tasks if not task.over]:
                self._give_turn(task)
            left = [task for task in self.tasks if not task.over]
            if not left or until():
                return
            assert self.clock.now() < end, "the executions do not end"
            self._pass_time(min(task.until for task in left))

    def minutes(self, count: int) -> None:
        """Let so many minutes pass after the tasks have ended."""
        for _ in range(count):
            self._pass_time(self.clock.now() + timedelta(minutes=1))

    def _give_turn(self, task: Task) -> None:
        task.turn.release()
        assert self._handed_back.acquire(timeout=PATIENCE), "a task keeps its turn"
        if task.error is not None:
            raise task.error

    def _pass_time(self, until: datetime) -> None:
        now = self.clock.now()
        minute = self._next_minute = self._next_minute or now + timedelta(minutes=1)
        due = self.clock._due[0][0] if self.clock._due else until
        self.clock.advance(max(0.0, (min(until, minute, due) - now).total_seconds()))
        if self.clock.now() >= minute:
            self._next_minute = minute + timedelta(minutes=1)
            self.every_minute()
