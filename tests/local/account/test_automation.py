"""SSM Automation in the local account: documents are what a user writes, steps act as the role, and everything AWS refuses is refused."""

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.account_rig import ACCOUNT, REGION, Account
from tests.patience import until

pytestmark = pytest.mark.xdist_group("account")  # one account for all of them

ARN = f"arn:aws:ssm:{REGION}:{ACCOUNT}"
OVER = {"Success", "Failed", "TimedOut", "Cancelled"}


def document(**changes: Any) -> dict[str, Any]:
    """Write a parameter, and wait until it says so."""
    return {
        "schemaVersion": "0.3",
        "assumeRole": "{{ AutomationAssumeRole }}",
        "parameters": {
            "AutomationAssumeRole": {"type": "AWS::IAM::Role::Arn"},
            "Name": {"type": "String", "allowedPattern": "[a-z0-9-]+"},
            "Value": {"type": "String", "default": "restored"},
        },
        "mainSteps": [
            {
                "name": "write",
                "action": "aws:executeAwsApi",
                "inputs": {
                    "Service": "ssm",
                    "Api": "PutParameter",
                    "Name": "/demo/{{ Name }}",
                    "Value": "{{ Value }} by {{ automation:EXECUTION_ID }}",
                    "Type": "String",
                },
                "outputs": [{"Name": "Version", "Selector": "$.Version", "Type": "Integer"}],
            },
            {"name": "settle", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}},
            {
                "name": "look",
                "action": "aws:waitForAwsResourceProperty",
                "timeoutSeconds": 1,
                "inputs": {
                    "Service": "ssm",
                    "Api": "GetParameter",
                    "Name": "/demo/{{ Name }}",
                    "PropertySelector": "$.Parameter.Version",
                    "DesiredValues": ["{{ write.Version }}"],
                },
            },
        ],
        **changes,
    }


class Desk:
    """A document of the test's own, and a role that may do what it does."""

    def __init__(self, account: Account, name: str) -> None:
        self.account, self.name, self.ssm = account, f"Demo-{name}", account.client("ssm")
        actions = ["ssm:PutParameter", "ssm:GetParameter"]
        statement = {"Effect": "Allow", "Action": actions, "Resource": f"{ARN}:parameter/demo/*"}
        self.role = account.role("ssm.amazonaws.com", [statement])

    def create(self, **changes: Any) -> None:
        self.ssm.create_document(Name=self.name, Content=json.dumps(document(**changes)), DocumentType="Automation")

    def start(self, client: Any = None, token: str | None = None, version: str = "1", **parameters: str) -> str:
        inputs = {"AutomationAssumeRole": self.role, "Name": self.name.lower(), **parameters}
        started = (client or self.ssm).start_automation_execution(
            DocumentName=self.name,
            DocumentVersion=version,
            Parameters={name: [value] for name, value in inputs.items()},
            ClientToken=token or str(uuid.uuid4()),
        )
        return str(started["AutomationExecutionId"])

    def end(self, execution: str) -> dict[str, Any]:
        def look() -> dict[str, Any]:
            result = self.ssm.get_automation_execution(AutomationExecutionId=execution)["AutomationExecution"]
            return dict(result) if result["AutomationExecutionStatus"] in OVER else {}

        return until(look, what="end of the automation")


@pytest.fixture
def desk(account: Account, unique: str) -> Desk:
    return Desk(account, unique)


def test_a_document_acts_in_this_account_as_its_role_and_every_step_is_told(desk: Desk) -> None:
    desk.create()
    assert desk.ssm.describe_document(Name=desk.name)["Document"]["DocumentType"] == "Automation"
    execution = desk.start()
    ended = desk.end(execution)
    assert ended["AutomationExecutionStatus"] == "Success"
    assert [(step["StepName"], step["StepStatus"]) for step in ended["StepExecutions"]] == [
        ("write", "Success"),
        ("settle", "Success"),
        ("look", "Success"),
    ]
    assert ended["ExecutionEndTime"] > ended["ExecutionStartTime"]
    written = desk.ssm.get_parameter(Name=f"/demo/{desk.name.lower()}")["Parameter"]
    assert written["Value"] == f"restored by {execution}"


def test_what_the_role_may_not_do_fails_the_step_and_those_after_it_do_not_run(desk: Desk) -> None:
    desk.role = desk.account.role("ssm.amazonaws.com", [])
    desk.create()
    ended = desk.end(desk.start())
    assert ended["AutomationExecutionStatus"] == "Failed"
    assert "not authorized to perform: ssm:PutParameter" in ended["FailureMessage"]
    assert [step["StepStatus"] for step in ended["StepExecutions"]] == ["Failed"]
    with pytest.raises(ClientError, match="ParameterNotFound"):
        desk.ssm.get_parameter(Name=f"/demo/{desk.name.lower()}")


