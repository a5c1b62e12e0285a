"""A run in a member is started, seen and aborted in the member's role, entered anew each time; whatever keeps home from the answer is
the same error."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from squall.adapters.dynamodb.items import make_text
from squall.adapters.fleet import member_runs
from squall.adapters.fleet.member_runs import OUTPUTS_SECONDS, RoleMemberRuns
from squall.domain.base.vocabulary import Status
from squall.domain.campaign.away import AwayExecution
from squall.domain.run.home import Member
from squall.errors import UNREADABLE, Unavailable
from tests.adapters.scripted import Scripted, error

MEMBER = Member("payments", "eu-west-1", "Squall", "arn:aws:iam::444455556666:role/Squall-eu-west-1-campaign", "an-external-id-of-a-test")
KEYS = {"AccessKeyId": "AKIAEXAMPLEEXAMPLE00", "SecretAccessKey": "s" * 40, "SessionToken": "t" * 16}
MACHINE = "arn:aws:states:eu-west-1:444455556666:stateMachine:Squall-Experiment"
ARN = "arn:aws:states:eu-west-1:444455556666:execution:Squall-Experiment:drill-s001"
OUTPUTS = {"ExperimentStateMachineArn": MACHINE, "ResultsTableName": "Squall-Table", "AbortFunctionName": "Squall-Abort"}
STACK = {
    "StackName": "Squall",
    "CreationTime": datetime(2030, 1, 7, tzinfo=UTC),
    "StackStatus": "CREATE_COMPLETE",
    "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in OUTPUTS.items()],
}
ITEM = {
    "id": make_text("drill-s001"),
    "execution_arn": make_text(ARN),
    "started_at": make_text("2030-01-07T10:00:00.000000Z"),
    "status": make_text("running"),
    "phase": make_text("Admit"),
}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def entering(monkeypatch: pytest.MonkeyPatch, sts: Any = None, **clients: Any) -> tuple[RoleMemberRuns, dict[str, Any], Clock]:
    made = {"cloudformation": Scripted("cloudformation", describe_stacks=[{"Stacks": [STACK]}]), **clients}
    clock = Clock()
    monkeypatch.setattr(member_runs, "make_client_as", lambda keys, service, region, endpoint: made[service])
    made["sts"] = sts or Scripted("sts", assume_role=[{"Credentials": KEYS}])
    return RoleMemberRuns(made["sts"], clock), made, clock


def test_an_execution_is_started_by_its_name_and_a_repeated_start_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    started = {"executionArn": ARN, "startDate": datetime(2030, 1, 7, tzinfo=UTC)}
    states = Scripted("stepfunctions", start_execution=[started, error("ExecutionAlreadyExists")])
    runs, made, _ = entering(monkeypatch, stepfunctions=states)
    assert runs.locate(MEMBER, "drill-s001") == ARN
    for _ in range(2):
        runs.start(MEMBER, ARN, {"b": 1, "a": 2})
    asked = states.arguments("start_execution")[1]
    assert (asked["stateMachineArn"], asked["name"], asked["input"]) == (MACHINE, "drill-s001", '{"a": 2, "b": 1}')
    assert len(made["sts"].arguments("assume_role")) == 3, "the role is assumed anew each time"


def test_what_step_functions_says_is_the_input_and_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    ended, began = datetime(2030, 1, 7, 11, tzinfo=UTC), datetime(2030, 1, 7, 10, tzinfo=UTC)
    said = {
        "executionArn": ARN,
        "stateMachineArn": MACHINE,
        "status": "RUNNING",
        "startDate": began,
        "input": json.dumps({"experiment": "x"}),
    }
    answers = [said, {**said, "status": "FAILED", "stopDate": ended, "input": "no JSON"}, error("ExecutionDoesNotExist")]
    runs, *_ = entering(monkeypatch, stepfunctions=Scripted("stepfunctions", describe_execution=answers))
    assert [runs.describe(MEMBER, ARN) for _ in range(3)] == [
        AwayExecution({"experiment": "x"}, None),
        AwayExecution(None, ended),
        None,
    ]


def test_a_record_is_read_without_who_approved_it(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Scripted("dynamodb", get_item=[{"Item": ITEM}, {}])
    runs, *_ = entering(monkeypatch, dynamodb=table)
    record = runs.read(MEMBER, "drill-s001")
    assert record is not None
    assert (record.execution_arn, record.status) == (ARN, Status.RUNNING)
    assert runs.read(MEMBER, "drill-s001") is None
    asked = table.arguments("get_item")[0]
    assert (asked["TableName"], asked["ConsistentRead"]) == ("Squall-Table", True)
    assert not {"votes", "proofs", "ask", "confirmed"} & set(asked["ExpressionAttributeNames"].values())


def test_a_record_of_another_version_is_told_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    runs, *_ = entering(monkeypatch, dynamodb=Scripted("dynamodb", get_item=[{"Item": {**ITEM, "status": make_text("dreaming")}}]))
    with pytest.raises(Unavailable) as told:
        runs.read(MEMBER, "drill-s001")
    assert (told.value.code, told.value.retryable) == (UNREADABLE, False)


def test_an_abort_is_asked_of_the_member_s_own_function(monkeypatch: pytest.MonkeyPatch) -> None:
    invoked = Scripted("lambda", invoke=[{"StatusCode": 202}])
    runs, *_ = entering(monkeypatch, **{"lambda": invoked})
    runs.abort(MEMBER, ARN, "enough", "ada")
    (asked,) = invoked.arguments("invoke")
    assert (asked["FunctionName"], asked["InvocationType"]) == ("Squall-Abort", "Event")
    assert json.loads(asked["Payload"]) == {"execution_id": "drill-s001", "reason": "enough", "requested_by": "ada"}


def test_the_function_of_a_stack_that_took_the_members_name_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    invoked = Scripted("lambda", invoke=[])
    runs, *_ = entering(monkeypatch, **{"lambda": invoked})
    with pytest.raises(Unavailable, match=f"the stack Squall runs {MACHINE} now"):
        runs.abort(MEMBER, ARN.replace("Squall-Experiment", "Squall-Earlier"), "enough", "ada")
    assert not invoked.arguments("invoke")


@pytest.mark.parametrize(
    ("sts", "stacks", "said"),
    [
        (error("AccessDenied", status=403), {"Stacks": [STACK]}, "sts AssumeRole: AccessDenied"),
        (None, error("AccessDenied", status=403), "cloudformation DescribeStacks: AccessDenied"),
        (None, {"Stacks": [{**STACK, "Outputs": []}]}, "has no ExperimentStateMachineArn"),
        (error("InternalFailure", status=500), {"Stacks": [STACK]}, "sts AssumeRole: InternalFailure"),
    ],
)
def test_whatever_keeps_home_out_is_unavailable(monkeypatch: pytest.MonkeyPatch, sts: Any, stacks: Any, said: str) -> None:
    denied = Scripted("sts", assume_role=[sts]) if sts else None
    runs, *_ = entering(monkeypatch, denied, cloudformation=Scripted("cloudformation", describe_stacks=[stacks]))
    with pytest.raises(Unavailable, match=said):
        runs.locate(MEMBER, "drill-s001")


def test_the_outputs_of_a_stack_are_read_again_after_some_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    runs, made, clock = entering(monkeypatch)
    for now in (0.0, OUTPUTS_SECONDS - 1, OUTPUTS_SECONDS):
        clock.now = now
        runs.locate(MEMBER, "a")
    assert len(made["cloudformation"].arguments("describe_stacks")) == 2
