"""One FIS role per environment: it can touch only what carries the opt-in tag with that environment's name as its value.

Each fault an environment allows is a managed policy of its own (a role's inline policies would not hold them all).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import Stack
from aws_cdk.aws_iam import ManagedPolicy, PolicyStatement, Role, ServicePrincipal
from constructs import Construct

from squall.domain.environment import Environment
from squall.domain.vocabulary import FaultType
from squall.faults import registry

WAIT_ACTION = "aws:fis:wait"


@dataclass(frozen=True)
class Scope:
    """What the statements of one environment are narrowed to."""

    partition: str
    region: str
    account: str
    opt_in: Mapping[str, str]
    """The opt-in tag and the environment's name as its value."""
    documents: Sequence[str]
    """Systems Manager documents the fault sends."""

    @property
    def opted_in(self) -> dict[str, dict[str, str]]:
        return {"StringEquals": {f"aws:ResourceTag/{key}": value for key, value in self.opt_in.items()}}

    @property
    def instances(self) -> str:
        return self.arn("ec2", "instance/*")

    def arn(self, service: str, resource: str) -> str:
        """ARN of resources in this account and Region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"


def _terminate_instances(scope: Scope) -> list[PolicyStatement]:
    return [
        PolicyStatement(actions=["ec2:TerminateInstances"], resources=[scope.instances], conditions=scope.opted_in),
        PolicyStatement(actions=["ec2:DescribeInstances"], resources=["*"]),
    ]


def _send_command(scope: Scope) -> list[PolicyStatement]:
    # AWS's documents carry no tags: one statement for both resources could never match.
    documents = [f"arn:{scope.partition}:ssm:{scope.region}::document/{name}" for name in scope.documents]
    return [
        PolicyStatement(actions=["ssm:SendCommand"], resources=[scope.instances], conditions=scope.opted_in),
        PolicyStatement(actions=["ssm:SendCommand"], resources=documents),
        PolicyStatement(actions=["ec2:DescribeInstances", "ssm:ListCommands", "ssm:CancelCommand"], resources=["*"]),
    ]


def _reboot_databases(scope: Scope) -> list[PolicyStatement]:
    databases = [scope.arn("rds", "db:*")]
    return [
        PolicyStatement(actions=["rds:RebootDBInstance"], resources=databases, conditions=scope.opted_in),
        PolicyStatement(actions=["rds:DescribeDBInstances"], resources=databases),
    ]


def _fail_over_clusters(scope: Scope) -> list[PolicyStatement]:
    # Of a failover to a chosen member RDS asks for that member too; FIS lets RDS choose.
    clusters = [scope.arn("rds", "cluster:*")]
    return [
        PolicyStatement(actions=["rds:FailoverDBCluster"], resources=clusters, conditions=scope.opted_in),
        PolicyStatement(actions=["rds:DescribeDBClusters"], resources=clusters),
    ]


def _disrupt_connectivity(scope: Scope) -> list[PolicyStatement]:
    # FIS clones the subnet's network ACL, which carries no tag of ours: the clone is made, filled and deleted by FIS's own tag, and
    # only the subnet, and so whose traffic is denied, is by the environment's.
    acls, by_fis = [scope.arn("ec2", "network-acl/*")], {"StringEquals": {"aws:RequestTag/managedByFIS": "true"}}
    (opt_in,) = scope.opt_in
    tagging = {"StringEquals": {"ec2:CreateAction": "CreateNetworkAcl", "aws:RequestTag/managedByFIS": "true"}}
    return [
        PolicyStatement(actions=["ec2:ReplaceNetworkAclAssociation"], resources=[scope.arn("ec2", "subnet/*")], conditions=scope.opted_in),
        PolicyStatement(actions=["ec2:ReplaceNetworkAclAssociation"], resources=acls),
        PolicyStatement(actions=["ec2:CreateNetworkAcl"], resources=acls, conditions=by_fis),
        PolicyStatement(actions=["ec2:CreateNetworkAcl"], resources=[scope.arn("ec2", "vpc/*")]),
        PolicyStatement(
            actions=["ec2:CreateNetworkAclEntry", "ec2:DeleteNetworkAcl"],
            resources=acls,
            conditions={"StringEquals": {"aws:ResourceTag/managedByFIS": "true"}},
        ),
        PolicyStatement(
            actions=["ec2:CreateTags"],
            resources=acls,
            conditions={**tagging, "ForAllValues:StringNotEquals": {"aws:TagKeys": [opt_in]}},
        ),
        PolicyStatement(
            actions=["ec2:DescribeManagedPrefixLists", "ec2:DescribeNetworkAcls", "ec2:DescribeSubnets", "ec2:DescribeVpcs"],
            resources=["*"],
        ),
        PolicyStatement(actions=["ec2:GetManagedPrefixListEntries"], resources=[scope.arn("ec2", "prefix-list/*")]),
    ]


def _nothing(_: Scope) -> list[PolicyStatement]:
    return []


# What FIS needs of its role to run an action; a fault whose actions stand here needs no change to the stack.
ACTION_STATEMENTS: Mapping[str, Callable[[Scope], list[PolicyStatement]]] = {
    WAIT_ACTION: _nothing,
    "aws:ec2:terminate-instances": _terminate_instances,
    "aws:network:disrupt-connectivity": _disrupt_connectivity,
    "aws:rds:failover-db-cluster": _fail_over_clusters,
    "aws:rds:reboot-db-instances": _reboot_databases,
    "aws:ssm:send-command": _send_command,
}


class FisRoles:
    """The roles by environment, and the actions that any of them serves."""

    def __init__(self, scope: Construct, environments: Mapping[str, Environment], opt_in_tag: str) -> None:
        self.roles: dict[str, Role] = {}
        self.actions: set[str] = {WAIT_ACTION}
        for name, environment in sorted(environments.items()):
            types = [fault for fault in registry.available() if fault in environment.allowed_types]
            self.roles[name] = _role(scope, name, types, opt_in_tag)
            self.actions |= {action for fault in registry.faults() if fault.type in types for action in fault.fis_actions}

    @property
    def arns(self) -> dict[str, str]:
        """Environment to the role's ARN."""
        return {name: role.role_arn for name, role in self.roles.items()}


