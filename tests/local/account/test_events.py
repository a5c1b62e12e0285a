"""Events, schedules, functions and workflows of the local account, and the switches that disturb them."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.account_rig import ACCOUNT, REGION, Account, function
from tests.patience import stretched, until

pytestmark = pytest.mark.xdist_group("account")  # one account for all of them


class Sink:
    """An SQS queue that collects what a rule or a schedule delivers."""

    def __init__(self, account: Account, name: str) -> None:
        self.sqs = account.client("sqs")
        self.url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        self.arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
        self.bodies: list[dict[str, Any]] = []

    def received(self) -> list[dict[str, Any]]:
        while messages := self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self.bodies.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return self.bodies


def rule_to(account: Account, name: str, pattern: dict[str, Any], target: dict[str, Any]) -> str:
    events = account.client("events")
    arn = str(events.put_rule(Name=name, EventPattern=json.dumps(pattern))["RuleArn"])
    events.put_targets(Rule=name, Targets=[{"Id": "1", **target}])
    return arn


def put(account: Account, source: str, number: int = 1) -> None:
    entry = {"Source": source, "DetailType": "test", "Detail": "{}"}
    for _ in range(number):
        account.client("events").put_events(Entries=[entry])


# --- the profile's switches ---------------------------------------------------------------------------------------


def test_events_are_dropped_by_source_and_come_again_when_switched_back(account: Account, unique: str) -> None:
    sink = Sink(account, unique)
    dropped, kept = f"dropped.{unique}", f"kept.{unique}"
    rule_to(account, unique, {"source": [dropped, kept]}, {"Arn": sink.arn})

    account.profile(drop_all_events=[dropped])
    put(account, dropped)
    put(account, kept)
    until(sink.received, what="the event that is kept")
    assert [body["source"] for body in sink.bodies] == [kept]

    account.profile(drop_all_events=False)
    put(account, dropped)
    until(lambda: len(sink.received()) == 2, what="the other source")


def test_events_are_duplicated_and_delayed(account: Account, unique: str) -> None:
    sink = Sink(account, unique)
    rule_to(account, unique, {"source": [unique]}, {"Arn": sink.arn})
    account.profile(duplicate_event_rate=1, event_delay_seconds=[1, 1.2])

    began = time.monotonic()
    put(account, unique)

    until(lambda: len(sink.received()) == 2, what="both copies")
    assert time.monotonic() - began >= 1
    assert sink.bodies[0]["id"] == sink.bodies[1]["id"]


def test_a_rate_drops_about_that_share(account: Account, unique: str) -> None:
    sink = Sink(account, unique)
    rule_to(account, unique, {"source": [unique, "last"]}, {"Arn": sink.arn})
    account.profile(drop_event_rate={unique: 0.5})

    put(account, unique, 60)
    put(account, "last")

    until(lambda: any(b["source"] == "last" for b in sink.received()), what="the last event")
    assert 15 <= sum(b["source"] == unique for b in sink.bodies) <= 45


def test_named_profiles_and_unknown_settings(account: Account) -> None:
    assert account.profile(name="pessimistic")["fis_stopping_seconds"] > 0
    with pytest.raises(OSError, match="400"):
        account.profile(metric_leg_seconds=1)
    assert account.health()["profile"] == "pessimistic"


# --- permissions of deliveries ------------------------------------------------------------------------------------

MACHINE = {
    "QueryLanguage": "JSONata",
    "StartAt": "Tell",
    "States": {
        "Tell": {
            "Type": "Pass",
            "Output": {
                "input": "{% $states.input %}",
                "redrives": "{% $states.context.Execution.RedriveCount %}",
                "started": "{% $states.context.Execution.StartTime %}",
                "name": "{% $states.context.Execution.Name %}",
                "id": "{% $states.context.Execution.Id %}",
            },
            "End": True,
        }
    },
}


def machine(account: Account, name: str, definition: dict[str, Any]) -> str:
    role = account.role("states.amazonaws.com", [{"Effect": "Allow", "Action": "*", "Resource": "*"}])
    made = account.client("stepfunctions").create_state_machine(name=name, definition=json.dumps(definition), roleArn=role)
    return str(made["stateMachineArn"])


def executions(account: Account, arn: str) -> list[dict[str, Any]]:
    return list(account.client("stepfunctions").list_executions(stateMachineArn=arn)["executions"])


def finished(account: Account, execution: str) -> dict[str, Any]:
    client = account.client("stepfunctions")

    def look() -> dict[str, Any]:
        results = dict(client.describe_execution(executionArn=execution))
        return results if results["status"] != "RUNNING" else {}

    return until(look, what="the execution's end")


def test_a_rule_starts_a_workflow_only_with_a_role_that_may(account: Account, unique: str) -> None:
    arn = machine(account, unique, MACHINE)
    dead = Sink(account, unique + "-dead")
    idle = account.role("events.amazonaws.com", [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}])
    start = [{"Effect": "Allow", "Action": "states:StartExecution", "Resource": arn}]

    rule_to(account, unique, {"source": [unique]}, {"Arn": arn, "RoleArn": idle, "DeadLetterConfig": {"Arn": dead.arn}})
    put(account, unique)
    until(dead.received, what="the dead letter")
    assert executions(account, arn) == []

    rule_to(account, unique, {"source": [unique]}, {"Arn": arn, "RoleArn": account.role("events.amazonaws.com", start)})
    put(account, unique)
    until(lambda: executions(account, arn), what="the execution")


# --- schedules ----------------------------------------------------------------------------------------------------

ATTRIBUTES = json.dumps({"at": "<aws.scheduler.scheduled-time>", "by": "<aws.scheduler.schedule-arn>",
                         "id": "<aws.scheduler.execution-id>"})  # fmt: skip


def names(account: Account) -> set[str]:
    return {known["Name"] for known in account.client("scheduler").list_schedules()["Schedules"]}


def schedule(account: Account, name: str, expression: str, target: dict[str, Any], zone: str = "UTC", **other: str) -> str:
    made = account.client("scheduler").create_schedule(
        Name=name, ScheduleExpression=expression, ScheduleExpressionTimezone=zone, Target=target,
        FlexibleTimeWindow={"Mode": "OFF"}, **other,
    )  # fmt: skip
    return str(made["ScheduleArn"])


def soon(seconds: int, hours: int = 0) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds, hours=hours)).strftime("at(%Y-%m-%dT%H:%M:%S)")


def starter(account: Account, machine_arn: str) -> str:
    return account.role("scheduler.amazonaws.com", [{"Effect": "Allow", "Action": "states:StartExecution", "Resource": machine_arn}])


def test_a_schedule_fires_in_its_zone_with_its_attributes(account: Account, unique: str) -> None:
    arn = machine(account, unique, MACHINE)
    target = {"Arn": arn, "RoleArn": starter(account, arn), "Input": ATTRIBUTES}
    # Etc/GMT-3 is three hours east: its wall clock reads three hours more.
    when = soon(2, hours=3)

    made = schedule(account, unique, when, target, "Etc/GMT-3")

    (execution,) = until(lambda: executions(account, arn), what="the scheduled execution")
    output = json.loads(finished(account, execution["executionArn"])["output"])
    due = datetime.strptime(when, "at(%Y-%m-%dT%H:%M:%S)").replace(tzinfo=UTC) - timedelta(hours=3)
    assert output["input"]["at"] == due.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert output["input"]["by"] == made
    assert len(output["input"]["id"]) == 36
    assert (execution["startDate"] - due).total_seconds() < stretched(3)


def test_a_universal_target_starts_an_execution(account: Account, unique: str) -> None:
    arn = machine(account, unique, MACHINE)
    request = json.dumps({"StateMachineArn": arn, "Input": ATTRIBUTES})
    target = {"Arn": "arn:aws:scheduler:::aws-sdk:sfn:startExecution", "RoleArn": starter(account, arn)}

    schedule(account, unique, soon(0), {**target, "Input": request})

    until(lambda: executions(account, arn), what="the scheduled execution")


def test_a_schedule_without_the_grant_leaves_a_dead_letter(account: Account, unique: str) -> None:
    arn = machine(account, unique, MACHINE)
    dead = Sink(account, unique)
    role = account.role("scheduler.amazonaws.com", [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}])

    schedule(account, unique, soon(0), {"Arn": arn, "RoleArn": role, "DeadLetterConfig": {"Arn": dead.arn}})

    until(dead.received, what="the dead letter")
    assert executions(account, arn) == []


def test_schedules_can_be_held_back(account: Account, unique: str) -> None:
    account.profile(disable_schedules=True)
    held, free = machine(account, unique + "h", MACHINE), machine(account, unique + "f", MACHINE)
    schedule(account, unique + "h", soon(0), {"Arn": held, "RoleArn": starter(account, held)})
    # A later schedule that is deleted once it was due: the tick that did so has passed over the held one.
    schedule(account, unique + "d", soon(0), {"Arn": held, "RoleArn": starter(account, held)}, ActionAfterCompletion="DELETE")
    until(lambda: f"{unique}d" not in names(account), "a tick over both schedules")
    account.profile(disable_schedules=False)

    schedule(account, unique + "f", soon(0), {"Arn": free, "RoleArn": starter(account, free)})

    until(lambda: executions(account, free), what="the free schedule")
    assert executions(account, held) == []


# --- functions and workflows --------------------------------------------------------------------------------------

FAILING = """
class NoSuchTarget(Exception):
    pass

