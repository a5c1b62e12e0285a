"""Cuts subnets off from another Region in FIS's way, as far as EC2 shows it: a route table of FIS stands in place of the subnet's
own. Nothing in the account reaches another Region through a route, so that no traffic changes."""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

import time
from dataclasses import dataclass
from typing import Any, ClassVar

from ministack.core.responses import get_region
from ministack.services import ec2

from local.account import iam
from local.account.fis.actions.network import MANAGED, NetworkAction
from local.account.fis.errors import ExperimentError
from local.account.fis.targets import SUBNET, Resource
from local.account.profile import holder

Json = dict[str, Any]
_READS = ("ManagedPrefixLists", "NetworkInterfaces", "RouteTables", "Subnets", "VpcPeeringConnections", "Vpcs")
_BY_FIS = {MANAGED: "true"}
_MADE = {"route-table": "RouteTable", "network-interface": "NetworkInterface", "prefix-list": "ManagedPrefixList"}
_GATEWAYS = ("GatewayId", "NatGatewayId", "InstanceId", "VpcPeeringConnectionId", "TransitGatewayId")


@dataclass(frozen=True)
class Replaced:
    """A subnet whose route table was replaced, and what FIS made for that."""

    subnet: Resource
    original: str | None
    """None: the subnet used the main table of its VPC without an association."""
    table: str
    interface: str


class DisruptRoutes(NetworkAction):
    action_id = "aws:network:route-table-disrupt-cross-region-connectivity"
    description = "Block traffic that originates in the target subnets and is destined for the specified Region."
    target_key = "Subnets"
    resource_type = SUBNET
    parameters: ClassVar[dict[str, bool]] = {"duration": True, "region": True}

    def start(self) -> None:
        self.replaced: list[Replaced] = []
        self.prefix_list = ""
        if self.values["region"] == get_region():
            raise self.fail("ConfigurationFailure", f"{get_region()} is the Region of the targets")
        self._authorize_all()
        try:
            self.prefix_list = self._make(
                "prefix-list", "prefixListId", PrefixListName=f"fis-{self.values['region']}", MaxEntries=1, AddressFamily="IPv4"
            )
            for subnet in self.resources:
                self._replace(subnet)
        except ExperimentError:
            self._restore()
            raise

    def finish(self) -> None:
        self.stop()

    def stop(self) -> None:
        time.sleep(holder.current.fis_restore_seconds)
        self._restore()

    def _authorize_all(self) -> None:
        for name in _READS:
            self.authorize(f"ec2:Describe{name}", "*", {})
        tagged = iam.tag_context(_BY_FIS)
        for kind, made in _MADE.items():
            self.authorize(f"ec2:Create{made}", self.arn(kind), {}, tagged)
            self.authorize("ec2:CreateTags", self.arn(kind), {}, {**tagged, "ec2:CreateAction": f"Create{made}"})
            self.authorize(f"ec2:Delete{made}", self.arn(kind), _BY_FIS)
        self.authorize("ec2:CreateRoute", self.arn("route-table"), _BY_FIS)
        self.authorize("ec2:CreateNetworkInterface", self.arn("security-group"), {}, tagged)
        for subnet in self.resources:
            self.authorize("ec2:CreateRouteTable", self.arn("vpc", subnet.attributes["VpcId"]), {}, tagged)
            self.authorize("ec2:CreateNetworkInterface", subnet.arn, subnet.tags, tagged)
            self._authorize_replacing(subnet)

    def _authorize_replacing(self, subnet: Resource) -> None:
        for name in ("AssociateRouteTable", "ReplaceRouteTableAssociation"):
            self.authorize(f"ec2:{name}", subnet.arn, subnet.tags)
            self.authorize(f"ec2:{name}", self.arn("route-table"), {})

    def _make(self, kind: str, wanted: str, **parameters: object) -> str:
        """Make something with FIS's tag; returns its id."""
        id_ = self.call(f"Create{_MADE[kind]}", wanted, **parameters)
        self.call("CreateTags", **{"ResourceId.1": id_, "Tag.1.Key": MANAGED, "Tag.1.Value": "true"})
        return id_

    def _replace(self, subnet: Resource) -> None:
        vpc = subnet.attributes["VpcId"]
        table, association = _table_of(subnet.identifier, vpc)
        copy = self._make("route-table", "routeTableId", VpcId=vpc)
        interface = self._make("network-interface", "networkInterfaceId", SubnetId=subnet.identifier, Description="FIS")
        own = Replaced(subnet, table["RouteTableId"] if association else None, copy, interface)
        self.replaced.append(own)
        for route in table["Routes"]:
            target = next((name for name in _GATEWAYS if route.get(name)), None)
            if target and route[target] != "local":
                way: dict[str, object] = {target: route[target]}
                self.call("CreateRoute", RouteTableId=copy, DestinationCidrBlock=route["DestinationCidrBlock"], **way)
        if association:
            self.call("ReplaceRouteTableAssociation", AssociationId=association, RouteTableId=copy)
        else:
            self.call("AssociateRouteTable", SubnetId=subnet.identifier, RouteTableId=copy)

    def _restore(self) -> None:
        """Put the original back where FIS's table is still in its place, and delete what FIS made."""
        while self.replaced:
            own = self.replaced[-1]
            table, association = _table_of(own.subnet.identifier, own.subnet.attributes["VpcId"])
            if table["RouteTableId"] == own.table:
                self._authorize_replacing(own.subnet)
                if own.original:
                    self.call("ReplaceRouteTableAssociation", AssociationId=association, RouteTableId=own.original)
                else:
                    self.authorize("ec2:DisassociateRouteTable", own.subnet.arn, own.subnet.tags)
                    self.authorize("ec2:DisassociateRouteTable", self.arn("route-table", own.table), _BY_FIS)
                    self.call("DisassociateRouteTable", AssociationId=association)
            if own.table in ec2._route_tables:
                self._delete("route-table", "RouteTableId", own.table)
            if own.interface in ec2._network_interfaces:
                self._delete("network-interface", "NetworkInterfaceId", own.interface)
            self.replaced.pop()
        if self.prefix_list in ec2._prefix_lists:
            self._delete("prefix-list", "PrefixListId", self.prefix_list)

    def _delete(self, kind: str, parameter: str, identifier: str) -> None:
        self.authorize(f"ec2:Delete{_MADE[kind]}", self.arn(kind, identifier), _BY_FIS)
        self.call(f"Delete{_MADE[kind]}", **{parameter: identifier})


def _table_of(subnet: str, vpc: str) -> tuple[Json, str | None]:
    """The subnet's route table and the id of its association; None if it uses the main table of its VPC."""
    tables: list[Json] = [table for table in ec2._route_tables.values() if table["VpcId"] == vpc]
    for table in tables:
        for association in table["Associations"]:
            if association.get("SubnetId") == subnet:
                return table, association["RouteTableAssociationId"]
    return next(table for table in tables if any(entry.get("Main") for entry in table["Associations"])), None
