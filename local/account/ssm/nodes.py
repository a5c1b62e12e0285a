"""Systems Manager's managed nodes: every running instance, and the agents in the sample's tasks, which register as
``mi-…``.

An agent in a task registers itself with its own tags, ``ECS_TASK_ARN`` among them, and deregisters when the task is
stopped: from then on Systems Manager does not know the node.
"""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

import time
from typing import Any

from ministack.core.responses import json_response
from ministack.services import ec2, ssm

Data = dict[str, Any]

_registered: dict[str, Data] = {}
"""The agents' registrations by owner: `id`, `address`, `since`."""


def register_agent(owner: str, node: str | None, address: str, tags: dict[str, str]) -> None:
    """Register the agent of `owner` (a task's id) under this node id; None deregisters it."""
    known = _registered.get(owner)
    if known is not None and known["id"] != node:
        del _registered[owner]
        ssm._tags.pop(known["id"], None)
    if node is not None and owner not in _registered:
        _registered[owner] = {"id": node, "address": address, "since": time.time()}
        ssm._tags[node] = dict(tags)


def find_node(owner: str) -> str | None:
    """The node id of the agent of `owner`."""
    node = _registered.get(owner)
    return str(node["id"]) if node else None


def tags_of(node: str) -> dict[str, str]:
    """The tags of a node that is not an instance."""
    return dict(ssm._tags.get(node) or {})


def list_managed() -> set[str]:
    """The nodes that can be sent a command now. Every running instance has an agent, as the workload's processes are
    the instances."""
    running = {i for i, instance in ec2._instances.items() if instance.get("State", {}).get("Name") == "running"}
    return running | {node["id"] for node in _registered.values()}


def describe_instance_information(data: Data) -> Any:
    """Every node is online; ten a page by default, as on AWS. Filters: InstanceIds, PingStatus, PlatformTypes,
    ResourceType, tag:…"""
    others = {node["id"]: node for node in _registered.values()}
    shown = [_describe_node(identifier, others.get(identifier)) for identifier in sorted(list_managed())]
    for condition in [*(data.get("Filters") or []), *(data.get("InstanceInformationFilterList") or [])]:
        key, values = condition.get("Key", condition.get("key")), condition.get("Values", condition.get("valueSet"))
        shown = [node for node in shown if _read_value(node, str(key)) in values]
    return paginate_items("InstanceInformationList", shown, data, 10)


_FIELDS = {"InstanceIds": "InstanceId", "PingStatus": "PingStatus", "PlatformTypes": "PlatformType", "ResourceType": "ResourceType"}


def _read_value(node: Data, key: str) -> str | None:
    """The value of a node that a filter compares; None if a node has no such value."""
    if key.startswith("tag:"):
        name = node["InstanceId"]
        tags = tags_of(name) if name.startswith("mi-") else {tag["Key"]: tag["Value"] for tag in ec2._tags.get(name) or []}
        return tags.get(key.removeprefix("tag:"))
    return str(node[_FIELDS[key]]) if key in _FIELDS else None


def _describe_node(identifier: str, other: Data | None) -> Data:
    instance = ec2._instances.get(identifier) or {}
    shown = {
        "InstanceId": identifier, "PingStatus": "Online", "LastPingDateTime": time.time(),
        "AgentVersion": "3.3.0.0", "IsLatestVersion": True, "PlatformType": "Linux",
        "PlatformName": "Amazon Linux", "PlatformVersion": "2023",
    }  # fmt: skip
    if other is not None:
        return {**shown, "ResourceType": "ManagedInstance", "IPAddress": other["address"], "RegistrationDate": other["since"]}
    address, name = instance.get("PrivateIpAddress", ""), instance.get("PrivateDnsName", "")
    return {**shown, "ResourceType": "EC2Instance", "IPAddress": address, "ComputerName": name}


def paginate_items(name: str, items: list[Data], data: Data, default: int = 50) -> Any:
    """One page of an answer, with a token for the next."""
    start, size = int(data.get("NextToken") or 0), int(data.get("MaxResults") or default)
    answer: Data = {name: items[start : start + size]}
    if start + size < len(items):
        answer["NextToken"] = str(start + size)
    return json_response(answer)
