"""The resources of a stack, as CloudFormation lists them."""

from typing import Any


def list_resources(cloudformation: Any, stack: str, resource_type: str) -> list[tuple[str, str]]:
    """Logical and physical ids of the stack's resources of a type."""
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    resources = (resource for page in pages for resource in page["StackResourceSummaries"])
    return [
        (resource["LogicalResourceId"], resource["PhysicalResourceId"])
        for resource in resources
        if resource["ResourceType"] == resource_type
    ]
