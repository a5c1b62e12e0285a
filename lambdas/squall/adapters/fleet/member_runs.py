"""Runs in the members of a fleet, each entered in the role of its grant for home's campaigns."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call, make_client_as
from squall.adapters.dynamodb import elsewhere
from squall.adapters.dynamodb.items import from_item
from squall.adapters.stacks import assume_role, find_stack, read_outputs
from squall.domain.campaign.away import AwayExecution
from squall.errors import Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from squall.domain.run.home import Member
    from squall.domain.run.record import ExecutionRecord

OUTPUTS_SECONDS = 300.0
"""How long the outputs of a member's stack are used before they are read again: a stack that was made anew has others."""


class RoleMemberRuns:
    """Implements the port `MemberRuns`."""

    def __init__(self, sts: Any, read_clock: Callable[[], float] = time.monotonic) -> None:
        self._sts, self._read_clock = sts, read_clock
        self._outputs: dict[str, tuple[float, Mapping[str, str]]] = {}

    def locate(self, member: Member, name: str) -> str:
        with _unavailable():
            machine = self._find_output(member, assume_role(self._sts, member), "ExperimentStateMachineArn")
        return f"{machine.replace(':stateMachine:', ':execution:')}:{name}"

    def start(self, member: Member, arn: str, payload: Mapping[str, Any]) -> None:
        machine, _, name = arn.replace(":execution:", ":stateMachine:").rpartition(":")
        text = json.dumps(payload, sort_keys=True)
        with _unavailable():
            client = _make_client(assume_role(self._sts, member), member, "stepfunctions")
            used = {"ExecutionAlreadyExists"}
            call(client, "start_execution", absent=used, refusable=True, stateMachineArn=machine, name=name, input=text)

    def describe(self, member: Member, arn: str) -> AwayExecution | None:
        with _unavailable():
            client = _make_client(assume_role(self._sts, member), member, "stepfunctions")
            answer = call(client, "describe_execution", absent={"ExecutionDoesNotExist"}, refusable=True, executionArn=arn)
        return None if answer is None else AwayExecution(_parse(answer.get("input", "")), answer.get("stopDate"))

    def read(self, member: Member, execution_id: str) -> ExecutionRecord | None:
        with _unavailable():
            keys = assume_role(self._sts, member)
            table = self._find_output(member, keys, "ResultsTableName")
            asked = elsewhere.ask_for_record(execution_id)
            answer = call(_make_client(keys, member, "dynamodb"), "get_item", TableName=table, ConsistentRead=True, **asked)
        item = answer.get("Item")
        return None if item is None else elsewhere.understand(from_item, item)

    def abort(self, member: Member, arn: str, reason: str, requested_by: str) -> None:
        machine, _, execution_id = arn.replace(":execution:", ":stateMachine:").rpartition(":")
        body = json.dumps({"execution_id": execution_id, "reason": reason, "requested_by": requested_by}).encode()
        with _unavailable():
            keys = assume_role(self._sts, member)
            if (there := self._find_output(member, keys, "ExperimentStateMachineArn")) != machine:
                message = f"the stack {member.stack} runs {there} now, and the run is one of {machine}"
                raise Refused("cloudformation", "DescribeStacks", "OtherStack", message)
            function = self._find_output(member, keys, "AbortFunctionName")
            client = _make_client(keys, member, "lambda")
            call(client, "invoke", refusable=True, FunctionName=function, InvocationType="Event", Payload=body)

    def _find_output(self, member: Member, keys: Mapping[str, str], name: str) -> str:
        known = self._outputs.get(member.key)
        if known is None or self._read_clock() >= known[0] + OUTPUTS_SECONDS:
            stack = find_stack(lambda service: _make_client(keys, member, service), member.stack)
            if stack is None:
                raise Refused("cloudformation", "DescribeStacks", "NoSuchStack", f"there is no stack {member.stack}")
            known = self._outputs[member.key] = (self._read_clock(), read_outputs(stack))
        if name not in known[1]:
            raise Refused("cloudformation", "DescribeStacks", "NoSuchOutput", f"the stack {member.stack} has no {name}")
        return known[1][name]


def _make_client(keys: Mapping[str, str], member: Member, service: str) -> Any:
    return make_client_as(keys, service, member.region, member.endpoint_url)


@contextmanager
def _unavailable() -> Iterator[None]:
    """A refusal is no answer either: the caller has one rule for whatever it can't read."""
    try:
        yield
    except Refused as error:
        raise Unavailable(error.service, error.operation, error.code, error.message, retryable=False) from error


def _parse(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None
