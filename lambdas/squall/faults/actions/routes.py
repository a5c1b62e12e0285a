"""Blocks the traffic of subnets to another Region: FIS puts route tables of its own in place of theirs."""

from collections.abc import Iterable, Sequence

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import CheckOutcome, FaultType
from squall.domain.documents.rollback import Proof, RollbackReport
from squall.domain.documents.safety import SafetyCheck
from squall.domain.policy.custom_actions import Grant
from squall.domain.resources.subnets import FisPart, Subnet
from squall.domain.run.commands import shell_command
from squall.domain.run.fis_state import ActionState
from squall.faults.actions.generic import ActionFault
from squall.faults.base import Aftermath, Injection, Remnant
from squall.faults.checks import check_targets
from squall.faults.grants import FaultGrant, format_arn, grant_tagged, grant_untagged
from squall.faults.subnets import check_inhabited

_ASSOCIATING = ("ec2:AssociateRouteTable", "ec2:DisassociateRouteTable", "ec2:ReplaceRouteTableAssociation")
_ROUTES, _MORE_ROUTES = 250, {"us-east-1": 350}
"""About how many routes FIS adds for a Region, by its documentation."""
_CREATED = {"CreateRouteTable": "route-table", "CreateNetworkInterface": "network-interface", "CreateManagedPrefixList": "prefix-list"}
"""The calls by which FIS makes things, each with what it makes."""
_DELETING = {"route-table": "--route-table-id", "prefix-list": "--prefix-list-id", "network-interface": "--network-interface-id"}
_COMMANDS = {
    "route-table": "delete-route-table", "prefix-list": "delete-managed-prefix-list", "network-interface": "delete-network-interface",
}  # fmt: skip


