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


def test_a_global_table_is_described_with_its_replicas_and_its_policy_in_one_spelling() -> None:
    arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/orders"
    table = {
        "TableName": "orders", "TableArn": arn, "TableStatus": "ACTIVE", "ItemCount": 7,
        "Replicas": [{"RegionName": "us-west-2", "ReplicaStatus": "ACTIVE"}, {"RegionName": "us-east-1", "ReplicaStatus": "ACTIVE"}],
    }  # fmt: skip
    dynamodb = Scripted(
        "dynamodb",
        describe_table=[{"Table": table}],
        list_tags_of_resource=[TAGS],
        get_resource_policy=[error("PolicyNotFoundException"), {"Policy": '{"Version":"1", "Statement" : []}'}, {"Policy": "{odd"}],
    )
    finder = DescribedResources(ResourceType.GLOBAL_TABLE, {"dynamodb": dynamodb}.__getitem__)
    found = [resource for _ in range(3) for resource in finder.find([arn], {}, {}).resources]
    assert [resource.tags for resource in found] == [STAGING] * 3
    replicas = {"Replicas": '[["us-east-1", "ACTIVE"], ["us-west-2", "ACTIVE"]]'}
    assert [resource.fields for resource in found if isinstance(resource, DescribedResource)] == [
        replicas,
        {**replicas, "ResourcePolicy": '{"Statement": [], "Version": "1"}'},
        {**replicas, "ResourcePolicy": "{odd"},
    ]
    alone = Scripted(
        "dynamodb",
        describe_table=[{"Table": {"TableName": "orders", "TableArn": arn, "TableStatus": "ACTIVE"}}],
        list_tags_of_resource=[TAGS],
        get_resource_policy=[error("PolicyNotFoundException")],
    )
    (resource,) = DescribedResources(ResourceType.GLOBAL_TABLE, {"dynamodb": alone}.__getitem__).find([arn], {}, {}).resources
    assert isinstance(resource, DescribedResource)
    assert resource.fields == {"Replicas": "[]"}


def test_a_virtual_interface_is_described_without_the_keys_of_its_sessions() -> None:
    arn = f"arn:aws:directconnect:{REGION}:{ACCOUNT}:dxvif/dxvif-0a1"
    peer = {"bgpPeerId": "p1", "authKey": "secret", "bgpPeerState": "available", "bgpStatus": "up"}
    entry = {
        "virtualInterfaceId": "dxvif-0a1", "ownerAccount": ACCOUNT, "virtualInterfaceState": "available", "authKey": "secret",
        "vlan": 101, "bgpPeers": [peer], "tags": [{"key": "squall:environment", "value": "staging"}, {"key": "bare"}],
    }  # fmt: skip
    client = Scripted("directconnect", describe_virtual_interfaces=[{"virtualInterfaces": [entry]}, {"virtualInterfaces": []}])
    finder = DescribedResources(ResourceType.VIRTUAL_INTERFACE, {"directconnect": client}.__getitem__)
    (resource,) = finder.find([arn], {}, {}).resources
    assert isinstance(resource, DescribedResource)
    assert (resource.id, resource.state, resource.tags) == ("dxvif-0a1", "available", {**STAGING, "bare": ""})
    assert resource.fields == {"bgpPeers": '[["p1", "available", "up"]]', "vlan": "101"}
    assert "secret" not in resource.model_dump_json()
    assert finder.find([arn], {}, {}).missing == (arn,)


def test_a_multi_region_cluster_has_an_arn_without_a_region() -> None:
    arn = f"arn:aws:memorydb::{ACCOUNT}:multiregioncluster/orders"
    members = [
        {"ClusterName": "b", "Region": "us-east-1", "Status": "available"},
        {"ClusterName": "a", "Region": REGION, "Status": "available"},
    ]
    entry = {"MultiRegionClusterName": "orders", "ARN": arn, "Status": "available", "Clusters": members, "TLSEnabled": True}
    client = Scripted(
        "memorydb",
        describe_multi_region_clusters=[{"MultiRegionClusters": [entry]}, error("MultiRegionClusterNotFoundFault")],
        list_tags=[{"TagList": TAGS["Tags"]}],
    )
    finder = DescribedResources(ResourceType.MULTI_REGION_CLUSTER, {"memorydb": client}.__getitem__)
    (resource,) = finder.find([arn], {}, {}).resources
    assert isinstance(resource, DescribedResource)
    assert (resource.id, resource.usable, resource.tags) == ("orders", True, STAGING)
    assert resource.fields == {"Clusters": f'[["{REGION}", "available"], ["us-east-1", "available"]]', "TLSEnabled": "true"}
    assert finder.find([arn], {}, {}).missing == (arn,)


