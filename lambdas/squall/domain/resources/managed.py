"""Resource types of managed services that one reader and one model share. A row says how their service describes them, who
may ask for that, and what is compared after a fault: a new type is a row here, and its words in the vocabulary.

A describe call, not Cloud Control's GetResource: it says the state, which the schemas of many types lack, and asks for the
permissions that AWS documents for the FIS action, where GetResource asks for those of the type's read handler.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from squall.domain.base.vocabulary import ResourceType


@dataclass(frozen=True)
class Read:
    """A call that reads something of a resource."""

    method: str
    """The method of boto3's client."""
    arguments: Callable[[str], dict[str, Any]]
    """The arguments, from the ARN."""
    allowed_by: str
    """The IAM action."""
    on: str
    """The resource part of the ARNs on which IAM authorizes it, such as `stream/*`; `*`: IAM authorizes it on none."""
    gives: str
    """What is read in the answer, as a JMESPath expression."""
    absent: frozenset[str] = frozenset({"ResourceNotFoundException"})
    """The error codes that say that there is no such thing."""


@dataclass(frozen=True)
class Managed:
    """How resources of one type are named, read and compared."""

    client: str
    """boto3's name of the service."""
    service: str
    """The service in the ARNs."""
    resource: str
    """A regular expression of the resource in the ARNs. The id is what follows the last slash, or the last colon."""
    describe: Read
    """The description. Without one there is no such resource."""
    owner: str
    """What in the description tells whose it is: the ARN, or the account. Some services are asked by an id alone, and answer
    with a resource of that id whatever the ARN said. A JMESPath expression; empty if the ARNs name no account."""
    state: str
    """The state in the description, as a JMESPath expression; empty: such a resource has none, and is there or not."""
    usable: frozenset[str]
    """The states in which a fault makes sense."""
    fields: Mapping[str, str]
    """What is compared after a fault: name to a JMESPath expression in the description. Only what does not change by itself,
    and no secrets: they are stored with the results."""
    tags: str | Read
    """The tags: a JMESPath expression in the description, or a call of their own."""
    tagged_as: str
    """The type in the Resource Groups Tagging API; empty: such resources are not found by tags."""
    dimensions: tuple[str, ...] = ()
    """The dimensions of its metrics in CloudWatch whose value is its id."""
    more: Mapping[str, Read] = field(default_factory=dict)
    """Further calls: name to what is compared, too. What does not exist is not set."""
    regional: bool = True
    """Whether the ARNs name a Region."""
    accounted: bool = True
    """Whether the ARNs name an account. If not, the permission to read is bound to the account's own resources."""

    @property
    def reads(self) -> tuple[Read, ...]:
        """Every call."""
        return (self.describe, *([self.tags] if isinstance(self.tags, Read) else []), *self.more.values())

    @property
    def pattern(self) -> re.Pattern[str]:
        """The ARNs of such resources."""
        return re.compile(rf"arn:[^:]+:{self.service}:{'[^:]+' if self.regional else ''}:\d*:{self.resource}")

    def arn(self, partition: str, region: str, account: str, resource: str) -> str:
        """The ARN of the resource in this account, with `*` for any part of its name."""
        owner = account if self.accounted else ""
        return f"arn:{partition}:{self.service}:{region if self.regional else ''}:{owner}:{resource}"


def id_in(arn: str) -> str:
    """The id in the ARN of a managed resource."""
    return re.split(r"[/:]", arn)[-1]


EXISTS = "exists"
"""The state of what has none."""

