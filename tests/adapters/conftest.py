"""AWS in process (moto), and for each port the fake and the adapter under one name: a contract test runs against both."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from squall.adapters.cloudwatch.alarms import CloudWatchAlarms
from squall.adapters.dynamodb.history import SUMMARY_ATTRIBUTES, DynamoHistory
from squall.adapters.dynamodb.locks import DynamoLocks
from squall.adapters.dynamodb.records import DynamoRecords
from squall.adapters.fis.experiments import Fis
from squall.adapters.s3.documents import S3Documents
from tests.fakes.world import FakeWorld

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from squall.ports.faults import Faults
    from squall.ports.locks import Locks
    from squall.ports.metrics import Alarms
    from squall.ports.records import Documents, History, Records

REGION = "eu-west-1"
NOW = datetime(2030, 1, 7, 10, 0, 0, 123456, tzinfo=UTC)
MINUTES = timedelta(minutes=1)
_KEYS = ("pk", "sk", *(f"{index}_{part}" for index in ("open", "period", "experiment") for part in ("pk", "sk")))


_PROJECTIONS = {"period": {"ProjectionType": "INCLUDE", "NonKeyAttributes": list(SUMMARY_ATTRIBUTES)}}


@cache
def client_of(service: str) -> Any:
    """Made once: a client answers from whichever moto account is open."""
    return boto3.client(service, region_name=REGION, aws_access_key_id="x", aws_secret_access_key="x")


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """Clients of an empty account."""
    for name, value in {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": REGION}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")  # hundreds of images nobody asks for, loaded at every test
    with mock_aws():
        yield client_of


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


@pytest.fixture(params=["fake", "aws"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def table(aws: Callable[[str], Any]) -> str:
    indexes: list[Any] = [
        {
            "IndexName": index,
            "KeySchema": [{"AttributeName": f"{index}_pk", "KeyType": "HASH"}, {"AttributeName": f"{index}_sk", "KeyType": "RANGE"}],
            "Projection": _PROJECTIONS.get(index, {"ProjectionType": "ALL"}),
        }
        for index in ("open", "period", "experiment")
    ]
    aws("dynamodb").create_table(
        TableName="squall",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in _KEYS],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=indexes,
    )
    return "squall"


@pytest.fixture
def records(kind: str, world: FakeWorld, request: pytest.FixtureRequest) -> Records:
    return world.records if kind == "fake" else DynamoRecords(client_of("dynamodb"), request.getfixturevalue("table"))


@pytest.fixture
def history(kind: str, world: FakeWorld, records: Records, request: pytest.FixtureRequest) -> History:
    return world.history if kind == "fake" else DynamoHistory(client_of("dynamodb"), request.getfixturevalue("table"))


@pytest.fixture
def locks(kind: str, world: FakeWorld, request: pytest.FixtureRequest) -> Locks:
    return world.locks if kind == "fake" else DynamoLocks(client_of("dynamodb"), request.getfixturevalue("table"))


@pytest.fixture
def documents(kind: str, world: FakeWorld, request: pytest.FixtureRequest) -> Documents:
    if kind == "fake":
        return world.documents
    s3 = request.getfixturevalue("aws")("s3")
    s3.create_bucket(Bucket="squall", CreateBucketConfiguration={"LocationConstraint": REGION})
    return S3Documents(s3, "squall")


@pytest.fixture
def alarms(kind: str, world: FakeWorld, request: pytest.FixtureRequest) -> Alarms:
    return world.alarms if kind == "fake" else CloudWatchAlarms(request.getfixturevalue("aws")("cloudwatch"))


@pytest.fixture
def faults(kind: str, world: FakeWorld, request: pytest.FixtureRequest) -> Faults:
    return world.faults if kind == "fake" else Fis(request.getfixturevalue("aws")("fis"))
