"""The grant for home's campaigns, enforced over two local accounts: the member's role allows what the steps need and nothing else, and
each of its statements is needed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.permissions.fleet import allow_steps
from infra.permissions.names import Names
from squall.adapters.dynamodb.records import DynamoRecords
from squall.adapters.fleet.member_runs import RoleMemberRuns
from squall.domain.base.vocabulary import Status
from squall.domain.run.home import Member
from squall.domain.run.record import ExecutionRecord
from squall.errors import Unavailable
from tests.local.fleet.accounts import HOME, ID, MEMBER, REGIONS, Place, make_user, run_fleet

REGION = REGIONS[MEMBER]
TABLE, MACHINE, ABORT = "Squall-Table-1", "Squall-Experiment", "Squall-Abort-1"
PLACE = f"{REGION}:{MEMBER}"
STACK = f"arn:aws:cloudformation:{PLACE}:stack/Squall/1"
NAMES = Names(
    "aws",
    REGION,
    MEMBER,
    "Squall",
    f"arn:aws:dynamodb:{PLACE}:table/{TABLE}",
    "b",
    "n",
    "e",
    MACHINE,
    "f",
    (),
    (),
    None,
    "d",
    stack_id=STACK,
)
ARN = f"arn:aws:states:{PLACE}:execution:{MACHINE}:drill-s001"
RECORD = ExecutionRecord(
    id="drill-s001", execution_arn=ARN, started_at=datetime(2030, 1, 7, 10, tzinfo=UTC), status=Status.RUNNING, phase="x"
)
DENIED = {"AccessDeniedException", "AccessDenied"}
CALLS: dict[str, Callable[[RoleMemberRuns, Member], object]] = {
    "locate": lambda runs, member: runs.locate(member, "drill-s001"),
    "start": lambda runs, member: runs.start(member, ARN, {"experiment": "x"}),
    "describe": lambda runs, member: runs.describe(member, ARN),
    "read": lambda runs, member: runs.read(member, "drill-s001"),
    "abort": lambda runs, member: runs.abort(member, ARN, "enough", "ada"),
}
ASKED = {
    "cloudformation:DescribeStacks": {"locate", "read", "abort"},
    "states:StartExecution": {"start"},
    "states:DescribeExecution": {"describe"},
    "dynamodb:GetItem": {"read"},
    "lambda:InvokeFunction": {"abort"},
}
"""An action of the role to the calls that fail without it."""


def list_statements(without: str = "") -> list[dict[str, Any]]:
    statements = [statement.to_statement_json() for statement in allow_steps(NAMES, f"arn:aws:lambda:{PLACE}:function:{ABORT}")]
    return [statement for statement in statements if without not in ([statement["Action"]] if without else [])]


def make_role(place: Place, name: str, statements: list[dict[str, Any]]) -> str:
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{HOME}:root"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": ID}},
    }
    iam, version = place.client("iam"), "2012-10-17"
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": version, "Statement": [trust]}))
    iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=json.dumps({"Version": version, "Statement": statements}))
    return f"arn:aws:iam::{MEMBER}:role/{name}"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, Place]]:
    """The member has a stack with outputs, a machine whose executions wait, and a table with a record. It has no Abort function: a call
    that is allowed does not find it, and one that is denied does not get as far."""
    with run_fleet(tmp_path_factory.mktemp("fleet")) as (home, member):
        outputs = {
            "ExperimentStateMachineArn": f"arn:aws:states:{PLACE}:stateMachine:{MACHINE}",
            "ResultsTableName": TABLE,
            "AbortFunctionName": ABORT,
        }
        parameter = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Name": "/made", "Value": "by the test"}}
        template = {"Resources": {"Made": parameter}, "Outputs": {key: {"Value": value} for key, value in outputs.items()}}
        member.client("cloudformation").create_stack(StackName="Squall", TemplateBody=json.dumps(template))
        member.client("cloudformation").get_waiter("stack_create_complete").wait(StackName="Squall", WaiterConfig={"Delay": 1})
        serving = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [serving]})
        member.client("iam").create_role(RoleName="states", AssumeRolePolicyDocument=document)
        definition = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 3600, "End": True}}}
        member.client("stepfunctions").create_state_machine(
            name=MACHINE, definition=json.dumps(definition), roleArn=f"arn:aws:iam::{MEMBER}:role/states"
        )
        dynamodb = member.client("dynamodb")
        dynamodb.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        )
        DynamoRecords(dynamodb, TABLE).create(RECORD)
        yield home, member


def enter(
    fleet: tuple[Place, Place], name: str, statements: list[dict[str, Any]], external_id: str = ID
) -> tuple[RoleMemberRuns, Member, str]:
    home, member = fleet
    role = make_role(member, f"Squall-{name}", statements)
    keys = make_user(home, name, [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role}])
    return RoleMemberRuns(home.client("sts", keys)), Member("payments", REGION, "Squall", role, external_id, member.endpoint), role


def find_codes(runs: RoleMemberRuns, member: Member) -> dict[str, str]:
    """The code of each call's error; empty if there was none."""
    codes = {}
    for name, call in CALLS.items():
        try:
            call(runs, member)
            codes[name] = ""
        except Unavailable as error:
            codes[name] = error.code
    return codes


