"""The sample's own Automation documents and their roles: one document takes capacity away from the group, and one restores
it; one deploys to the group by an instance refresh, and one ends the refresh.

local/environments/staging.yaml lists them for experiments to name, as custom actions and as rollbacks;
local/experiments/scale-in.yaml, rollback-demo.yaml and deploy-under-fault.yaml name them.
"""

import json
from typing import Any

from botocore.exceptions import ClientError

GROUP = "sample-web"
DOCUMENTS = {
    "Sample-RestoreCapacity": "sample-rollback",
    "Sample-ScaleIn": "sample-scale-in",
    "Sample-Deploy": "sample-deploy",
    "Sample-EndDeployment": "sample-end-deployment",
}
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


def _make_refresh(description: str, first: dict[str, Any], **wait: Any) -> dict[str, Any]:
    """A document that starts or cancels the refresh of a group's instances, and waits until `wait` holds of the newest
    one."""
    newest = {"Service": "autoscaling", "Api": "DescribeInstanceRefreshes", "AutoScalingGroupName": "{{ Group }}", "MaxRecords": 1}
    return {
        "schemaVersion": "0.3",
        "description": description,
        "assumeRole": "{{ AutomationAssumeRole }}",
        "parameters": {**_ROLE, "Group": {"type": "String"}},
        "mainSteps": [
            {"action": "aws:executeAwsApi", **first},
            {
                "name": "confirm",
                "action": "aws:waitForAwsResourceProperty",
                "timeoutSeconds": 120,
                "inputs": {**newest, "PropertySelector": "$.InstanceRefreshes[0].Status", **wait},
            },
        ],
    }


_START = {
    "name": "start",
    "inputs": {
        "Service": "autoscaling",
        "Api": "StartInstanceRefresh",
        "AutoScalingGroupName": "{{ Group }}",
        "Preferences": {"MinHealthyPercentage": 100, "MaxHealthyPercentage": 150},
    },
}
_CANCEL = {
    "name": "cancel",
    "inputs": {"Service": "autoscaling", "Api": "CancelInstanceRefresh", "AutoScalingGroupName": "{{ Group }}"},
    "onFailure": "Continue",  # a refresh that has ended can't be cancelled
    "isCritical": False,
}
CONTENTS = {
    "Sample-RestoreCapacity": _make_content("Put the capacity of the sample's Auto Scaling group back", GROUP),
    "Sample-ScaleIn": _make_content("Take capacity of an Auto Scaling group away", "{{ Group }}", Group={"type": "String"}),
    "Sample-Deploy": _make_refresh("Replace every instance of an Auto Scaling group", _START, DesiredValues=["Successful"]),
    "Sample-EndDeployment": _make_refresh(
        "Cancel the instance refresh of an Auto Scaling group, if one goes on", _CANCEL, DesiredValues=["Successful", "Cancelled", "Failed"]
    ),
}
_TRUST = {"Effect": "Allow", "Principal": {"Service": "ssm.amazonaws.com"}, "Action": "sts:AssumeRole"}
_GRANTS = [
    {
        "Effect": "Allow",
        "Action": ["autoscaling:SetDesiredCapacity", "autoscaling:StartInstanceRefresh", "autoscaling:CancelInstanceRefresh"],
        "Resource": f"arn:aws:autoscaling:*:*:autoScalingGroup:*:autoScalingGroupName/{GROUP}",
    },
    {
        "Effect": "Allow",
        "Action": ["autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeInstanceRefreshes"],
        "Resource": "*",
    },
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
    iam.put_role_policy(RoleName=role, PolicyName="group", PolicyDocument=_make_policy(*_GRANTS))
    try:
        ssm.create_document(Name=document, Content=json.dumps(CONTENTS[document]), DocumentType="Automation", DocumentFormat="JSON")
    except ClientError as error:
        if error.response["Error"]["Code"] != "DocumentAlreadyExists":
            raise


def _make_policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
