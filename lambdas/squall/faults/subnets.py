"""Cuts subnets off from other zones, from the rest of the VPC, from everything, or from one dependency."""

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import CheckOutcome, FaultType, ResourceType
from squall.domain.documents.rollback import Proof
from squall.domain.documents.safety import SafetyCheck
from squall.domain.policy.custom_actions import Grant
from squall.domain.resources.subnets import Subnet
from squall.domain.run.commands import shell_command
from squall.domain.run.fis_state import ActionState
from squall.faults.base import Injection, Remnant
from squall.faults.checks import check_targets, make_check
from squall.faults.grants import FaultGrant, format_arn, grant_tagged, grant_untagged
from squall.faults.instances.dependency_timeout import WIDEST_PRIVATE, WIDEST_PUBLIC
from squall.faults.mechanisms.lasting import LastingFault
from squall.faults.parameters import P

MOST_RULES = 20
"""The most rules of a network ACL in one direction under which FIS denies traffic, unless it denies all of it (AWS FIS
actions reference)."""
LONGEST_PREFIX_LIST = 10
"""The most entries of a prefix list that FIS takes: each makes two rules of the network ACL."""


class Unreachable(Model):
    scope: Literal["availability-zone", "vpc", "all"] = "availability-zone"
    """What the subnet is cut off from. `availability-zone`: the VPC's subnets in other zones; `vpc`: everything outside
    the VPC; `all`: everything but the subnet itself."""


class Dependency(Model):
    scope: Literal["s3", "dynamodb", "s3express", "prefix-list"]
    """What the subnet is cut off from: a service of this Region (s3express: its endpoints in zones), or the addresses
    of a prefix list."""
    prefix_list: Annotated[str | None, Field(pattern=r"^pl-[0-9a-f]{8,17}$", validate_default=True)] = None
    """Id of a prefix list of this account; only with `scope: prefix-list`."""

    @field_validator("prefix_list")
    @classmethod
    def _belongs(cls, value: str | None, info: ValidationInfo) -> str | None:
        if (value is not None) != (info.data.get("scope") == "prefix-list") and "scope" in info.data:
            raise ValueError("the id of a prefix list (pl-…) with scope: prefix-list, and with no other")
        return value


class _Disruption(LastingFault[Subnet, P]):
    """`aws:network:disrupt-connectivity`: FIS clones the subnet's network ACL, adds rules that deny traffic, and
    associates the clone in its place."""

    resource_type = ResourceType.SUBNET
    kind = Subnet
    takes = frozenset({"network", "agent"})
    proven_by_state = True
    risk = "high"
    actions = ("aws:network:disrupt-connectivity",)
    target_key = "Subnets"
    action = "disrupt"

    def grants(self) -> tuple[Grant, ...]:
        # FIS clones the subnet's network ACL, which carries no tag of ours, so FIS's own tag authorizes creating,
        # filling and deleting the clone. The environment's tag limits the subnets, and so whose traffic is denied.
        acls = (format_arn("ec2", "network-acl/*"),)
        requested = {"aws:RequestTag/managedByFIS": "true"}
        tagging = {"StringEquals": {"ec2:CreateAction": "CreateNetworkAcl", **requested}}
        own_tags = {"ForAllValues:StringNotEquals": {"aws:TagKeys": ["{opt_in_tag}"]}}
        by_fis = {"StringEquals": {"aws:ResourceTag/managedByFIS": "true"}}
        return (
            grant_tagged("ec2:ReplaceNetworkAclAssociation", "ec2", "subnet/*"),
            grant_untagged("ec2:ReplaceNetworkAclAssociation", resources=acls),
            FaultGrant(actions=("ec2:CreateNetworkAcl",), resources=acls, tagged=False, conditions={"StringEquals": requested}),
            grant_untagged("ec2:CreateNetworkAcl", resources=(format_arn("ec2", "vpc/*"),)),
            FaultGrant(actions=("ec2:CreateNetworkAclEntry", "ec2:DeleteNetworkAcl"), resources=acls, tagged=False, conditions=by_fis),
            FaultGrant(actions=("ec2:CreateTags",), resources=acls, tagged=False, conditions={**tagging, **own_tags}),
            grant_untagged("ec2:DescribeManagedPrefixLists", "ec2:DescribeNetworkAcls", "ec2:DescribeSubnets", "ec2:DescribeVpcs"),
            grant_untagged("ec2:GetManagedPrefixListEntries", resources=(format_arn("ec2", "prefix-list/*"),)),
        )

    def prove_target(self, before: Subnet, now: Subnet | None, ran: ActionState | None, /) -> Proof:
        """The proof by the association of the network ACL, whose id changes with each replacement, also when the
        original is restored."""
        proven = now is not None and before.association is not None and now.association not in {None, before.association}
        if now is None:
            detail = f"{before.id} does not exist any more: who removed it is not known"
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

    def find_changes(self, before: Subnet, now: Subnet | None, /) -> Iterable[str]:
        yield from super().find_changes(before, now)
        if now is None:
            return
        clones = {acl.id for acl in now.clones}
        if now.acl != before.acl and now.acl not in clones:  # a clone is a remnant
            yield f"{now.id} has the network ACL {now.acl}, it had {before.acl}"
        for field in ("zone", "vpc", "cidr"):
            old, new = getattr(before, field), getattr(now, field)
            if old != new:
                yield f"the {field} of {now.id} is {new}, it was {old}"

    def find_target_remnants(self, before: Subnet, now: Subnet | None, /) -> Iterable[Remnant]:
        if now is None:
            return
        region = before.arn.split(":")[3]
        known = {acl.id for acl in before.clones}
        for acl in now.clones:
            delete = shell_command("aws", "ec2", "delete-network-acl", "--region", region, "--network-acl-id", acl.id)
            if before.id in acl.subnets and before.acl and before.acl != acl.id:
                association = ("--association-id", str(now.association), "--network-acl-id", before.acl)
                replace = shell_command("aws", "ec2", "replace-network-acl-association", "--region", region, *association)
                description = f"{before.id} still has FIS's network ACL {acl.id}, it had {before.acl}"
                yield Remnant(description, f"{replace} && {delete}")
            elif not acl.subnets and acl.id not in known:  # a clone that is in use belongs to another fault
                yield Remnant(f"the network ACL {acl.id} (managedByFIS) is left in {before.vpc}", delete)


