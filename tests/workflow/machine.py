"""The real state machine with the real handlers in one process, on a clock that jumps.

moto interprets the ASL. Its waits (Wait states, retries, task tokens) are replaced by the fake clock, so twelve hours pass in
seconds and in a known order; its Lambda by a call of the handler, whose exception reaches the machine under its class name, as on AWS.
"""

# ruff: noqa: PLC0415, BLE001 - moto is patched where it is used; Lambda catches everything

from __future__ import annotations

import json
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
from jsonata.jsonata import Jsonata
from moto import mock_aws

from squall.wiring import set_wiring
from tests.fakes.workload import ACCOUNT, REGION
from tests.fakes.world import FakeWorld
from tests.patience import PATIENCE
from tests.workflow.driver import Driver

logging.getLogger("moto").setLevel(logging.CRITICAL + 1)  # it prints whole parse trees
ASL = Path(__file__).parents[2] / "statemachines" / "experiment.asl.json"
STEP_LIMIT = 100_000


class HandlerFailedError(Exception):
    """Carries a handler's exception to moto's Lambda."""


@dataclass
class Finished:
    """An execution that ended."""

    status: str
    arn: str
    history: list[dict[str, Any]]
    output: Any = None

    @property
    def states(self) -> list[str]:
        """Names of the states entered, in order."""
        return [event["stateEnteredEventDetails"]["name"] for event in self.history if "stateEnteredEventDetails" in event]

    @property
    def transitions(self) -> int:
        return len(self.states)


class Machine(Driver):
    def __init__(self, world: FakeWorld, sfn: Any, arn: str) -> None:
        super().__init__(world)
        self.sfn, self.arn = sfn, arn

    def run(self, payload: object, name: str = "run-1", *, deadline_seconds: float = PATIENCE) -> Finished:
        """Start and wait for the end (real seconds, a backstop)."""
        arn = self.start(payload, name)
        return self.finish(arn, deadline_seconds=deadline_seconds)

    def start(self, payload: object, name: str = "run-1") -> str:
        arn = self.arn.replace(":stateMachine:", ":execution:") + f":{name}"
        self.world.workflow.executions[arn] = "RUNNING"
        started = self.sfn.start_execution(stateMachineArn=self.arn, name=name, input=json.dumps(payload))
        assert started["executionArn"] == arn
        return arn

    def finish(self, arn: str, *, deadline_seconds: float = PATIENCE) -> Finished:
        deadline = time.monotonic() + deadline_seconds
        while (described := self.sfn.describe_execution(executionArn=arn))["status"] == "RUNNING":
            if time.monotonic() > deadline:
                raise TimeoutError(f"{arn} still runs; entered {self._history(arn)[-1:]}")
            threading.Event().wait(0.1)
        self.world.workflow.executions[arn] = described["status"]
        return Finished(described["status"], arn, self._history(arn), json.loads(described.get("output") or "null"))

    def _history(self, arn: str) -> list[dict[str, Any]]:
        pages = self.sfn.get_paginator("get_execution_history").paginate(executionArn=arn)
        return [event for page in pages for event in page["events"]]


def definition() -> str:
    text = ASL.read_text().replace("${Partition}", "aws")
    return re.sub(r"\$\{(\w+)FunctionArn\}", rf"arn:aws:lambda:{REGION}:{ACCOUNT}:function:\1", text)


@contextmanager
def machine(world: FakeWorld, **settings: str) -> Iterator[Machine]:
    """The machine on this world; handlers are wired to it."""
    from moto.awslambda_simple.models import LambdaSimpleBackend
    from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import StateTaskServiceCallback
    from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
    from moto.stepfunctions.parser.asl.eval.callback.callback import CallbackOutcomeTimedOut
    from moto.stepfunctions.parser.asl.jsonata import jsonata
    from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

    the: list[Machine] = []

    def invoke(backend: object, function_name: str, qualifier: object, body: Any, headers: object, response_headers: Any) -> bytes:
        try:
            return json.dumps(the[0].invoke(function_name, json.loads(body or "{}"))).encode()
        except Exception as error:
            response_headers["x-amz-function-error"] = "Unhandled"
            return json.dumps({"errorType": type(error).__name__, "errorMessage": str(error)}).encode()

    def wait(self: object, env: Any, wait_seconds: int) -> None:
        the[0].pass_time(wait_seconds)

    def wait_for_token(self: object, timeout_seconds: int, callback_endpoint: Any) -> Any:
        until = world.clock.now().timestamp() + timeout_seconds
        for _ in range(STEP_LIMIT):
            if (outcome := callback_endpoint.get_outcome()) is not None:
                return outcome
            if world.clock.now().timestamp() >= until:
                return CallbackOutcomeTimedOut(callback_id="")
            the[0].pass_some(until - world.clock.now().timestamp())
        raise TimeoutError("nobody woke the watcher")

    def wake(token: str) -> bool:
        try:
            the[0].sfn.send_task_success(taskToken=token, output="{}")
        except Exception:  # whatever moto calls an unknown token
            return False
        world.workflow.woken.append(token)
        return True

    environment = {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": REGION,
        "MOTO_ACCOUNT_ID": ACCOUNT,
    }
    with (
        patch.dict("os.environ", environment),
        mock_aws(config={"stepfunctions": {"execute_state_machine": True}, "lambda": {"use_docker": False}}),
        patch.object(AmazonStateLanguageParser, "parse", staticmethod(_parsing_once(AmazonStateLanguageParser.parse))),
        patch.object(jsonata, "_eval_jsonata", lambda expression: Jsonata(expression).evaluate(None)),
        patch.object(LambdaSimpleBackend, "invoke", invoke),
        patch.object(WaitFunction, "_wait_interval", wait),
        patch.object(StateTaskServiceCallback, "_wait_for_task_token_timeout", wait_for_token),
        patch.object(retrier_decl, "time", _Sleepless(world)),
        patch.object(world.workflow, "wake", wake),
    ):
        sfn = boto3.client("stepfunctions", region_name=REGION)
        created = sfn.create_state_machine(name="Experiment", definition=definition(), roleArn=f"arn:aws:iam::{ACCOUNT}:role/sfn")
        the.append(Machine(world, sfn, created["stateMachineArn"]))
        the[0].wire()
        set_wiring(world.wiring(**settings))
        try:
            yield the[0]
        finally:
            set_wiring(None)


_parsed: dict[str, Any] = {}


def _parsing_once(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """moto parses thrice for every machine, seconds each; the tree holds nothing of an execution."""

    def parsed(definition: str) -> Any:
        if definition not in _parsed:
            _parsed[definition] = parse(definition)
        return _parsed[definition]

    return parsed


class _Sleepless:
    """moto's retrier sleeps on this clock."""

    def __init__(self, world: FakeWorld) -> None:
        self._world = world

    def sleep(self, seconds: float) -> None:
        self._world.clock.advance(seconds)

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)
