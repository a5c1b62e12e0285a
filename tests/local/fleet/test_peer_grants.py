"""The grants over Regions, enforced: a caller with one capability does that in the peer's Region, and is denied the rest."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial

import pytest
from botocore.exceptions import ClientError

from infra.permissions.names import Names
from infra.permissions.regions import OVER_REGIONS, allow_regions
from squall.adapters.dynamodb.records import DynamoRecords
from squall.adapters.regions import AwsRegions, Place
from squall.domain.base.vocabulary import Status
from squall.domain.regions.names import StackNames, parameter_name
from squall.domain.run.record import ExecutionRecord
from squall.errors import Unavailable
from squall.ports.regions import PartDocument
from tests.local.fleet.accounts import HOME, make_user, run_regions
from tests.local.fleet.accounts import Place as Process

HERE, THERE = "us-east-1", "eu-west-1"
TABLE = "Squall-ResultsTable0A1B2C3D-1ABCDEFGHIJKL"
BUCKET = "squall-resultsbucket0a1b2c3d-1abcdefghijkl"
NAMES = Names("aws", HERE, HOME, "Squall", "t", "b", "n", "e", "Squall-Experiment", "f", (), (), None, "d", peers=(THERE,))
SAID = StackNames(
    region=THERE,
    version="1.0",
    peers=HERE,
    table=TABLE,
    abort_function="Squall-Abort0A1B2C3D-1ABCDEFGHIJKL",
    decide_function="Squall-Decide0A1B2C3D-1ABCDEFGHIJKL",
    state_machine_arn=f"arn:aws:states:{THERE}:{HOME}:stateMachine:Squall-Experiment",
    bucket=BUCKET,
)
RECORD = ExecutionRecord(id="run-1", execution_arn="arn", started_at=datetime(2030, 1, 7, 10, tzinfo=UTC), status=Status.RUNNING, phase="x")
CALLS: dict[str, Callable[[AwsRegions], object]] = {
    "read_parts": lambda regions: regions.read_part(THERE, "run-1"),
    "read_decisions": lambda regions: regions.read_decision(THERE, "run"),
    "start_parts": lambda regions: regions.start_part(THERE, "run-1", {}),
    "abort_parts": lambda regions: regions.abort_part(THERE, "run-1", "a guard fired", "squall"),
    "ask_home": lambda regions: regions.ask_to_decide(THERE, "run"),
    "read_results": lambda regions: regions.read_document(THERE, "run-1", "result"),
}
"""Capability to the call that it is for. Those of the own Region are `wake_parts`, which names no resource, and
`write_decisions`, in the own table."""
DENIED = {"AccessDeniedException", "AccessDenied"}


@pytest.fixture(scope="module")
def regions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Process, Process]]:
    """In the peer's Region a table with a record, and the names. No function and no machine: a call that is allowed does not
    find them, and one that is denied does not get as far."""
    with run_regions(tmp_path_factory.mktemp("regions")) as (here, there):
        dynamodb = there.client("dynamodb")
        dynamodb.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        )
        DynamoRecords(dynamodb, TABLE).create(RECORD)
        s3 = there.client("s3")
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": THERE})
        for name in ("result", "safety"):
            s3.put_object(Bucket=BUCKET, Key=f"results/run-1/{name}.json", Body=b"{}")
        there.client("ssm").put_parameter(Name=parameter_name("Squall"), Type="String", Value=json.dumps(vars(SAID)))
        yield here, there


def act_as(here: Process, capability: str, user: str = "") -> tuple[AwsRegions, dict[str, str]]:
    """The adapter with the keys of a caller that has this capability alone."""
    statements = [statement.to_statement_json() for statement in allow_regions(NAMES)[capability]]
    keys = make_user(here, user or capability, statements)
    place = Place("Squall", HERE, "own-table", (THERE,))
    return AwsRegions(lambda service, region: here.client(service, keys, region=region), place), keys


def find_error(ask: Callable[[], object]) -> str:
    """The code of the error; empty if there was none."""
    try:
        ask()
    except Unavailable as error:
        return error.code
    return ""


@pytest.mark.parametrize("capability", CALLS)
def test_a_capability_allows_its_call_and_no_other(regions: tuple[Process, Process], capability: str) -> None:
    acting, _ = act_as(regions[0], capability)
    codes = {name: find_error(partial(call, acting)) for name, call in CALLS.items()}
    assert {name for name, code in codes.items() if code not in DENIED} == {capability}, codes
    reached = {
        "start_parts": "StateMachineDoesNotExist",
        "abort_parts": "ResourceNotFoundException",
        "ask_home": "ResourceNotFoundException",
    }
    assert codes[capability] == reached.get(capability, "")


def test_a_record_is_read_and_its_approvals_are_denied(regions: tuple[Process, Process]) -> None:
    acting, keys = act_as(regions[0], "read_parts", user="reader")
    assert acting.read_part(THERE, "run-1") == RECORD
    table = regions[0].client("dynamodb", keys, region=THERE)
    key = {"pk": {"S": "EXECUTION#run-1"}, "sk": {"S": "RECORD"}}
    for projection in ({}, {"ProjectionExpression": "phase, votes"}):
        with pytest.raises(ClientError, match="AccessDenied"):
            table.get_item(TableName=TABLE, Key=key, **projection)
    for service, call in (("dynamodb", "list_tables"), ("ssm", "describe_parameters"), ("lambda", "list_functions")):
        with pytest.raises(ClientError, match="AccessDenied"):
            getattr(regions[0].client(service, keys, region=THERE), call)()


def test_of_the_documents_of_a_run_those_of_the_report_are_read_and_the_others_are_denied(regions: tuple[Process, Process]) -> None:
    acting, _ = act_as(regions[0], "read_results", user="reporter")
    assert acting.read_document(THERE, "run-1", "result") == PartDocument(BUCKET, b"{}")
    assert find_error(lambda: acting.read_document(THERE, "run-1", "safety")) in DENIED


def test_a_region_that_the_grants_do_not_name_is_denied(regions: tuple[Process, Process]) -> None:
    here, _ = regions
    keys = make_user(here, "everything", [entry.to_statement_json() for name in OVER_REGIONS for entry in allow_regions(NAMES)[name]])
    for region, denied in ((THERE, False), ("ap-south-1", True)):
        ssm = here.client("ssm", keys, region=region)
        try:
            ssm.get_parameter(Name=parameter_name("Squall"))
            refused = False
        except ClientError as error:
            refused = error.response["Error"]["Code"] in DENIED
        assert refused is denied, region
