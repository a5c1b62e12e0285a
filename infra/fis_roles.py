"""One FIS role per environment: it can touch only what carries the opt-in tag with that environment's name as its value.

Each fault an environment allows is a managed policy of its own (a role's inline policies would not hold them all).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import Stack
from aws_cdk.aws_iam import ManagedPolicy, PolicyStatement, Role, ServicePrincipal
from constructs import Construct

from squall.domain.policy.custom_actions import CustomAction
from squall.domain.policy.environment import Environment
from squall.domain.vocabulary import FaultType
from squall.faults import registry
from squall.faults.base import Fault

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
    configuration: str | None = None
    """Folder in S3 for faults of functions, as an ARN that ends in a slash."""

    @property
    def opted_in(self) -> dict[str, dict[str, str]]:
        return {"StringEquals": {f"aws:ResourceTag/{key}": value for key, value in self.opt_in.items()}}

    @property
    def instances(self) -> str:
        return self.arn("ec2", "instance/*")

    @property
    def document_arns(self) -> list[str]:
        """Of AWS's own, which have no account."""
        return [f"arn:{self.partition}:ssm:{self.region}::document/{name}" for name in self.documents]

    def arn(self, service: str, resource: str) -> str:
        """ARN of resources in this account and Region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"


Statements = Callable[[Scope], list[PolicyStatement]]


def _terminate_instances(scope: Scope) -> list[PolicyStatement]:
    return [
        PolicyStatement(actions=["ec2:TerminateInstances"], resources=[scope.instances], conditions=scope.opted_in),
        PolicyStatement(actions=["ec2:DescribeInstances"], resources=["*"]),
    ]


def _send_command(scope: Scope) -> list[PolicyStatement]:
    # AWS's documents carry no tags: one statement for both resources could never match.
    return [
        PolicyStatement(actions=["ssm:SendCommand"], resources=[scope.instances], conditions=scope.opted_in),
        PolicyStatement(actions=["ssm:SendCommand"], resources=scope.document_arns),
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


def _stop_tasks(scope: Scope) -> list[PolicyStatement]:
    tasks = [scope.arn("ecs", "task/*/*")]
    return [
        PolicyStatement(actions=["ecs:StopTask"], resources=tasks, conditions=scope.opted_in),
        PolicyStatement(actions=["ecs:DescribeTasks"], resources=tasks),
        PolicyStatement(actions=["ecs:ListTasks", "tag:GetResources"], resources=["*"]),
    ]


def _command_tasks(scope: Scope) -> list[PolicyStatement]:
    # IAM judges the managed instance a task is registered as, not the task: it has to carry the tag, too.
    return [
        PolicyStatement(actions=["ssm:SendCommand"], resources=[scope.arn("ssm", "managed-instance/*")], conditions=scope.opted_in),
        PolicyStatement(actions=["ssm:SendCommand"], resources=scope.document_arns),
        PolicyStatement(actions=["ecs:DescribeTasks"], resources=[scope.arn("ecs", "task/*/*")]),
        PolicyStatement(actions=["ecs:DescribeContainerInstances"], resources=[scope.arn("ecs", "container-instance/*/*")]),
        PolicyStatement(actions=["ec2:DescribeInstances", "ec2:DescribeSubnets", "ssm:ListCommands", "ssm:CancelCommand"], resources=["*"]),
    ]


def _disturb_invocations(scope: Scope) -> list[PolicyStatement]:
    # FIS learns from the function where its extension looks, which IAM lets it only of those that opted in; and writes in one place only.
    if scope.configuration is None:
        return []
    functions = [scope.arn("lambda", "function:*")]
    return [
        PolicyStatement(actions=["s3:PutObject", "s3:DeleteObject"], resources=[f"{scope.configuration}*"]),
        PolicyStatement(actions=["lambda:GetFunction"], resources=functions, conditions=scope.opted_in),
        PolicyStatement(actions=["tag:GetResources"], resources=["*"]),
    ]


def _pause_volumes(scope: Scope) -> list[PolicyStatement]:
    return [
        PolicyStatement(actions=["ec2:PauseVolumeIO"], resources=[scope.arn("ec2", "volume/*")], conditions=scope.opted_in),
        PolicyStatement(actions=["ec2:DescribeVolumes"], resources=["*"]),
    ]


def _refuse_launches(scope: Scope) -> list[PolicyStatement]:
    # The API that injects authorizes on no resource: the condition keys name the action and the groups, and none knows a tag.
    group = scope.arn("autoscaling", "autoScalingGroup:*:autoScalingGroupName/*")
    return [
        PolicyStatement(
            actions=["ec2:InjectApiError"],
            resources=["*"],
            conditions={
                "StringEquals": {"ec2:FisActionId": "aws:ec2:asg-insufficient-instance-capacity-error"},
                "ForAllValues:ArnLike": {"ec2:FisTargetArns": [group]},
                "Null": {"ec2:FisTargetArns": "false"},
            },
        ),
        PolicyStatement(actions=["autoscaling:DescribeAutoScalingGroups"], resources=["*"]),
    ]


def _disturb_pods(scope: Scope) -> list[PolicyStatement]:
    # Pods are Kubernetes' to guard, by the service account; IAM's part is whether FIS learns where the cluster is.
    return [
        PolicyStatement(actions=["eks:DescribeCluster"], resources=[scope.arn("eks", "cluster/*")], conditions=scope.opted_in),
        PolicyStatement(actions=["ec2:DescribeSubnets", "tag:GetResources"], resources=["*"]),
    ]


def _nothing(_: Scope) -> list[PolicyStatement]:
    return []


# What FIS needs of its role to run an action; a fault whose actions stand here needs no change to the stack.
ACTION_STATEMENTS: Mapping[str, Statements] = {
    WAIT_ACTION: _nothing,
    "aws:ebs:pause-volume-io": _pause_volumes,
    "aws:ec2:asg-insufficient-instance-capacity-error": _refuse_launches,
    "aws:ec2:terminate-instances": _terminate_instances,
    "aws:network:disrupt-connectivity": _disrupt_connectivity,
    "aws:ecs:stop-task": _stop_tasks,
    "aws:ecs:task-cpu-stress": _command_tasks,
    "aws:ecs:task-io-stress": _command_tasks,
    "aws:ecs:task-kill-process": _command_tasks,
    "aws:ecs:task-network-blackhole-port": _command_tasks,
    "aws:ecs:task-network-latency": _command_tasks,
    "aws:ecs:task-network-packet-loss": _command_tasks,
    "aws:eks:pod-cpu-stress": _disturb_pods,
    "aws:eks:pod-delete": _disturb_pods,
    "aws:eks:pod-memory-stress": _disturb_pods,
    "aws:eks:pod-network-blackhole-port": _disturb_pods,
    "aws:eks:pod-network-latency": _disturb_pods,
    "aws:eks:pod-network-packet-loss": _disturb_pods,
    "aws:lambda:invocation-add-delay": _disturb_invocations,
    "aws:lambda:invocation-error": _disturb_invocations,
    "aws:lambda:invocation-http-integration-response": _disturb_invocations,
    "aws:rds:failover-db-cluster": _fail_over_clusters,
    "aws:rds:reboot-db-instances": _reboot_databases,
    "aws:ssm:send-command": _send_command,
}


class FisRoles:
    """The roles by environment, and the actions that any of them serves."""

    def __init__(self, scope: Construct, environments: Mapping[str, Environment], opt_in_tag: str) -> None:
        self.roles: dict[str, Role] = {}
        self.actions: set[str] = {WAIT_ACTION}
        self.wildcards: set[str] = set()
        """Resources that policies name with an asterisk."""
        for name, environment in sorted(environments.items()):
            types = [fault for fault in registry.available() if fault in environment.allowed_types]
            self.roles[name] = _role(scope, environment, types, opt_in_tag)
            self.actions |= {action for fault in registry.faults() if fault.type in types for action in fault.fis_actions}
            listed = environment.custom_actions if FaultType.CUSTOM in environment.allowed_types else {}
            self.actions |= {one.fis_action for one in listed.values()}
            grants = [found for one in listed.values() for found in custom_statements(Stack.of(scope), one, {opt_in_tag: name})]
            self.wildcards |= {name for one in listed.values() for grant in one.iam for name in grant.resources if "*" in name}
            if grants:
                role, what = self.roles[name], f"Custom actions on {opt_in_tag}={name}, as the policy lists them"
                ManagedPolicy(role, "Custom", description=what, statements=grants, roles=[role])

    @property
    def arns(self) -> dict[str, str]:
        """Environment to the role's ARN."""
        return {name: role.role_arn for name, role in self.roles.items()}


