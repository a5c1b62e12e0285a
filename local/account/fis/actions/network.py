"""Cuts subnets off in FIS's way: a clone of the subnet's network ACL, with rules that deny traffic, replaces the
original.

The workload decides from EC2's ACLs whether a packet passes. Restoring the original takes a while, as on AWS.
"""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

import re
import time
from dataclasses import dataclass
from typing import Any, ClassVar

from ministack.core.responses import get_account_id, get_region
from ministack.services import ec2

from local.account import iam
from local.account.ec2 import network
from local.account.fis.actions.base import Action
from local.account.fis.errors import ExperimentError
from local.account.fis.targets import SUBNET, Resource
from local.account.profile import holder

MANAGED = "managedByFIS"
_MOST_ENTRIES = 10
_FIRST_RULE = 1
_SHIFT = 100
"""The rules copied from the original come after those that deny."""
_SERVICES = ("s3", "dynamodb", "s3express")


@dataclass(frozen=True)
class Cut:
    """A subnet that was cut off, and the clone that cuts it off."""

    subnet: Resource
    original: str
    clone: str


class NetworkAction(Action):
    """An action that changes the account's network by EC2's own calls."""

    def arn(self, kind: str, identifier: str = "*") -> str:
        """The ARN of something of EC2 in this account and Region."""
        return f"arn:aws:ec2:{get_region()}:{get_account_id()}:{kind}/{identifier}"

    def call(self, action: str, wanted: str | None = None, /, **parameters: object) -> str:
        """Call EC2; returns the field of its answer that is wanted. Raises `ExperimentError` if EC2 refuses."""
        answer = ec2._ACTION_MAP[action]({name: [str(value)] for name, value in parameters.items()})
        if answer[0] >= 300:
            raise self.fail("DependentServiceFailure", answer[2].decode(errors="replace"))
        return _read_id(answer, wanted) if wanted else ""


