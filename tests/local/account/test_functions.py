"""Faults of Lambda functions in the local account: what FIS's role needs, what a function with the extension does, what its metrics say."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.workload.functions import BUCKET, FUNCTION, Orders
from local.workload.settings import Settings
from tests.local.account_rig import REGION, Account, function
from tests.patience import PATIENCE, until

pytestmark = pytest.mark.xdist_group("account")  # one account for all of them

FOLDER = f"arn:aws:s3:::{BUCKET}/staging/*"
WRITES: dict[str, Any] = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": FOLDER}
DELETES: dict[str, Any] = {"Effect": "Allow", "Action": "s3:DeleteObject", "Resource": FOLDER}
LOOKS: dict[str, Any] = {
    "Effect": "Allow",
    "Action": "lambda:GetFunction",
    "Resource": "*",
    "Condition": {"StringEquals": {"aws:ResourceTag/squall:environment": "staging"}},
}
ASKS: dict[str, Any] = {"Effect": "Allow", "Action": "tag:GetResources", "Resource": "*"}
ALL = [WRITES, DELETES, LOOKS, ASKS]
ERROR = ("aws:lambda:invocation-error", {"preventExecution": "true"})
ENDED = ("completed", "stopped", "failed", "cancelled")


class Lab:
    """The sample's function, and FIS."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.orders = Orders(account.endpoint, REGION, {"squall:environment": "staging"})
        self.orders.settle(Settings(functions=True))
        self.fis, self.s3 = account.client("fis"), account.client("s3")
        self.arn = account.client("lambda").get_function_configuration(FunctionName=FUNCTION)["FunctionArn"]

    def start(self, fault: tuple[str, Mapping[str, str]] = ERROR, statements: list[dict[str, Any]] = ALL, arn: str = "") -> str:
        role = self.account.role("fis.amazonaws.com", statements)
        action, parameters = fault
        target = {"resourceType": "aws:lambda:function", "resourceArns": [arn or self.arn], "selectionMode": "ALL"}
        made = self.fis.create_experiment_template(
            description="test",
            roleArn=role,
            stopConditions=[{"source": "none"}],
            targets={"Functions": target},
            actions={
                "fault": {"actionId": action, "parameters": {**parameters, "duration": "PT10M"}, "targets": {"Functions": "Functions"}}
            },
        )
        return str(self.fis.start_experiment(experimentTemplateId=made["experimentTemplate"]["id"])["experiment"]["id"])

    def state(self, experiment: str) -> dict[str, Any]:
        return dict(self.fis.get_experiment(id=experiment)["experiment"]["state"])

    def ended(self, experiment: str) -> dict[str, Any]:
        until(lambda: self.state(experiment)["status"] in ENDED, what="the end of the experiment")
        return self.state(experiment)

    def faults(self) -> list[dict[str, Any]]:
        """What FIS has written."""
        keys = [content["Key"] for content in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]
        return [json.load(self.s3.get_object(Bucket=BUCKET, Key=key)["Body"]) for key in keys]

    def ask(self) -> int:
        """Status of one request to the function's URL."""
        assert self.orders.path
        try:
            with urllib.request.urlopen(self.account.endpoint + self.orders.path, timeout=PATIENCE) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def metric(self, name: str, function: str = FUNCTION) -> list[float]:
        """The sum over the last hours; empty if nothing was published."""
        metric = {"Namespace": "AWS/Lambda", "MetricName": name, "Dimensions": [{"Name": "FunctionName", "Value": function}]}
        query = {"Id": "m", "MetricStat": {"Metric": metric, "Period": 3600, "Stat": "Sum"}}
        now = datetime.now(UTC)
        metric_data = self.account.client("cloudwatch").get_metric_data(
            MetricDataQueries=[query], StartTime=now - timedelta(hours=2), EndTime=now + timedelta(hours=1)
        )
        values = metric_data["MetricDataResults"][0]["Values"]
        return [sum(values)] if values else []  # two hours, if one has just ended


