"""The ways in which a function, an execution or a service of AWS breaks, each at one state of one run.

The states are read from the ASL, the services from the wiring's ports, so a new one is in the matrix as soon as it
exists.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from squall.errors import Unavailable
from tests.chaos.actions import shaped
from tests.chaos.frozen import Frozen
from tests.fakes.world import PORTS, FakeWorld
from tests.workflow.endings import Intercept, once
from tests.workflow.rig import ONE_FAULT, good_run
from tests.workflow.walk import OF_PARTS, Walk, every_state

LEASE_SECONDS = 300
FUNCTION_SECONDS = 60
STATES = {name: state for name, state in every_state().items() if state["Type"] == "Task" and name not in OF_PARTS}
_OF_ONE_SERVICE = {
    "DynamoDB": ("records", "locks", "halt_copy", "history", "sightings", "campaigns", "collected"),
    "CloudWatch": ("alarms", "metrics"),
    "FIS": ("faults", "lever"),
    "EventBridge": ("lifecycle", "campaign_events"),
    "S3": ("documents", "catalogue"),
    "Systems Manager": ("commands", "automations", "halt_flag", "calendars", "home", "members", "member_runs"),
}
_NAMED = {"SNS": "notifier", "Step Functions": "workflow", "EC2": "inventory"}
_KNOWN = {"clock", *_NAMED.values(), *(port for ports in _OF_ONE_SERVICE.values() for port in ports)}
SERVICE: dict[str, tuple[str, ...]] = {
    **_OF_ONE_SERVICE,
    **{name: (port,) for name, port in _NAMED.items()},
    **{port: (port,) for port in PORTS if port not in _KNOWN},
}
"""The ports that break together with a service. A port that is not named here is a service of its own."""


def function_of(state: str, states: Mapping[str, Any] = STATES) -> str:
    name: str = states[state]["Arguments"]["FunctionName"]
    return name.removeprefix("${").removesuffix("FunctionArn}")


class LambdaError(Exception):
    """An error of a function as Step Functions sees it: an ASL error name."""

    def __init__(self, asl_name: str) -> None:
        self.asl_name = asl_name
        super().__init__(asl_name)


@dataclass
class Trial:
    """One run, at one state of which something breaks."""

    walk: Walk
    world: FakeWorld
    state: str
    shape: str = ONE_FAULT
    """What the experiment is: one of the rig's shapes, or a FIS action."""
    heard: bool = True
    """Whether Step Functions' event of a dead execution reaches the watchdog."""
    redriven: bool = False
    frozen: list[Frozen] = field(default_factory=list)
    at_once: list[int] = field(default_factory=list)
    """How many faults ran, at each change of a fault."""
    states: Mapping[str, Any] = field(default_factory=lambda: STATES)
    """The Tasks of the state machine that is walked."""
    count: Callable[[], Mapping[str, int]] | None = None
    """Says how many calls each function makes where nothing breaks; None: those of a good run."""

    @property
    def function(self) -> str:
        return function_of(self.state, self.states)

    def calls_of_function(self) -> int:
        """How many calls the function makes where nothing breaks."""
        counts = self.count() if self.count else calls(self.shape)
        return counts[self.function]

    def before(self, act: Callable[[], None]) -> None:
        self.walk.before[self.function] = lambda _: act()

    def after(self, act: Callable[[], None]) -> None:
        self.walk.after[self.function] = lambda _: act()

    def time_out(self) -> None:
        """Step Functions gives up on the function after the state's timeout. A function with a task token has Lambda's
        timeout."""
        seconds = self.states[self.state]["TimeoutSeconds"]
        waits = not isinstance(seconds, int)
        self.walk.pass_time(FUNCTION_SECONDS if waits else seconds)
        raise LambdaError("Sandbox.Timedout" if waits else "States.Timeout")

    def repair(self) -> None:
        for hooks in (self.walk.enter, self.walk.before, self.walk.after):
            hooks.clear()
        self.world.failing = {}
        self.world.losing.clear()
        self.walk.pulse = self.walk.events = True


Mode = Callable[[Trial], None]
"""Called when the state is entered for the first time."""


def answer(error: str) -> None:
    raise LambdaError(error)


def raises(trial: Trial) -> None:
    trial.before(partial(answer, "ValueError"))


def times_out(trial: Trial) -> None:
    trial.after(trial.time_out)


def throttled(trial: Trial) -> None:
    trial.before(partial(answer, "Lambda.TooManyRequestsException"))


def killed_once(trial: Trial) -> None:
    trial.after(once(partial(answer, "Lambda.Unknown")))


def killed_always(trial: Trial) -> None:
    trial.after(partial(answer, "Lambda.Unknown"))


def frozen_at(trial: Trial, call: int) -> None:
    """The function freezes before one of its calls. Step Functions gives up on it and goes on. The function wakes after
    its lease."""

    def freeze(payload: dict[str, Any]) -> None:
        if trial.frozen:
            return
        frozen = Frozen(trial.function, payload, call)
        trial.frozen.append(frozen)
        trial.world.failing = Intercept(frozen.call)
        frozen.start()
        trial.world.clock.after(LEASE_SECONDS + 2 * FUNCTION_SECONDS, frozen.go_on)
        trial.time_out()

    trial.walk.before[trial.function] = freeze


