"""Blocks the traffic of interface endpoints in FIS's way, as far as EC2 shows it: a security group without rules stands in place of
the endpoint's own."""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

import uuid
from dataclasses import dataclass
from typing import ClassVar

from ministack.services import ec2

from local.account import iam
from local.account.ec2.endpoints import INTERFACE
from local.account.fis.actions.network import MANAGED, NetworkAction
from local.account.fis.errors import ExperimentError
from local.account.fis.targets import ENDPOINT, Resource

_BY_FIS = {MANAGED: "true"}


@dataclass(frozen=True)
class Blocked:
    """An endpoint that was blocked, and the group that blocks it."""

    endpoint: Resource
    groups: tuple[str, ...]
    """Its own."""
    empty: str


class DisruptEndpoints(NetworkAction):
    """As AWS documents: if somebody changes the endpoint meanwhile, the action fails and puts nothing back; a group of FIS that
    somebody changed is not deleted."""

    action_id = "aws:network:disrupt-vpc-endpoint"
    description = "Block inbound and outbound traffic of the target interface VPC endpoints."
    target_key = "VPCEndpoints"
    resource_type = ENDPOINT
    parameters: ClassVar[dict[str, bool]] = {"duration": True}

    def start(self) -> None:
        self.blocked: list[Blocked] = []
        for endpoint in self.resources:
            if endpoint.attributes["VpcEndpointType"] != INTERFACE:
                raise self.fail("ConfigurationFailure", f"{endpoint.identifier} is no interface endpoint")
        self._authorize_all()
        try:
            for endpoint in self.resources:
                self._block(endpoint)
        except ExperimentError:
            self._restore()
            raise

    def finish(self) -> None:
        self._restore()

    def stop(self) -> None:
        self._restore()

    def _authorize_all(self) -> None:
        for name in ("DescribeVpcEndpoints", "DescribeSecurityGroups"):
            self.authorize(f"ec2:{name}", "*", {})
        groups, tagged = self.arn("security-group"), iam.tag_context(_BY_FIS)
        self.authorize("ec2:CreateSecurityGroup", groups, {}, tagged)
        self.authorize("ec2:CreateTags", groups, {}, {**tagged, "ec2:CreateAction": "CreateSecurityGroup"})
        for name in ("RevokeSecurityGroupEgress", "DeleteSecurityGroup"):
            self.authorize(f"ec2:{name}", groups, _BY_FIS)
        for endpoint in self.resources:
            self.authorize("ec2:CreateSecurityGroup", self.arn("vpc", endpoint.attributes["VpcId"]), {}, tagged)
            self._authorize_changing(endpoint)

    def _authorize_changing(self, endpoint: Resource) -> None:
        self.authorize("ec2:ModifyVpcEndpoint", endpoint.arn, endpoint.tags)
        self.authorize("ec2:ModifyVpcEndpoint", self.arn("security-group"), {})

    def _block(self, endpoint: Resource) -> None:
        own = tuple(endpoint.attributes["Groups"])
        tags = {"ResourceType": "security-group", "Tag.1.Key": MANAGED, "Tag.1.Value": "true"}
        empty = self.call(
            "CreateSecurityGroup",
            "groupId",
            GroupName=f"fis-{uuid.uuid4().hex[:17]}",
            GroupDescription="FIS",
            VpcId=endpoint.attributes["VpcId"],
            **{f"TagSpecification.1.{name}": value for name, value in tags.items()},
        )
        ec2._security_groups[empty]["IpPermissionsEgress"] = []
        self.blocked.append(Blocked(endpoint, own, empty))
        self._change(endpoint, (empty,), own)

    def _change(self, endpoint: Resource, adding: tuple[str, ...], removing: tuple[str, ...]) -> None:
        added = {f"AddSecurityGroupId.{number}": group for number, group in enumerate(adding, 1)}
        removed = {f"RemoveSecurityGroupId.{number}": group for number, group in enumerate(removing, 1)}
        self.call("ModifyVpcEndpoint", VpcEndpointId=endpoint.identifier, **added, **removed)

    def _restore(self) -> None:
        """Give each endpoint its own groups back. One that somebody has changed stays as it is, and the action fails."""
        failed: ExperimentError | None = None
        while self.blocked:
            own = self.blocked.pop()
            try:
                self._restore_one(own)
            except ExperimentError as error:
                failed = error
        if failed:
            raise failed

    def _restore_one(self, own: Blocked) -> None:
        now = ec2._vpc_endpoints.get(own.endpoint.identifier)
        group = ec2._security_groups.get(own.empty)
        if now is not None:
            if tuple(now["Groups"]) != (own.empty,):
                raise self.fail("DependentServiceFailure", f"{own.endpoint.identifier} was modified during the action; nothing is restored")
            self._authorize_changing(own.endpoint)
            self._change(own.endpoint, own.groups, (own.empty,))
        if group and not group["IpPermissions"] and not group["IpPermissionsEgress"]:
            self.authorize("ec2:DeleteSecurityGroup", self.arn("security-group", own.empty), _BY_FIS)
            self.call("DeleteSecurityGroup", GroupId=own.empty)
