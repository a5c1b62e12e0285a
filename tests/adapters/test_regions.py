"""The stacks of other Regions: what is read and called there, with moto's Regions and with Regions that fail."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

from squall.adapters import aws as edge
from squall.adapters.dynamodb.elsewhere import UNREAD
from squall.adapters.dynamodb.items import to_item
from squall.adapters.dynamodb.records import DynamoRecords
from squall.adapters.regions import LARGEST_DOCUMENT, NAMES_SECONDS, PAUSE_SECONDS, AwsRegions, Place
from squall.domain.approval.votes import Ask
from squall.domain.base.vocabulary import Status
from squall.domain.regions.barrier import Decision
from squall.domain.regions.names import StackNames, parameter_name
from squall.domain.run.record import ExecutionRecord
from squall.errors import Unavailable
from squall.ports.regions import PartDocument
from tests.adapters.conftest import REGION
from tests.adapters.scripted import Scripted, error

if TYPE_CHECKING:
    from collections.abc import Callable

    from squall.ports.regions import Regions

PEER = "eu-central-1"
NOW = datetime(2030, 1, 7, 10, 0, 0, 123456, tzinfo=UTC)
NAMES = StackNames(
    region=PEER,
    version="1.0",
    peers=f"us-east-1,{REGION}",
    table="peers-table",
    abort_function="Squall-Abort-1",
    decide_function="Squall-Decide-1",
    state_machine_arn=f"arn:aws:states:{PEER}:123456789012:stateMachine:Squall-Experiment",
    bucket="peers-results",
)
HERE = Place("Squall", REGION, "squall", (PEER,))
YES = Decision(start=True, reason="every Region is ready", until=NOW)
RECORD = ExecutionRecord(
    id="run-1",
    execution_arn="arn:aws:states:eu-central-1:123456789012:execution:Squall-Experiment:run-1",
    started_at=NOW,
    status=Status.RUNNING,
    phase="watch",
    task_token="token",
    ask=Ask("plan", NOW, NOW, 1, ("anyone",), 1),
)


class Ticking:
    """A monotonic clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def make_regions(clients: dict[tuple[str, str], Any], clock: Ticking | None = None, place: Place = HERE) -> AwsRegions:
    return AwsRegions(lambda service, region: clients[service, region], place, clock or Ticking())


def say(names: StackNames = NAMES) -> Scripted:
    """Parameter Store that holds these names."""
    return Scripted("ssm", get_parameter=[{"Parameter": {"Value": json.dumps(vars(names))}}])


# --- with moto: two Regions of one account ------------------------------------------------------------------------


@pytest.fixture
def both(table: str, aws: Callable[[str], Any]) -> AwsRegions:
    """This stack's table `squall`, and the peer's table and parameter in the other Region."""
    there = {service: boto3.client(service, region_name=PEER) for service in ("dynamodb", "ssm", "s3")}
    there["dynamodb"].create_table(
        TableName=NAMES.table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    )
    there["ssm"].put_parameter(Name=parameter_name("Squall"), Type="String", Value=json.dumps(vars(NAMES)))
    clients = {(service, PEER): client for service, client in there.items()}
    return make_regions({**clients, ("dynamodb", REGION): aws("dynamodb")})


def test_a_record_is_read_in_its_own_region_without_what_concerns_people_there_alone(both: AwsRegions, table: str) -> None:
    assert both.read_part(PEER, "run-1") is None
    DynamoRecords(boto3.client("dynamodb", region_name=PEER), NAMES.table).create(RECORD)
    read = both.read_part(PEER, "run-1")
    assert read == replace(RECORD, ask=None)
    assert both.read_part(REGION, "run-1") is None, "each Region has records of its own"