class RouteTableDisruption(ActionFault[Subnet]):
    """`aws:network:route-table-disrupt-cross-region-connectivity`: traffic that begins in the subnet reaches neither the public
    addresses of AWS in the Region nor VPCs there that are peered. Transit gateways are cut off by an action of their own."""

    type = FaultType.ROUTE_TABLE_DISRUPTION
    kind = Subnet
    verb = "cut off from a Region"
    arns = ("ec2", "subnet/*")
    needs_signal = False
    proven_by_state = True
    takes = frozenset({"network"})

    def grants(self) -> tuple[Grant, ...]:
        # What FIS makes carries its own tag, and that tag authorizes filling and deleting it, as in AWS's own policy. The
        # environment's tag limits the subnets, and the gateway endpoints whose routes FIS copies.
        tables, lists, interfaces = (format_arn("ec2", f"{kind}/*") for kind in ("route-table", "prefix-list", "network-interface"))
        requested, by_fis = {"aws:RequestTag/managedByFIS": "true"}, {"aws:ResourceTag/managedByFIS": "true"}
        own_tags = {"ForAllValues:StringNotEquals": {"aws:TagKeys": ["{opt_in_tag}"]}}

        def grant_where(condition: dict[str, str], resource: str, *actions: str, **more: dict[str, list[str]]) -> FaultGrant:
            return FaultGrant(actions=actions, resources=(resource,), tagged=False, conditions={"StringEquals": condition, **more})

        reads = tuple(name for name in self.permissions if name.startswith("ec2:Describe"))
        return (
            *(grant_tagged(action, *self.arns) for action in _ASSOCIATING),
            grant_untagged("ec2:AssociateRouteTable", "ec2:ReplaceRouteTableAssociation", resources=(tables,)),
            grant_where(by_fis, tables, "ec2:DisassociateRouteTable", "ec2:DeleteRouteTable", "ec2:CreateRoute", "ec2:ModifyVpcEndpoint"),
            grant_tagged("ec2:ModifyVpcEndpoint", "ec2", "vpc-endpoint/*"),
            *(grant_where(requested, format_arn("ec2", f"{kind}/*"), f"ec2:{call}") for call, kind in _CREATED.items()),
            grant_untagged("ec2:CreateRouteTable", resources=(format_arn("ec2", "vpc/*"),)),
            grant_untagged("ec2:CreateNetworkInterface", resources=(format_arn("ec2", "subnet/*"), format_arn("ec2", "security-group/*"))),
            *(
                grant_where({"ec2:CreateAction": call, **requested}, format_arn("ec2", f"{kind}/*"), "ec2:CreateTags", **own_tags)
                for call, kind in _CREATED.items()
            ),
            grant_where(by_fis, interfaces, "ec2:DeleteNetworkInterface"),
            grant_where(by_fis, lists, "ec2:DeleteManagedPrefixList", "ec2:ModifyManagedPrefixList"),
            grant_untagged("ec2:GetManagedPrefixListEntries", resources=(lists,)),
            grant_untagged(*reads),
        )

    def describe(self, parameters: Model, /) -> str:
        return f"{super().describe(parameters)}: {parameters.model_dump()['region']}"

    def check_targets(self, injection: Injection[Subnet, Model], /) -> Iterable[SafetyCheck]:
        yield from super().check_targets(injection)
        subnets, region = injection.targets, str(injection.parameters.model_dump()["region"])
        own = [subnet.id for subnet in subnets if region == injection.region]
        refusal = f"{region} is the Region of {', '.join(own)}: its own services would be cut off"
        yield check_targets("another_region", subnets, own, refusal, f"cut off from {region}")
        made = {part.id for subnet in subnets for part in subnet.made_by_fis}
        wrong = [
            f"{subnet.id} has no association with a route table but uses {subnet.route_table or 'the main one'} of its VPC: nothing would"
            " show afterwards that FIS put another in its place; associate it"
            for subnet in subnets
            if subnet.route_association is None
        ]
        wrong += [
            f"{subnet.id} has the route table {subnet.route_table}, which FIS made for an earlier fault"
            for subnet in subnets
            if subnet.route_table in made
        ]
        known = ", ".join(f"{subnet.id} has {subnet.route_table}" for subnet in subnets)
        yield check_targets("own_route_table", subnets, wrong, "; ".join(wrong), known or "no target is pinned")
        yield check_inhabited(subnets)
        yield from _warn_of_quota(subnets, region)

    def prove_target(self, before: Subnet, now: Subnet | None, ran: ActionState | None, /) -> Proof:
        """The proof by the association of the route table, whose id changes with each replacement, also when the original is
        restored."""
        had, has = before.route_association, now.route_association if now else None
        replaced = had is not None and has is not None and had != has
        if now is None:
            detail = f"{before.id} does not exist any more: who removed it is not known"
        elif replaced:
            detail = f"the route table of {before.id} was replaced: its association is {has}, it was {had}"
        else:
            detail = f"nothing shows that the route table of {before.id} was replaced: its association is {has or 'gone'}, it was {had}"
        return Proof(
            target=before.id,
            proven=replaced and ran is not None,  # people replace associations, too
            kind="state",
            detail=detail + (f"; FIS's action is {ran.status}" if ran else "; FIS's action did not run"),
            at=ran.started_at if ran else None,
            until=ran.ended_at if ran else None,
        )

    def find_changes(self, before: Subnet, now: Subnet | None, /) -> Iterable[str]:
        if now is None:
            yield f"{before.id} is gone"
            return
        if now.state != before.state:
            yield f"{now.id} is {now.state}, it was {before.state}"
        if now.route_table != before.route_table and now.route_table not in {part.id for part in now.made_by_fis}:  # that is a remnant
            yield f"{now.id} has the route table {now.route_table}, it had {before.route_table}"
        if now.route_association is None and before.route_association is not None:
            yield f"{now.id} has no association with a route table any more: it uses the main one of its VPC"

    def find_target_remnants(self, before: Subnet, now: Subnet | None, /) -> Iterable[Remnant]:
        if now is None:
            return
        region = before.arn.split(":")[3]
        for part in _list_new(before, now):
            delete = _delete(part, region)
            if now.id in part.subnets and before.route_table:
                association = ("--association-id", str(now.route_association), "--route-table-id", before.route_table)
                replace = shell_command("aws", "ec2", "replace-route-table-association", "--region", region, *association)
                yield Remnant(f"{now.id} still has FIS's route table {part.id}, it had {before.route_table}", f"{replace} && {delete}")
            elif _is_loose(part, before) and not _find_owner(part, before, now):
                place = "the account" if part.kind == "prefix-list" else before.vpc
                yield Remnant(f"the {part.kind.replace('-', ' ')} {part.id} (managedByFIS) is left in {place}", delete)

    def verify(self, aftermath: Aftermath, /) -> RollbackReport:
        """The report. What FIS made meanwhile and may need for another fault that runs now is named as a change, not as left
        over: nobody may delete it yet."""
        report = super().verify(aftermath)
        pairs = [(target, aftermath.workload.now(target)) for target in aftermath.targets(self.kind)]
        untold = [sentence for before, now in pairs if now for sentence in _list_untold(before, now)]
        return report.model_copy(update={"changes": tuple(dict.fromkeys((*report.changes, *untold)))})


