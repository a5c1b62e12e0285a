"""EBS volumes as candidates, with the instances they are attached to. Read only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squall.adapters.aws import list_items, split_chunks
from squall.adapters.inventory.inventories import Found, identified
from squall.domain.resources.volumes import Attachment, Volume

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from squall.domain.resources.types import OtherResource

_TYPES_PER_CALL = 100
_NITRO = "nitro"


class EbsVolumes:
    def __init__(self, client: Any) -> None:
        self._client = client

    def find(self, names: Sequence[str], tags: Mapping[str, str], filters: Mapping[str, Sequence[str]]) -> Found:
        """By listing, filtered by tags where nothing is named: one that is gone must not hide the others."""
        asked = {name: list(values) for name, values in filters.items()}
        if names:
            asked["volume-id"] = sorted({name.rpartition("/")[2] for name in names})
        elif tags:
            asked |= {f"tag:{key}": [value] for key, value in tags.items()}
        else:
            return Found(())
        entries = list(
            list_items(self._client, "describe_volumes", "Volumes", Filters=[{"Name": n, "Values": v} for n, v in asked.items()])
        )
        instances = self._instances({to["InstanceId"] for entry in entries for to in _to_instances(entry)})
        nitro = self._nitro({one["InstanceType"] for one in instances.values()})
        found = identified(names, tags, [self._volume(entry, instances, nitro) for entry in entries])
        inside = {to.instance for one in found.resources if isinstance(one, Volume) for to in one.attachments}
        vpcs = {name: instances[name].get("VpcId", "") for name in sorted(inside) if name in instances}
        return Found(found.resources, found.missing, instances=tuple(vpcs), registered=vpcs)

    def again(self, resources: Sequence[OtherResource]) -> Found:
        return self.find([one.arn for one in resources], {}, {})

    def _instances(self, ids: set[str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for some in split_chunks(sorted(ids), _TYPES_PER_CALL):
            filters = [{"Name": "instance-id", "Values": some}]
            for reservation in list_items(self._client, "describe_instances", "Reservations", Filters=filters):
                found |= {one["InstanceId"]: {**one, "OwnerId": reservation["OwnerId"]} for one in reservation["Instances"]}
        return found

    def _nitro(self, types: set[str]) -> set[str]:
        """Bare metal instances have no hypervisor, and are Nitro, too, unless they are of before it (i3.metal is)."""
        found = set()
        for some in split_chunks(sorted(types), _TYPES_PER_CALL):
            for entry in list_items(self._client, "describe_instance_types", "InstanceTypes", InstanceTypes=some):
                if entry.get("Hypervisor") == _NITRO or entry.get("BareMetal"):
                    found.add(entry["InstanceType"])
        return found

    def _volume(self, entry: Mapping[str, Any], instances: Mapping[str, Any], nitro: set[str]) -> Volume:
        """An older SDK tells no owner of a volume: it is its instances', since nobody attaches another account's."""
        meta = self._client.meta
        attachments = sorted(_to_instances(entry), key=lambda to: str(to["InstanceId"]))
        owner = entry.get("OwnerId") or next(
            (instances[to["InstanceId"]]["OwnerId"] for to in attachments if to["InstanceId"] in instances), ""
        )
        return Volume(
            id=entry["VolumeId"],
            arn=f"arn:{meta.partition}:ec2:{meta.region_name}:{owner}:volume/{entry['VolumeId']}",
            state=entry["State"],
            zone=entry.get("AvailabilityZone", ""),
            tags={tag["Key"]: tag["Value"] for tag in entry.get("Tags", [])},
            attachments=tuple(_attachment(to, instances.get(to["InstanceId"], {}), nitro) for to in attachments),
            outpost=bool(entry.get("OutpostArn")),
        )


def _to_instances(entry: Mapping[str, Any]) -> list[Any]:
    """A volume may be attached to what AWS runs for somebody, which has no instance id."""
    return [to for to in entry.get("Attachments", ()) if to.get("InstanceId")]


def _attachment(to: Mapping[str, Any], instance: Mapping[str, Any], nitro: set[str]) -> Attachment:
    kind = instance.get("InstanceType", "")
    return Attachment(
        instance=to["InstanceId"],
        state=to.get("State", "unknown"),
        instance_type=kind,
        nitro=kind in nitro,
        root=to.get("Device") is not None and to.get("Device") == instance.get("RootDeviceName"),
        deleted_with=bool(to.get("DeleteOnTermination")),
    )