def pascal(name: str) -> str:
    """`pre-prod` to `PreProd`."""
    return "".join(part.capitalize() for part in name.replace("_", "-").split("-"))


def _role(scope: Construct, environment: str, types: Sequence[FaultType], opt_in_tag: str) -> Role:
    stack = Stack.of(scope)
    role = Role(
        scope,
        f"FisRole{pascal(environment)}",
        description=f"AWS FIS may disturb what is tagged {opt_in_tag}={environment}",
        assumed_by=ServicePrincipal(
            "fis.amazonaws.com",
            conditions={
                "StringEquals": {"aws:SourceAccount": stack.account},
                "ArnLike": {"aws:SourceArn": f"arn:{stack.partition}:fis:{stack.region}:{stack.account}:experiment/*"},
            },
        ),
    )
    for fault_type in types:
        family = [fault for fault in registry.faults() if fault.type is fault_type]
        documents = [document for fault in family for document in fault.ssm_documents]
        narrowed = Scope(stack.partition, stack.region, stack.account, {opt_in_tag: environment}, documents)
        actions = dict.fromkeys(action for fault in family for action in fault.fis_actions)
        statements = [statement for action in actions for statement in _statements(fault_type, action, narrowed)]
        if statements:
            ManagedPolicy(
                role,
                pascal(fault_type.value),
                description=f"{fault_type.value.replace('_', ' ').capitalize()} on {opt_in_tag}={environment}",
                statements=statements,
                roles=[role],
            )
    return role


def _statements(fault: FaultType, action: str, scope: Scope) -> list[PolicyStatement]:
    if action not in ACTION_STATEMENTS:
        raise ValueError(f"{fault.value} uses {action}, and infra/fis_roles.py does not say what FIS needs for it")
    return ACTION_STATEMENTS[action](scope)
