"""Managed node groups of EKS clusters as candidates, with the instances of their Auto Scaling groups. Only reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call, list_items
from squall.adapters.inventory.inventories import Found
from squall.domain.base.vocabulary import ResourceType
from squall.domain.resources.host_groups import Host, Nodegroup
from squall.domain.resources.types import type_named

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from squall.domain.resources.types import OtherResource

_TAGGED_AS = "eks:nodegroup"
_ABSENT = frozenset({"ResourceNotFoundException"})


class Nodegroups:
    """Finds node groups by ARN, or by tags."""

    def __init__(self, eks: Any, autoscaling: Any, tagging: Any) -> None:
        self._eks, self._autoscaling, self._tagging = eks, autoscaling, tagging

    def find(self, names: Sequence[str], tags: Mapping[str, str], _filters: Mapping[str, Sequence[str]], /) -> Found:
        arns = list(dict.fromkeys(names)) if names else self._find_tagged(tags) if tags else []
        known = {arn: nodegroup for arn in arns if (nodegroup := self._read(arn)) is not None}
        matching = tuple(nodegroup for nodegroup in known.values() if tags.items() <= nodegroup.tags.items())
        instances = tuple(sorted(name for nodegroup in matching for name in nodegroup.contains))
        return Found(matching, tuple(arn for arn in arns if names and arn not in known), instances=instances)

    def refresh(self, resources: Sequence[OtherResource]) -> Found:
        """The same node groups, and what became of the nodes that they had."""
        found = self.find([resource.arn for resource in resources], {}, {})
        before = {name for resource in resources if isinstance(resource, Nodegroup) for name in resource.contains}
        return Found(found.resources, found.missing, instances=tuple(sorted({*found.instances, *before})))

    def _find_tagged(self, tags: Mapping[str, str]) -> list[str]:
        filters = [{"Key": key, "Values": [value]} for key, value in tags.items()]
        wanted = {"TagFilters": filters, "ResourceTypeFilters": [_TAGGED_AS]}
        return sorted(entry["ResourceARN"] for entry in list_items(self._tagging, "get_resources", "ResourceTagMappingList", **wanted))

    def _read(self, arn: str) -> Nodegroup | None:
        """The node group; None if there is none with this ARN here."""
        if type_named(arn) is not ResourceType.NODEGROUP or arn.split(":")[3] != str(self._eks.meta.region_name):
            return None
        _, cluster, name, _ = arn.split("/")
        answer = call(self._eks, "describe_nodegroup", absent=_ABSENT, clusterName=cluster, nodegroupName=name)
        if answer is None or answer["nodegroup"]["nodegroupArn"] != arn:
            return None
        entry = answer["nodegroup"]
        groups = tuple(sorted(group["name"] for group in (entry.get("resources") or {}).get("autoScalingGroups") or ()))
        hosts = self._list_hosts(groups)
        zones = {host.zone for host in hosts}
        return Nodegroup(
            id=f"{cluster}/{name}",
            arn=arn,
            state=entry["status"],
            zone=next(iter(zones)) if len(zones) == 1 else "",
            tags=entry.get("tags") or {},
            groups=groups,
            hosts=hosts,
        )

    def _list_hosts(self, groups: Sequence[str]) -> tuple[Host, ...]:
        if not groups:
            return ()
        wanted = {"AutoScalingGroupNames": list(groups)}
        described = list_items(self._autoscaling, "describe_auto_scaling_groups", "AutoScalingGroups", **wanted)
        members = [member for group in described for member in group["Instances"]]
        hosts = [Host(id=entry["InstanceId"], zone=entry["AvailabilityZone"], state=entry["LifecycleState"]) for entry in members]
        return tuple(sorted(hosts, key=lambda host: host.id))