def test_the_role_allows_what_a_step_needs(fleet: tuple[Place, Place]) -> None:
    runs, member, _ = enter(fleet, "whole", list_statements())
    assert find_codes(runs, member) == {"locate": "", "start": "", "describe": "", "read": "", "abort": "ResourceNotFoundException"}
    assert runs.locate(member, "drill-s001") == ARN
    runs.start(member, ARN, {"experiment": "other"})
    execution = runs.describe(member, ARN)
    assert execution is not None
    assert (execution.payload, execution.ended_at) == ({"experiment": "x"}, None)
    assert runs.read(member, "drill-s001") == RECORD


@pytest.mark.parametrize("action", ASKED)
def test_each_statement_of_the_role_is_needed(fleet: tuple[Place, Place], action: str) -> None:
    runs, member, _ = enter(fleet, action.partition(":")[2].lower(), list_statements(without=action))
    denied = {name for name, code in find_codes(runs, member).items() if code in DENIED}
    assert denied == ASKED[action]


def test_nobody_comes_in_with_another_external_id_or_without_home_s_own_permission(fleet: tuple[Place, Place]) -> None:
    runs, member, _ = enter(fleet, "stranger", list_statements(), external_id="another-external-id")
    assert set(find_codes(runs, member).values()) <= DENIED
    nobody = RoleMemberRuns(fleet[0].client("sts", make_user(fleet[0], "nobody", [])))
    assert set(find_codes(nobody, member).values()) <= DENIED


def test_the_role_does_nothing_else(fleet: tuple[Place, Place]) -> None:
    _, _, role = enter(fleet, "narrow", list_statements())
    keys = make_user(fleet[0], "narrow-user", [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role}])
    session = fleet[0].client("sts", keys).assume_role(RoleArn=role, RoleSessionName="aa", ExternalId=ID)["Credentials"]
    key = {"pk": {"S": "EXECUTION#drill-s001"}, "sk": {"S": "RECORD"}}
    other = {"pk": {"S": "CAMPAIGN#drill"}, "sk": {"S": "RECORD"}}
    attempts: list[tuple[str, str, dict[str, Any]]] = [
        ("dynamodb", "get_item", {"TableName": TABLE, "Key": key}),
        ("dynamodb", "get_item", {"TableName": TABLE, "Key": key, "ProjectionExpression": "phase, votes"}),
        ("dynamodb", "get_item", {"TableName": TABLE, "Key": other, "ProjectionExpression": "phase"}),
        ("dynamodb", "put_item", {"TableName": TABLE, "Item": key}),
        ("stepfunctions", "stop_execution", {"executionArn": ARN}),
        ("stepfunctions", "list_state_machines", {}),
        ("lambda", "list_functions", {}),
        ("lambda", "invoke", {"FunctionName": "Squall-Halt-1", "Payload": b"{}"}),
        ("ssm", "put_parameter", {"Name": "/squall/Squall/home", "Value": "x", "Type": "String"}),
    ]
    for service, method, arguments in attempts:
        with pytest.raises(ClientError, match="AccessDenied"):
            getattr(fleet[1].client(service, session), method)(**arguments)