MANAGED: Mapping[ResourceType, Managed] = {
    # A stream's number of open shards follows its traffic, so it is not compared. A stream has at most 50 tags, and Kinesis
    # returns so many at once.
    ResourceType.STREAM: Managed(
        client="kinesis",
        service="kinesis",
        resource=r"stream/[A-Za-z0-9_.-]+",
        describe=Read(
            method="describe_stream_summary",
            arguments=lambda arn: {"StreamARN": arn},
            allowed_by="kinesis:DescribeStreamSummary",
            on="stream/*",
            gives="StreamDescriptionSummary",
        ),
        owner="StreamARN",
        state="StreamStatus",
        usable=frozenset({"ACTIVE"}),
        fields={name: name for name in ("StreamModeDetails", "RetentionPeriodHours", "EncryptionType", "KeyId", "EnhancedMonitoring")},
        tags=Read(
            method="list_tags_for_stream",
            arguments=lambda arn: {"StreamARN": arn},
            allowed_by="kinesis:ListTagsForStream",
            on="stream/*",
            gives="Tags",
        ),
        tagged_as="kinesis:stream",
        dimensions=("StreamName",),
    ),
    ResourceType.DSQL_CLUSTER: Managed(
        client="dsql",
        service="dsql",
        resource=r"cluster/[a-z0-9]+",
        describe=Read(
            method="get_cluster",
            arguments=lambda arn: {"identifier": arn.rpartition("/")[2]},
            allowed_by="dsql:GetCluster",
            on="cluster/*",
            gives="@",
        ),
        owner="arn",
        state="status",
        usable=frozenset({"ACTIVE"}),
        fields={name: name for name in ("deletionProtectionEnabled", "multiRegionProperties", "encryptionDetails")},
        tags="tags",
        tagged_as="dsql:cluster",
        dimensions=("ClusterId", "ResourceId"),
    ),
    # When a role was last used follows its traffic, so it is not compared.
    ResourceType.ROLE: Managed(
        client="iam",
        service="iam",
        resource=r"role/[\w+=,.@/-]+",
        describe=Read(
            method="get_role",
            arguments=lambda arn: {"RoleName": arn.rpartition("/")[2]},
            allowed_by="iam:GetRole",
            on="role/*",
            gives="Role",
            absent=frozenset({"NoSuchEntity"}),
        ),
        owner="Arn",
        state="",
        usable=frozenset({EXISTS}),
        fields={name: name for name in ("AssumeRolePolicyDocument", "MaxSessionDuration", "PermissionsBoundary")},
        tags="Tags",
        tagged_as="",
        regional=False,
    ),
    ResourceType.GLOBAL_TABLE: Managed(
        client="dynamodb",
        service="dynamodb",
        resource=r"table/[A-Za-z0-9_.-]+",
        describe=Read(
            method="describe_table",
            arguments=lambda arn: {"TableName": arn.rpartition("/")[2]},
            allowed_by="dynamodb:DescribeTable",
            on="table/*",
            gives="Table",
        ),
        owner="TableArn",
        state="TableStatus",
        usable=frozenset({"ACTIVE"}),
        fields={
            "Replicas": "sort_by(Replicas || `[]`, &RegionName)[].[RegionName, ReplicaStatus]",
            "MultiRegionConsistency": "MultiRegionConsistency",
            "StreamSpecification": "StreamSpecification",
            "DeletionProtectionEnabled": "DeletionProtectionEnabled",
        },
        tags=Read(
            method="list_tags_of_resource",
            arguments=lambda arn: {"ResourceArn": arn},
            allowed_by="dynamodb:ListTagsOfResource",
            on="table/*",
            gives="Tags",
        ),
        tagged_as="dynamodb:table",
        dimensions=("TableName",),
        more={
            "ResourcePolicy": Read(
                method="get_resource_policy",
                arguments=lambda arn: {"ResourceArn": arn},
                allowed_by="dynamodb:GetResourcePolicy",
                on="table/*",
                gives="Policy",
                absent=frozenset({"PolicyNotFoundException", "ResourceNotFoundException"}),
            )
        },
    ),
    ResourceType.MULTI_REGION_CLUSTER: Managed(
        client="memorydb",
        service="memorydb",
        resource=r"multiregioncluster/[A-Za-z0-9-]+",
        describe=Read(
            method="describe_multi_region_clusters",
            arguments=lambda arn: {"MultiRegionClusterName": arn.rpartition("/")[2], "ShowClusterDetails": True},
            allowed_by="memorydb:DescribeMultiRegionClusters",
            on="multiregioncluster/*",
            gives="MultiRegionClusters[0]",
            absent=frozenset({"MultiRegionClusterNotFoundFault"}),
        ),
        owner="ARN",
        state="Status",
        usable=frozenset({"available"}),
        fields={
            "Clusters": "sort_by(Clusters || `[]`, &Region)[].[Region, Status]",
            **{name: name for name in ("NodeType", "EngineVersion", "NumberOfShards", "MultiRegionParameterGroupName", "TLSEnabled")},
        },
        tags=Read(
            method="list_tags",
            arguments=lambda arn: {"ResourceArn": arn},
            allowed_by="memorydb:ListTags",
            on="multiregioncluster/*",
            gives="TagList",
            absent=frozenset({"MultiRegionClusterNotFoundFault"}),
        ),
        tagged_as="memorydb:multiregioncluster",
        regional=False,
    ),
    # The keys of BGP sessions are secrets: only their states are read.
    ResourceType.VIRTUAL_INTERFACE: Managed(
        client="directconnect",
        service="directconnect",
        resource=r"dxvif/dxvif-[0-9a-z]+",
        describe=Read(
            method="describe_virtual_interfaces",
            arguments=lambda arn: {"virtualInterfaceId": arn.rpartition("/")[2]},
            allowed_by="directconnect:DescribeVirtualInterfaces",
            on="dxvif/*",
            gives="virtualInterfaces[0]",
            absent=frozenset(),
        ),
        owner="ownerAccount",
        state="virtualInterfaceState",
        usable=frozenset({"available"}),
        fields={
            "bgpPeers": "sort_by(bgpPeers || `[]`, &bgpPeerId)[].[bgpPeerId, bgpPeerState, bgpStatus]",
            **{
                name: name for name in ("connectionId", "virtualInterfaceType", "vlan", "mtu", "virtualGatewayId", "directConnectGatewayId")
            },
        },
        tags="tags",
        tagged_as="directconnect:dxvif",
        dimensions=("VirtualInterfaceId",),
    ),
    ResourceType.VPC_ENDPOINT: Managed(
        client="ec2",
        service="ec2",
        resource=r"vpc-endpoint/vpce-[0-9a-f]+",
        describe=Read(
            method="describe_vpc_endpoints",
            arguments=lambda arn: {"VpcEndpointIds": [arn.rpartition("/")[2]]},
            allowed_by="ec2:DescribeVpcEndpoints",
            on="*",
            gives="VpcEndpoints[0]",
            absent=frozenset({"InvalidVpcEndpointId.NotFound"}),
        ),
        owner="OwnerId",
        state="State",
        usable=frozenset({"available", "Available"}),  # EC2 answers in small letters, its API reference has capitals
        fields={
            "Groups": "sort(Groups[].GroupId || `[]`)",
            "SubnetIds": "sort(SubnetIds || `[]`)",
            **{
                name: name for name in ("VpcEndpointType", "ServiceName", "VpcId", "PrivateDnsEnabled", "IpAddressType", "RequesterManaged")
            },
        },
        tags="Tags",
        tagged_as="ec2:vpc-endpoint",
        dimensions=("VPC Endpoint Id",),
    ),
    # Where the destinations of the rules are, only their owners can ask.
    ResourceType.BUCKET: Managed(
        client="s3",
        service="s3",
        resource=r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
        describe=Read(
            method="get_bucket_location",
            arguments=lambda arn: {"Bucket": id_in(arn)},
            allowed_by="s3:GetBucketLocation",
            on="*",
            gives="@",
            absent=frozenset({"NoSuchBucket"}),
        ),
        owner="",
        state="",
        usable=frozenset({EXISTS}),
        fields={"LocationConstraint": "LocationConstraint"},
        tags=Read(
            method="get_bucket_tagging",
            arguments=lambda arn: {"Bucket": id_in(arn)},
            allowed_by="s3:GetBucketTagging",
            on="*",
            gives="TagSet",
            absent=frozenset({"NoSuchTagSet", "NoSuchBucket"}),
        ),
        tagged_as="s3",
        dimensions=("SourceBucket", "BucketName"),
        more={
            "ReplicationConfiguration": Read(
                method="get_bucket_replication",
                arguments=lambda arn: {"Bucket": id_in(arn)},
                allowed_by="s3:GetReplicationConfiguration",
                on="*",
                gives="ReplicationConfiguration",
                absent=frozenset({"ReplicationConfigurationNotFoundError", "NoSuchBucket"}),
            )
        },
        regional=False,
        accounted=False,
    ),
}
"""The types, each with its row."""
