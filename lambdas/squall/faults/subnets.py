"""Cut subnets off: from other zones, from the VPC, from everything (nobody reaches what is in them), or from one dependency."""

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from squall.domain.documents.rollback import Proof
from squall.domain.documents.safety import SafetyCheck
from squall.domain.model import Model
from squall.domain.resources.subnets import Subnet
from squall.domain.resources.workload import Workload
from squall.domain.run.aws_state import ActionState
from squall.domain.run.commands import shell_command
from squall.domain.vocabulary import FaultType, ResourceType
from squall.faults.base import ByHand, P, check
from squall.faults.instances.dependency_timeout import WIDEST_PRIVATE, WIDEST_PUBLIC
from squall.faults.mechanisms.lasting import LastingFault

LONGEST_PREFIX_LIST = 10
"""Entries FIS takes of a prefix list: each is a rule of the network ACL, twice."""
_NOT_THERE = "is not there any more: who took it away is not known"


class Unreachable(Model):
    scope: Literal["availability-zone", "vpc", "all"] = "availability-zone"
    """From what: `availability-zone`: the VPC's subnets in other zones; `vpc`: whatever is outside the VPC; `all`: everything but the
    subnet itself."""


class Dependency(Model):
    scope: Literal["s3", "dynamodb", "s3express", "prefix-list"]
    """From what: a service of this Region (s3express: its endpoints in zones), or the addresses of a prefix list."""
    prefix_list: Annotated[str | None, Field(pattern=r"^pl-[0-9a-f]{8,17}$", validate_default=True)] = None
    """Id of one of the account's own; only with `scope: prefix-list`."""

    @field_validator("prefix_list")
    @classmethod
    def _belongs(cls, given: str | None, info: ValidationInfo) -> str | None:
        if (given is not None) != (info.data.get("scope") == "prefix-list") and "scope" in info.data:
            raise ValueError("the id of a prefix list (pl-…) with scope: prefix-list, and with no other")
        return given


class _Disruption(LastingFault[Subnet, P]):
    """`aws:network:disrupt-connectivity`: FIS clones the subnet's network ACL, adds rules that deny, and associates the clone instead."""

    resource_type = ResourceType.SUBNET
    kind = Subnet
    risk = "high"
    action_id = "aws:network:disrupt-connectivity"
    target_key = "Subnets"
    action = "disrupt"

    def happened(self, before: Subnet, now: Subnet | None, ran: ActionState | None) -> Proof:
        """By the association: each replacement has a new id, also the one that puts the original ACL back."""
        proven = now is not None and before.association is not None and now.association not in {None, before.association}
        if now is None:
            detail = f"{before.id} {_NOT_THERE}"
        elif proven:
            detail = f"the network ACL of {now.id} was replaced: its association is {now.association}, it was {before.association}"
        else:
            detail = f"the network ACL of {now.id} was never replaced: its association is still {now.association}"
        return Proof(
            target=before.id,
            proven=proven,
            kind="state",
            detail=detail + (f"; FIS's action is {ran.status}" if ran else "; FIS's action did not run"),
            at=ran.started_at if ran else None,
            until=ran.ended_at if ran else None,
        )

    def changed(self, before: Subnet, now: Subnet | None) -> Iterable[str]:
        yield from super().changed(before, now)
        if now is None:
            return
        clones = {acl.id for acl in now.clones}
        if now.acl != before.acl and now.acl not in clones:  # a clone is told among what FIS left
            yield f"{now.id} has the network ACL {now.acl}, it had {before.acl}"
        for field in ("zone", "vpc", "cidr"):
            then, is_now = getattr(before, field), getattr(now, field)
            if then != is_now:
                yield f"the {field} of {now.id} is {is_now}, it was {then}"

    def remains(self, before: Subnet, now: Subnet | None) -> Iterable[ByHand]:
        if now is None:
            return
        region = before.arn.split(":")[3]
        known = {acl.id for acl in before.clones}
        for acl in now.clones:
            if before.id in acl.subnets and before.acl and before.acl != acl.id:
                association = ("--association-id", str(now.association), "--network-acl-id", before.acl)
                replace = shell_command("aws", "ec2", "replace-network-acl-association", "--region", region, *association)
                yield (
                    f"{before.id} still has FIS's network ACL {acl.id}, it had {before.acl}",
                    f"{replace} && {_delete_acl_command(region, acl.id)}",
                )
            elif not acl.subnets and acl.id not in known:  # of nobody's running fault
                yield (
                    f"the network ACL {acl.id} (managedByFIS) is left in {before.vpc}",
                    _delete_acl_command(region, acl.id),
                )


def _delete_acl_command(region: str, acl_id: str) -> str:
    return shell_command("aws", "ec2", "delete-network-acl", "--region", region, "--network-acl-id", acl_id)