class SubnetUnavailable(_Disruption[Unreachable]):
    """`aws:network:disrupt-connectivity`: nothing in the scope can reach the subnet."""

    type = FaultType.SERVICE_UNAVAILABLE
    verb = "cut off"
    parameters = Unreachable
    names = {"scope": "scope"}
    unless_listed = {"scope": ("availability-zone",)}
    moves_metrics = ("healthy_hosts", "unhealthy_hosts")

    def describe(self, parameters: Unreachable, /) -> str:
        of = {"availability-zone": "the VPC's other zones", "vpc": "whatever is outside the VPC", "all": "everything outside them"}
        return f"Cut the pinned subnets off from {of[parameters.scope]}"

    def check_targets(self, injection: Injection[Subnet, Unreachable], /) -> Iterable[SafetyCheck]:
        yield _check_acl(injection.targets)
        if injection.parameters.scope != "all":
            yield _check_rules(injection.targets, added=1)
        yield check_inhabited(injection.targets)
        yield _check_balancers(injection.targets, injection.parameters.scope)
        yield make_check("endpoints_elsewhere", *_find_endpoints(injection.targets))


class SubnetDependency(_Disruption[Dependency]):
    """`aws:network:disrupt-connectivity`: the subnet can't reach anything in the scope."""

    type = FaultType.DEPENDENCY_TIMEOUT
    verb = "cut a dependency off from"
    parameters = Dependency
    names = {"scope": "scope", "prefix_list": "prefixListIdentifier"}

    def describe(self, parameters: Dependency, /) -> str:
        return f"Cut the pinned subnets off from {parameters.prefix_list or parameters.scope}"

    def check_targets(self, injection: Injection[Subnet, Dependency], /) -> Iterable[SafetyCheck]:
        yield _check_acl(injection.targets)
        yield _check_rules(injection.targets, added=_count_entries(injection.targets, injection.parameters.prefix_list))
        yield check_inhabited(injection.targets)
        if injection.parameters.prefix_list is not None:
            yield make_check("dependency_apart", *_check_prefix_list(injection.targets, injection.parameters.prefix_list))


def _check_acl(subnets: Sequence[Subnet]) -> SafetyCheck:
    """Whether each subnet has a known network ACL that FIS did not make.

    Without a known one nothing could be restored by hand. A clone means that somebody's fault is running, or was left.
    """
    wrong = [f"the network ACL of {subnet.id} is not known" for subnet in subnets if not subnet.acl or not subnet.association]
    clones = {acl.id for subnet in subnets for acl in subnet.clones}
    cloned = [subnet for subnet in subnets if subnet.acl in clones]
    wrong += [f"{subnet.id} has the network ACL {subnet.acl}, which FIS made for an earlier fault" for subnet in cloned]
    known = ", ".join(f"{subnet.id} has {subnet.acl}" for subnet in subnets)
    return check_targets("own_network_acl", subnets, wrong, "; ".join(wrong), known or "no target is pinned")