def handler(event, context):
    raise NoSuchTarget("i-1 is gone")
"""


def task(arn: str, **other: Any) -> dict[str, Any]:
    return {
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "TimeoutSeconds": 30, "End": True,
        "Arguments": {"FunctionName": arn, "Payload": "{% $states.input %}"}, **other,
    }  # fmt: skip


def one_state(state: dict[str, Any]) -> dict[str, Any]:
    return {"QueryLanguage": "JSONata", "StartAt": "Only", "States": {"Only": state}}


def run(account: Account, name: str, definition: dict[str, Any], seconds: float = 20) -> dict[str, Any]:
    arn = machine(account, name, definition)
    started = account.client("stepfunctions").start_execution(stateMachineArn=arn, name=name, input="{}")
    return finished(account, started["executionArn"])


def test_an_exception_reaches_the_workflow_under_its_class_name(account: Account, unique: str) -> None:
    arn = function(account, unique, FAILING, [])

    done = run(account, unique, one_state(task(arn)))

    assert (done["status"], done["error"]) == ("FAILED", "NoSuchTarget")
    cause = json.loads(done["cause"])
    assert (cause["errorType"], cause["errorMessage"]) == ("NoSuchTarget", "i-1 is gone")
    answer = account.client("lambda").invoke(FunctionName=arn, Payload=b"{}")
    assert answer["FunctionError"] == "Unhandled"
    assert json.loads(answer["Payload"].read())["errorType"] == "NoSuchTarget"


def test_a_workflow_invokes_only_what_its_role_allows(account: Account, unique: str) -> None:
    arn = function(account, unique, "def handler(event, context):\n    return event\n", [])
    client = account.client("stepfunctions")

    def outcome(name: str, granted: str) -> dict[str, Any]:
        grant = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": granted}
        made = client.create_state_machine(
            name=name, definition=json.dumps(one_state(task(arn))), roleArn=account.role("states.amazonaws.com", [grant])
        )
        return finished(account, client.start_execution(stateMachineArn=made["stateMachineArn"])["executionArn"])

    assert outcome(unique + "a", arn)["status"] == "SUCCEEDED"
    refused = outcome(unique + "r", arn + "-other")
    assert refused["error"] == "Lambda.AWSLambdaException"
    assert "lambda:InvokeFunction" in refused["cause"]


def test_a_callback_task_fails_with_its_function(account: Account, unique: str) -> None:
    arn = function(account, unique, FAILING, [])
    waiting = task(arn, Resource="arn:aws:states:::lambda:invoke.waitForTaskToken")

    assert run(account, unique, one_state(waiting))["error"] == "NoSuchTarget"


@pytest.mark.parametrize(
    ("limits", "error"),
    [({"TimeoutSeconds": 2}, "States.Timeout"), ({"HeartbeatSeconds": 1}, "States.HeartbeatTimeout")],
)
def test_a_callback_task_times_out(account: Account, unique: str, limits: dict[str, int], error: str) -> None:
    arn = function(account, unique, "def handler(event, context):\n    return None\n", [])
    waiting = task(arn, Resource="arn:aws:states:::lambda:invoke.waitForTaskToken", **limits)

    assert run(account, unique, one_state(waiting))["error"] == error


def test_the_context_object_is_complete(account: Account, unique: str) -> None:
    done = run(account, unique, MACHINE)

    output = json.loads(done["output"])
    assert output["redrives"] == 0
    assert output["name"] == unique
    assert output["id"] == done["executionArn"]
    assert abs(datetime.fromisoformat(output["started"]) - done["startDate"]) < timedelta(seconds=stretched(1))


def test_functions_call_the_account_with_their_own_role(account: Account, unique: str) -> None:
    code = (
        "import boto3\n"
        "def handler(event, context):\n"
        "    fis = boto3.client('fis')\n"
        "    try:\n"
        "        return {'listed': len(fis.list_experiments()['experiments'])}\n"
        "    except fis.exceptions.ClientError as error:\n"
        "        return {'refused': error.response['Error']['Code']}\n"
    )
    allowed = function(account, unique + "a", code, [{"Effect": "Allow", "Action": "fis:List*", "Resource": "*"}])
    refused = function(account, unique + "r", code, [])

    def answer(arn: str) -> dict[str, Any]:
        return dict(json.loads(account.client("lambda").invoke(FunctionName=arn)["Payload"].read()))

    assert "listed" in answer(allowed)
    assert answer(refused) == {"refused": "AccessDeniedException"}


def test_experiment_events_reach_rules(account: Account, unique: str) -> None:
    sink = Sink(account, unique)
    pattern = {"source": ["aws.fis"], "detail-type": ["FIS Experiment State Change"]}
    fis = account.client("fis")
    template = fis.create_experiment_template(
        description="t", stopConditions=[{"source": "none"}], roleArn=account.role("fis.amazonaws.com", []),
        actions={"w": {"actionId": "aws:fis:wait", "parameters": {"duration": "PT1S"}}},
    )["experimentTemplate"]["id"]  # fmt: skip
    rule_to(account, unique, {**pattern, "detail": {"experiment-template-id": [template]}}, {"Arn": sink.arn})

    experiment = fis.start_experiment(experimentTemplateId=template)["experiment"]

    def states() -> list[str]:
        return [b["detail"]["new-state"]["status"] for b in sink.received()]

    until(lambda: "completed" in states(), what="the last event")
    assert states() == ["initiating", "running", "completed"]
    assert sink.bodies[0]["resources"] == [experiment["arn"]]
    assert sink.bodies[-1]["detail"]["experiment-id"] == experiment["id"]
    account.client("events").remove_targets(Rule=unique, Ids=["1"])


# --- the table ----------------------------------------------------------------------------------------------------


def test_the_table_supports_conditions_transactions_and_indexes(account: Account, unique: str) -> None:
    dynamodb = account.client("dynamodb")
    text = {"S": "x"}
    dynamodb.create_table(
        TableName=unique, BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "sk", "open_pk", "open_sk")],
        GlobalSecondaryIndexes=[{
            "IndexName": "open", "Projection": {"ProjectionType": "ALL"},
            "KeySchema": [{"AttributeName": "open_pk", "KeyType": "HASH"},
                          {"AttributeName": "open_sk", "KeyType": "RANGE"}],
        }],
    )  # fmt: skip
    key = {"pk": text, "sk": text}
    new = {"ConditionExpression": "attribute_not_exists(pk)"}
    dynamodb.put_item(TableName=unique, Item={**key, "open_pk": {"S": "OPEN"}, "open_sk": {"S": "1"}}, **new)

    with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException):
        dynamodb.put_item(TableName=unique, Item=key, **new)
    other = {"pk": {"S": "other"}, "sk": text}
    with pytest.raises(ClientError) as error:
        dynamodb.transact_write_items(TransactItems=[{"Put": {"TableName": unique, "Item": item, **new}} for item in (other, key)])
    assert error.value.response["Error"]["Code"] == "TransactionCanceledException"
    reasons = [r["Code"] for r in error.value.response["CancellationReasons"]]
    assert reasons == ["None", "ConditionalCheckFailed"]
    assert "Item" not in dynamodb.get_item(TableName=unique, Key=other, ConsistentRead=True)
    result = dynamodb.query(
        TableName=unique, IndexName="open", KeyConditionExpression="open_pk = :o",
        ExpressionAttributeValues={":o": {"S": "OPEN"}},
    )["Items"]  # fmt: skip
    assert len(result) == 1


def test_what_a_rule_started_publishes_in_its_own_name(account: Account, unique: str) -> None:
    """The status event of an execution started by a rule goes to a queue, which needs no role."""
    arn, sink = machine(account, unique, MACHINE), Sink(account, unique)
    start = [{"Effect": "Allow", "Action": "states:StartExecution", "Resource": arn}]
    rule_to(account, unique, {"source": [unique]}, {"Arn": arn, "RoleArn": account.role("events.amazonaws.com", start)})
    reported = function(account, unique, "def handler(event, context):\n    return None\n", [])
    ended = {"source": ["aws.states"], "detail": {"stateMachineArn": [arn], "status": ["SUCCEEDED"]}}
    dead = {"DeadLetterConfig": {"Arn": sink.arn}}
    rule_to(account, unique + "e", ended, {"Arn": reported, **dead})

    put(account, unique)

    # The function's policy names no rule, so the event ends in the dead-letter queue of its own rule.
    until(sink.received, what="the dead letter")
    assert sink.bodies[0]["detail"]["status"] == "SUCCEEDED"
