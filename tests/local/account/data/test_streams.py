"""Kinesis data streams in the account: a share of the calls fails while FIS says so, and none before or after."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.account.test_fis import Lab
from tests.local.account_rig import ACCOUNT, REGION, Account

pytestmark = pytest.mark.xdist_group("account")  # one account for all of them

THROTTLE, EXPIRE = "aws:kinesis:stream-provisioned-throughput-exception", "aws:kinesis:stream-expired-iterator-exception"
STREAMS = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/*"
STATEMENTS: list[dict[str, Any]] = [
    {
        "Effect": "Allow",
        "Action": "kinesis:InjectApiError",
        "Resource": "*",
        "Condition": {
            "StringEquals": {"kinesis:FisActionId": THROTTLE},
            "ForAllValues:ArnLike": {"kinesis:FisTargetArns": [STREAMS]},
            "Null": {"kinesis:FisTargetArns": "false"},
        },
    }
]


@pytest.fixture
def lab(account: Account) -> Iterator[Lab]:
    lab = Lab(account)
    lab.role_arn = account.role("fis.amazonaws.com", STATEMENTS)
    yield lab
    lab.clean()


@pytest.fixture
def orders(account: Account, unique: str) -> Iterator[tuple[Any, str, str]]:
    """A client, the name of a stream, and its ARN."""
    client, name = account.client("kinesis"), f"orders-{unique}"
    client.create_stream(StreamName=name, ShardCount=1)
    yield client, name, client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
    client.delete_stream(StreamName=name)


def inject(lab: Lab, action_id: str, arn: str, percent: int) -> str:
    action = {"actionId": action_id, "parameters": {"duration": "PT60S", "percentage": str(percent)}, "targets": {"KinesisStreams": "s"}}
    target = {"resourceType": "aws:kinesis:stream", "selectionMode": "ALL", "resourceArns": [arn]}
    return lab.run({"fail": action}, targets={"s": target})


def refusals(call: Callable[[], object], times: int = 200) -> float:
    """The percentage of the calls that are throttled."""
    refused = 0
    for _ in range(times):
        try:
            call()
        except ClientError as error:
            if error.response["Error"]["Code"] != "ProvisionedThroughputExceededException":
                raise
            refused += 1
    return 100 * refused / times


def test_a_share_of_the_calls_on_that_stream_is_throttled_until_fis_stops(lab: Lab, orders: tuple[Any, str, str]) -> None:
    client, name, arn = orders
    put = lambda: client.put_record(StreamName=name, Data=b"x", PartitionKey="k")  # noqa: E731 - called again and again
    assert refusals(put, 20) == 0
    experiment = inject(lab, THROTTLE, arn, 30)
    lab.reach(experiment, "running")
    assert 15 <= refusals(put) <= 45, "30 % of 200 calls"
    assert client.describe_stream_summary(StreamName=name), "other calls are answered"

    lab.fis.stop_experiment(id=experiment)

    lab.reach(experiment, "stopped")
    assert refusals(put, 20) == 0


def test_another_stream_is_left_alone_and_a_role_for_one_action_runs_no_other(lab: Lab, orders: tuple[Any, str, str], unique: str) -> None:
    client, _, arn = orders
    client.create_stream(StreamName=f"other-{unique}", ShardCount=1)
    experiment = inject(lab, THROTTLE, arn, 100)
    lab.reach(experiment, "running")
    assert refusals(lambda: client.put_record(StreamName=f"other-{unique}", Data=b"x", PartitionKey="k"), 20) == 0
    lab.fis.stop_experiment(id=experiment)
    refused = lab.reach(inject(lab, EXPIRE, arn, 100), "failed")
    assert refused["state"]["error"]["code"] == "AuthorizationFailure"
    client.delete_stream(StreamName=f"other-{unique}")


def test_a_reader_is_told_that_its_iterator_expired(account: Account, lab: Lab, orders: tuple[Any, str, str]) -> None:
    client, name, arn = orders
    conditions = {**STATEMENTS[0]["Condition"], "StringEquals": {"kinesis:FisActionId": EXPIRE}}
    lab.role_arn = account.role("fis.amazonaws.com", [{**STATEMENTS[0], "Condition": conditions}])
    (shard,) = client.list_shards(StreamName=name)["Shards"]
    ask = {"StreamName": name, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
    iterator = client.get_shard_iterator(**ask)["ShardIterator"]
    experiment = inject(lab, EXPIRE, arn, 100)
    lab.reach(experiment, "running")
    with pytest.raises(ClientError, match="ExpiredIteratorException"):
        client.get_records(ShardIterator=iterator)
    assert client.get_shard_iterator(**ask)["ShardIterator"], "a new iterator is given"
    lab.fis.stop_experiment(id=experiment)
    lab.reach(experiment, "stopped")
    assert client.get_records(ShardIterator=iterator)["Records"] == []