def _check_rules(subnets: Sequence[Subnet], *, added: int) -> SafetyCheck:
    """Whether the clone of each subnet's network ACL has room for the rules that FIS adds, which are `added` at
    least."""
    full = [f"{subnet.acl} of {subnet.id} has {subnet.acl_rules}" for subnet in subnets if subnet.acl_rules + added > MOST_RULES]
    refusal = f"{'; '.join(full)} rules in one direction: with {added} of FIS's they are more than {MOST_RULES}, and its action would fail"
    return check_targets("network_acl_room", subnets, full, refusal, f"no network ACL has more than {MOST_RULES - added} rules")


def _count_entries(subnets: Sequence[Subnet], prefix_list: str | None) -> int:
    """The entries of the prefix list; 1 for a service of the Region."""
    return next((len(known.entries) for subnet in subnets for known in subnet.prefix_lists if known.id == prefix_list), 1)


def check_inhabited(subnets: Sequence[Subnet]) -> SafetyCheck:
    """Whether anything lives in each subnet that could notice."""
    empty = [subnet.id for subnet in subnets if not subnet.contains]
    lives = ", ".join(f"{subnet.id}: {len(subnet.instances)} instances, {len(subnet.addresses)} addresses" for subnet in subnets)
    refusal = f"nothing lives in {', '.join(empty)}: nobody would notice"
    return check_targets("inhabited", subnets, empty, refusal, lives or "no target is pinned")


def _check_balancers(subnets: Sequence[Subnet], scope: str) -> SafetyCheck:
    """Whether clients still reach the load balancers. Requests that never arrive at one are counted by nobody, so the
    others would look like all of them."""
    inside = [f"{', '.join(subnet.balancers)} in {subnet.id}" for subnet in subnets if subnet.balancers]
    nodes = f"load balancers have nodes in the pinned subnets: {'; '.join(inside)}"
    if not inside:
        return SafetyCheck(name="balancers_apart", outcome=CheckOutcome.PASSED, detail="no load balancer has a node in them")
    if scope == "availability-zone":
        warning = f"{nodes}; requests of clients in other zones of the VPC would be lost, and no metric counts them"
        return SafetyCheck(name="balancers_apart", outcome=CheckOutcome.WARNED, detail=warning)
    refusal = f"{nodes}; requests to these would be lost, and no metric counts them: pin other subnets, or use scope: availability-zone"
    return SafetyCheck(name="balancers_apart", outcome=CheckOutcome.FAILED, detail=refusal)


def _find_endpoints(subnets: Sequence[Subnet]) -> tuple[bool, str]:
    """Whether the VPC keeps its interface endpoints.

    An endpoint that exists only in the pinned subnets would be lost to the whole VPC; with Systems Manager's endpoint,
    so would every agent.
    """
    pinned = {subnet.id for subnet in subnets}
    every = {endpoint.id: endpoint for subnet in subnets for endpoint in subnet.endpoints}.values()
    alone = [f"{endpoint.id} of {endpoint.service}" for endpoint in every if endpoint.subnets and set(endpoint.subnets) <= pinned]
    if alone:
        return False, f"{', '.join(sorted(alone))} is in no other subnet: the whole VPC would lose it"
    return bool(subnets), "every interface endpoint of the VPC is in another subnet, too" if subnets else "no target is pinned"


def _check_prefix_list(subnets: Sequence[Subnet], name: str) -> tuple[bool, str]:
    """Whether the prefix list exists, is short and narrow enough, and does not contain the subnets themselves."""
    prefix_list = next((known for subnet in subnets for known in subnet.prefix_lists if known.id == name), None)
    if prefix_list is None:
        return False, f"{name} is no prefix list of this account"
    if not 0 < len(prefix_list.entries) <= LONGEST_PREFIX_LIST:
        return False, f"{name} has {len(prefix_list.entries)} entries, FIS takes 1 to {LONGEST_PREFIX_LIST}"
    networks = [ipaddress.ip_network(entry, strict=False) for entry in prefix_list.entries]
    foreign = [str(network) for network in networks if isinstance(network, ipaddress.IPv6Network)]
    if foreign:
        return False, f"{name} holds {', '.join(foreign)}: whether agents are reached there can't be told"
    wide = [str(network) for network in networks if network.prefixlen < (WIDEST_PRIVATE if network.is_private else WIDEST_PUBLIC)]
    if wide:
        return False, f"{name} holds {', '.join(wide)}: the endpoints of Systems Manager may be in it"
    cidrs = {subnet.id: ipaddress.ip_network(subnet.cidr) for subnet in subnets}
    inside = [f"{id_} ({cidr})" for id_, cidr in cidrs.items() if any(network.overlaps(cidr) for network in networks)]
    if inside:
        return False, f"{', '.join(inside)} is itself in {name}"
    return True, f"{name}: {', '.join(prefix_list.entries)}; only the definition says that the workload depends on it"
