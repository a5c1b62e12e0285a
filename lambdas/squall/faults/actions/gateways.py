"""Cuts transit gateways off from another Region: FIS takes their peering attachments out of the route tables."""

from collections.abc import Iterable

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import FaultType
from squall.domain.documents.safety import SafetyCheck
from squall.domain.policy.custom_actions import Grant
from squall.domain.resources.transit_gateways import PeeringAttachment, TransitGateway
from squall.domain.run.commands import shell_command
from squall.faults.actions.generic import ActionFault
from squall.faults.base import Injection, Remnant
from squall.faults.checks import check_targets
from squall.faults.grants import format_arn, grant_tagged, grant_untagged

_WRITES = ("ec2:AssociateTransitGatewayRouteTable", "ec2:DisassociateTransitGatewayRouteTable")


class TransitGatewayDisruption(ActionFault[TransitGateway]):
    """`aws:network:transit-gateway-disrupt-cross-region-connectivity`: the peering attachments to the Region lose their route
    tables, for every VPC that reaches the Region by the transit gateway. Other ways to it stay open."""

    type = FaultType.TRANSIT_GATEWAY_DISRUPTION
    kind = TransitGateway
    verb = "cut off from a Region"
    arns = ("ec2", "transit-gateway-attachment/*")

    def grants(self) -> tuple[Grant, ...]:
        # IAM knows attachments and route tables here, not transit gateways: the attachments carry the environment's tag.
        tables = (format_arn("ec2", "transit-gateway-route-table/*"),)
        reads = tuple(name for name in self.permissions if name not in _WRITES)
        return (*(grant_tagged(name, *self.arns) for name in _WRITES), grant_untagged(*_WRITES, resources=tables), grant_untagged(*reads))

    def describe(self, parameters: Model, /) -> str:
        return f"{super().describe(parameters)}: {_read_region(parameters)}"

    def check_targets(self, injection: Injection[TransitGateway, Model], /) -> Iterable[SafetyCheck]:
        yield from super().check_targets(injection)
        gateways, region = injection.targets, _read_region(injection.parameters)
        others = {gateway.id: sorted({attachment.region for attachment in gateway.attachments}) for gateway in gateways}
        apart = [
            f"{gateway.id} has no attachment to {region}, but to {', '.join(others[gateway.id]) or 'none'}"
            for gateway in gateways
            if not gateway.list_attachments(region)
        ]
        cut = [f"{gateway.id}: {attachment.id}" for gateway in gateways for attachment in gateway.list_attachments(region)]
        yield check_targets("peered", gateways, apart, "; ".join(apart), f"cut off from {region}: {', '.join(cut)}")
        loose = [
            f"{attachment.id} of {gateway.id} is {attachment.state}, and its route table is {_show(attachment)}"
            for gateway in gateways
            for attachment in gateway.list_attachments(region)
            if (attachment.state, attachment.association) != ("available", "associated") or not attachment.route_table
        ]
        refusal = f"{'; '.join(loose)}: there is nothing to cut, and nothing that could be put back"
        yield check_targets("associated", gateways, loose, refusal, "every attachment has its route table")

    def find_changes(self, before: TransitGateway, now: TransitGateway | None, /) -> Iterable[str]:
        if now is None or now.state != before.state:
            yield f"{before.id} is {now.state if now else 'gone'}, it was {before.state}"
            return
        known = {attachment.id: attachment for attachment in now.attachments}
        for attachment in before.attachments:
            other = known.get(attachment.id)
            if other is None:
                yield f"{attachment.id} of {before.id} is gone"
            elif other.state != attachment.state:
                yield f"{attachment.id} of {before.id} is {other.state}, it was {attachment.state}"

    def find_target_remnants(self, before: TransitGateway, now: TransitGateway | None, /) -> Iterable[Remnant]:
        region = before.arn.split(":")[3]
        known = {attachment.id: attachment for attachment in now.attachments} if now else {}
        for attachment in before.attachments:
            other = known.get(attachment.id)
            if other is None or (other.route_table, other.association) == (attachment.route_table, attachment.association):
                continue
            ids = ("--transit-gateway-route-table-id", str(attachment.route_table), "--transit-gateway-attachment-id", attachment.id)
            command = shell_command("aws", "ec2", "associate-transit-gateway-route-table", "--region", region, *ids)
            if other.route_table not in {None, attachment.route_table}:  # an attachment has one route table at a time
                command = f"{_leave(str(other.route_table), attachment.id, region)} && {command}"
            yield Remnant(f"the route table of {attachment.id} of {before.id} is {_show(other)}, it was {_show(attachment)}", command)


def _leave(table: str, attachment: str, region: str) -> str:
    """The command that takes an attachment out of a route table."""
    ids = ("--transit-gateway-route-table-id", table, "--transit-gateway-attachment-id", attachment)
    return shell_command("aws", "ec2", "disassociate-transit-gateway-route-table", "--region", region, *ids)


def _read_region(parameters: Model) -> str:
    return str(parameters.model_dump()["region"])


def _show(attachment: PeeringAttachment) -> str:
    return f"{attachment.route_table or 'none'} ({attachment.association or 'not associated'})"
