"""IAM on tables and buckets: who may write which item, which of its attributes, and which document."""

from __future__ import annotations

import json
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


CATALOGUE = f"arn:aws:s3:::{BUCKET}/catalogue/*"
VERSION = {"Bucket": BUCKET, "Key": "catalogue/web/000001.json"}


@pytest.mark.usefixtures("stored")
def test_a_publisher_adds_versions_and_replaces_none(account: Account) -> None:
    condition = {"Null": {"s3:if-none-match": "false"}}
    s3 = account.client_as("s3", [{"Effect": "Allow", "Action": "s3:PutObject", "Resource": CATALOGUE, "Condition": condition}])
    assert not allows(lambda: s3.put_object(**VERSION, Body=b"1"))
    assert allows(lambda: s3.put_object(**VERSION, Body=b"1", IfNoneMatch="*"))
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(**VERSION, Body=b"2", IfNoneMatch="*")
    assert not allows(lambda: s3.delete_object(**VERSION))


@pytest.mark.usefixtures("stored")
def test_the_policy_of_the_bucket_lets_nobody_replace_a_version(account: Account) -> None:
    everybody = {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "s3:PutObject", "Resource": CATALOGUE}
    policy = {"Version": "2012-10-17", "Statement": [{**everybody, "Condition": {"Null": {"s3:if-none-match": "true"}}}]}
    account.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
    s3 = account.client_as("s3", [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}])
    version = {**VERSION, "Key": "catalogue/web/000002.json"}
    assert not allows(lambda: s3.put_object(**version, Body=b"1"))
    assert allows(lambda: s3.put_object(**version, Body=b"1", IfNoneMatch="*"))
    assert not allows(lambda: s3.create_multipart_upload(**version))
    assert allows(lambda: s3.put_object(Bucket=BUCKET, Key="results/run-1/plan.json", Body=b"1"))
