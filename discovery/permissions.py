"""The permissions that a scan needs. All of them only read."""

import re
from typing import Any

_PREFIXES = {"elbv2": "elasticloadbalancing", "resourcegroupstaggingapi": "tag"}
"""The prefix of IAM actions, for services that have another name in boto3."""

ACTIONS: dict[str, tuple[str, ...]] = {
    "Auto Scaling groups": ("autoscaling:DescribeAutoScalingGroups", "ec2:DescribeLaunchTemplateVersions"),
    "instances": ("ec2:DescribeInstances", "ssm:DescribeInstanceInformation"),
    "ECS services": (
        "ecs:DescribeServices", "ecs:DescribeTaskDefinition", "ecs:DescribeTasks", "ecs:ListClusters", "ecs:ListServices", "ecs:ListTasks",
    ),
    "EKS workloads": ("eks:DescribeCluster", "eks:ListClusters"),
    "Lambda functions": (
        "lambda:ListEventSourceMappings", "lambda:ListFunctionEventInvokeConfigs", "lambda:ListFunctions", "tag:GetResources",
    ),
    "databases": ("rds:DescribeDBClusters", "rds:DescribeDBInstances"),
    "caches": ("elasticache:DescribeCacheClusters", "elasticache:DescribeReplicationGroups"),
    "tables": ("dynamodb:DescribeContinuousBackups", "dynamodb:DescribeTable", "dynamodb:ListTables"),
    "network": ("ec2:DescribeSecurityGroups", "ec2:DescribeSubnets"),
    "load balancers": (
        "elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeLoadBalancers", "elasticloadbalancing:DescribeRules",
        "elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetHealth",
    ),
    "alarms": ("cloudwatch:DescribeAlarms",),
    "SLOs": ("application-signals:GetServiceLevelObjective", "application-signals:ListServiceLevelObjectives"),
    "resiliency policies": (
        "resiliencehub:DescribeApp", "resiliencehub:ListAppVersionResources", "resiliencehub:ListApps",
        "resiliencehub:ListResiliencyPolicies",
    ),
    "present levels": ("cloudwatch:GetMetricData", "cloudwatch:ListMetrics"),
}  # fmt: skip
"""The IAM actions of a scan, by what they find. Reading Kubernetes also takes an access entry with
AmazonEKSViewPolicy."""


def make_policy() -> dict[str, Any]:
    """The IAM policy for people who run `squall discover`. Its resource is `*`: most of these actions support no other."""
    actions = sorted(action for needed in ACTIONS.values() for action in needed)
    return {"Version": "2012-10-17", "Statement": [{"Sid": "SquallDiscover", "Effect": "Allow", "Action": actions, "Resource": "*"}]}


def name_action(service: str, method: str) -> str:
    """The IAM action of a call, for example `rds:DescribeDBInstances`. `method`: boto3's name or the API's name."""
    if service == "kubernetes":
        return f"kubernetes: {method}"
    name = method if re.match(r"[A-Z]", method) else "".join(part.capitalize() for part in method.split("_"))
    wanted = f"{_PREFIXES.get(service, service)}:{name}"
    return next((action for needed in ACTIONS.values() for action in needed if action.casefold() == wanted.casefold()), wanted)
