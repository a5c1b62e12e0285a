"""A member's stack for all accounts of organizational units: a template with a StackSet of CloudFormation."""

from typing import Any

from infra.settings import Settings

FILE = "stackset.json"


def find_obstacle(settings: Settings) -> str:
    """Why the stack of these settings can't be in a StackSet; empty if it can."""
    if settings.fleet_home_account is None:
        return "it is no member of a fleet (fleet_home_account)"
    if settings.account is not None:
        return f"it is for the account {settings.account} alone (account)"
    return ""


def fits_stackset(settings: Settings) -> bool:
    """Whether a StackSet may make the stack of these settings: one is written beside the template."""
    return settings.assets_bucket is not None and not find_obstacle(settings)


def make_stackset(settings: Settings, template_key: str) -> dict[str, Any]:
    """The template. It is deployed in the Region of `assets_bucket`, because Lambda takes code only from its own Region,
    and has CloudFormation deploy the member's template there: one account after the other, until one fails.

    An account that leaves the organizational units keeps its stack: deleting it could end the functions that stop a fault.
    """
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Squall: the stack {settings.stack_name} in the accounts of organizational units",
        "Parameters": {
            "OrganizationalUnitIds": {
                "Type": "CommaDelimitedList",
                "Description": "The organizational units whose accounts get the stack, now and when they join: ou-..., or the root r-...",
            },
            "CallAs": {
                "Type": "String",
                "Default": "SELF",
                "AllowedValues": ["SELF", "DELEGATED_ADMIN"],
                "Description": "DELEGATED_ADMIN in an account that the organization has registered for StackSets",
            },
        },
        "Resources": {
            "Members": {
                "Type": "AWS::CloudFormation::StackSet",
                "Properties": {
                    "StackSetName": settings.stack_name,
                    "Description": "Squall: serverless chaos engineering for AWS",
                    "TemplateURL": {"Fn::Sub": f"https://{settings.assets_bucket}.s3.${{AWS::Region}}.${{AWS::URLSuffix}}/{template_key}"},
                    "PermissionModel": "SERVICE_MANAGED",
                    "CallAs": {"Ref": "CallAs"},
                    "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
                    "AutoDeployment": {"Enabled": True, "RetainStacksOnAccountRemoval": True},
                    "ManagedExecution": {"Active": True},
                    "OperationPreferences": {"FailureToleranceCount": 0, "MaxConcurrentCount": 1},
                    "StackInstancesGroup": [
                        {
                            "DeploymentTargets": {"OrganizationalUnitIds": {"Ref": "OrganizationalUnitIds"}},
                            "Regions": [{"Ref": "AWS::Region"}],
                        }
                    ],
                },
            }
        },
    }
