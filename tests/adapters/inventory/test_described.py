"""Resources of managed services as candidates: in an account, and what moto does not do."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from moto import mock_aws

from squall.adapters.inventory.described import DescribedResources
from squall.domain.base.vocabulary import ResourceType
from squall.domain.resources.described import DescribedResource
from squall.errors import Unavailable
from tests.adapters.conftest import REGION
from tests.adapters.scripted import Scripted, error

ACCOUNT = "123456789012"
STREAM = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/orders"
CLUSTER = f"arn:aws:dsql:{REGION}:{ACCOUNT}:cluster/abc123"
STAGING = {"squall:environment": "staging"}
SUMMARY = {
    "StreamName": "orders", "StreamARN": STREAM, "StreamStatus": "ACTIVE", "RetentionPeriodHours": 24, "OpenShardCount": 4,
    "StreamModeDetails": {"StreamMode": "ON_DEMAND"}, "EnhancedMonitoring": [],
}  # fmt: skip
TAGS = {"Tags": [{"Key": "squall:environment", "Value": "staging"}], "HasMoreTags": False}


def streams(*answers: Any, tags: Any = TAGS) -> tuple[DescribedResources, Scripted, Scripted]:
    kinesis = Scripted(
        "kinesis",
        describe_stream_summary=[item if isinstance(item, Exception) else {"StreamDescriptionSummary": item} for item in answers],
        list_tags_for_stream=[tags],
    )
    tagging = Scripted("resourcegroupstaggingapi", get_resources=[{"ResourceTagMappingList": [{"ResourceARN": STREAM}]}])
    return DescribedResources(ResourceType.STREAM, {"kinesis": kinesis, "resourcegroupstaggingapi": tagging}.__getitem__), kinesis, tagging


def clusters(*answers: Any) -> tuple[DescribedResources, Scripted]:
    dsql = Scripted("dsql", get_cluster=list(answers))
    clients = {"dsql": dsql, "resourcegroupstaggingapi": Scripted("resourcegroupstaggingapi")}
    return DescribedResources(ResourceType.DSQL_CLUSTER, clients.__getitem__), dsql


def test_a_stream_is_described_without_what_follows_its_traffic() -> None:
    finder, _, _ = streams(SUMMARY)
    (resource,) = finder.find([STREAM], {}, {}).resources
    assert resource == DescribedResource(
        type=ResourceType.STREAM, id="orders", arn=STREAM, state="ACTIVE", tags=STAGING,
        fields={"RetentionPeriodHours": "24", "StreamModeDetails": '{"StreamMode": "ON_DEMAND"}', "EnhancedMonitoring": "[]"},
    )  # fmt: skip
    assert (resource.zone, resource.usable) == ("", True)


def test_what_is_not_there_is_named_and_other_regions_are_not_asked() -> None:
    foreign = STREAM.replace(REGION, "us-east-1")
    finder, kinesis, _ = streams(SUMMARY, error("ResourceNotFoundException"))
    found = finder.find([STREAM, f"{STREAM}-2", foreign], {}, {})
    assert ([resource.id for resource in found.resources], found.missing) == (["orders"], (f"{STREAM}-2", foreign))
    assert len(kinesis.arguments("describe_stream_summary")) == 2


def test_tags_choose_and_narrow() -> None:
    finder, _, tagging = streams(SUMMARY)
    assert [resource.arn for resource in finder.find([], STAGING, {}).resources] == [STREAM]
    assert tagging.arguments("get_resources") == [
        {"TagFilters": [{"Key": "squall:environment", "Values": ["staging"]}], "ResourceTypeFilters": ["kinesis:stream"]}
    ]
    assert finder.find([STREAM], {"app": "shop"}, {}).resources == ()
    assert finder.find([], {}, {}).resources == ()


def test_tags_that_cannot_be_read_are_no_missing_tags() -> None:
    finder, _, _ = streams(SUMMARY, tags=error("AccessDeniedException"))
    with pytest.raises(Unavailable):
        finder.find([STREAM], {}, {})


def test_a_cluster_of_another_account_with_the_same_id_is_not_this_one() -> None:
    entry = {"identifier": "abc123", "arn": CLUSTER, "status": "ACTIVE", "tags": STAGING, "deletionProtectionEnabled": True}
    finder, dsql = clusters(entry)
    (resource,) = finder.find([CLUSTER], {}, {}).resources
    assert (resource.id, resource.state, resource.tags) == ("abc123", "ACTIVE", STAGING)
    other = CLUSTER.replace(ACCOUNT, "999999999999")
    assert finder.find([other], {}, {}).missing == (other,)
    assert dsql.arguments("get_cluster") == [{"identifier": "abc123"}, {"identifier": "abc123"}]


def test_a_refreshed_resource_shows_what_changed() -> None:
    finder, _, _ = streams(SUMMARY, {**SUMMARY, "StreamStatus": "UPDATING", "RetentionPeriodHours": 48})
    (before,) = finder.find([STREAM], {}, {}).resources
    (now,) = finder.refresh([before]).resources
    assert isinstance(before, DescribedResource)
    assert isinstance(now, DescribedResource)
    assert (now.state, list(before.list_changes(now))) == ("UPDATING", ["the RetentionPeriodHours of orders is 48, it was 24"])


def test_in_an_account(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    with mock_aws():
        session = boto3.Session(region_name=REGION)
        kinesis = session.client("kinesis")
        kinesis.create_stream(StreamName="orders", ShardCount=1)
        kinesis.add_tags_to_stream(StreamName="orders", Tags=STAGING)
        (resource,) = DescribedResources(ResourceType.STREAM, session.client).find([STREAM], STAGING, {}).resources
        assert isinstance(resource, DescribedResource)
        assert (resource.arn, resource.state, resource.fields["RetentionPeriodHours"]) == (STREAM, "ACTIVE", "24")


def test_a_role_is_described_by_its_name_and_is_the_one_of_its_path_and_account(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    with mock_aws():
        session = boto3.Session(region_name=REGION)
        tags = [{"Key": key, "Value": value} for key, value in STAGING.items()]
        arn = session.client("iam").create_role(RoleName="orders", Path="/shop/", AssumeRolePolicyDocument="{}", Tags=tags)["Role"]["Arn"]
        finder = DescribedResources(ResourceType.ROLE, session.client)
        (resource,) = finder.find([arn], {}, {}).resources
        assert isinstance(resource, DescribedResource)
        assert (resource.id, resource.state, resource.usable, resource.tags) == ("orders", "exists", True, STAGING)
        assert resource.fields["MaxSessionDuration"] == "3600"
        assert not [name for name in resource.fields if "Used" in name]
        gone, elsewhere, foreign = f"{arn}-2", arn.replace("/shop", ""), arn.replace(ACCOUNT, "999999999999")
        assert finder.find([gone, elsewhere, foreign], {}, {}).missing == (gone, elsewhere, foreign)
        assert finder.find([], STAGING, {}).resources == ()
