"""The sample's own Automation documents and their roles: one document takes capacity away from the group, the other
restores it.

local/environments/staging.yaml lists them for experiments to name, as custom action and as rollback;
local/experiments/scale-in.yaml and rollback-demo.yaml name them.
"""

import json
from typing import Any

from botocore.exceptions import ClientError

GROUP = "sample-web"
DOCUMENTS = {"Sample-RestoreCapacity": "sample-rollback", "Sample-ScaleIn": "sample-scale-in"}
"""The documents, each with its role."""
_ROLE: dict[str, Any] = {"AutomationAssumeRole": {"type": "AWS::IAM::Role::Arn"}}
_CAPACITY: dict[str, Any] = {"Capacity": {"type": "Integer", "allowedPattern": "[1-9]"}}


def _make_content(description: str, group: str, **parameters: Any) -> dict[str, Any]:
    """A document that sets the group's capacity and waits until the group reports it."""
    return {
        "schemaVersion": "0.3",
        "description": description,
        "assumeRole": "{{ AutomationAssumeRole }}",
        "parameters": {**_ROLE, **_CAPACITY, **parameters},
        "mainSteps": [
            {
                "name": "set",
                "action": "aws:executeAwsApi",
                "inputs": {
                    "Service": "autoscaling",
                    "Api": "SetDesiredCapacity",
                    "AutoScalingGroupName": group,
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
                    "AutoScalingGroupNames": [group],
                    "PropertySelector": "$.AutoScalingGroups[0].DesiredCapacity",
                    "DesiredValues": ["{{ Capacity }}"],
                },
            },
        ],
    }


CONTENTS = {
    "Sample-RestoreCapacity": _make_content("Put the capacity of the sample's Auto Scaling group back", GROUP),
    "Sample-ScaleIn": _make_content("Take capacity of an Auto Scaling group away", "{{ Group }}", Group={"type": "String"}),
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


def ensure_documents(ssm: Any, iam: Any) -> None:
    """Create missing roles and documents."""
    for document, role in DOCUMENTS.items():
        _ensure_document(ssm, iam, document, role)


def _ensure_document(ssm: Any, iam: Any, document: str, role: str) -> None:
    try:
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=_make_policy(_TRUST))
    except ClientError as error:
        if error.response["Error"]["Code"] != "EntityAlreadyExists":
            raise
    iam.put_role_policy(RoleName=role, PolicyName="capacity", PolicyDocument=_make_policy(*_GRANTS))
    try:
        ssm.create_document(Name=document, Content=json.dumps(CONTENTS[document]), DocumentType="Automation", DocumentFormat="JSON")
    except ClientError as error:
        if error.response["Error"]["Code"] != "DocumentAlreadyExists":
            raise


def _make_policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
