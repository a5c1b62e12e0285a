"""What the functions of a CloudFormation template return for its own resources, as far as their names are in it.

Source: the section "Return values" of each resource in the CloudFormation template reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class NamedResource:
    """A type of resource whose name a template can choose."""

    name: str
    """The property that holds the name. Without it CloudFormation makes one up."""
    arn: str = ""
    """Its ARN, after `arn:aws:`. Empty where the name alone does not make the ARN."""
    attributes: Mapping[str, str] = field(default_factory=lambda: {"Arn": "arn"})
    """What GetAtt knows of it: each `arn`, or the property that it returns."""
    ref: str = "name"
    """What Ref returns: `name` or `arn`."""


_SERVERLESS = {"AWS::Serverless::Function": "AWS::Lambda::Function", "AWS::Serverless::SimpleTable": "AWS::DynamoDB::Table"}
"""Resources of the Serverless Application Model, and what they become."""
_KINDS: Mapping[str, NamedResource] = {
    "AWS::SSM::Document": NamedResource("Name", "ssm:{region}:{account}:document/{name}", {}),
    "AWS::SSM::Parameter": NamedResource("Name", attributes={"Value": "Value"}),
    "AWS::IAM::Role": NamedResource("RoleName", "iam::{account}:role{path}{name}"),
    "AWS::CloudWatch::Alarm": NamedResource("AlarmName", "cloudwatch:{region}:{account}:alarm:{name}"),
    "AWS::CloudWatch::CompositeAlarm": NamedResource("AlarmName", "cloudwatch:{region}:{account}:alarm:{name}"),
    "AWS::AutoScaling::AutoScalingGroup": NamedResource("AutoScalingGroupName", attributes={}),
    "AWS::ECS::Cluster": NamedResource("ClusterName", "ecs:{region}:{account}:cluster/{name}"),
    "AWS::ECS::Service": NamedResource("ServiceName", attributes={"Name": "ServiceName"}, ref=""),
    "AWS::EKS::Cluster": NamedResource("Name", "eks:{region}:{account}:cluster/{name}"),
    "AWS::Lambda::Function": NamedResource("FunctionName", "lambda:{region}:{account}:function:{name}"),
    "AWS::RDS::DBCluster": NamedResource("DBClusterIdentifier", "rds:{region}:{account}:cluster:{name}", {"DBClusterArn": "arn"}),
    "AWS::RDS::DBInstance": NamedResource("DBInstanceIdentifier", "rds:{region}:{account}:db:{name}", {"DBInstanceArn": "arn"}),
    "AWS::DynamoDB::Table": NamedResource("TableName", "dynamodb:{region}:{account}:table/{name}"),
    "AWS::DynamoDB::GlobalTable": NamedResource("TableName", "dynamodb:{region}:{account}:table/{name}"),
    "AWS::Kinesis::Stream": NamedResource("Name", "kinesis:{region}:{account}:stream/{name}"),
    "AWS::S3::Bucket": NamedResource("BucketName", "s3:::{name}"),
    "AWS::ElastiCache::ReplicationGroup": NamedResource("ReplicationGroupId", attributes={}),
    "AWS::MemoryDB::Cluster": NamedResource("ClusterName", "memorydb:{region}:{account}:cluster/{name}", {"ARN": "arn"}),
    "AWS::SQS::Queue": NamedResource("QueueName", "sqs:{region}:{account}:{name}", {"Arn": "arn", "QueueName": "QueueName"}, ref=""),
    "AWS::SNS::Topic": NamedResource(
        "TopicName", "sns:{region}:{account}:{name}", {"TopicArn": "arn", "TopicName": "TopicName"}, ref="arn"
    ),
}
_LOWER = ("AWS::RDS::", "AWS::ElastiCache::")
"""Services that keep names in lower case, whatever the template says."""


def find_value(
    described: Mapping[str, Any], attribute: str | None, known: Callable[[Any], str | None], place: Mapping[str, str]
) -> str | None:
    """What Ref, or GetAtt with this attribute, returns for the resource. None if only AWS knows it.

    `known`: a value of the template as text; None if it is no constant. `place`: the `region` and the `account` of the stack.
    """
    kind = _find_kind(described)
    what = "" if kind is None else kind.ref if attribute is None else kind.attributes.get(attribute, "")
    if kind is None or not what:
        return None
    properties = _mapping(described.get("Properties"))
    if what not in {"name", "arn"}:
        return known(properties.get(what))
    name, path = known(properties.get(kind.name)), known(properties.get("Path", "/"))
    if name is None or path is None:
        return None
    own = name.lower() if _type_of(described).startswith(_LOWER) else name
    if what == "name":
        return own
    return f"arn:aws:{kind.arn.format(name=own, path=path, **place)}" if kind.arn else None


def describe_resource(name: str, described: Mapping[str, Any]) -> str:
    """Why the value of a resource of the template is not known."""
    kind, of = _find_kind(described), f"{name} is the {_type_of(described)} of the stack"
    if kind is None:
        return f"{of}, whose values AWS knows once it is there"
    named = _mapping(described.get("Properties")).get(kind.name)
    return f"{of}, and its {kind.name} {'is made up by CloudFormation' if named is None else 'is no constant'}"


def _find_kind(described: Mapping[str, Any]) -> NamedResource | None:
    kind = _type_of(described)
    return _KINDS.get(_SERVERLESS.get(kind, kind))


def _type_of(described: Mapping[str, Any]) -> str:
    return str(described.get("Type"))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