def frozen_part(trial: Trial, part: float) -> None:
    frozen_at(trial, max(1, round(trial.calls_of_function() * part)))


@cache
def calls(shape: str = ONE_FAULT) -> dict[str, int]:
    """How many calls of ports each function makes when it is first invoked in a good run."""
    return count_calls(partial(good_run, shape=shaped(shape)))


def count_calls(run: Callable[[Callable[[Walk, str], None]], object]) -> dict[str, int]:
    """How many calls of ports each function makes when it is first invoked. `run` tells its argument of every call."""
    counts: dict[str, int] = {}
    done: set[str] = set()

    def note(walk: Walk, called: str) -> None:
        current = walk.running[0] if len(walk.running) == 1 else ""
        done.update(name for name in counts if name != current)
        if current and current not in done:
            counts[current] = counts.get(current, 0) + 1

    run(note)
    return counts


FREEZES = "frozen past its lease, before call "


def overtaken(trial: Trial) -> None:
    """The function, the pulse and events stand still until the lease has expired, and another execution takes the
    failure domain meanwhile."""

    def sleep() -> None:
        trial.walk.pulse = trial.walk.events = False
        trial.walk.before.clear()
        trial.world.clock.advance(LEASE_SECONDS + 10)
        trial.walk.run({"experiment": "other"}, "run-2")
        trial.walk.pulse = trial.walk.events = True

    trial.before(once(sleep))


def garbage(trial: Trial, answered: dict[str, Any]) -> None:
    def replace(result: dict[str, Any]) -> None:
        result.clear()
        result.update(answered)

    trial.walk.after[trial.function] = replace


def stopped_before(trial: Trial) -> None:
    trial.walk.kill()


def stopped_during(trial: Trial) -> None:
    """The execution is stopped halfway through the function's calls; the function itself goes on."""
    left = [max(1, trial.calls_of_function() // 2)]

    def count(called: str) -> None:
        if trial.walk.running[-1:] == [trial.function]:
            left[0] -= 1
            if left[0] == 0:
                trial.walk.kill()

    trial.world.failing = Intercept(count)


def stopped_after(trial: Trial) -> None:
    trial.after(trial.walk.kill)


def unheard(stop: Mode, trial: Trial) -> None:
    trial.heard = False
    stop(trial)


def redriven(stop: Mode, trial: Trial) -> None:
    trial.redriven = True
    stop(trial)


def broken(trial: Trial, service: str, chance: float) -> None:
    """The service fails from here on, until the execution has ended and some pulses have tried: all of its calls, or a
    part of them."""
    dice = random.Random(f"{trial.state} {service} {chance}")

    def ask(called: str) -> None:
        if called.partition(".")[0] in SERVICE[service] and dice.random() < chance:
            raise Unavailable(service, called, "ThrottlingException", "broken by the matrix", retryable=chance < 1)

    trial.world.failing = Intercept(ask)


def answers_lost(trial: Trial, service: str) -> None:
    """The service does what it is asked, but half of its answers are lost."""
    dice = random.Random(f"{trial.state} {service}")
    for port in SERVICE[service]:
        trial.world.losing[port] = lambda: dice.random() < 0.5


MODES: dict[str, Mode] = {
    "raises": raises,
    "times out after its effect, always": times_out,
    "throttled": throttled,
    "killed after its effect, once": killed_once,
    "killed after its effect, always": killed_always,
    "frozen past its lease, before its first call": partial(frozen_part, part=0.0),
    "frozen past its lease, halfway": partial(frozen_part, part=0.5),
    "frozen past its lease, before its last call": partial(frozen_part, part=1.0),
    "overtaken after its lease": overtaken,
    "returns nothing": partial(garbage, answered={}),
    "returns garbage": partial(garbage, answered={"outcome": 7, "seconds": "soon", "run": None}),
    "returns a wait without end": partial(garbage, answered={"outcome": "wait", "seconds": -1}),
    "stopped before": stopped_before,
    "stopped during": stopped_during,
    "stopped after": stopped_after,
    "stopped before, unheard": partial(unheard, stopped_before),
    "stopped during, unheard": partial(unheard, stopped_during),
    "stopped after, unheard": partial(unheard, stopped_after),
    "stopped and redriven": partial(redriven, stopped_before),
    "stopped halfway and redriven": partial(redriven, stopped_during),
    "stopped, unheard and redriven": partial(redriven, partial(unheard, stopped_before)),
    **{f"{service} fails": partial(broken, service=service, chance=1.0) for service in SERVICE},
    **{f"{service} throttles": partial(broken, service=service, chance=0.5) for service in SERVICE},
    **{f"{service}'s answers are lost": partial(answers_lost, service=service) for service in SERVICE},
}
