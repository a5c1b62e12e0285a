"""The sample's table and bucket with copies: made and deleted by a setting, read as users of another Region would read them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from local.workload.databases.replicas import BUCKET, COPY, NAMESPACE, OTHER_REGION, TABLE, Reader, Replicas
from local.workload.settings import Settings
from tests.local.account_rig import REGION, Account
from tests.patience import until

pytestmark = pytest.mark.xdist_group("account")  # one account for all of them

TAGS = {"squall:environment": "staging"}


class Copied:
    """Something replicated whose copy is as old as a test says."""

    dimensions: dict[str, str] = {"TableName": "orders"}
    every = 1.0
    too_old = 5.0

    def __init__(self, now: float) -> None:
        self.original: float | None = None
        self.copy: float | None = None
        self.now, self.asked = now, 0

    def make(self) -> None:
        """There from the beginning."""

    def write(self) -> None:
        self.original = self.now

    def read(self, *, copy: bool) -> float | None:
        self.asked += not copy
        return self.copy if copy else self.original

    def delete(self) -> None:
        """Never."""


@pytest.mark.parametrize(("age", "fallback", "stale", "asked"), [(1, True, 0, 0), (20, True, 0, 1), (20, False, 1, 0)])
def test_a_reader_of_an_old_copy_asks_the_original_unless_it_is_told_not_to(
    age: float, fallback: bool, stale: int, asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = Copied(1000.0)
    monkeypatch.setattr("local.workload.databases.replicas.time.time", lambda: copied.now)
    reader = Reader(copied)
    reader.round(fallback=fallback)
    assert list(reader.take(995.0)) == [], "nobody was answered while the copy had nothing"
    copied.copy = copied.now - age

    reader.round(fallback=fallback)

    published = {datum["MetricName"]: datum for datum in reader.take(1000.0)}
    assert published["ReplicaAge"]["Values"] == [age]
    assert published["StaleReads"]["Value"] == stale
    assert copied.asked == asked


@pytest.fixture
def replicas(account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[Replicas]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    replicas = Replicas(account.endpoint, REGION, TAGS)
    yield replicas
    replicas.settle(Settings())


def test_table_and_bucket_are_there_while_the_setting_asks_for_them_and_their_copies_are_measured(
    account: Account, replicas: Replicas
) -> None:
    tables, s3, metrics = account.client("dynamodb"), account.client("s3"), account.client("cloudwatch")

    def newest(**dimensions: str) -> float | None:
        ask = {"Namespace": NAMESPACE, "MetricName": "StaleReads", "Period": 3600, "Statistics": ["Sum"]}
        named = [{"Name": name, "Value": value} for name, value in dimensions.items()]
        span = {"StartTime": datetime.now(UTC) - timedelta(minutes=10), "EndTime": datetime.now(UTC) + timedelta(minutes=1)}
        points = metrics.get_metric_statistics(**ask, **span, Dimensions=named)["Datapoints"]
        return float(points[0]["Sum"]) if points else None

    assert replicas.as_dict() is None
    replicas.settle(Settings(replicas=True))
    assert [copy["RegionName"] for copy in tables.describe_table(TableName=TABLE)["Table"]["Replicas"]] == [OTHER_REGION]
    arn = tables.describe_table(TableName=TABLE)["Table"]["TableArn"]
    assert {"Key": "squall:environment", "Value": "staging"} in tables.list_tags_of_resource(ResourceArn=arn)["Tags"]
    until(lambda: newest(TableName=TABLE) is not None, "the table's reader is measured")
    until(lambda: newest(BucketName=BUCKET) is not None, "the bucket's reader is measured")

    replicas.settle(Settings())

    assert TABLE not in tables.list_tables()["TableNames"]
    assert not {BUCKET, COPY} & {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}


def test_a_manager_that_starts_again_takes_over_what_an_earlier_one_left(account: Account, replicas: Replicas) -> None:
    replicas.settle(Settings(replicas=True))
    again = Replicas(account.endpoint, REGION, TAGS)
    again.settle(Settings(replicas=True))
    assert again.as_dict() == replicas.as_dict()
    again.settle(Settings())