def test_the_result_of_a_part_is_read_from_the_bucket_of_its_region(both: AwsRegions) -> None:
    s3 = boto3.client("s3", region_name=PEER)
    s3.create_bucket(Bucket=NAMES.bucket, CreateBucketConfiguration={"LocationConstraint": PEER})
    s3.put_object(Bucket=NAMES.bucket, Key="results/run-1/result.json", Body=b"{}")
    assert both.read_document(PEER, "run-1", "result") == PartDocument(NAMES.bucket, b"{}")
    assert both.read_document(PEER, "run-1", "series") is None
    assert both.read_document(PEER, "run-2", "result") is None


def test_a_stack_that_does_not_say_where_its_results_are_is_not_read() -> None:
    regions = make_regions({("ssm", PEER): say(replace(NAMES, bucket=""))})
    with pytest.raises(Unavailable, match="does not say where its results are"):
        regions.read_document(PEER, "run-1", "result")


def test_a_result_that_is_too_large_is_not_read() -> None:
    body = BytesIO(b"x" * (LARGEST_DOCUMENT + 1))
    regions = make_regions({("ssm", PEER): say(), ("s3", PEER): Scripted("s3", get_object=[{"Body": body}])})
    with pytest.raises(Unavailable, match="is larger than"):
        regions.read_document(PEER, "run-1", "result")


def test_the_first_decision_stands_and_is_read_from_homes_table(both: AwsRegions) -> None:
    assert both.read_decision(REGION, "run") is None
    assert both.decide("run", YES) == YES
    assert both.decide("run", Decision(start=False, reason="too late", until=NOW)) == YES
    assert both.read_decision(REGION, "run") == YES
    assert both.read_decision(REGION, "other") is None
    assert both.read_decision(PEER, "run") is None


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"start": {"S": "true"}, "reason": {"S": ""}, "until": {"S": NOW.isoformat()}},
        {"start": {"BOOL": True}, "reason": {"S": ""}, "until": {"S": "soon"}},
        {"start": {"BOOL": True}, "reason": {"S": ""}, "until": {"S": "2030-01-07T10:00:00"}},
    ],
)
def test_a_decision_that_cannot_be_read_is_none_that_anybody_may_act_on(both: AwsRegions, attributes: dict[str, Any]) -> None:
    item = {"pk": {"S": "REGIONS#run"}, "sk": {"S": "DECISION"}, **attributes}
    boto3.client("dynamodb", region_name=PEER).put_item(TableName=NAMES.table, Item=item)
    with pytest.raises(Unavailable, match="can't be read by this version"):
        both.read_decision(PEER, "run")


@pytest.mark.parametrize("change", [{"status": {"S": "levitating"}}, {"started_at": {"S": "soon"}}, {"execution_arn": None}])
def test_a_record_of_an_unknown_form_is_unreadable_not_missing(both: AwsRegions, change: dict[str, Any]) -> None:
    item = {**to_item(RECORD), "pk": {"S": "EXECUTION#run-1"}, "sk": {"S": "RECORD"}, **change}
    whole = {name: value for name, value in item.items() if value is not None}
    boto3.client("dynamodb", region_name=PEER).put_item(TableName=NAMES.table, Item=whole)
    with pytest.raises(Unavailable, match="can't be read by this version"):
        both.read_part(PEER, "run-1")


# --- what is asked of AWS -----------------------------------------------------------------------------------------


def test_a_reading_is_consistent_and_names_its_attributes() -> None:
    """IAM allows no other reading."""
    table = Scripted("dynamodb", get_item=[{}])
    make_regions({("ssm", PEER): say(), ("dynamodb", PEER): table}).read_part(PEER, "run-1")
    (asked,) = table.arguments("get_item")
    assert (asked["TableName"], asked["ConsistentRead"]) == (NAMES.table, True)
    assert not set(asked["ExpressionAttributeNames"].values()) & set(UNREAD)
    assert {"status", "abort", "fault_started_at", "task_token"} < set(asked["ExpressionAttributeNames"].values())


