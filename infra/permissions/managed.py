"""Who may read the targets of FIS actions that a policy allows by their ids: nobody, unless one allows such an action."""

from collections.abc import Iterator

from aws_cdk.aws_iam import PolicyStatement

from infra.permissions.names import Names
from squall.domain.base.vocabulary import CHOSEN_BY_TAGS, ResourceType
from squall.domain.resources.managed import MANAGED


def allow_managed(names: Names) -> Iterator[PolicyStatement]:
    """To read the resources of managed services, of the types that such actions hit."""
    for kind, managed in MANAGED.items():
        allowed = {read.on: [other.allowed_by for other in managed.reads if other.on == read.on] for read in managed.reads}
        for resource, actions in allowed.items() if _hits(names, kind) else ():
            named = resource != "*" or not managed.accounted
            arn = managed.arn(names.partition, names.region, names.account, resource) if named else resource
            resources = names.api_fault_roles if kind is ResourceType.ROLE else (arn,)
            own = {} if managed.accounted else {"StringEquals": {"aws:ResourceAccount": names.account}}
            if resources:
                yield PolicyStatement(actions=list(dict.fromkeys(actions)), resources=list(resources), conditions=own)


def allow_shiftable(names: Names) -> Iterator[PolicyStatement]:
    """To read what Application Recovery Controller can shift. IAM knows load balancers as its resources; groups and clusters
    are told by a condition key alone."""
    if not _hits(names, ResourceType.SHIFTABLE):
        return
    reading, listing = ["arc-zonal-shift:GetManagedResource"], ["arc-zonal-shift:ListZonalShifts"]
    others = [names.arn("autoscaling", "autoScalingGroup:*:autoScalingGroupName/*"), names.arn("eks", "cluster/*")]
    balancers = [names.arn("elasticloadbalancing", f"loadbalancer/{kind}/*") for kind in ("app", "net")]
    yield PolicyStatement(actions=reading, resources=balancers)
    yield PolicyStatement(actions=reading, resources=["*"], conditions={"StringLike": {"arc-zonal-shift:ResourceIdentifier": others}})
    yield PolicyStatement(actions=[*listing, "ec2:DescribeAvailabilityZones", "elasticloadbalancing:DescribeTags"], resources=["*"])


def allow_gateways(names: Names) -> Iterator[PolicyStatement]:
    """To read transit gateways and their attachments."""
    kinds = ("TransitGateways", "TransitGatewayAttachments", "TransitGatewayPeeringAttachments")
    if _hits(names, ResourceType.TRANSIT_GATEWAY):
        yield PolicyStatement(actions=[f"ec2:Describe{kind}" for kind in kinds], resources=["*"])


def allow_caches(names: Names) -> Iterator[PolicyStatement]:
    """To read ElastiCache's replication groups."""
    if _hits(names, ResourceType.REPLICATION_GROUP):
        reading = ["elasticache:DescribeReplicationGroups", "elasticache:ListTagsForResource"]
        yield PolicyStatement(actions=reading, resources=[names.arn("elasticache", "replicationgroup:*")])


def allow_hosts(names: Names) -> Iterator[PolicyStatement]:
    """To read groups of hosts, where an action hits them that a policy allows by its id."""
    if _hits(names, ResourceType.NODEGROUP):
        yield PolicyStatement(actions=["eks:DescribeNodegroup"], resources=[names.arn("eks", "nodegroup/*/*/*")])
    if _hits(names, ResourceType.ECS_CLUSTER):
        yield PolicyStatement(actions=["ecs:ListContainerInstances"], resources=[names.arn("ecs", "cluster/*")])
        yield PolicyStatement(actions=["ecs:DescribeContainerInstances"], resources=[names.arn("ecs", "container-instance/*/*")])


def find_shiftable(names: Names) -> Iterator[PolicyStatement]:
    """To find them by tags."""
    if _hits(names, ResourceType.SHIFTABLE):
        yield PolicyStatement(actions=["arc-zonal-shift:ListManagedResources"], resources=["*"])


def find_tagged(names: Names) -> Iterator[PolicyStatement]:
    """To find again what carries the tags by which FIS chooses targets, where it takes no ARNs."""
    if any(_hits(names, kind) for kind in CHOSEN_BY_TAGS):
        yield PolicyStatement(actions=["tag:GetResources"], resources=["*"])


def _hits(names: Names, kind: ResourceType) -> bool:
    """Whether a policy allows an action on such resources by its id."""
    return kind.value in names.fis_action_targets
