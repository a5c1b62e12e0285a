"""Executions that an execution of the local account starts and waits for behave as AWS's `startExecution.sync:2`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.account.events.nested_executions import RULE
from tests.local.account.test_events import Sink, finished, machine, one_state, rule_to
from tests.local.account_rig import ACCOUNT, REGION, Account
from tests.patience import until

pytestmark = pytest.mark.xdist_group("account")  # one account for all of them

PLACE = f"{REGION}:{ACCOUNT}"
SLEEP = {"QueryLanguage": "JSONata", "StartAt": "Sleep", "States": {"Sleep": {"Type": "Wait", "Seconds": 600, "End": True}}}


def ends(output: dict[str, Any] | None = None) -> dict[str, Any]:
    if output is None:
        return one_state({"Type": "Fail", "Error": "Broken", "Cause": "no"})
    return one_state({"Type": "Pass", "Output": output, "End": True})


def grants(inner: str, *, without: str = "") -> list[dict[str, Any]]:
    """What AWS documents for `startExecution.sync:2`."""
    needed = {
        "states:StartExecution": inner,
        "states:DescribeExecution": f"{inner.replace(':stateMachine:', ':execution:')}:*",
        "states:StopExecution": f"{inner.replace(':stateMachine:', ':execution:')}:*",
        **{f"events:{action}": f"arn:aws:events:{PLACE}:rule/{RULE}" for action in ("PutTargets", "PutRule", "DescribeRule")},
    }
    return [{"Effect": "Allow", "Action": action, "Resource": arn} for action, arn in needed.items() if action != without]


def start_outer(account: Account, name: str, inner: str, statements: list[dict[str, Any]] | None = None) -> str:
    """Start an execution that runs one of `inner` with its own name; returns its ARN."""
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Arguments": {"StateMachineArn": inner, "Name": f"{name}-inner", "Input": {"given": 1}},
        "TimeoutSeconds": 60,
        "End": True,
    }
    role = account.role("states.amazonaws.com", grants(inner) if statements is None else statements)
    client = account.client("stepfunctions")
    arn = client.create_state_machine(name=name, definition=json.dumps(one_state(state)), roleArn=role)["stateMachineArn"]
    return str(client.start_execution(stateMachineArn=arn, name=name, input="{}")["executionArn"])


def inner_of(account: Account, inner: str, name: str) -> str:
    """The status of the nested execution; empty if there is none."""
    client = account.client("stepfunctions")
    try:
        status: str = client.describe_execution(executionArn=f"{inner.replace(':stateMachine:', ':execution:')}:{name}-inner")["status"]
    except client.exceptions.ExecutionDoesNotExist:
        return ""
    return status


def test_the_output_of_the_nested_execution_is_parsed(account: Account, unique: str) -> None:
    inner = machine(account, unique + "i", ends({"answer": 42}))
    done = finished(account, start_outer(account, unique, inner))
    output = json.loads(done["output"])
    assert (output["Status"], output["Output"], json.loads(output["Input"])) == ("SUCCEEDED", {"answer": 42}, {"given": 1})
    assert inner_of(account, inner, unique) == "SUCCEEDED"


def test_a_nested_execution_that_fails_fails_the_task_and_is_told_by_an_event(account: Account, unique: str) -> None:
    inner = machine(account, unique + "i", ends())
    sink = Sink(account, unique)
    rule_to(account, unique, {"source": ["aws.states"], "detail": {"stateMachineArn": [inner], "status": ["FAILED"]}}, {"Arn": sink.arn})
    done = finished(account, start_outer(account, unique, inner))
    assert (done["status"], done["error"]) == ("FAILED", "States.TaskFailed")
    assert json.loads(done["cause"])["Status"] == "FAILED"
    until(sink.received, what="the event of the nested execution")
    assert sink.bodies[0]["detail"]["name"] == f"{unique}-inner"


def test_a_name_that_is_used_is_not_run_again(account: Account, unique: str) -> None:
    inner = machine(account, unique + "i", ends({}))
    account.client("stepfunctions").start_execution(stateMachineArn=inner, name=f"{unique}-inner", input="{}")
    done = finished(account, start_outer(account, unique, inner))
    assert done["error"] == "StepFunctions.ExecutionAlreadyExistsException"


def test_a_nested_execution_is_stopped_with_the_one_that_waits_for_it(account: Account, unique: str) -> None:
    inner = machine(account, unique + "i", SLEEP)
    outer = start_outer(account, unique, inner)
    until(lambda: inner_of(account, inner, unique) == "RUNNING", what="the nested execution")
    account.client("stepfunctions").stop_execution(executionArn=outer)
    until(lambda: inner_of(account, inner, unique) == "ABORTED", what="the end of the nested execution")


@pytest.mark.parametrize("action", ["states:StartExecution", "states:DescribeExecution", "states:StopExecution", "events:PutRule"])
def test_the_role_needs_each_permission_that_aws_documents(account: Account, unique: str, action: str) -> None:
    inner = machine(account, unique + "i", ends({}))
    done = finished(account, start_outer(account, unique, inner, grants(inner, without=action)))
    assert done["error"] == "StepFunctions.AccessDeniedException"
    assert action in done["cause"]
    assert inner_of(account, inner, unique) == ""