def _list_new(before: Subnet, now: Subnet) -> list[FisPart]:
    """What FIS made, for whichever fault, since this one began."""
    known = {part.id for part in before.made_by_fis}
    return [part for part in now.made_by_fis if part.id not in known]


def _is_loose(part: FisPart, subnet: Subnet) -> bool:
    """Whether no subnet uses this part, and a fault on this subnet may have made it."""
    return not part.subnets and part.vpc in {"", subnet.vpc}


def _find_owner(part: FisPart, before: Subnet, now: Subnet) -> FisPart | None:
    """A route table with which FIS cuts another subnet off, for which it may have made this part. A prefix list may belong to a
    fault in any VPC, also to one whose route table no subnet uses yet; the rest belongs to one in this VPC."""
    others = [table for table in _list_new(before, now) if table.kind == "route-table" and table.id != part.id]
    if part.kind == "prefix-list":
        others = [table for table in others if now.id not in table.subnets and (table.subnets or not _is_loose(table, before))]
    else:
        others = [table for table in others if table.subnets and now.id not in table.subnets and table.vpc in {"", before.vpc}]
    return next(iter(others), None)


def _list_untold(before: Subnet, now: Subnet) -> Iterable[str]:
    for part in _list_new(before, now):
        owner = _find_owner(part, before, now) if _is_loose(part, before) else None
        if owner:
            place = f"in {owner.vpc}" if owner.vpc else f"of {', '.join(owner.subnets)}"
            yield (
                f"whether the {part.kind.replace('-', ' ')} {part.id} (managedByFIS) is left over can't be told yet: FIS's route table"
                f" {owner.id} {place} may need it; look for it when the fault there is over"
            )


def _warn_of_quota(subnets: Sequence[Subnet], region: str) -> Iterable[SafetyCheck]:
    """A warning of the room that FIS needs in a route table. Squall does not read the quota."""
    more = _MORE_ROUTES.get(region, _ROUTES)
    sizes = dict.fromkeys(f"{subnet.route_table} has {subnet.routes}, so {subnet.routes + more} are needed" for subnet in subnets)
    if sizes:
        detail = (
            f"FIS adds about {more} routes to a copy of the route table, and fails where the quota Routes per route table does not"
            f" allow them: {'; '.join(sizes)}"
        )
        yield SafetyCheck(name="room_for_routes", outcome=CheckOutcome.WARNED, detail=detail)


def _delete(part: FisPart, region: str) -> str:
    return shell_command("aws", "ec2", _COMMANDS[part.kind], "--region", region, _DELETING[part.kind], part.id)