@pytest.fixture
def lab(account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    made = Lab(account)
    account.forget()
    yield made
    for experiment in made.fis.list_experiments()["experiments"]:
        if experiment["state"]["status"] not in ENDED:
            made.fis.stop_experiment(id=experiment["id"])
            made.ended(experiment["id"])
    for content in made.s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        made.s3.delete_object(Bucket=BUCKET, Key=content["Key"])
    made.orders.settle(Settings())


def test_invocations_fail_from_when_the_extension_has_looked_until_it_has_again(lab: Lab) -> None:
    assert lab.ask() == 200
    experiment = lab.start()
    until(lambda: lab.ask() == 502, what="an invocation that fails")
    (written,) = lab.faults()
    assert (written["function"], written["action"], written["parameters"]) == (lab.arn, ERROR[0], {"preventExecution": "true"})
    lab.fis.stop_experiment(id=experiment)
    assert lab.ended(experiment)["status"] == "stopped"
    assert lab.faults() == []
    until(lambda: lab.ask() == 200, what="invocations as before")
    (invocations,), (errors,) = lab.metric("Invocations"), lab.metric("Errors")
    assert 0 < errors < invocations, "Lambda counts what really failed"


def test_an_answer_in_the_function_s_place_is_no_error_of_lambda_s(lab: Lab) -> None:
    lab.start(
        ("aws:lambda:invocation-http-integration-response", {"preventExecution": "true", "statusCode": "503", "contentTypeHeader": "a/b"})
    )
    until(lambda: lab.ask() == 503, what="the extension's answer")
    assert lab.metric("Errors") == [0.0]


@pytest.mark.parametrize("missing", [WRITES, LOOKS, ASKS], ids=lambda entry: entry["Action"])
def test_a_role_that_may_not_all_of_it_leaves_nothing(lab: Lab, missing: dict[str, Any]) -> None:
    state = lab.ended(lab.start(statements=[entry for entry in ALL if entry is not missing]))
    assert (state["status"], state["error"]["code"]) == ("failed", "AuthorizationFailure")
    assert missing["Action"] in state["reason"]
    assert lab.faults() == []


def test_what_fis_may_not_remove_stays_and_its_action_says_so(lab: Lab) -> None:
    experiment = lab.start(statements=[WRITES, LOOKS, ASKS])
    until(lab.faults, what="the fault is written")
    lab.fis.stop_experiment(id=experiment)
    assert lab.ended(experiment)["status"] == "failed"
    assert lab.fis.get_experiment(id=experiment)["experiment"]["actions"]["fault"]["state"]["status"] == "failed"
    assert len(lab.faults()) == 1


def test_a_function_that_names_no_folder_can_t_be_hit(lab: Lab, account: Account, unique: str) -> None:
    arn = function(account, f"bare-{unique}", "def handler(event, context):\n    return 1\n", [], Tags={"squall:environment": "staging"})
    state = lab.ended(lab.start(arn=arn))
    assert (state["status"], state["error"]["code"]) == ("failed", "ConfigurationFailure")
    assert "AWS_FIS_CONFIGURATION_LOCATION" in state["reason"]


def test_a_function_whose_role_may_not_read_hears_of_nothing(lab: Lab) -> None:
    lab.orders.settle(Settings(functions=True, extension_reads=False))
    lab.start()
    until(lab.faults, what="the fault is written")
    until(lambda: [lab.ask() for _ in range(5)] and "failed to read the configuration" in logs(lab.account), what="the extension has tried")
    assert {lab.ask() for _ in range(10)} == {200}
    assert lab.metric("Errors") == [0.0]


def logs(account: Account) -> str:
    client, group = account.client("logs"), f"/aws/lambda/{FUNCTION}"
    pages = client.get_paginator("describe_log_streams").paginate(logGroupName=group)
    streams = [stream["logStreamName"] for page in pages for stream in page["logStreams"]]
    return "\n".join(
        event["message"] for name in streams for event in client.get_log_events(logGroupName=group, logStreamName=name)["events"]
    )


COUNTING = """
asked = []
def handler(event, context):
    asked.append(event)
    if event == "fail":
        raise KeyError("no")
    return len(asked)
"""


@pytest.fixture
def invoke(account: Account, unique: str) -> Callable[[str], tuple[bool, Any]]:
    function(account, f"count-{unique}", COUNTING, [])
    client = account.client("lambda")

    def call(event: str) -> tuple[bool, Any]:
        answer = client.invoke(FunctionName=f"count-{unique}", Payload=json.dumps(event))
        return "FunctionError" in answer, json.load(answer["Payload"])

    return call


def test_an_exception_ends_an_invocation_and_not_its_environment(invoke: Callable[[str], tuple[bool, Any]]) -> None:
    assert invoke("one") == (False, 1)
    failed, text = invoke("fail")
    assert (failed, text["errorType"], text["errorMessage"]) == (True, "KeyError", "'no'")
    assert text["stackTrace"]
    assert invoke("two") == (False, 3)


def test_each_invocation_counts_once_however_it_came(lab: Lab, invoke: Callable[[str], tuple[bool, Any]], unique: str) -> None:
    name = f"count-{unique}"
    invoke("one")
    invoke("fail")
    lab.account.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps("later"))
    until(lambda: lab.metric("Invocations", name) == [3.0], what="the asynchronous one, too")
    assert lab.metric("Errors", name) == [1.0]
    assert lab.metric("Throttles", name) == [0.0]


def test_a_throttled_call_is_no_invocation(lab: Lab, account: Account, unique: str) -> None:
    name = f"throttled-{unique}"
    function(account, name, "def handler(event, context):\n    return 1\n", [])
    account.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    with pytest.raises(account.client("lambda").exceptions.ClientError, match="TooManyRequests"):
        account.client("lambda").invoke(FunctionName=name)
    assert (lab.metric("Throttles", name), lab.metric("Invocations", name)) == ([1.0], [])


def test_a_wrapper_that_no_layer_brings_keeps_the_function_from_starting(account: Account, unique: str) -> None:
    name = f"wrapped-{unique}"
    variables = {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/aws-fis/bootstrap"}}
    function(account, name, "def handler(event, context):\n    return 1\n", [], Environment=variables)
    answer = account.client("lambda").invoke(FunctionName=name)
    assert "FunctionError" in answer
    assert "/opt/aws-fis/bootstrap" in json.load(answer["Payload"])["errorMessage"]