def test_a_vpc_endpoint_is_described_with_its_security_groups() -> None:
    arn = f"arn:aws:ec2:{REGION}:{ACCOUNT}:vpc-endpoint/vpce-0a1"
    entry = {
        "VpcEndpointId": "vpce-0a1", "VpcEndpointType": "Interface", "VpcId": "vpc-1", "ServiceName": f"com.amazonaws.{REGION}.sqs",
        "State": "available", "OwnerId": ACCOUNT, "SubnetIds": ["subnet-2", "subnet-1"], "PrivateDnsEnabled": True, "Tags": TAGS["Tags"],
        "Groups": [{"GroupId": "sg-2", "GroupName": "b"}, {"GroupId": "sg-1", "GroupName": "a"}], "RequesterManaged": False,
    }  # fmt: skip
    gone = error("InvalidVpcEndpointId.NotFound")
    ec2 = Scripted("ec2", describe_vpc_endpoints=[{"VpcEndpoints": [entry]}, gone])
    finder = DescribedResources(ResourceType.VPC_ENDPOINT, {"ec2": ec2}.__getitem__)
    (resource,) = finder.find([arn], {}, {}).resources
    assert isinstance(resource, DescribedResource)
    assert (resource.id, resource.usable, resource.tags) == ("vpce-0a1", True, STAGING)
    assert resource.fields == {
        "Groups": '["sg-1", "sg-2"]', "SubnetIds": '["subnet-1", "subnet-2"]', "VpcEndpointType": "Interface", "VpcId": "vpc-1",
        "ServiceName": f"com.amazonaws.{REGION}.sqs", "PrivateDnsEnabled": "true", "RequesterManaged": "false",
    }  # fmt: skip
    assert ec2.arguments("describe_vpc_endpoints") == [{"VpcEndpointIds": ["vpce-0a1"]}]
    assert finder.find([arn], {}, {}).missing == (arn,)


def test_a_bucket_is_found_by_its_tags_and_described_with_its_replication_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    with mock_aws():
        session = boto3.Session(region_name=REGION)
        s3, place = session.client("s3"), {"LocationConstraint": REGION}
        rule = {"ID": "all", "Status": "Enabled", "Priority": 1, "Filter": {}, "Destination": {"Bucket": "arn:aws:s3:::copies"}}
        rule["DeleteMarkerReplication"] = {"Status": "Disabled"}
        for name in ("orders", "plain", "copies"):
            s3.create_bucket(Bucket=name, CreateBucketConfiguration=place)
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        tags = [{"Key": key, "Value": value} for key, value in STAGING.items()]
        for name in ("orders", "plain"):
            s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags})
        s3.put_bucket_replication(Bucket="orders", ReplicationConfiguration={"Role": "arn:aws:iam::1:role/copy", "Rules": [rule]})
        finder = DescribedResources(ResourceType.BUCKET, session.client)
        found = {resource.id: resource for resource in finder.find([], STAGING, {}).resources if isinstance(resource, DescribedResource)}
        assert {id_: (bucket.arn, bucket.state, bucket.tags) for id_, bucket in found.items()} == {
            name: (f"arn:aws:s3:::{name}", "exists", STAGING) for name in ("orders", "plain")
        }
        assert '"Status": "Enabled"' in found["orders"].fields["ReplicationConfiguration"]
        assert found["orders"].fields["LocationConstraint"] == REGION
        assert "ReplicationConfiguration" not in found["plain"].fields
        assert finder.find(["arn:aws:s3:::copies"], {}, {}).resources[0].tags == {}
        assert finder.find(["arn:aws:s3:::gone"], {}, {}).missing == ("arn:aws:s3:::gone",)
