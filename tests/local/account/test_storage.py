"""IAM on tables and buckets: who may write which item, which of its attributes, and which document."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.account_rig import Account

TABLE, BUCKET = f"results-{uuid.uuid4().hex[:8]}", f"documents-{uuid.uuid4().hex[:8]}"
ADMITTED = {"ForAllValues:StringNotEquals": {"dynamodb:Attributes": ["admitted_hash"]}}
RUNS = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["EXECUTION#*"]}}
STATEMENTS: list[dict[str, Any]] = [
    {"Effect": "Allow", "Action": "dynamodb:UpdateItem", "Resource": "*", "Condition": ADMITTED},
    {"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": "*", "Condition": {**RUNS, **ADMITTED}},
    {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{BUCKET}/results/*/plan.json"},
]


@pytest.fixture
def stored(account: Account) -> Iterator[None]:
    """The table and the bucket."""
    keys = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
    types = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")]
    dynamodb, s3 = account.client("dynamodb"), account.client("s3")
    dynamodb.create_table(TableName=TABLE, KeySchema=keys, AttributeDefinitions=types, BillingMode="PAY_PER_REQUEST")
    s3.create_bucket(Bucket=BUCKET)
    yield
    dynamodb.delete_table(TableName=TABLE)


def allows(act: Callable[[], Any]) -> bool:
    """Whether the call is made; refused for want of a grant otherwise."""
    try:
        act()
    except ClientError as error:
        if code(error) not in ("AccessDenied", "AccessDeniedException"):
            raise
        return False
    return True


def code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("attribute", "allowed"), [("status", True), ("admitted_hash", False)], ids=["another attribute", "the attribute that is refused"]
)
def test_an_update_is_refused_by_the_attributes_it_names(account: Account, attribute: str, allowed: bool) -> None:
    update = {
        "UpdateExpression": "SET #name = :value",
        "ExpressionAttributeNames": {"#name": attribute},
        "ExpressionAttributeValues": {":value": {"S": "x"}},
    }
    key = {"pk": {"S": "EXECUTION#run-1"}, "sk": {"S": "RECORD"}}
    assert allows(lambda: account.client_as("dynamodb", STATEMENTS).update_item(TableName=TABLE, Key=key, **update)) is allowed


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("item", "allowed"),
    [
        ({"pk": {"S": "EXECUTION#run-1"}}, True),
        ({"pk": {"S": "LOCK#web"}}, False),
        ({"pk": {"S": "EXECUTION#run-1"}, "admitted_hash": {"S": "x"}}, False),
    ],
    ids=["its own items", "another's items", "an attribute that is refused"],
)
def test_a_put_is_refused_by_its_key_and_its_attributes(account: Account, item: dict[str, Any], allowed: bool) -> None:
    whole = {**item, "sk": {"S": "RECORD"}}
    assert allows(lambda: account.client_as("dynamodb", STATEMENTS).put_item(TableName=TABLE, Item=whole)) is allowed


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(("key", "allowed"), [("results/run-1/plan.json", True), ("results/run-1/definition.json", False)])
def test_a_document_is_written_by_its_name(account: Account, key: str, allowed: bool) -> None:
    assert allows(lambda: account.client_as("s3", STATEMENTS).put_object(Bucket=BUCKET, Key=key, Body=b"{}")) is allowed
