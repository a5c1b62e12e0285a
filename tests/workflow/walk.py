"""The real state machine walked in this thread: a small interpreter of the part of ASL that the machine uses.

moto runs the same file in test_experiment.py, and test_walk.py shows that both visit the same states; here a run costs
milliseconds, so that every state, every call and every ending can be tried. An execution that is stopped just isn't driven any
further, as on AWS: a handler that is running goes on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from jsonata.jsonata import Jsonata

from squall.wiring import set_wiring
from tests.fakes.workload import ACCOUNT, REGION
from tests.fakes.world import FakeWorld
from tests.workflow.driver import Driver, execution_event
from tests.workflow.granted import grant_attributes, grant_documents, grant_start

ASL = Path(__file__).parents[2] / "statemachines" / "experiment.asl.json"
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:squall"
HISTORY_LIMIT = 25_000
"""Events after which Step Functions fails an execution; no Catch sees it."""
_PATH = re.compile(r"\$(\w+(?:\.\w+)*)")
_LAMBDA_ERRORS = {"Lambda.ServiceException", "Lambda.AWSLambdaException", "Lambda.SdkClientException", "Lambda.TooManyRequestsException"}


OF_PARTS = frozenset({"AwaitPeers"})
"""The states that only a part of a run over several Regions enters: `tests/workflow/regions` breaks them."""


@cache
def asl() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(ASL.read_text())
    return loaded


def every_state(states: dict[str, Any] | None = None) -> dict[str, dict[str, Any]]:
    """Name to state, also of the states inside branches."""
    results: dict[str, dict[str, Any]] = {}
    for name, state in (asl()["States"] if states is None else states).items():
        results[name] = state
        inner = [*state.get("Branches", ()), *([state["ItemProcessor"]] if "ItemProcessor" in state else [])]
        for branch in inner:
            results.update(every_state(branch["States"]))
    return results


class StateError(Exception):
    """A state failed: an ASL error name and what was said."""

    def __init__(self, error: str, cause: str = "") -> None:
        self.error, self.cause = error, cause
        super().__init__(f"{error}: {cause}")


class Stopped(BaseException):
    """The execution is not RUNNING any more: nobody drives it."""


@dataclass
class Walked:
    arn: str
    status: str
    states: list[str] = field(default_factory=list)
    handlers: list[str] = field(default_factory=list)
    events: int = 0
    error: str = ""
    largest: int = 0
    """Bytes of the largest payload or result of a state."""
    started_ms: int = 0
    output: Any = None
    """What the execution says when it has ended SUCCEEDED."""


@dataclass
class Walk(Driver):
    enter: dict[str, Callable[[], None]] = field(default_factory=dict)
    """Called when a state is entered."""
    redrive_count: int = 0
    machine: dict[str, Any] = field(default_factory=asl)
    """The state machine that is walked."""
    wrote: set[tuple[str, str]] = field(default_factory=set)
    """Functions, and the documents that they have written."""
    named: set[tuple[str, str]] = field(default_factory=set)
    """Functions, and the attributes of records that they have named in updates."""
    _walking: list[_Execution] = field(default_factory=list)
    walked: list[Walked] = field(default_factory=list)
    """Every execution, in the order of their starts."""
    child: Callable[[str, dict[str, Any]], str] | None = None
    """What an execution that the machine starts does: its name and input to its status. None: it is walked as well."""

    def run(
        self,
        payload: object,
        name: str = "run-1",
        *,
        start_at: str | None = None,
        variables: dict[str, Any] | None = None,
        machine_arn: str = MACHINE,
        machine: dict[str, Any] | None = None,
    ) -> Walked:
        """Walk to the end. `start_at` and `variables`: where a redriven execution goes on."""
        arn = machine_arn.replace(":stateMachine:", ":execution:") + f":{name}"
        self.world.workflow.executions[arn] = "RUNNING"
        now = self.world.clock.now()
        execution = _Execution(self, arn, name, payload, now.isoformat().replace("+00:00", "Z"), dict(variables or {}))
        execution.walked.started_ms = int(now.timestamp() * 1000)
        self._walking.append(execution)
        self.walked.append(execution.walked)
        try:
            execution.walked.output = execution.walk(machine or self.machine, payload, start_at)
            self.world.workflow.executions[arn] = "SUCCEEDED"
        except StateError as error:
            self.world.workflow.executions[arn], execution.walked.error = "FAILED", error.error
        except Stopped:
            pass
        finally:
            self._walking.pop()
        execution.walked.status = self.world.workflow.executions[arn]
        return execution.walked

    def kill(self, status: str = "ABORTED", *, at: int = -1) -> None:
        """Stop an execution from outside: it is not driven any further. `at`: which of those that wait for each other, the
        outermost first."""
        self.world.workflow.executions[self._walking[at].arn] = status

    def death(self, status: str = "ABORTED", *, at: int = -1) -> dict[str, Any]:
        """The event of the execution's end."""
        execution = self._walking[at]
        return execution_event(execution.arn, status, execution.walked.started_ms)

    @property
    def depth(self) -> int:
        """How many executions wait for each other, the innermost included."""
        return len(self._walking)

    def alive(self) -> bool:
        return not self._walking or self.world.workflow.executions[self._walking[-1].arn] == "RUNNING"


