"""The edge to AWS: how a stack is found, and what each failure tells a person to do."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, NoCredentialsError
from moto import mock_aws

from cli import session
from cli.aws.errors import explain_error
from cli.aws.stack import Deployment
from cli.errors import CommandError
from squall.adapters.dynamodb.records import DynamoRecords
from squall.version import VERSION
from tests.cli.conftest import Squall
from tests.cli.fakes import record

OUTPUTS = {
    "ExperimentStateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:Squall",
    "ResultsTableName": "table",
    "ResultsBucketName": "bucket",
    "AbortFunctionName": "abort",
    "HaltFunctionName": "halt",
    "ResumeFunctionName": "resume",
    "ReportFunctionName": "report",
    "SquallVersion": VERSION,
}


@pytest.fixture
def aws(no_aws: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """An account in moto."""
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "testing"),
        ("AWS_SECRET_ACCESS_KEY", "testing"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):
        no_aws.setenv(name, value)
    with mock_aws():
        yield no_aws


def _stack(name: str = "Squall", outputs: dict[str, str] = OUTPUTS) -> None:
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {key: {"Value": value} for key, value in outputs.items()},
    }
    boto3.client("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps(template))


def _table() -> None:
    keys = ("pk", "sk", "open_pk", "open_sk")
    boto3.client("dynamodb").create_table(
        TableName="table",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "open",
                "KeySchema": [{"AttributeName": "open_pk", "KeyType": "HASH"}, {"AttributeName": "open_sk", "KeyType": "RANGE"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )


def test_no_credentials(squall: Squall, no_aws: pytest.MonkeyPatch) -> None:
    no_aws.setenv("AWS_REGION", "us-east-1")
    done = squall("status")
    assert done.exit_code == 3
    assert "No usable AWS credentials" in done.stderr
    assert "squall local up" in done.stderr


def test_no_region(squall: Squall, no_aws: pytest.MonkeyPatch) -> None:
    done = squall("status", "--json")
    assert done.exit_code == 3
    assert "AWS_REGION" in json.loads(done.stdout)["error"]["next"]


def test_a_local_account_nothing_points_at_is_mentioned(squall: Squall, no_aws: pytest.MonkeyPatch, tmp_path: Path) -> None:
    no_aws.setenv("AWS_REGION", "us-east-1")
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local" / "account.json").write_text("{}")
    assert 'eval "$(squall local env)"' in squall("status").stderr


def test_no_endpoint(squall: Squall, no_aws: pytest.MonkeyPatch) -> None:
    for name, value in (("AWS_ENDPOINT_URL", "http://127.0.0.1:9"), ("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY", "x")):
        no_aws.setenv(name, value)
    done = squall("status", "--region", "us-east-1")
    assert done.exit_code == 5
    assert "squall local status" in done.stderr


def test_the_local_option_without_an_account(squall: Squall, no_aws: pytest.MonkeyPatch) -> None:
    done = squall("status", "--local")
    assert done.exit_code == 5
    assert "squall local up" in done.stderr


def test_no_stack_names_it_and_its_region(squall: Squall, aws: pytest.MonkeyPatch) -> None:
    done = squall("--stack", "Other", "status")
    assert done.exit_code == 3
    assert "no stack 'Other' in us-east-1" in done.stderr
    assert "SQUALL_STACK_NAME" in done.stderr


def test_a_stack_that_a_stackset_named_is_found_by_its_own_parameter(squall: Squall, aws: pytest.MonkeyPatch) -> None:
    _stack("StackSet-Squall-1")
    _table()
    (made,) = boto3.client("cloudformation").describe_stacks()["Stacks"]
    boto3.client("ssm").put_parameter(Name="/squall/Squall/stack", Type="String", Value=made["StackId"])
    assert Deployment.find("Squall").stack_id == made["StackId"]
    assert squall("status", "--json").exit_code == 0
    assert "no stack 'Squall-Prod'" in squall("--stack", "Squall-Prod", "status").stderr


def test_a_stack_that_is_not_squall(squall: Squall, aws: pytest.MonkeyPatch) -> None:
    _stack("Foreign", {"Something": "else"})
    aws.setenv("SQUALL_STACK_NAME", "Foreign")
    done = squall("status")
    assert done.exit_code == 3
    assert "no output ExperimentStateMachineArn" in done.stderr


@pytest.mark.parametrize(
    ("version", "expected_text"),
    [
        (VERSION, ""),
        ("0.0.9", f"The stack Squall has version 0.0.9, this command has {VERSION}"),
        (None, f"The stack Squall does not say its version, so it is older than this command ({VERSION})"),
    ],
)
def test_a_stack_of_another_version_is_said_and_the_command_goes_on(
    squall: Squall, aws: pytest.MonkeyPatch, version: str | None, expected_text: str
) -> None:
    outputs = {name: value for name, value in OUTPUTS.items() if name != "SquallVersion"}
    _stack(outputs=outputs | ({} if version is None else {"SquallVersion": version}))
    _table()
    done = squall("status", "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout) == []
    assert done.stderr.startswith(expected_text)
    assert bool(done.stderr) is bool(expected_text)


def test_the_version_needs_no_stack(squall: Squall, no_aws: pytest.MonkeyPatch) -> None:
    assert squall("--version").stdout == f"squall {VERSION}\n"


def test_status_reads_the_table_of_the_stack(squall: Squall, aws: pytest.MonkeyPatch) -> None:
    _stack()
    _table()
    DynamoRecords(boto3.client("dynamodb"), "table").create(record("run-7"))
    (document,) = json.loads(squall("status", "--json").stdout)
    assert document["id"] == "run-7"
    assert json.loads(squall("status", "run-7", "--json").stdout)["environment"] == "staging"


def test_documents_are_read_and_missing_ones_are_none(aws: pytest.MonkeyPatch) -> None:
    boto3.client("s3").create_bucket(Bucket="bucket")
    boto3.client("s3").put_object(Bucket="bucket", Key="results/run-1/result.json", Body=b'{"a": 1}')
    deployment = Deployment(boto3.Session(), "Squall", OUTPUTS)
    assert deployment.document("run-1", "result") == {"a": 1}
    assert deployment.document("run-1", "nothing") is None


def test_an_execution_starts_once_by_name(aws: pytest.MonkeyPatch) -> None:
    definition = json.dumps({"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 60, "End": True}}})
    machine = boto3.client("stepfunctions").create_state_machine(
        name="Squall", definition=definition, roleArn="arn:aws:iam::123456789012:role/any"
    )
    deployment = Deployment(boto3.Session(), "Squall", {**OUTPUTS, "ExperimentStateMachineArn": machine["stateMachineArn"]})
    started = deployment.start("run-1", {"experiment": "x"})
    assert started.arn == deployment.execution_arn("run-1")
    with pytest.raises(CommandError, match="exists already") as caught:
        deployment.start("run-1", {"experiment": "y"})
    assert caught.value.code == 3
    assert deployment.machine("run-1") is not None
    assert deployment.machine("nobody") is None


def test_the_caller_is_known(aws: pytest.MonkeyPatch) -> None:
    assert Deployment(boto3.Session(), "Squall", OUTPUTS).caller().startswith("arn:aws:")


class FakeLambda:
    def __init__(self, answer: Any, error: str | None = None) -> None:
        self.answer, self.error, self.sent = answer, error, {}  # type: tuple[Any, str | None, dict[str, Any]]

    def invoke(self, **arguments: Any) -> dict[str, Any]:
        self.sent = arguments
        results = {"Payload": io.BytesIO(json.dumps(self.answer).encode())}
        return {**results, "FunctionError": self.error} if self.error else results


def test_abort_invokes_the_function_of_the_stack(aws: pytest.MonkeyPatch) -> None:
    deployment, function = Deployment(boto3.Session(), "Squall", OUTPUTS), FakeLambda({"stopped": ["EXP1"]})
    aws.setattr(deployment, "client", lambda service: function)
    assert deployment.abort("run-1", "enough", "ada") == {"stopped": ["EXP1"]}
    assert function.sent["FunctionName"] == "abort"
    assert json.loads(function.sent["Payload"]) == {"execution_id": "run-1", "reason": "enough", "requested_by": "ada"}


def test_a_report_is_made_by_the_function_of_the_stack_and_read_from_its_bucket(aws: pytest.MonkeyPatch) -> None:
    deployment, function = Deployment(boto3.Session(), "Squall", OUTPUTS), FakeLambda({"files": []})
    deployment.client("s3").create_bucket(Bucket="bucket")
    assert deployment.file("run-1", "report.html") is None
    deployment.client("s3").put_object(Bucket="bucket", Key="results/run-1/report.html", Body="é".encode())
    assert deployment.file("run-1", "report.html") == "é"
    aws.setattr(deployment, "client", lambda service: function)
    deployment.make_report("run-1")
    assert (function.sent["FunctionName"], json.loads(function.sent["Payload"])) == ("report", {"execution_id": "run-1"})


def test_a_report_that_could_not_be_made_says_that_the_result_stands(aws: pytest.MonkeyPatch) -> None:
    deployment = Deployment(boto3.Session(), "Squall", OUTPUTS)
    aws.setattr(deployment, "client", lambda service: FakeLambda({"errorMessage": "no"}, "Unhandled"))
    with pytest.raises(CommandError, match="The report function failed: no"):
        deployment.make_report("run-1")
    old = Deployment(boto3.Session(), "Squall", {name: value for name, value in OUTPUTS.items() if name != "ReportFunctionName"})
    with pytest.raises(CommandError, match="no report function yet"):
        old.make_report("run-1")


def test_an_abort_that_failed_says_where_to_stop_by_hand(aws: pytest.MonkeyPatch) -> None:
    deployment = Deployment(boto3.Session(), "Squall", OUTPUTS)
    aws.setattr(deployment, "client", lambda service: FakeLambda({"errorMessage": "no"}, "Unhandled"))
    with pytest.raises(CommandError) as caught:
        deployment.abort("run-1", "enough", "ada")
    assert "FIS console" in caught.value.hint


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("ExpiredToken", "expired"),
        ("InvalidClientTokenId", "does not know"),
        ("AccessDenied", "denied Describe"),
        ("ThrottlingException", "throttling"),
        ("Other", "Describe failed"),
    ],
)
def test_service_errors_are_sentences(code: str, words: str) -> None:
    error = explain_error(ClientError({"Error": {"Code": code, "Message": "m"}}, "Describe"))
    assert error is not None
    assert words in error.message


def test_an_error_behind_an_adapters_error_is_found() -> None:
    wrapped = RuntimeError("adapter")
    wrapped.__cause__ = NoCredentialsError()
    error = explain_error(wrapped, local_hint=True)
    assert error is not None
    assert "squall local env" in error.hint
    assert explain_error(RuntimeError("bare")) is None


def test_global_options_may_stand_anywhere(squall: Squall, monkeypatch: pytest.MonkeyPatch) -> None:
    observed: list[session.Options] = []

    def stop(options: session.Options) -> Deployment:
        observed.append(options)
        raise CommandError("stop")

    monkeypatch.setattr(session, "find_deployment", stop)
    squall("status", "--stack", "Mine", "--region=eu-west-1", "--local")
    assert observed == [session.Options(stack="Mine", region="eu-west-1", local=True)]
