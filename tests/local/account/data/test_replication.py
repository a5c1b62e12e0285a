"""Replication of global tables and buckets in the account: later, in order, and not while FIS pauses it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.local.account.test_fis import ENVIRONMENT, Lab
from tests.local.account_rig import ACCOUNT, REGION, Account
from tests.patience import until

pytestmark = pytest.mark.xdist_group("account")  # one account for all of them

OTHER, THIRD = "us-west-2", "eu-west-1"
TABLES, BUCKETS = "aws:dynamodb:global-table-pause-replication", "aws:s3:bucket-pause-replication"
ROLE = "AWSServiceRoleForDynamoDBReplication"
OWN = {"Sid": "Own", "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "dynamodb:GetItem", "Resource": "*"}


def at(account: Account, service: str, region: str) -> Any:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return boto3.client(service, endpoint_url=account.endpoint, region_name=region, **keys)


def statements(*actions: str, **condition: Any) -> list[dict[str, Any]]:
    allowed = {"Effect": "Allow", "Action": [*actions, "tag:GetResources", "s3:ListAllMyBuckets"], "Resource": "*"}
    return [{**allowed, "Condition": condition} if condition else allowed]


READING = ("dynamodb:GetResourcePolicy", "dynamodb:DescribeTable")
OF_TABLES = statements("dynamodb:PutResourcePolicy", "dynamodb:DeleteResourcePolicy", *READING)
OF_BUCKETS = [
    *statements("s3:PauseReplication"),
    *statements(
        "s3:GetReplicationConfiguration",
        "s3:PutReplicationConfiguration",
        BoolIfExists={"s3:IsReplicationPauseRequest": "true"},
    ),
]


@pytest.fixture
def lab(account: Account) -> Iterator[Lab]:
    lab = Lab(account)
    yield lab
    lab.clean()


class Tables:
    """A global table in several Regions."""

    def __init__(self, account: Account, name: str, *others: str) -> None:
        self.name = name
        self.clients = {region: at(account, "dynamodb", region) for region in (REGION, *others)}
        home = self.clients[REGION]
        made = home.create_table(
            TableName=name, BillingMode="PAY_PER_REQUEST", AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        )  # fmt: skip
        self.arn = made["TableDescription"]["TableArn"]
        for region in others:
            home.update_table(TableName=name, ReplicaUpdates=[{"Create": {"RegionName": region}}])
        self.stream = home.describe_table(TableName=name)["Table"].get("LatestStreamArn", "")

    def put(self, key: str, value: str, region: str = REGION) -> None:
        self.clients[region].put_item(TableName=self.name, Item={"pk": {"S": key}, "value": {"S": value}})

    def get(self, key: str, region: str) -> str | None:
        item = self.clients[region].get_item(TableName=self.name, Key={"pk": {"S": key}}).get("Item")
        return str(item["value"]["S"]) if item else None

    def policy(self, arn: str) -> list[dict[str, Any]]:
        """The statements of a resource policy; none without one."""
        client = self.clients[REGION]
        try:
            read = client.get_resource_policy(ResourceArn=arn)["Policy"]
        except client.exceptions.PolicyNotFoundException:
            return []
        return list(json.loads(read)["Statement"])

    def reaches(self, key: str, value: str | None, region: str) -> None:
        until(lambda: self.get(key, region) == value, f"{key} is {value} in {region}")

    def delete(self) -> None:
        for client in self.clients.values():
            client.delete_table(TableName=self.name)


@pytest.fixture
def make_table(account: Account, unique: str) -> Iterator[Callable[..., Tables]]:
    made: list[Tables] = []

    def make(*others: str) -> Tables:
        made.append(Tables(account, f"table-{unique}-{len(made)}", *others))
        return made[-1]

    yield make
    for tables in made:
        tables.delete()


def pause_table(lab: Lab, tables: Tables, duration: str = "PT60S") -> str:
    lab.role_arn = lab.account.role("fis.amazonaws.com", OF_TABLES)
    action = {"actionId": TABLES, "parameters": {"duration": duration}, "targets": {"Tables": "t"}}
    target = {"resourceType": "aws:dynamodb:global-table", "selectionMode": "ALL", "resourceArns": [tables.arn]}
    experiment = lab.run({"pause": action}, targets={"t": target})
    lab.reach(experiment, "running")
    until(lambda: tables.policy(tables.stream) != [], "FIS's statement in the stream's policy")
    return experiment


def test_changes_and_deletions_appear_in_every_other_region_a_moment_later(make_table: Callable[..., Tables]) -> None:
    tables = make_table(OTHER, THIRD)
    tables.put("a", "1")
    tables.put("b", "1", OTHER)
    for region in (OTHER, THIRD):
        tables.reaches("a", "1", region)
    for region in (REGION, THIRD):
        tables.reaches("b", "1", region)
    tables.clients[THIRD].delete_item(TableName=tables.name, Key={"pk": {"S": "a"}})
    tables.reaches("a", None, REGION)
    tables.reaches("a", None, OTHER)


def test_a_pause_holds_both_directions_until_it_is_stopped_and_then_everything_catches_up(
    account: Account, lab: Lab, make_table: Callable[..., Tables]
) -> None:
    tables, other = make_table(OTHER, THIRD), make_table(OTHER)
    experiment = pause_table(lab, tables)
    for number in range(5):
        tables.put("a", str(number))
    tables.put("from there", "1", OTHER)
    tables.put("around", "1", OTHER)
    other.put("a", "1")
    other.reaches("a", "1", OTHER)
    tables.reaches("around", "1", THIRD)
    assert {tables.get("a", OTHER), tables.get("a", THIRD)} == {None}
    assert tables.get("from there", REGION) is None

    lab.fis.stop_experiment(id=experiment)
    lab.reach(experiment, "stopped")

    tables.reaches("a", "4", OTHER)
    tables.reaches("a", "4", THIRD)
    tables.reaches("from there", "1", REGION)
    assert tables.policy(tables.arn) == tables.policy(tables.stream) == []


def test_the_latency_is_measured_when_an_item_arrives_and_so_is_silent_during_a_pause(
    account: Account, lab: Lab, make_table: Callable[..., Tables]
) -> None:
    tables, other = make_table(OTHER), make_table(OTHER)
    dimensions = [{"Name": "TableName", "Value": tables.name}, {"Name": "ReceivingRegion", "Value": OTHER}]

    def longest() -> float:
        span = {"StartTime": datetime.now(UTC) - timedelta(minutes=10), "EndTime": datetime.now(UTC) + timedelta(minutes=1)}
        ask = {"Namespace": "AWS/DynamoDB", "MetricName": "ReplicationLatency", "Dimensions": dimensions, "Period": 3600}
        points = at(account, "cloudwatch", REGION).get_metric_statistics(**ask, **span, Statistics=["Maximum"])["Datapoints"]
        return float(max((point["Maximum"] for point in points), default=0.0))

    tables.put("a", "1")
    tables.reaches("a", "1", OTHER)
    usual = longest()
    assert usual >= 500
    experiment = pause_table(lab, tables)
    tables.put("a", "2")
    written = time.monotonic()
    other.put("a", "1")
    other.reaches("a", "1", OTHER)
    assert longest() == usual
    before_the_stop = time.monotonic()

    lab.fis.stop_experiment(id=experiment)

    tables.reaches("a", "2", OTHER)
    assert longest() >= 1000 * (before_the_stop - written)


def test_the_last_writer_wins_however_late_an_older_change_arrives(lab: Lab, make_table: Callable[..., Tables]) -> None:
    tables = make_table(OTHER, THIRD)
    experiment = pause_table(lab, tables)
    tables.put("a", "older")
    tables.put("a", "newer", OTHER)
    tables.put("b", "older", OTHER)
    tables.put("b", "newer")
    tables.reaches("a", "newer", THIRD)

    lab.fis.stop_experiment(id=experiment)
    lab.reach(experiment, "stopped")

    tables.put("last", "1")
    tables.put("last there", "1", OTHER)
    for region in (OTHER, THIRD):
        tables.reaches("last", "1", region)
    tables.reaches("last there", "1", REGION)
    assert {tables.get("a", region) for region in tables.clients} == {"newer"}
    assert {tables.get("b", region) for region in tables.clients} == {"newer"}


def test_fis_writes_the_statements_that_aws_documents_and_leaves_those_of_others(lab: Lab, make_table: Callable[..., Tables]) -> None:
    tables = make_table(OTHER)
    policy = json.dumps({"Version": "2012-10-17", "Statement": [OWN]})
    tables.clients[REGION].put_resource_policy(ResourceArn=tables.arn, Policy=policy)
    experiment = pause_table(lab, tables)

    own, service, role = tables.policy(tables.arn)
    (of_stream,) = tables.policy(tables.stream)

    assert own == OWN
    assert re.fullmatch(r"DoNotModifyFisDynamoDbPauseReplicationEXP\w+ServicePrincipal", service["Sid"])
    assert service["Action"] == ["dynamodb:ReadDataForReplication", "dynamodb:WriteDataForReplication"]
    assert service["Condition"]["StringEquals"] == {"aws:PrincipalServiceName": "replication.dynamodb.amazonaws.com"}
    assert role["Condition"]["ArnEquals"]["aws:PrincipalArn"].endswith(ROLE)
    assert "dynamodb:PutItem" in role["Action"]
    assert of_stream["Action"] == ["dynamodb:GetRecords", "dynamodb:DescribeStream", "dynamodb:GetShardIterator"]
    assert all(statement["Effect"] == "Deny" and "DateLessThan" in statement["Condition"] for statement in (service, role, of_stream))

    lab.fis.stop_experiment(id=experiment)
    lab.reach(experiment, "stopped")
    assert tables.policy(tables.arn) == [OWN]
    assert tables.policy(tables.stream) == []


def test_whoever_removes_the_statements_lets_replication_go_on(lab: Lab, make_table: Callable[..., Tables]) -> None:
    tables = make_table(OTHER)
    pause_table(lab, tables)
    tables.put("a", "1")

    tables.clients[REGION].delete_resource_policy(ResourceArn=tables.arn)

    tables.reaches("a", "1", OTHER)


def test_statements_that_fis_may_not_remove_end_the_pause_when_they_expire(lab: Lab, make_table: Callable[..., Tables]) -> None:
    tables = make_table(OTHER)
    lab.role_arn = lab.account.role("fis.amazonaws.com", statements("dynamodb:PutResourcePolicy", *READING))
    action = {"actionId": TABLES, "parameters": {"duration": "PT4S"}, "targets": {"Tables": "t"}}
    target = {"resourceType": "aws:dynamodb:global-table", "selectionMode": "ALL", "resourceArns": [tables.arn]}
    experiment = lab.run({"pause": action}, targets={"t": target})
    until(lambda: tables.policy(tables.stream) != [], "FIS's statement in the stream's policy")
    tables.put("a", "1")

    failed = lab.reach(experiment, "failed")

    assert failed["state"]["error"]["code"] == "AuthorizationFailure"
    assert len(tables.policy(tables.arn)) == 2, "nobody removed them"
    tables.reaches("a", "1", OTHER)


def test_who_may_read_the_policy_of_one_table_reads_no_other(account: Account, make_table: Callable[..., Tables]) -> None:
    tables, other = make_table(OTHER), make_table(OTHER)
    allowed = {"Effect": "Allow", "Action": ["dynamodb:GetResourcePolicy", "dynamodb:ListTagsOfResource"], "Resource": tables.arn}
    reader = account.client_as("dynamodb", [allowed])
    assert reader.list_tags_of_resource(ResourceArn=tables.arn)["Tags"] == []
    with pytest.raises(reader.exceptions.PolicyNotFoundException):
        reader.get_resource_policy(ResourceArn=tables.arn)
    with pytest.raises(ClientError, match="not authorized"):
        reader.get_resource_policy(ResourceArn=other.arn)


def test_a_table_without_a_replica_is_no_target(lab: Lab, make_table: Callable[..., Tables]) -> None:
    tables = make_table()
    lab.role_arn = lab.account.role("fis.amazonaws.com", OF_TABLES)
    action = {"actionId": TABLES, "parameters": {"duration": "PT60S"}, "targets": {"Tables": "t"}}
    target = {"resourceType": "aws:dynamodb:global-table", "selectionMode": "ALL", "resourceArns": [tables.arn]}
    failed = lab.reach(lab.run({"pause": action}, targets={"t": target}), "failed")
    assert failed["state"]["error"]["code"] == "InvalidTarget"


class Buckets:
    """A bucket that is replicated to others."""

    def __init__(self, account: Account, unique: str) -> None:
        self.account = account
        self.source = f"source-{unique}"
        self.s3 = account.client("s3")
        self.role = account.role("s3.amazonaws.com", [])
        self.made: list[tuple[str, str]] = []
        self.make(self.source, REGION)

    def make(self, name: str, region: str) -> str:
        place = {} if region == REGION else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        client = at(self.account, "s3", region)
        client.create_bucket(Bucket=name, **place)
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        self.made.append((name, region))
        return name

    def tag(self, environment: str) -> None:
        self.s3.put_bucket_tagging(Bucket=self.source, Tagging={"TagSet": [{"Key": ENVIRONMENT, "Value": environment}]})

    def replicate(self, *rules: dict[str, Any]) -> None:
        self.s3.put_bucket_replication(Bucket=self.source, ReplicationConfiguration={"Role": self.role, "Rules": list(rules)})

    def put(self, key: str, **other: Any) -> None:
        self.s3.put_object(Bucket=self.source, Key=key, Body=b"0123456789", **other)

    def status(self, key: str) -> str | None:
        status: str | None = self.s3.head_object(Bucket=self.source, Key=key).get("ReplicationStatus")
        return status

    def keys(self, bucket: str) -> set[str]:
        return {str(entry["Key"]) for entry in self.s3.list_objects_v2(Bucket=bucket).get("Contents", [])}


@pytest.fixture
def buckets(account: Account, unique: str) -> Buckets:
    return Buckets(account, unique)


def rule(destination: str, prefix: str = "", number: int = 1, **other: Any) -> dict[str, Any]:
    return {
        "ID": f"rule-{number}",
        "Priority": number,
        "Status": "Enabled",
        "Filter": {"Prefix": prefix},
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {"Bucket": f"arn:aws:s3:::{destination}", "Metrics": {"Status": "Enabled"}},
        **other,
    }


def pause_buckets(lab: Lab, unique: str, **parameters: str) -> str:
    lab.role_arn = lab.account.role("fis.amazonaws.com", OF_BUCKETS)
    action = {"actionId": BUCKETS, "parameters": {"duration": "PT60S", "region": OTHER, **parameters}, "targets": {"Buckets": "b"}}
    target = {"resourceType": "aws:s3:bucket", "selectionMode": "ALL", "resourceTags": {ENVIRONMENT: unique}}
    experiment = lab.run({"pause": action}, targets={"b": target})
    running = lab.reach(experiment, "running")
    until(lambda: lab.look(experiment)["actions"]["pause"]["state"]["status"] == "running", "the action is running")
    assert running["targets"]["b"]["resourceTags"] == {ENVIRONMENT: unique}
    return experiment


def test_new_objects_are_copied_by_the_rules_that_cover_them(buckets: Buckets, unique: str) -> None:
    near, far = buckets.make(f"near-{unique}", REGION), buckets.make(f"far-{unique}", OTHER)
    buckets.put("reports/before")
    tagged = {"And": {"Prefix": "", "Tags": [{"Key": "keep", "Value": "yes"}]}}
    buckets.replicate(rule(far, "reports/"), rule(near, number=2, Filter=tagged), rule(near, "off/", number=3, Status="Disabled"))
    buckets.put("reports/new", Tagging="keep=yes")
    buckets.put("off/new")

    until(lambda: buckets.status("reports/new") == "COMPLETED", "the object is in both destinations")

    assert buckets.keys(far) == {"reports/new"} == buckets.keys(near)
    assert buckets.s3.head_object(Bucket=far, Key="reports/new")["ReplicationStatus"] == "REPLICA"
    assert buckets.s3.get_object_tagging(Bucket=far, Key="reports/new")["TagSet"] == [{"Key": "keep", "Value": "yes"}]
    assert buckets.status("off/new") is None


def test_delete_markers_follow_their_object_where_a_rule_asks_for_them(buckets: Buckets, unique: str) -> None:
    follows, stays = buckets.make(f"follows-{unique}", REGION), buckets.make(f"stays-{unique}", OTHER)
    buckets.replicate(rule(stays), rule(follows, number=2, DeleteMarkerReplication={"Status": "Enabled"}))
    buckets.put("a")
    buckets.s3.delete_object(Bucket=buckets.source, Key="a")
    until(lambda: buckets.s3.list_object_versions(Bucket=follows).get("DeleteMarkers"), "the delete marker is replicated")
    until(lambda: buckets.keys(stays) == {"a"}, "the object is replicated")
    assert buckets.keys(follows) == set()


def test_an_object_without_a_destination_has_failed(buckets: Buckets, unique: str) -> None:
    gone = buckets.make(f"gone-{unique}", OTHER)
    buckets.replicate(rule(gone))
    at(buckets.account, "s3", OTHER).delete_bucket(Bucket=gone)
    buckets.put("a")
    until(lambda: buckets.status("a") == "FAILED", "replication has failed")


def test_a_pause_finds_its_buckets_by_their_tags_and_holds_what_its_parameters_name(lab: Lab, buckets: Buckets, unique: str) -> None:
    far, near = buckets.make(f"far-{unique}", OTHER), buckets.make(f"near-{unique}", REGION)
    buckets.tag(unique)
    buckets.replicate(rule(far, "reports/"), rule(far, "pictures/", number=2), rule(near, number=3))
    experiment = pause_buckets(lab, unique, prefixes="reports/")
    (resolved,) = lab.fis.list_experiment_resolved_targets(experimentId=experiment)["resolvedTargets"]
    assert resolved["targetInformation"] == {"arn": f"arn:aws:s3:::{buckets.source}"}
    for key in ("reports/a", "pictures/a"):
        buckets.put(key)
    until(lambda: buckets.keys(near) == {"reports/a", "pictures/a"}, "the destination in the same Region")
    until(lambda: buckets.keys(far) == {"pictures/a"}, "the rule that is not paused")
    assert [buckets.status(key) for key in ("reports/a", "pictures/a")] == ["PENDING", "COMPLETED"]

    lab.fis.stop_experiment(id=experiment)
    lab.reach(experiment, "stopped")

    until(lambda: buckets.status("reports/a") == "COMPLETED", "the backlog is replicated")
    assert buckets.keys(far) == {"reports/a", "pictures/a"}


def test_the_metrics_of_a_rule_are_published_in_the_region_of_its_destination(
    account: Account, lab: Lab, buckets: Buckets, unique: str
) -> None:
    far = buckets.make(f"far-{unique}", OTHER)
    buckets.tag(unique)
    buckets.replicate(rule(far))
    values = {"SourceBucket": buckets.source, "DestinationBucket": far, "RuleId": "rule-1"}
    dimensions = [{"Name": name, "Value": value} for name, value in values.items()]

    def highest(name: str, region: str = OTHER) -> float | None:
        span = {"StartTime": datetime.now(UTC) - timedelta(minutes=10), "EndTime": datetime.now(UTC) + timedelta(minutes=1)}
        ask = {"Namespace": "AWS/S3", "MetricName": name, "Dimensions": dimensions, "Period": 3600, "Statistics": ["Maximum"]}
        points = at(account, "cloudwatch", region).get_metric_statistics(**ask, **span)["Datapoints"]
        return max((float(point["Maximum"]) for point in points), default=None)

    until(lambda: highest("OperationsPendingReplication") == 0, "metrics without any replication")
    experiment = pause_buckets(lab, unique)
    buckets.put("a")
    buckets.put("b")

    until(lambda: highest("OperationsPendingReplication") == 2, "two objects wait")
    assert highest("BytesPendingReplication") == 20
    until(lambda: (highest("ReplicationLatency") or 0) > 1, "the destination is behind")
    assert highest("OperationsPendingReplication", REGION) is None
    lab.fis.stop_experiment(id=experiment)


def test_buckets_named_by_their_arns_are_refused_and_so_is_a_role_that_may_change_rules_for_nothing_else(
    account: Account, lab: Lab, buckets: Buckets, unique: str
) -> None:
    action = {"actionId": BUCKETS, "parameters": {"duration": "PT60S", "region": OTHER}, "targets": {"Buckets": "b"}}
    named = {"resourceType": "aws:s3:bucket", "selectionMode": "ALL", "resourceArns": [f"arn:aws:s3:::{buckets.source}"]}
    with pytest.raises(ClientError, match="resourceTags alone"):
        lab.run({"pause": action}, targets={"b": named})
    buckets.tag(unique)
    lab.role_arn = account.role("fis.amazonaws.com", statements("s3:PauseReplication", StringEquals={"s3:DestinationRegion": THIRD}))
    tagged = {"resourceType": "aws:s3:bucket", "selectionMode": "ALL", "resourceTags": {ENVIRONMENT: unique}}
    failed = lab.reach(lab.run({"pause": action}, targets={"b": tagged}), "failed")
    assert failed["state"]["error"]["code"] == "AuthorizationFailure"
