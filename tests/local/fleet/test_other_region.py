"""Two Regions of one local account: each has its own resources, and a call for the other one is allowed or denied by the
caller's policies on the ARNs there."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from tests.local.fleet.accounts import HOME, Place, make_user, run_regions

HERE, THERE = "us-east-1", "eu-west-1"
TABLE = f"arn:aws:dynamodb:{THERE}:{HOME}:table/Squall-Table-1"


@pytest.fixture(scope="module")
def regions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, Place]]:
    with run_regions(tmp_path_factory.mktemp("regions")) as (here, there):
        for place in (here, there):
            place.client("ssm").put_parameter(Name="/where", Value=place.region, Type="String")
        dynamodb = there.client("dynamodb")
        dynamodb.create_table(
            TableName="Squall-Table-1",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        )
        for key in ("EXECUTION#run-1", "SECRET#1"):
            item = {"pk": {"S": key}, "sk": {"S": "RECORD"}, "status": {"S": "running"}, "votes": {"S": "secret"}}
            dynamodb.put_item(TableName="Squall-Table-1", Item=item)
        yield here, there


def test_each_region_has_resources_of_its_own_and_is_reached_from_the_other(regions: tuple[Place, Place]) -> None:
    for place in regions:
        for region in (HERE, THERE):
            found = place.client("ssm", region=region).get_parameter(Name="/where")["Parameter"]
            assert (found["Value"], found["ARN"].split(":")[3]) == (region, region)
        with pytest.raises(ClientError, match="ParameterNotFound"):
            place.client("ssm", region="ap-south-1").get_parameter(Name="/where")


def test_a_caller_reaches_in_the_other_region_what_its_policies_name_there(regions: tuple[Place, Place]) -> None:
    here, _ = regions
    allowed = {
        "Effect": "Allow",
        "Action": "dynamodb:GetItem",
        "Resource": TABLE,
        "Condition": {
            "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["EXECUTION#*"]},
            "ForAllValues:StringNotEquals": {"dynamodb:Attributes": ["votes"]},
            "StringEqualsIfExists": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
        },
    }
    keys = make_user(here, "reader", [allowed])

    def read(key: str, projection: str, region: str = THERE) -> object:
        more = {"ProjectionExpression": projection, "ExpressionAttributeNames": {"#s": "status"}} if projection else {}
        table = here.client("dynamodb", keys, region=region)
        return table.get_item(TableName="Squall-Table-1", Key={"pk": {"S": key}, "sk": {"S": "RECORD"}}, **more).get("Item")

    assert read("EXECUTION#run-1", "#s") == {"status": {"S": "running"}}
    for key, projection, region in (
        ("EXECUTION#run-1", "#s", HERE),
        ("SECRET#1", "#s", THERE),
        ("EXECUTION#run-1", "#s, votes", THERE),
        ("EXECUTION#run-1", "", THERE),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            read(key, projection, region)
    with pytest.raises(ClientError, match="AccessDenied"):
        here.client("ssm", keys, region=THERE).get_parameter(Name="/where")


def test_the_policies_of_a_caller_are_those_of_its_own_process(regions: tuple[Place, Place]) -> None:
    """IAM is the account's on AWS; here each process knows the users and roles that were made in it."""
    here, there = regions
    keys = make_user(here, "other", [{"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "*"}])
    assert here.client("ssm", keys, region=THERE).get_parameter(Name="/where")["Parameter"]["Value"] == THERE
    with pytest.raises(ClientError, match=r"(?i)denied|invalid"):
        there.client("ssm", keys).get_parameter(Name="/where")


def test_a_region_that_does_not_answer_is_unavailable(tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("dead")
    with run_regions(root) as (here, there):
        file = root / "peers.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), f"{HOME}/{THERE}": "http://127.0.0.1:9"}))
        with pytest.raises(ClientError) as refused:
            here.client("dynamodb", region=THERE).list_tables()
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
        assert here.client("dynamodb").list_tables()["TableNames"] == []
        assert there.client("dynamodb").list_tables()["TableNames"] == []