def test_functions_are_invoked_without_waiting_for_them() -> None:
    functions = Scripted("lambda", invoke=[{"StatusCode": 202}])
    regions = make_regions({("ssm", PEER): say(), ("lambda", PEER): functions})
    regions.abort_part(PEER, "run-1", "a guard fired", "squall")
    regions.ask_to_decide(PEER, "run")
    abort, decide = functions.arguments("invoke")
    assert [(call["FunctionName"], call["InvocationType"]) for call in (abort, decide)] == [
        (NAMES.abort_function, "Event"),
        (NAMES.decide_function, "Event"),
    ]
    assert json.loads(abort["Payload"]) == {
        "execution_id": "run-1",
        "reason": "a guard fired",
        "requested_by": "squall",
        "peer": REGION,
    }
    assert json.loads(decide["Payload"]) == {"campaign_id": "run"}


def test_a_stack_that_cannot_decide_is_not_asked_to() -> None:
    regions = make_regions({("ssm", PEER): say(replace(NAMES, decide_function=""))})
    with pytest.raises(Unavailable, match="has no function that decides"):
        regions.ask_to_decide(PEER, "run")


def test_a_part_that_was_started_before_is_told_from_one_of_another_input() -> None:
    machine = Scripted(
        "stepfunctions",
        start_execution=[{"executionArn": "arn", "startDate": NOW}, error("ExecutionAlreadyExists"), error("StateMachineDoesNotExist")],
    )
    regions = make_regions({("ssm", PEER): say(), ("stepfunctions", PEER): machine})
    payload = {"b": 1, "a": 2}
    assert regions.start_part(PEER, "run-1", payload)
    assert not regions.start_part(PEER, "run-1", payload)
    with pytest.raises(Unavailable, match="StateMachineDoesNotExist"):
        regions.start_part(PEER, "run-1", payload)
    started = machine.arguments("start_execution")[0]
    assert (started["stateMachineArn"], started["name"]) == (NAMES.state_machine_arn, "run-1")
    assert started["input"] == '{"a": 2, "b": 1}', "the same text each time: Step Functions compares it"


@pytest.mark.parametrize(("answer", "woken"), [({}, True), (error("TaskTimedOut"), False), (error("InvalidToken"), False)])
def test_a_part_that_sleeps_is_woken(answer: Any, woken: bool) -> None:
    machine = Scripted("stepfunctions", send_task_success=[answer])
    assert make_regions({("stepfunctions", PEER): machine}).wake_part(PEER, "token") is woken


def test_the_own_stack_is_asked_without_a_parameter_for_its_table() -> None:
    table = Scripted("dynamodb", get_item=[{}])
    assert make_regions({("dynamodb", REGION): table}).read_decision(REGION, "run") is None
    assert table.arguments("get_item")[0]["TableName"] == "squall"


# --- what keeps a caller from the answer --------------------------------------------------------------------------