class SubnetUnavailable(_Disruption[Unreachable]):
    type = FaultType.SERVICE_UNAVAILABLE
    title = "Subnet cut off"
    parameters = Unreachable
    names = {"scope": "scope"}
    unless_listed = {"scope": ("availability-zone",)}
    moves_metrics = ("healthy_hosts", "unhealthy_hosts")

    def describe(self, parameters: Unreachable) -> str:
        of = {"availability-zone": "the VPC's other zones", "vpc": "whatever is outside the VPC", "all": "everything outside them"}
        return f"Cut the pinned subnets off from {of[parameters.scope]}"

    def needs(self, workload: Workload, pinned: Sequence[Subnet], parameters: Unreachable) -> Iterable[SafetyCheck]:  # noqa: ARG002
        yield _has_acl(pinned)
        yield _inhabited(pinned)
        yield check("endpoints_elsewhere", *_endpoints(pinned))


class SubnetDependency(_Disruption[Dependency]):
    type = FaultType.DEPENDENCY_TIMEOUT
    title = "Subnet without its dependency"
    parameters = Dependency
    names = {"scope": "scope", "prefix_list": "prefixListIdentifier"}

    def describe(self, parameters: Dependency) -> str:
        return f"Cut the pinned subnets off from {parameters.prefix_list or parameters.scope}"

    def needs(self, workload: Workload, pinned: Sequence[Subnet], parameters: Dependency) -> Iterable[SafetyCheck]:  # noqa: ARG002
        yield _has_acl(pinned)
        yield _inhabited(pinned)
        if parameters.prefix_list is not None:
            yield check("dependency_apart", *_apart(pinned, parameters.prefix_list))


def _has_acl(pinned: Sequence[Subnet]) -> SafetyCheck:
    """Without a pre-state nothing could be put back by hand; a clone as pre-state is somebody's fault that runs, or was left."""
    wrong = [f"the network ACL of {one.id} is not known" for one in pinned if not one.acl or not one.association]
    clones = {acl.id for one in pinned for acl in one.clones}
    wrong += [f"{one.id} has the network ACL {one.acl}, which FIS made for an earlier fault" for one in pinned if one.acl in clones]
    known = ", ".join(f"{one.id} has {one.acl}" for one in pinned)
    return check("own_network_acl", bool(pinned) and not wrong, "; ".join(wrong) or known or "no target is pinned")


def _inhabited(pinned: Sequence[Subnet]) -> SafetyCheck:
    empty = [one.id for one in pinned if not one.contains]
    lives = ", ".join(f"{one.id}: {len(one.instances)} instances, {len(one.addresses)} addresses" for one in pinned)
    said = f"nothing lives in {', '.join(empty)}: nobody would notice" if empty else lives
    return check("inhabited", bool(pinned) and not empty, said or "no target is pinned")


def _endpoints(pinned: Sequence[Subnet]) -> tuple[bool, str]:
    """An interface endpoint that stands in the pinned subnets alone would be lost to the whole VPC: more than was aimed at, and with
    Systems Manager's the way to every agent."""
    ids = {one.id for one in pinned}
    every = {endpoint.id: endpoint for one in pinned for endpoint in one.endpoints}.values()
    alone = [f"{one.id} of {one.service}" for one in every if one.subnets and set(one.subnets) <= ids]
    if alone:
        return False, f"{', '.join(sorted(alone))} stands in no other subnet: the whole VPC would lose it"
    return bool(pinned), "every interface endpoint of the VPC stands in another subnet, too" if pinned else "no target is pinned"


def _apart(pinned: Sequence[Subnet], name: str) -> tuple[bool, str]:
    """The prefix list is there, short enough, narrow, and not where the subnets themselves are."""
    found = next((known for one in pinned for known in one.prefix_lists if known.id == name), None)
    if found is None:
        return False, f"{name} is no prefix list of this account"
    if not 0 < len(found.entries) <= LONGEST_PREFIX_LIST:
        return False, f"{name} has {len(found.entries)} entries, FIS takes 1 to {LONGEST_PREFIX_LIST}"
    networks = [ipaddress.ip_network(entry, strict=False) for entry in found.entries]
    foreign = [str(network) for network in networks if isinstance(network, ipaddress.IPv6Network)]
    if foreign:
        return False, f"{name} holds {', '.join(foreign)}: whether agents are reached there can't be told"
    wide = [str(network) for network in networks if network.prefixlen < (WIDEST_PRIVATE if network.is_private else WIDEST_PUBLIC)]
    if wide:
        return False, f"{name} holds {', '.join(wide)}: the endpoints of Systems Manager may be in it"
    own = [f"{one.id} ({one.cidr})" for one in pinned if any(network.overlaps(ipaddress.ip_network(one.cidr)) for network in networks)]
    if own:
        return False, f"{', '.join(own)} is itself in {name}"
    return True, f"{name}: {', '.join(found.entries)}; taken at your word that the workload depends on it"
