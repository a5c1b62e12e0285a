"""What FIS needs for each of its actions: statements that allow it only on what has opted in to one environment."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from aws_cdk.aws_iam import PolicyStatement

from squall.faults.base import WAIT


@dataclass(frozen=True)
class Scope:
    """What the statements of one environment are limited to."""

    partition: str
    region: str
    account: str
    opt_in: Mapping[str, str]
    """The opt-in tag and the environment's name as its value."""
    documents: Sequence[str]
    """The Systems Manager documents that the fault sends."""
    configuration: str | None = None
    """The S3 folder for faults of functions, as an ARN that ends in a slash; None where the policy names none."""

    @property
    def opted_in(self) -> dict[str, dict[str, str]]:
        """The condition that a resource carries the opt-in tag of this environment."""
        return {"StringEquals": {f"aws:ResourceTag/{key}": value for key, value in self.opt_in.items()}}

    @property
    def instances(self) -> str:
        return self.arn("ec2", "instance/*")

    @property
    def document_arns(self) -> list[str]:
        """The ARNs of the documents. AWS owns them all, so they have no account."""
        return [f"arn:{self.partition}:ssm:{self.region}::document/{name}" for name in self.documents]

    def arn(self, service: str, resource: str) -> str:
        """The ARN of resources in this account and Region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"


StatementFactory = Callable[[Scope], list[PolicyStatement]]


def _terminate_instances(scope: Scope) -> list[PolicyStatement]:
    return [
        PolicyStatement(actions=["ec2:TerminateInstances"], resources=[scope.instances], conditions=scope.opted_in),
        PolicyStatement(actions=["ec2:DescribeInstances"], resources=["*"]),
    ]


def _send_command(scope: Scope) -> list[PolicyStatement]:
    # AWS's documents carry no tags: a single statement with the tag condition for both resources would never match.
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
    # RDS also authorizes on the instance when a failover names one. FIS lets RDS choose, so the cluster is enough.
    clusters = [scope.arn("rds", "cluster:*")]
    return [
        PolicyStatement(actions=["rds:FailoverDBCluster"], resources=clusters, conditions=scope.opted_in),
        PolicyStatement(actions=["rds:DescribeDBClusters"], resources=clusters),
    ]


def _disrupt_connectivity(scope: Scope) -> list[PolicyStatement]:
    # FIS clones the subnet's network ACL, and the clone carries no tag of ours: creating, filling and deleting it is limited by FIS's
    # own tag. Only the subnet, and with it the traffic that is denied, is limited by the environment's tag.
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
    # IAM authorizes on the managed instance that a task is registered as, not on the task: that instance has to carry the tag, too.
    return [
        PolicyStatement(actions=["ssm:SendCommand"], resources=[scope.arn("ssm", "managed-instance/*")], conditions=scope.opted_in),
        PolicyStatement(actions=["ssm:SendCommand"], resources=scope.document_arns),
        PolicyStatement(actions=["ecs:DescribeTasks"], resources=[scope.arn("ecs", "task/*/*")]),
        PolicyStatement(actions=["ecs:DescribeContainerInstances"], resources=[scope.arn("ecs", "container-instance/*/*")]),
        PolicyStatement(actions=["ec2:DescribeInstances", "ec2:DescribeSubnets", "ssm:ListCommands", "ssm:CancelCommand"], resources=["*"]),
    ]


def _disturb_invocations(scope: Scope) -> list[PolicyStatement]:
    # FIS reads from the function's configuration where its extension looks for faults, and may do so only of functions that opted in.
    # It writes to one folder only.
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
    # InjectApiError authorizes on no resource. Its condition keys are the FIS action and the target ARNs; there is none for tags.
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
    # Kubernetes protects the pods, by the service account. IAM only decides whether FIS may look up the cluster's endpoint.
    return [
        PolicyStatement(actions=["eks:DescribeCluster"], resources=[scope.arn("eks", "cluster/*")], conditions=scope.opted_in),
        PolicyStatement(actions=["ec2:DescribeSubnets", "tag:GetResources"], resources=["*"]),
    ]


def _no_statements(_: Scope) -> list[PolicyStatement]:
    return []


ACTION_STATEMENTS: Mapping[str, StatementFactory] = {
    WAIT: _no_statements,
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
"""FIS action to what its role needs for it. A fault that uses only these actions needs no change to the stack."""