def test_a_region_that_the_setting_does_not_name_is_never_asked() -> None:
    regions = make_regions({}, place=replace(HERE, peers=()))
    calls: list[Callable[[], object]] = [
        lambda: regions.read_part(PEER, "run-1"),
        lambda: regions.start_part(PEER, "run-1", {}),
        lambda: regions.abort_part(PEER, "run-1", "", ""),
        lambda: regions.ask_to_decide(PEER, "run"),
        lambda: regions.wake_part(PEER, "token"),
        lambda: regions.read_decision(PEER, "run"),
    ]
    for ask in calls:
        with pytest.raises(Unavailable, match="does not act with eu-central-1: its peer_regions names no Region"):
            ask()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (error("ParameterNotFound"), "no stack Squall in eu-central-1 acts with eu-west-1"),
        (error("AccessDeniedException"), "AccessDenied"),
        (error("ThrottlingException"), "Throttling"),
        ({"Parameter": {"Value": "{"}}, "not JSON"),
        ({"Parameter": {"Value": json.dumps({**vars(NAMES), "table": ""})}}, "no text as table"),
        ({"Parameter": {"Value": json.dumps({**vars(NAMES), "region": "us-east-1"})}}, "has the names of us-east-1"),
        ({"Parameter": {"Value": json.dumps({**vars(NAMES), "peers": "us-east-1"})}}, "its peer_regions names us-east-1"),
        (EndpointConnectionError(endpoint_url="https://ssm.eu-central-1.amazonaws.com"), "EndpointConnectionError"),
    ],
)
def test_without_the_names_of_its_stack_a_region_is_unreadable(answer: Any, words: str) -> None:
    regions = make_regions({("ssm", PEER): Scripted("ssm", get_parameter=[answer])})
    with pytest.raises(Unavailable, match=words):
        regions.read_part(PEER, "run-1")


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException", "ThrottlingException", "InternalServerError"])
def test_an_error_of_the_peer_is_never_taken_for_a_missing_record(code: str) -> None:
    table = Scripted("dynamodb", get_item=[error(code)])
    regions = make_regions({("ssm", PEER): say(), ("dynamodb", PEER): table})
    for ask in (regions.read_part, regions.read_decision):
        with pytest.raises(Unavailable, match=code):
            ask(PEER, "run-1")
    assert len(table.calls) == 2, "it has answered, so it is asked again"


def test_a_region_that_does_not_exist_has_no_client() -> None:
    def make_client(service: str, region: str) -> Any:
        raise EndpointConnectionError(endpoint_url=f"https://{service}.{region}")

    with pytest.raises(Unavailable):
        AwsRegions(make_client, HERE).read_part(PEER, "run-1")


@pytest.mark.parametrize("dead", [ConnectTimeoutError(endpoint_url="https://x"), ReadTimeoutError(endpoint_url="https://x")])
def test_a_service_that_does_not_answer_is_not_waited_for_by_every_caller(dead: Exception) -> None:
    clock, table = Ticking(), Scripted("dynamodb", get_item=[dead])
    functions = Scripted("lambda", invoke=[{"StatusCode": 202}])
    regions = make_regions({("ssm", PEER): say(), ("dynamodb", PEER): table, ("lambda", PEER): functions}, clock)
    for _ in range(3):
        with pytest.raises(Unavailable):
            regions.read_part(PEER, "run-1")
    assert len(table.calls) == 1
    regions.abort_part(PEER, "run-1", "lost", "pulse")
    assert len(functions.calls) == 1, "another service may answer"
    clock.now += PAUSE_SECONDS
    with pytest.raises(Unavailable):
        regions.read_part(PEER, "run-1")
    assert len(table.calls) == 2


def test_names_are_read_again_after_some_minutes_and_the_last_ones_serve_while_they_cannot_be() -> None:
    again = json.dumps({**vars(NAMES), "table": "new-table"})
    parameters = Scripted(
        "ssm",
        get_parameter=[{"Parameter": {"Value": json.dumps(vars(NAMES))}}, error("ThrottlingException"), {"Parameter": {"Value": again}}],
    )
    clock, table = Ticking(), Scripted("dynamodb", get_item=[{}])
    regions = make_regions({("ssm", PEER): parameters, ("dynamodb", PEER): table}, clock)
    for _ in range(2):
        regions.read_part(PEER, "run-1")
    assert len(parameters.calls) == 1
    for _ in range(2):
        clock.now += NAMES_SECONDS
        regions.read_part(PEER, "run-1")
    assert [call["TableName"] for call in table.arguments("get_item")] == ["peers-table"] * 3 + ["new-table"]


def test_clients_of_a_peer_have_short_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    config = edge.peer_client("dynamodb", PEER).meta.config
    assert config.region_name == PEER
    longest = config.retries["total_max_attempts"] * (config.connect_timeout + config.read_timeout)
    assert timedelta(seconds=longest) < timedelta(seconds=10)


def test_the_adapter_has_every_method_of_its_port() -> None:
    """Checked by mypy: assigning is the test."""
    regions: Regions = make_regions({})
    assert regions is not None
