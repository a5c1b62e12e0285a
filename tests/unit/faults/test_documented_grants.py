"""What AWS documents that FIS's role needs for each action is what the faults declare: AWS FIS actions reference."""

import pytest

from squall.faults import registry
from squall.faults.base import AnyFault

COMMANDS = {"ssm:SendCommand", "ssm:ListCommands", "ssm:CancelCommand"}
TASKS = {"ecs:DescribeTasks", *COMMANDS}
PODS = {"eks:DescribeCluster", "ec2:DescribeSubnets", "tag:GetResources"}
FUNCTIONS = {"s3:PutObject", "s3:DeleteObject", "lambda:GetFunction", "tag:GetResources"}
DOCUMENTED: dict[str, set[str]] = {
    "aws:fis:wait": set(),
    "aws:ebs:pause-volume-io": {"ec2:DescribeVolumes", "ec2:PauseVolumeIO", "tag:GetResources"},
    "aws:ec2:asg-insufficient-instance-capacity-error": {"ec2:InjectApiError", "autoscaling:DescribeAutoScalingGroups"},
    "aws:ec2:terminate-instances": {"ec2:TerminateInstances", "ec2:DescribeInstances"},
    "aws:ec2:stop-instances": {"ec2:StopInstances", "ec2:StartInstances", "ec2:DescribeInstances", "kms:CreateGrant"},
    "aws:ecs:stop-task": {"ecs:DescribeTasks", "ecs:ListTasks", "ecs:StopTask", "tag:GetResources"},
    "aws:ecs:task-": TASKS,
    "aws:eks:pod-": PODS,
    "aws:lambda:invocation-": FUNCTIONS,
    "aws:network:disrupt-connectivity": {
        "ec2:CreateNetworkAcl", "ec2:CreateNetworkAclEntry", "ec2:CreateTags", "ec2:DeleteNetworkAcl", "ec2:DescribeManagedPrefixLists",
        "ec2:DescribeNetworkAcls", "ec2:DescribeSubnets", "ec2:DescribeVpcs", "ec2:GetManagedPrefixListEntries",
        "ec2:ReplaceNetworkAclAssociation",
    },
    "aws:rds:failover-db-cluster": {"rds:FailoverDBCluster", "rds:DescribeDBClusters", "tag:GetResources"},
    "aws:rds:reboot-db-instances": {"rds:RebootDBInstance", "rds:DescribeDBInstances", "tag:GetResources"},
    "aws:ssm:send-command": COMMANDS,
}  # fmt: skip
"""Action, or the beginning of several that need the same, to permissions."""


@pytest.mark.parametrize("fault", registry.list_faults(), ids=lambda fault: f"{fault.type.value} on {fault.resource_type.value}")
def test_a_fault_declares_what_aws_documents_for_its_actions(fault: AnyFault) -> None:
    granted = {action for grant in fault.grants() for action in grant.actions}
    for action in fault.fis_actions:
        (needed,) = (permissions for name, permissions in DOCUMENTED.items() if action.startswith(name))
        assert needed <= granted, action
