"""The sample's own rollback: an Automation document that puts the group's capacity back, and the role it acts as.

local/environments/staging.yaml lists it for experiments to name; local/experiments/rollback-demo.yaml does.
"""

import json
from typing import Any

from botocore.exceptions import ClientError

GROUP = "sample-web"
DOCUMENT, ROLE = "Sample-RestoreCapacity", "sample-rollback"
CONTENT: dict[str, Any] = {
    "schemaVersion": "0.3",
    "description": "Put the capacity of the sample's Auto Scaling group back, and wait until the group says so",
    "assumeRole": "{{ AutomationAssumeRole }}",
    "parameters": {
        "AutomationAssumeRole": {"type": "AWS::IAM::Role::Arn"},
        "Capacity": {"type": "Integer", "allowedPattern": "[1-9]"},
    },
    "mainSteps": [
        {
            "name": "restore",
            "action": "aws:executeAwsApi",
            "inputs": {
                "Service": "autoscaling",
                "Api": "SetDesiredCapacity",
                "AutoScalingGroupName": GROUP,
                "DesiredCapacity": "{{ Capacity }}",
            },
        },
        {
            "name": "confirm",
            "action": "aws:waitForAwsResourceProperty",
            "timeoutSeconds": 20,
            "inputs": {
                "Service": "autoscaling",
                "Api": "DescribeAutoScalingGroups",
                "AutoScalingGroupNames": [GROUP],
                "PropertySelector": "$.AutoScalingGroups[0].DesiredCapacity",
                "DesiredValues": ["{{ Capacity }}"],
            },
        },
    ],
}
_TRUST = {"Effect": "Allow", "Principal": {"Service": "ssm.amazonaws.com"}, "Action": "sts:AssumeRole"}
_GRANTS = [
    {
        "Effect": "Allow",
        "Action": "autoscaling:SetDesiredCapacity",
        "Resource": f"arn:aws:autoscaling:*:*:autoScalingGroup:*:autoScalingGroupName/{GROUP}",
    },
    {"Effect": "Allow", "Action": "autoscaling:DescribeAutoScalingGroups", "Resource": "*"},
]


def ensure(ssm: Any, iam: Any) -> None:
    """Make role and document, where they are missing."""
    try:
        iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=_policy(_TRUST))
    except ClientError as error:
        if error.response["Error"]["Code"] != "EntityAlreadyExists":
            raise
    iam.put_role_policy(RoleName=ROLE, PolicyName="restore", PolicyDocument=_policy(*_GRANTS))
    try:
        ssm.create_document(Name=DOCUMENT, Content=json.dumps(CONTENT), DocumentType="Automation", DocumentFormat="JSON")
    except ClientError as error:
        if error.response["Error"]["Code"] != "DocumentAlreadyExists":
            raise


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
