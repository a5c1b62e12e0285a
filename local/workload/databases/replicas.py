"""A table and a bucket that are replicated, and a reader of their copies, as users of another Region would be: made in the account
when the settings ask for them, deleted when they don't.

What is read carries the time at which it was written. A reader that finds a copy too old asks the original, unless the settings
say that it does not: then its users get old answers.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from local.workload.metrics import Datum, Stamp
from local.workload.settings import PERIOD_SECONDS, Settings

TABLE = "sample-stock"
BUCKET, COPY = "sample-archive", "sample-archive-copy"
RULE = "everything"
OTHER_REGION = "us-west-2"
NAMESPACE = "SampleWeb"
KEY = "stock"
ROUND_SECONDS = 1.0
CALL_SECONDS = 10.0
_ROLE = "sample-replication"

log = logging.getLogger(__name__)


class Replicated(Protocol):
    """What is written at home and read in a copy."""

    dimensions: dict[str, str]
    """Those of its metrics."""
    every: float
    """Seconds between two writes."""
    too_old: float
    """The age in seconds from which its users take an answer for wrong."""

    def make(self) -> None:
        """Create it and its copy, unless they are there."""
        ...

    def write(self) -> None:
        """Write the present time."""
        ...

    def read(self, *, copy: bool) -> float | None:
        """When the value that the copy, or the original, holds was written; None if it holds none."""
        ...

    def delete(self) -> None:
        """Delete it and its copy."""
        ...


class Account:
    """Clients of the account, in any Region."""

    def __init__(self, endpoint: str, region: str, tags: dict[str, str]) -> None:
        self.endpoint, self.home, self.tags = endpoint, region, tags

    def client(self, service: str, region: str | None = None) -> Any:
        config = Config(retries={"max_attempts": 2, "mode": "standard"}, read_timeout=CALL_SECONDS, s3={"addressing_style": "path"})
        return boto3.Session(region_name=region or self.home).client(service, endpoint_url=self.endpoint, config=config)


class Table:
    """A global table: one item, which is written again and again."""

    dimensions: dict[str, str] = {"TableName": TABLE}
    every = ROUND_SECONDS
    too_old = 5.0

    def __init__(self, account: Account) -> None:
        self._account = account
        self._home, self._other = account.client("dynamodb"), account.client("dynamodb", OTHER_REGION)

    def make(self) -> None:
        if self._exists(self._home):
            return
        self._home.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "name", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
            Tags=_tag_list(self._account.tags),
        )
        self._home.update_table(TableName=TABLE, ReplicaUpdates=[{"Create": {"RegionName": OTHER_REGION}}])

    def write(self) -> None:
        self._home.put_item(TableName=TABLE, Item={"name": {"S": KEY}, "written_at": {"N": str(time.time())}})

    def read(self, *, copy: bool) -> float | None:
        client = self._other if copy else self._home
        item = client.get_item(TableName=TABLE, Key={"name": {"S": KEY}}).get("Item")
        return float(item["written_at"]["N"]) if item else None

    def delete(self) -> None:
        for client in (self._other, self._home):
            if self._exists(client):
                client.delete_table(TableName=TABLE)

    def _exists(self, client: Any) -> bool:
        return TABLE in client.list_tables()["TableNames"]


class Bucket:
    """A bucket with one rule for everything: one object, whose versions are copied."""

    dimensions: dict[str, str] = {"BucketName": BUCKET}
    every = 5.0  # each write is a version that the account keeps
    too_old = 15.0

    def __init__(self, account: Account) -> None:
        self._account, self._s3 = account, account.client("s3")

    def make(self) -> None:
        known = {bucket["Name"] for bucket in self._s3.list_buckets()["Buckets"]}
        for name in {BUCKET, COPY} - known:
            self._s3.create_bucket(Bucket=name)
        for name in (BUCKET, COPY):
            self._s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        self._s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": _tag_list(self._account.tags)})
        rule = {
            "ID": RULE,
            "Priority": 1,
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "DeleteMarkerReplication": {"Status": "Disabled"},
            "Destination": {"Bucket": f"arn:aws:s3:::{COPY}", "Metrics": {"Status": "Enabled"}},
        }
        role = f"arn:aws:iam::{self._account_id()}:role/{_ROLE}"
        self._s3.put_bucket_replication(Bucket=BUCKET, ReplicationConfiguration={"Role": role, "Rules": [rule]})

    def _account_id(self) -> str:
        return str(self._account.client("sts").get_caller_identity()["Account"])

    def write(self) -> None:
        self._s3.put_object(Bucket=BUCKET, Key=KEY, Body=str(time.time()).encode())

    def read(self, *, copy: bool) -> float | None:
        try:
            return float(self._s3.get_object(Bucket=COPY if copy else BUCKET, Key=KEY)["Body"].read())
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise

    def delete(self) -> None:
        for name in {bucket["Name"] for bucket in self._s3.list_buckets()["Buckets"]} & {BUCKET, COPY}:
            for page in self._s3.get_paginator("list_object_versions").paginate(Bucket=name):
                versions = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
                for version in versions:
                    self._s3.delete_object(Bucket=name, Key=version["Key"], VersionId=version["VersionId"])
            self._s3.delete_bucket(Bucket=name)


def _tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


@dataclass
class Reader:
    """The reader of one copy, and what its users got since the last period."""

    replicated: Replicated
    ages: dict[float, int] = field(default_factory=dict)
    """How often the copy was this many seconds old."""
    stale: int = 0
    """Answers that were too old."""
    reads: int = 0
    written: float = 0.0

    def round(self, *, fallback: bool) -> None:
        """Write if it is time, and answer one user."""
        if time.time() - self.written >= self.replicated.every:
            self.replicated.write()
            self.written = time.time()
        answer = self.replicated.read(copy=True)
        if answer is None:  # the first write has not arrived yet
            return
        age = time.time() - answer
        rounded = round(max(0.0, age), 1)
        self.ages[rounded] = self.ages.get(rounded, 0) + 1
        if age > self.replicated.too_old and fallback:
            answer = self.replicated.read(copy=False) or answer
        self.reads += 1
        self.stale += time.time() - answer > self.replicated.too_old

    def take(self, start: float) -> Iterator[Datum]:
        """The data of the period that ends now."""
        stamp, dimensions = Stamp(start), self.replicated.dimensions
        yield from stamp.values("ReplicaAge", "Seconds", dimensions, self.ages)
        if self.reads:
            yield stamp.datum("StaleReads", "Count", dimensions, Value=float(self.stale))
        self.ages, self.stale, self.reads = {}, 0, 0


class Replicas:
    """The readers, each in a thread that runs only while the settings ask for it: none waits for another's calls."""

    def __init__(self, endpoint: str, region: str, tags: dict[str, str]) -> None:
        self._account = Account(endpoint, region, tags)
        self._running: list[_Rounds] = []

    def settle(self, settings: Settings) -> None:
        """Make or delete what is replicated, as the settings say. Without replicas nothing is called."""
        if settings.replicas and not self._running:
            readers = [Reader(Table(self._account)), Reader(Bucket(self._account))]
            for reader in readers:
                reader.replicated.make()
            cloudwatch = self._account.client("cloudwatch")
            self._running = [_Rounds(reader, cloudwatch, settings.ask_original) for reader in readers]
            for rounds in self._running:
                rounds.start()
        for rounds in self._running:
            rounds.fallback = settings.ask_original
        if not settings.replicas:
            for rounds in self._running:
                rounds.end()
            self._running = []

    def as_dict(self) -> dict[str, object] | None:
        """What is replicated, for people and tests."""
        return {"table": TABLE, "bucket": BUCKET, "copy": COPY, "region": OTHER_REGION} if self._running else None


