"""What every driver of the workflow does alike: call handlers as Lambda would, and let time pass with the pulse in it."""

from __future__ import annotations

import importlib
import json
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from squall.domain.run.fis_state import FisExperiment
    from tests.fakes.world import FakeWorld

    Hook = Callable[[dict[str, Any]], None]

PULSE_SECONDS = 60
TICK = {"source": "aws.scheduler"}
FIS_EVENT = {"source": "aws.fis"}


@dataclass
class Driver:
    world: FakeWorld
    before: dict[str, Hook] = field(default_factory=dict)
    """Called with the payload before a handler runs: where a test raises, or breaks something."""
    after: dict[str, Hook] = field(default_factory=dict)
    """Called with the result after a handler ran, before the machine sees it."""
    pulse: bool = True
    events: bool = True
    """Whether FIS events reach the pulse (lost otherwise)."""
    abort_function: bool = False
    """Whether a guard that fires invokes the Abort function, as its alarm action does."""
    _stacks: dict[int, list[str]] = field(default_factory=dict)
    """Thread to the functions that run in it."""
    _last_pulse: float = 0.0

    def wire(self) -> None:
        """Connect what FIS and alarms tell to the functions that hear it."""
        self._last_pulse = self._time()
        self.world.faults.listeners.append(self._on_fis)
        self.world.alarms.listeners.append(self._on_alarm)

    def _on_fis(self, experiment: FisExperiment) -> None:
        if self.events and experiment.terminal:
            self.world.clock.after(1, lambda: self.quietly("Pulse", FIS_EVENT))

    def _on_alarm(self, alarm: Any) -> None:
        if self.abort_function:
            payload = alarm_action(alarm)
            self.world.clock.after(1, lambda: self.quietly("Abort", payload))

    def invoke(self, function_name: str, payload: dict[str, Any]) -> Any:
        """Call a handler as Lambda would: JSON in, JSON out."""
        name = function_name.rpartition(":")[2]
        if hook := self.before.get(name):
            hook(payload)
        module = importlib.import_module(f"squall.handlers.{snake(name)}")
        with self.acting_as(name):
            result = json.loads(json.dumps(module.handler(json.loads(json.dumps(payload)), None)))
        if hook := self.after.get(name):
            hook(result)
        return result

    @property
    def running(self) -> list[str]:
        """The functions that run in this thread, the innermost last."""
        return self._stacks.setdefault(threading.get_ident(), [])

    @contextmanager
    def acting_as(self, name: str) -> Iterator[None]:
        """What is done here is done by this function, with its permissions."""
        self.running.append(name)
        try:
            yield
        finally:
            self.running.pop()

    def quietly(self, name: str, payload: dict[str, Any]) -> None:
        """As by an event: what a function raises reaches nobody but its alarm on errors."""
        try:
            self.invoke(name, payload)
        except Exception as error:  # noqa: BLE001 - as Lambda does
            self.world.calls.append(f"raised:{name}:{type(error).__name__}")

    def pass_time(self, seconds: float) -> None:
        """Let time pass, with the pulse once a minute, as the schedule would."""
        until = self._time() + seconds
        while self._time() < until and self.alive():
            self.pass_some(until - self._time())

    def pass_some(self, seconds: float) -> None:
        """Jump to whatever happens next, at most this far."""
        due = self._last_pulse + PULSE_SECONDS - self._time()
        self.world.clock.advance(max(0.0, min(seconds, due, self._next_event())))
        if self._time() - self._last_pulse >= PULSE_SECONDS:
            self._last_pulse = self._time()
            if self.pulse:
                self.quietly("Pulse", TICK)

    def pulses(self, count: int) -> None:
        """The next pulses, whatever the workflow does (nothing, if it is dead)."""
        for _ in range(count):
            self.world.clock.advance(self._last_pulse + PULSE_SECONDS - self._time())
            self._last_pulse = self._time()
            self.quietly("Pulse", TICK)

    def alive(self) -> bool:
        return True

    def _next_event(self) -> float:
        due = self.world.clock._due
        return (due[0][0] - self.world.clock.now()).total_seconds() if due else PULSE_SECONDS

    def _time(self) -> float:
        return self.world.clock.now().timestamp()


def snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def alarm_action(alarm: Any, state: str | None = None) -> dict[str, Any]:
    """What CloudWatch gives a function that is an alarm's action."""
    return {
        "source": "aws.cloudwatch",
        "alarmArn": f"arn:aws:cloudwatch:eu-west-1:123456789012:alarm:{alarm.name}",
        "accountId": "123456789012",
        "region": "eu-west-1",
        "alarmData": {
            "alarmName": alarm.name,
            "state": {"value": state or alarm.state, "reason": alarm.reason},
            "previousState": {"value": "OK"},
            "configuration": {"description": alarm.description, "metrics": []},
        },
    }


def alarm_event(alarm: Any, state: str | None = None) -> dict[str, Any]:
    """The same as EventBridge delivers it."""
    action = alarm_action(alarm, state)
    return {
        "version": "0",
        "source": "aws.cloudwatch",
        "detail-type": "CloudWatch Alarm State Change",
        "resources": [action["alarmArn"]],
        "detail": action["alarmData"],
    }


def execution_event(arn: str, status: str, started_ms: int) -> dict[str, Any]:
    """Step Functions' own event of an execution that ended, as the watchdog's rule delivers it."""
    return {
        "version": "0",
        "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "resources": [arn],
        "detail": {
            "executionArn": arn,
            "stateMachineArn": arn.replace(":execution:", ":stateMachine:").rpartition(":")[0],
            "name": arn.rpartition(":")[2],
            "status": status,
            "startDate": started_ms,
            "stopDate": started_ms + 1,
            "input": None,
            "output": None,
        },
    }
