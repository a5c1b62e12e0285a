"""Blocks the traffic of interface endpoints, the ways of a VPC to services: FIS takes their security groups away."""

from collections.abc import Iterable

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import CheckOutcome, FaultType
from squall.domain.documents.safety import SafetyCheck
from squall.domain.policy.custom_actions import Grant
from squall.domain.resources.described import DescribedResource
from squall.domain.run.commands import shell_command
from squall.faults.actions.described import DescribedFault
from squall.faults.base import Injection, Remnant
from squall.faults.checks import check_targets
from squall.faults.grants import FaultGrant, format_arn, grant_tagged, grant_untagged

GROUPS = "Groups"
_OF_AGENTS = ("ssm", "ssmmessages", "ec2messages")
"""The services by which agents get their commands, and the order to end one."""
_MONITORING = "monitoring"
"""CloudWatch's metrics."""


class VpcEndpointDisruption(DescribedFault):
    """`aws:network:disrupt-vpc-endpoint`: a security group of FIS without rules stands in place of the endpoint's own, for
    everything that uses the endpoint."""

    type = FaultType.VPC_ENDPOINT_DISRUPTION
    verb = "blocked the traffic of"
    arns = ("ec2", "vpc-endpoint/*")

    def grants(self) -> tuple[Grant, ...]:
        # AWS's own policy for FIS tags the group that FIS makes, and binds to that tag what empties and deletes it.
        groups, vpcs = format_arn("ec2", "security-group/*"), format_arn("ec2", "vpc/*")
        tagging = {"StringEquals": {"ec2:CreateAction": "CreateSecurityGroup", "aws:RequestTag/managedByFIS": "true"}}
        own_tags = {"ForAllValues:StringNotEquals": {"aws:TagKeys": ["{opt_in_tag}"]}}
        by_fis = {"StringEquals": {"aws:ResourceTag/managedByFIS": "true"}}
        ending = ("ec2:DeleteSecurityGroup", "ec2:RevokeSecurityGroupEgress")
        return (
            grant_tagged("ec2:ModifyVpcEndpoint", *self.arns),
            grant_untagged("ec2:ModifyVpcEndpoint", resources=(groups,)),
            grant_untagged("ec2:CreateSecurityGroup", resources=(groups, vpcs)),
            FaultGrant(actions=("ec2:CreateTags",), resources=(groups,), tagged=False, conditions={**tagging, **own_tags}),
            FaultGrant(actions=ending, resources=(groups,), tagged=False, conditions=by_fis),
            grant_untagged("vpce:AllowMultiRegion", resources=(format_arn(*self.arns),)),
            grant_untagged("ec2:DescribeVpcEndpoints", "ec2:DescribeSecurityGroups"),
        )

    def check_targets(self, injection: Injection[DescribedResource, Model], /) -> Iterable[SafetyCheck]:
        yield from super().check_targets(injection)
        endpoints = injection.targets
        kinds = {endpoint.id: endpoint.fields.get("VpcEndpointType", "of an unknown type") for endpoint in endpoints}
        others = [f"{id_} is {kind}" for id_, kind in kinds.items() if kind != "Interface"]
        refusal = f"{'; '.join(others)}: FIS takes interface endpoints"
        yield check_targets("interface_endpoints", endpoints, others, refusal, "every target is an interface endpoint")
        foreign = [endpoint.id for endpoint in endpoints if endpoint.fields.get("RequesterManaged") == "true"]
        refusal = f"a service of AWS manages {', '.join(foreign)}: its security groups can't be changed"
        yield check_targets("not_managed_by_aws", endpoints, foreign, refusal, "no service of AWS manages them")
        bare = [endpoint.id for endpoint in endpoints if not endpoint.read_list(GROUPS)]
        refusal = f"the security groups of {', '.join(bare)} are not known: nothing could be put back"
        known = "; ".join(f"{endpoint.id} has {', '.join(endpoint.read_list(GROUPS))}" for endpoint in endpoints)
        yield check_targets("own_security_groups", endpoints, bare, refusal, known)
        services = {endpoint.id: endpoint.fields.get("ServiceName", "") for endpoint in endpoints}
        ways = [f"{id_} of {service}" for id_, service in services.items() if _name_service(service) in _OF_AGENTS]
        refusal = f"{', '.join(ways)}: no agent in the VPC could be told to end what it does"
        yield check_targets("agents_reached", endpoints, ways, refusal, f"blocked: {', '.join(filter(None, services.values()))}")
        metrics = [id_ for id_, service in services.items() if _name_service(service) == _MONITORING]
        if metrics:
            silent = (
                f"metrics that something in the VPC sends to CloudWatch through {', '.join(metrics)} stop, and guards on them have no data"
            )
            yield SafetyCheck(name="metrics_reach_cloudwatch", outcome=CheckOutcome.WARNED, detail=silent)

    def find_changes(self, before: DescribedResource, now: DescribedResource | None, /) -> Iterable[str]:
        yield from super().find_changes(before, now.with_field(GROUPS, before.fields.get(GROUPS)) if now else now)  # those are a remnant

    def find_target_remnants(self, before: DescribedResource, now: DescribedResource | None, /) -> Iterable[Remnant]:
        had, has = before.read_list(GROUPS), now.read_list(GROUPS) if now else before.read_list(GROUPS)
        if had == has:
            return
        more, less = [group for group in had if group not in has], [group for group in has if group not in had]
        adding = ("--add-security-group-ids", *more) if more else ()
        removing = ("--remove-security-group-ids", *less) if less else ()
        region = before.arn.split(":")[3]
        command = shell_command("aws", "ec2", "modify-vpc-endpoint", "--region", region, "--vpc-endpoint-id", before.id, *adding, *removing)
        left = f"{before.id} has the security groups {', '.join(has) or 'none'}, it had {', '.join(had)}"
        if more == had and len(less) == 1:  # as FIS replaces them; groups beside the endpoint's own are somebody else's
            delete = shell_command("aws", "ec2", "delete-security-group", "--region", region, "--group-id", less[0])
            command = f"{command} && {delete}"
            left = f"{left}; delete {less[0]} only if it has FIS's tag managedByFIS"
        yield Remnant(left, command)


def _name_service(service: str) -> str:
    """The last part of an endpoint's service, without the mark of its FIPS variant: `ssm` of `com.amazonaws.us-east-1.ssm-fips`."""
    return service.rpartition(".")[2].removesuffix("-fips")