class _Rounds(threading.Thread):
    """Writes and reads every second, and publishes every period."""

    def __init__(self, reader: Reader, cloudwatch: Any, fallback: bool) -> None:
        super().__init__(name="replicas", daemon=True)
        self._reader, self._cloudwatch, self.fallback = reader, cloudwatch, fallback
        self._over = threading.Event()

    def run(self) -> None:
        period = _period_at(time.time())
        while not self._over.wait(ROUND_SECONDS):
            self._attempt()
            if (now := _period_at(time.time())) != period:
                self._publish(period)
                period = now

    def _attempt(self) -> None:
        try:
            self._reader.round(fallback=self.fallback)
        except Exception:
            log.exception("%s was not written or read", self._reader.replicated.dimensions)

    def _publish(self, start: float) -> None:
        data = list(self._reader.take(start))
        try:
            if data:
                self._cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=data)
        except Exception:
            log.exception("period %s of %s was not published", start, self._reader.replicated.dimensions)

    def end(self) -> None:
        """Stop, and delete what is replicated."""
        self._over.set()
        self.join(CALL_SECONDS)
        try:
            self._reader.replicated.delete()
        except ClientError:
            log.exception("%s was not deleted", self._reader.replicated.dimensions)


def _period_at(now: float) -> float:
    return now // PERIOD_SECONDS * PERIOD_SECONDS