def test_a_property_that_does_not_come_true_times_out_and_a_failure_that_is_not_critical_does_not_count(desk: Desk) -> None:
    steps = document()["mainSteps"]
    steps[2]["inputs"]["DesiredValues"] = ["99"]
    desk.create(mainSteps=[steps[0], steps[2]])
    assert desk.end(desk.start())["AutomationExecutionStatus"] == "TimedOut"
    desk.ssm.delete_document(Name=desk.name)
    desk.create(mainSteps=[{**steps[0], "onFailure": "Continue", "isCritical": False}, steps[1]])
    ended = desk.end(desk.start())  # the parameter is there already: writing it fails
    assert [step["StepStatus"] for step in ended["StepExecutions"]] == ["Failed", "Success"]
    assert ended["AutomationExecutionStatus"] == "Success"


def test_a_repeated_start_starts_nothing_new(desk: Desk) -> None:
    desk.create()
    token = str(uuid.uuid4())
    assert desk.start(token=token) == desk.start(token=token)
    with pytest.raises(ClientError, match="IdempotentParameterMismatch"):
        desk.start(token=token, Value="other")


@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        ({"Name": "$(reboot)"}, "InvalidAutomationExecutionParametersException"),
        ({"Colour": "red"}, "InvalidAutomationExecutionParametersException"),
        ({"version": "2"}, "AutomationDefinitionVersionNotFoundException"),
        ({"AutomationAssumeRole": f"arn:aws:iam::{ACCOUNT}:role/nobody"}, "InvalidAutomationExecutionParametersException"),
    ],
)
def test_what_aws_refuses_at_once_is_refused(desk: Desk, inputs: dict[str, str], code: str) -> None:
    desk.create()
    with pytest.raises(ClientError) as caught:
        desk.start(**inputs)
    assert caught.value.response["Error"]["Code"] == code


def test_a_document_that_would_act_as_its_caller_is_refused_here(desk: Desk) -> None:
    desk.create(assumeRole="")
    with pytest.raises(ClientError, match="acts as its caller"):
        desk.start()


def test_a_role_for_somebody_else_cannot_be_assumed_and_an_unknown_document_is_not_found(desk: Desk) -> None:
    with pytest.raises(ClientError, match="AutomationDefinitionNotFoundException"):
        desk.start()
    desk.create()
    desk.role = desk.account.role("fis.amazonaws.com", [])
    with pytest.raises(ClientError, match="unable to be assumed"):
        desk.start()
    with pytest.raises(ClientError, match="AutomationExecutionNotFoundException"):
        desk.ssm.get_automation_execution(AutomationExecutionId=str(uuid.uuid4()))


@pytest.mark.parametrize("left_out", range(4))
def test_each_grant_of_the_caller_is_needed(desk: Desk, left_out: int) -> None:
    desk.create()
    passing = {"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}}
    grants: list[dict[str, Any]] = [
        {"Effect": "Allow", "Action": "ssm:StartAutomationExecution", "Resource": f"{ARN}:document/{desk.name}"},
        {"Effect": "Allow", "Action": "ssm:StartAutomationExecution", "Resource": f"{ARN}:automation-execution/*"},
        {"Effect": "Allow", "Action": "iam:PassRole", "Resource": desk.role, "Condition": passing},
        {"Effect": "Allow", "Action": "ssm:GetAutomationExecution", "Resource": f"{ARN}:automation-execution/*"},
    ]
    whole = desk.account.client_as("ssm", grants)
    assert whole.get_automation_execution(AutomationExecutionId=desk.start(whole))["AutomationExecution"]["Mode"] == "Auto"
    client = desk.account.client_as("ssm", grants[:left_out] + grants[left_out + 1 :])
    with pytest.raises(ClientError, match="AccessDenied"):
        client.get_automation_execution(AutomationExecutionId=desk.start(client))


@pytest.mark.parametrize(
    "changes",
    [
        {"schemaVersion": "2.2"},
        {"mainSteps": []},
        {"files": {}},
        {"mainSteps": [{"name": "a", "action": "aws:executeScript", "inputs": {}}]},
        {"mainSteps": [{"name": "a", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}, "maxAttempts": 3}]},
        {"mainSteps": [{"name": "a", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}, "nextStep": "b"}]},
    ],
)
def test_a_document_that_says_more_than_is_run_is_refused_when_it_is_made(desk: Desk, changes: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="InvalidDocument"):
        desk.create(**changes)