class DisruptConnectivity(NetworkAction):
    action_id = "aws:network:disrupt-connectivity"
    description = "Deny the specified traffic to and from the target subnets."
    target_key = "Subnets"
    resource_type = SUBNET
    parameters: ClassVar[dict[str, bool]] = {"duration": True, "scope": True, "prefixListIdentifier": False}

    def start(self) -> None:
        self.cuts: list[Cut] = []
        self._authorize_all()
        denied = {subnet.identifier: self._denied(subnet.attributes) for subnet in self.resources}
        try:
            for subnet in self.resources:
                self._cut(subnet, denied[subnet.identifier])
        except ExperimentError:
            self._restore()
            raise

    def finish(self) -> None:
        self.stop()

    def stop(self) -> None:
        time.sleep(holder.current.fis_restore_seconds)
        self._restore()

    # --- what IAM has to allow ---

    def _authorize_all(self) -> None:
        for name in ("DescribeSubnets", "DescribeVpcs", "DescribeNetworkAcls"):
            self.authorize(f"ec2:{name}", "*", {})
        tagged = iam.tag_context({MANAGED: "true"})
        acl, own = self.arn("network-acl"), {MANAGED: "true"}
        self.authorize("ec2:CreateNetworkAcl", acl, {}, tagged)
        self.authorize("ec2:CreateTags", acl, {}, {**tagged, "ec2:CreateAction": "CreateNetworkAcl"})
        self.authorize("ec2:CreateNetworkAclEntry", acl, own)
        self.authorize("ec2:DeleteNetworkAcl", acl, own)
        for subnet in self.resources:
            self.authorize("ec2:CreateNetworkAcl", self.arn("vpc", subnet.attributes["VpcId"]), {}, tagged)
            self._authorize_replacing(subnet)

    def _authorize_replacing(self, subnet: Resource) -> None:
        self.authorize("ec2:ReplaceNetworkAclAssociation", subnet.arn, subnet.tags)
        self.authorize("ec2:ReplaceNetworkAclAssociation", self.arn("network-acl"), {})

    # --- what is denied ---

    def _denied(self, subnet: dict[str, Any]) -> list[tuple[str, str]]:
        """The first rules of the cloned ACL, in order, as pairs of `allow` or `deny` and a network."""
        scope, vpc = self.values["scope"], ec2._vpcs[subnet["VpcId"]]
        others = [other for other in ec2._subnets.values() if other["VpcId"] == subnet["VpcId"]]
        if scope == "availability-zone":
            return [("deny", other["CidrBlock"]) for other in others if other["AvailabilityZone"] != subnet["AvailabilityZone"]]
        if scope == "vpc":
            return [("allow", vpc["CidrBlock"]), ("deny", "0.0.0.0/0")]
        if scope == "all":
            return [("deny", "0.0.0.0/0")]
        if scope in (*_SERVICES, "prefix-list"):
            return [("deny", entry) for entry in self._entries(scope)]
        raise self.fail("ConfigurationFailure", f"{scope} is no scope of {self.action_id}")

    def _entries(self, scope: str) -> list[str]:
        self.authorize("ec2:DescribeManagedPrefixLists", "*", {})
        if scope == "prefix-list":
            identifier = self.values.get("prefixListIdentifier", "").rpartition("/")[2]
        else:
            identifier = _read_id(
                ec2._ACTION_MAP["DescribeManagedPrefixLists"](
                    {"Filter.1.Name": ["prefix-list-name"], "Filter.1.Value.1": [f"com.amazonaws.{get_region()}.{scope}"]}
                ),
                "prefixListId",
            )
        self.authorize("ec2:GetManagedPrefixListEntries", self.arn("prefix-list", identifier), {})
        status, _, body = ec2._ACTION_MAP["GetManagedPrefixListEntries"]({"PrefixListId": [identifier]})
        entries = re.findall(r"<cidr>([^<]+)</cidr>", body.decode())
        if status >= 300 or not 0 < len(entries) <= _MOST_ENTRIES:
            raise self.fail(
                "ConfigurationFailure", f"prefix list {identifier} has {len(entries)} entries, 1 to {_MOST_ENTRIES} can be denied"
            )
        return entries

    # --- the clone ---

    def _cut(self, subnet: Resource, before: list[tuple[str, str]]) -> None:
        own, association = network.acl_of(subnet.identifier)
        clone = self.call(
            "CreateNetworkAcl",
            "networkAclId",
            VpcId=subnet.attributes["VpcId"],
            **{
                "TagSpecification.1.ResourceType": "network-acl",
                "TagSpecification.1.Tag.1.Key": MANAGED,
                "TagSpecification.1.Tag.1.Value": "true",
            },
        )
        self.cuts.append(Cut(subnet, own["NetworkAclId"], clone))
        rules = [
            (number, action, "-1", cidr, egress) for number, (action, cidr) in enumerate(before, _FIRST_RULE) for egress in (False, True)
        ]
        rules += [
            (entry["RuleNumber"] + _SHIFT, entry["RuleAction"], entry["Protocol"], entry["CidrBlock"], entry["Egress"])
            for entry in own["Entries"]
            if entry["RuleNumber"] != network.LAST_RULE and "CidrBlock" in entry
        ]
        for number, action, protocol, cidr, egress in rules:
            clone_entry: dict[str, object] = {"RuleNumber": number, "RuleAction": action, "Protocol": protocol, "CidrBlock": cidr}
            self.call("CreateNetworkAclEntry", NetworkAclId=clone, Egress=str(egress).lower(), **clone_entry)
        self.call("ReplaceNetworkAclAssociation", AssociationId=association, NetworkAclId=clone)

    def _restore(self) -> None:
        """Restore the original if the clone is still in its place. Somebody may already have restored it by hand."""
        while self.cuts:
            cut = self.cuts[-1]
            acl, association = network.acl_of(cut.subnet.identifier)
            if acl["NetworkAclId"] == cut.clone:
                self._authorize_replacing(cut.subnet)
                self.call("ReplaceNetworkAclAssociation", AssociationId=association, NetworkAclId=cut.original)
            if cut.clone in ec2._network_acls:
                self.authorize("ec2:DeleteNetworkAcl", self.arn("network-acl", cut.clone), {MANAGED: "true"})
                self.call("DeleteNetworkAcl", NetworkAclId=cut.clone)
            self.cuts.pop()


def _read_id(answer: tuple[int, dict[str, str], bytes], name: str) -> str:
    match = re.search(rf"<{name}>([^<]+)</{name}>", answer[2].decode())
    return match[1] if match else ""