@dataclass
class _Execution:
    driver: Walk
    arn: str
    name: str
    payload: object
    started: str
    variables: dict[str, Any]
    walked: Walked = field(init=False)
    _tokens: int = 0

    def __post_init__(self) -> None:
        self.walked = Walked(self.arn, "RUNNING")

    def walk(self, machine: dict[str, Any], inputs: Any, start_at: str | None = None) -> Any:
        """Through the states of a machine or a branch; the last one's output."""
        top = start_at if start_at in machine["States"] else self._top(start_at)
        name: str | None = top or machine["StartAt"]
        while name is not None:
            state = machine["States"][name]
            self.walked.states.append(name)
            self.walked.events += 2
            if hook := self.driver.enter.get(name):
                hook()
            if self.walked.events > HISTORY_LIMIT:
                self.driver.world.workflow.executions[self.arn] = "FAILED"
            self._check()
            inner, start_at = (start_at, None) if start_at and start_at != name else (None, None)
            name, inputs = self._visit(state, inputs, inner)
        return inputs

    def _top(self, name: str | None) -> str | None:
        """The state of the machine that holds this one in a branch."""
        return next((top for top, state in self.driver.machine["States"].items() if name in every_state({top: state})), None)

    def _check(self) -> None:
        if self.driver.world.workflow.executions[self.arn] != "RUNNING":
            raise Stopped

    def _visit(self, state: dict[str, Any], inputs: Any, inner: str | None) -> tuple[str | None, Any]:
        try:
            return getattr(self, f"_{state['Type'].lower()}")(state, inputs, inner)  # type: ignore[no-any-return]
        except StateError as error:
            for catcher in state.get("Catch", ()):
                if _matches(catcher["ErrorEquals"], error.error):
                    answer = {"Error": error.error, "Cause": error.cause}
                    self._assign(catcher.get("Assign"), errorOutput=answer)
                    output = self._evaluate(catcher["Output"], errorOutput=answer) if "Output" in catcher else answer
                    return catcher["Next"], output
            raise

    def _task(self, state: dict[str, Any], inputs: Any, inner: str | None) -> tuple[str | None, Any]:
        tries: dict[int, int] = {}
        while True:
            try:
                result = self._invoke(state, inputs)
                break
            except StateError as error:
                at = next((i for i, entry in enumerate(state.get("Retry", ())) if _matches(entry["ErrorEquals"], error.error)), None)
                if at is None or tries.get(at, 0) >= state["Retry"][at]["MaxAttempts"]:
                    raise
                tries[at] = tries.get(at, 0) + 1
                retrier = state["Retry"][at]
                self.driver.pass_time(retrier["IntervalSeconds"] * retrier["BackoffRate"] ** (tries[at] - 1))
                self._check()
        output = self._evaluate(state["Output"], input=inputs, result=result) if "Output" in state else result
        self._measure(output)
        self._assign(state.get("Assign"), input=inputs, result=result)
        return state.get("Next"), output

    def _invoke(self, state: dict[str, Any], inputs: Any) -> dict[str, Any]:
        world, token = self.driver.world, ""
        waits = state["Resource"].endswith(".waitForTaskToken")
        if waits:
            self._tokens += 1
            token = f"{self.name}-token-{self._tokens}"
            world.workflow.tokens.add(token)
        timeout = self._evaluate(state["TimeoutSeconds"], input=inputs)
        arguments = self._evaluate(state["Arguments"], input=inputs, token=token)
        self._measure(arguments)
        if "StateMachineArn" in arguments:
            return self._start_child(arguments)
        function = arguments["FunctionName"].removeprefix("${").removesuffix("FunctionArn}")
        self.walked.handlers.append(function)
        self.walked.events += 3
        try:
            payload = self.driver.invoke(function, arguments["Payload"])
        except Exception as error:
            world.workflow.tokens.discard(token)
            self._check()
            raise StateError(str(getattr(error, "asl_name", type(error).__name__)), str(error)) from error
        self._check()
        if not waits:
            return {"Payload": payload}
        until = world.clock.now().timestamp() + timeout
        while token in world.workflow.tokens:
            left = until - world.clock.now().timestamp()
            if left <= 0:
                world.workflow.tokens.discard(token)
                raise StateError("States.Timeout")
            self.driver.pass_some(left)
            self._check()
        return {}

    def _start_child(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """As `startExecution.sync:2`: TaskScheduled, TaskStarted, TaskSubmitted, and the end of the execution."""
        self.walked.events += 4
        name, executions = arguments["Name"], self.driver.world.workflow.executions
        arn = MACHINE.replace(":stateMachine:", ":execution:") + f":{name}"
        self._call_hook(self.driver.before.get("StartExecution"), arguments)
        if arn in executions:
            raise StateError("StepFunctions.ExecutionAlreadyExistsException", name)
        executions[arn] = "RUNNING"
        if self.driver.child:
            executions[arn] = self.driver.child(name, arguments["Input"])
        else:
            self.driver.run(arguments["Input"], name)
        self._check()
        self._call_hook(self.driver.after.get("StartExecution"), arguments)
        if executions[arn] != "SUCCEEDED":
            raise StateError("States.TaskFailed", json.dumps({"ExecutionArn": arn, "Status": executions[arn]}))
        return {"ExecutionArn": arn, "Status": "SUCCEEDED"}

    def _call_hook(self, hook: Callable[[dict[str, Any]], None] | None, arguments: dict[str, Any]) -> None:
        try:
            if hook:
                hook(arguments)
        except Exception as error:
            raise StateError(str(getattr(error, "asl_name", type(error).__name__)), str(error)) from error

    def _map(self, state: dict[str, Any], inputs: Any, inner: str | None) -> tuple[str | None, Any]:
        """The iterations one after the other."""
        outer = dict(self.variables)
        self.walked.events += 2
        for item in self._evaluate(state["Items"], input=inputs):
            self.walked.events += 2
            self.walk(state["ItemProcessor"], item, inner)
            self.variables = dict(outer)
        self._assign(state.get("Assign"), input=inputs)
        return state["Next"], self._evaluate(state["Output"], input=inputs)

    def _choice(self, state: dict[str, Any], inputs: Any, inner: str | None) -> tuple[str | None, Any]:
        chosen = next((c["Next"] for c in state["Choices"] if self._evaluate(c["Condition"], input=inputs) is True), state.get("Default"))
        if chosen is None:
            raise StateError("States.NoChoiceMatched")
        return chosen, inputs

    def _wait(self, state: dict[str, Any], inputs: Any, inner: str | None) -> tuple[str | None, Any]:
        seconds = self._evaluate(state["Seconds"], input=inputs)
        if not (isinstance(seconds, int) and 0 <= seconds <= 99_999_999):
            raise StateError("States.QueryEvaluationError", f"Seconds is {seconds!r}")
        self.driver.pass_time(seconds)
        self._check()
        return state["Next"], inputs

    def _parallel(self, state: dict[str, Any], inputs: Any, inner: str | None) -> tuple[str | None, Any]:
        outer = dict(self.variables)
        try:
            output = [self.walk(branch, inputs, inner) for branch in state["Branches"]]
        finally:
            self.variables = outer  # what a branch assigns is its own
        return state.get("Next"), self._evaluate(state["Output"], input=inputs, result=output) if "Output" in state else output

    def _succeed(self, state: dict[str, Any], inputs: Any, inner: str | None) -> tuple[str | None, Any]:
        return None, self._evaluate(state["Output"], input=inputs) if "Output" in state else inputs

    def _fail(self, state: dict[str, Any], inputs: Any, inner: str | None) -> tuple[str | None, Any]:
        raise StateError(state["Error"], state["Cause"])

    def _assign(self, assignments: dict[str, Any] | None, **states: Any) -> None:
        self.variables.update({name: self._evaluate(value, **states) for name, value in (assignments or {}).items()})

    def _evaluate(self, value: Any, **states: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._evaluate(inner, **states) for key, inner in value.items()}
        if not (isinstance(value, str) and value.startswith("{%")):
            return value
        context: dict[str, Any] = {"Execution": {"Id": self.arn, "Name": self.name, "StartTime": self.started}}
        if self.driver.redrive_count:
            context["Execution"]["RedriveCount"] = self.driver.redrive_count
        if token := states.pop("token", ""):
            context["Task"] = {"Token": token}
        return _jsonata(value[2:-2].strip(), {**self.variables, "states": {**states, "context": context}})

    def _measure(self, value: Any) -> None:
        self.walked.largest = max(self.walked.largest, len(json.dumps(value)))


def _jsonata(expression: str, variables: dict[str, Any]) -> Any:
    if path := _PATH.fullmatch(expression):
        result: Any = variables
        for name in path[1].split("."):
            if not isinstance(result, dict) or name not in result:
                raise StateError("States.QueryEvaluationError", expression)
            result = result[name]
        return result
    try:
        return json.loads(json.dumps(_compiled(expression).evaluate(None, variables)))
    except Exception as error:
        raise StateError("States.QueryEvaluationError", f"{expression}: {error}") from error


@cache
def _compiled(expression: str) -> Jsonata:
    return Jsonata(expression)


def _matches(names: list[str], error: str) -> bool:
    if "States.ALL" in names or error in names:
        return True
    return "States.TaskFailed" in names and error != "States.Timeout" and not error.startswith("States.Q")


@contextmanager
def walking(world: FakeWorld, **settings: str) -> Iterator[Walk]:
    """A walk on this world; handlers are wired to it."""
    walk = Walk(world)
    walk.wire()
    grant_documents(walk)
    grant_attributes(walk)
    grant_start(walk)
    set_wiring(world.wiring(**settings))
    try:
        yield walk
    finally:
        set_wiring(None)
