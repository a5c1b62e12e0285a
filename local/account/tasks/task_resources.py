"""The resources on which IAM checks calls about ECS tasks and their managed instances, where ministack would take
others.

From the service authorization reference: DescribeTasks and StopTask are checked on the tasks, DescribeServices and
UpdateService on the services, DescribeClusters and ListContainerInstances on the clusters, DescribeContainerInstances and
UpdateContainerInstancesState on the container instances, ListTasks, ListClusters and DescribeTaskDefinition on no
resource. If a call names several resources, the first is returned.
"""

import json
from typing import Any

SERVICES = ("ecs", "ssm")
_ON_NOTHING = ("DescribeTaskDefinition", "ListClusters", "ListTasks", "RegisterTaskDefinition")
_NODE_CALLS = ("AddTagsToResource", "ListTagsForResource", "RemoveTagsFromResource")


def find_resource(service: str, headers: dict[str, str], body: bytes, region: str, account: str) -> str | None:
    """The ARN or `*`; None if ministack knows the resource."""
    action, data = headers.get("x-amz-target", "").rpartition(".")[2], _parse_body(body)
    if service == "ssm":
        of_node = action in _NODE_CALLS and data.get("ResourceType") == "ManagedInstance"
        return f"arn:aws:ssm:{region}:{account}:managed-instance/{data.get('ResourceId')}" if of_node else None
    if action in _ON_NOTHING:
        return "*"
    cluster = str(data.get("cluster", "default")).rpartition("/")[2]
    named = {
        "DescribeTasks": ("task", data.get("tasks")),
        "StopTask": ("task", [data.get("task")]),
        "DescribeServices": ("service", data.get("services")),
        "UpdateService": ("service", [data.get("service")]),
        "DescribeClusters": ("cluster", data.get("clusters")),
        "ListContainerInstances": ("cluster", [data.get("cluster", "default")]),
        "DescribeContainerInstances": ("container-instance", data.get("containerInstances")),
        "UpdateContainerInstancesState": ("container-instance", data.get("containerInstances")),
    }
    if action not in named:
        return None
    kind, names = named[action]
    first = str((names or [""])[0])
    name = first if kind == "cluster" else f"{cluster}/{first}"
    return first if first.startswith("arn:") else f"arn:aws:ecs:{region}:{account}:{kind}/{name}"


def _parse_body(body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body or b"{}")
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}
