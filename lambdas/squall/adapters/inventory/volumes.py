"""EBS volumes as candidates, with the instances that they are attached to. Only reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squall.adapters.aws import list_items, split_chunks
from squall.adapters.inventory.inventories import Found, select_named
from squall.domain.resources.volumes import Attachment, Volume

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from squall.domain.resources.types import OtherResource

_TYPES_PER_CALL = 100
_NITRO = "nitro"


class EbsVolumes:
    """Finds volumes by id, ARN, tags or filters."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def find(self, names: Sequence[str], tags: Mapping[str, str], filters: Mapping[str, Sequence[str]]) -> Found:
        """Asks by filter instead of by id: one that is gone must not hide the others."""
        wanted = {name: list(values) for name, values in filters.items()}
        if names:
            wanted["volume-id"] = sorted({name.rpartition("/")[2] for name in names})
        elif tags:
            wanted |= {f"tag:{key}": [value] for key, value in tags.items()}
        else:
            return Found(())
        entries = list(
            list_items(self._client, "describe_volumes", "Volumes", Filters=[{"Name": n, "Values": v} for n, v in wanted.items()])
        )
        instances = self._describe_instances({to["InstanceId"] for entry in entries for to in _list_attachments(entry)})
        nitro = self._find_nitro({instance["InstanceType"] for instance in instances.values()})
        volumes = select_named(names, tags, [self._read_volume(entry, instances, nitro) for entry in entries])
        attached = {name for volume in volumes.resources for name in volume.contains}
        vpcs = {name: instances[name].get("VpcId", "") for name in sorted(attached) if name in instances}
        return Found(volumes.resources, volumes.missing, instances=tuple(vpcs), registered=vpcs)

    def refresh(self, resources: Sequence[OtherResource]) -> Found:
        return self.find([resource.arn for resource in resources], {}, {})

    def _describe_instances(self, ids: set[str]) -> dict[str, Any]:
        described: dict[str, Any] = {}
        for chunk in split_chunks(sorted(ids), _TYPES_PER_CALL):
            filters = [{"Name": "instance-id", "Values": chunk}]
            for reservation in list_items(self._client, "describe_instances", "Reservations", Filters=filters):
                owner = {"OwnerId": reservation["OwnerId"]}
                described |= {instance["InstanceId"]: {**instance, **owner} for instance in reservation["Instances"]}
        return described

    def _find_nitro(self, types: set[str]) -> set[str]:
        """The types among these that are built on the Nitro System. Bare metal types have no hypervisor, and count as
        Nitro."""
        nitro = set()
        for chunk in split_chunks(sorted(types), _TYPES_PER_CALL):
            for entry in list_items(self._client, "describe_instance_types", "InstanceTypes", InstanceTypes=chunk):
                if entry.get("Hypervisor") == _NITRO or entry.get("BareMetal"):
                    nitro.add(entry["InstanceType"])
        return nitro

    def _read_volume(self, entry: Mapping[str, Any], instances: Mapping[str, Any], nitro: set[str]) -> Volume:
        """The volume. If the SDK returns no owner, the owner is that of its instances, because a volume can't be
        attached in another account."""
        meta = self._client.meta
        attachments = sorted(_list_attachments(entry), key=lambda to: str(to["InstanceId"]))
        owner = entry.get("OwnerId") or next(
            (instances[to["InstanceId"]]["OwnerId"] for to in attachments if to["InstanceId"] in instances), ""
        )
        return Volume(
            id=entry["VolumeId"],
            arn=f"arn:{meta.partition}:ec2:{meta.region_name}:{owner}:volume/{entry['VolumeId']}",
            state=entry["State"],
            zone=entry.get("AvailabilityZone", ""),
            tags={tag["Key"]: tag["Value"] for tag in entry.get("Tags", [])},
            attachments=tuple(_read_attachment(to, instances.get(to["InstanceId"], {}), nitro) for to in attachments),
            outpost=bool(entry.get("OutpostArn")),
        )


def _list_attachments(entry: Mapping[str, Any]) -> list[Any]:
    """The attachments to instances. A volume may also be attached to a managed resource of AWS, which has no instance
    id."""
    return [to for to in entry.get("Attachments", ()) if to.get("InstanceId")]


def _read_attachment(to: Mapping[str, Any], instance: Mapping[str, Any], nitro: set[str]) -> Attachment:
    kind = instance.get("InstanceType", "")
    return Attachment(
        instance=to["InstanceId"],
        state=to.get("State", "unknown"),
        instance_type=kind,
        nitro=kind in nitro,
        root=to.get("Device") is not None and to.get("Device") == instance.get("RootDeviceName"),
        deleted_with=bool(to.get("DeleteOnTermination")),
    )