def custom_statements(stack: Stack, listed: CustomAction, opt_in: Mapping[str, str]) -> list[PolicyStatement]:
    """Exactly what the entry declares; of a document its start, its look, its stop, and passing its role."""
    if listed.document is None:
        tagged = {"StringEquals": {f"aws:ResourceTag/{key}": value for key, value in opt_in.items()}}
        return [
            PolicyStatement(actions=list(one.actions), resources=list(one.resources), conditions=tagged if one.tagged else None)
            for one in listed.iam
        ]
    prefix = f"arn:{stack.partition}:ssm:{stack.region}"
    executions = f"{prefix}:{stack.account}:automation-execution/*"
    return [
        PolicyStatement(actions=["ssm:StartAutomationExecution"], resources=[*automation_arns(stack, listed), executions]),
        PolicyStatement(actions=["ssm:GetAutomationExecution", "ssm:StopAutomationExecution"], resources=[executions]),
        PolicyStatement(
            actions=["iam:PassRole"],
            resources=[str(listed.assume_role)],
            conditions={"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}},
        ),
    ]


def automation_arns(stack: Stack, listed: CustomAction) -> list[str]:
    """As a document and as an automation-definition; AWS's own have no account."""
    name = str(listed.document)
    if name.startswith("arn:"):
        owner, name = name.split(":")[4], name.rpartition("/")[2]
    else:
        owner = "" if name.startswith(("AWS-", "AWSSupport-")) else stack.account
    prefix = f"arn:{stack.partition}:ssm:{stack.region}:{owner}"
    return [f"{prefix}:document/{name}", f"{prefix}:automation-definition/{name}:{listed.version}"]


def pascal(name: str) -> str:
    """`pre-prod` to `PreProd`."""
    return "".join(part.capitalize() for part in name.replace("_", "-").split("-"))


def _role(scope: Construct, policy: Environment, types: Sequence[FaultType], opt_in_tag: str) -> Role:
    stack, environment = Stack.of(scope), policy.name
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
    configuration = policy.lambda_fault_configuration
    for fault_type in types:
        family = [fault for fault in registry.faults() if fault.type is fault_type]
        statements = [
            statement
            for makes, documents in _makers(family).items()
            for statement in makes(Scope(stack.partition, stack.region, stack.account, {opt_in_tag: environment}, documents, configuration))
        ]
        if statements:
            ManagedPolicy(
                role,
                pascal(fault_type.value),
                description=f"{fault_type.value.replace('_', ' ').capitalize()} on {opt_in_tag}={environment}",
                statements=statements,
                roles=[role],
            )
    return role


def _makers(family: Sequence[Fault]) -> dict[Statements, list[str]]:
    """What makes the statements of a family's actions, once each, with the documents of the faults that need it."""
    found: dict[Statements, dict[str, None]] = {}
    for fault in family:
        for action in fault.fis_actions:
            if action not in ACTION_STATEMENTS:
                raise ValueError(f"{fault.type.value} uses {action}, and infra/fis_roles.py does not say what FIS needs for it")
            found.setdefault(ACTION_STATEMENTS[action], {}).update(dict.fromkeys(fault.ssm_documents))
    return {makes: list(documents) for makes, documents in found.items()}
