"""FIS actions that cut links of managed services: the replication of DynamoDB and MemoryDB to other Regions, and the sessions of
Direct Connect. The state of the target shows them only while they last, so that the experiment's signal tells."""

from collections.abc import Iterable

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import FaultType
from squall.domain.documents.safety import SafetyCheck
from squall.domain.policy.custom_actions import Grant
from squall.domain.resources.described import DescribedResource
from squall.domain.resources.managed import MANAGED
from squall.domain.run.commands import shell_command
from squall.faults.actions.described import DescribedFault
from squall.faults.base import Injection, Remnant
from squall.faults.checks import check_targets
from squall.faults.grants import FaultGrant, format_arn, grant_injection, grant_tagged, grant_untagged

POLICY = "ResourcePolicy"
_STATEMENT = "DoNotModifyFisDynamoDbPauseReplication"
"""How the names of the statements begin that FIS adds to a table's resource policy."""


class GlobalTablePause(DescribedFault):
    """`aws:dynamodb:global-table-pause-replication`: statements of FIS in the resource policies of the table and of its stream
    keep DynamoDB from replicating it. For up to five minutes after its beginning it may still be replicated."""

    type = FaultType.GLOBAL_TABLE_PAUSE
    verb = "paused the replication of"
    arns = ("dynamodb", "table/*")

    def grants(self) -> tuple[Grant, ...]:
        # The stream of a table carries no tags of its own, so that its policy is bound to no tag.
        streams = (format_arn("dynamodb", "table/*/stream/*"),)
        writes = ("dynamodb:PutResourcePolicy", "dynamodb:DeleteResourcePolicy")
        return (
            *(grant_tagged(action, *self.arns) for action in writes),
            grant_untagged(*writes, resources=streams),
            grant_untagged("dynamodb:GetResourcePolicy", "dynamodb:DescribeTable", resources=(format_arn(*self.arns),)),
            grant_untagged("tag:GetResources"),
            grant_injection("dynamodb:InjectError", self.type.value, format_arn(*self.arns)),
        )

    def check_targets(self, injection: Injection[DescribedResource, Model], /) -> Iterable[SafetyCheck]:
        yield from super().check_targets(injection)
        tables = injection.targets
        alone = [table.id for table in tables if not table.read_list("Replicas")]
        refusal = f"{', '.join(alone)} has no replica in another Region: there is nothing to pause"
        yield check_targets("replicated", tables, alone, refusal, "every table has a replica in another Region")

    def find_changes(self, before: DescribedResource, now: DescribedResource | None, /) -> Iterable[str]:
        left = bool(list(self.find_target_remnants(before, now)))
        yield from super().find_changes(before, now.with_field(POLICY, before.fields.get(POLICY)) if now and left else now)

    def find_target_remnants(self, before: DescribedResource, now: DescribedResource | None, /) -> Iterable[Remnant]:
        policy, known = before.fields.get(POLICY, ""), now.fields.get(POLICY, "") if now else ""
        if _STATEMENT not in known or _STATEMENT in policy:
            return
        region = before.arn.split(":")[3]
        verb, value = ("put-resource-policy", ("--policy", policy)) if policy else ("delete-resource-policy", ())
        command = shell_command("aws", "dynamodb", verb, "--region", region, "--resource-arn", before.arn, *value)
        yield Remnant(f"FIS's statements are left in the resource policy of {before.id}; they expire by themselves", command)


class MultiRegionClusterPause(DescribedFault):
    """`aws:memorydb:multi-region-cluster-pause-replication`: the cluster of this Region and those of the others no longer
    replicate to each other. The multi-Region cluster can't be changed meanwhile, and needs minutes to be available again."""

    type = FaultType.MULTI_REGION_CLUSTER_PAUSE
    verb = "paused the replication of"
    arns = ("memorydb", "multiregioncluster/*")

    def grants(self) -> tuple[Grant, ...]:
        clusters = MANAGED[self.resource_type].arn("{partition}", "{region}", "{account}", self.arns[1])
        return (
            FaultGrant(actions=("memorydb:PauseMultiRegionClusterReplication",), resources=(clusters,)),
            grant_untagged("memorydb:DescribeMultiRegionClusters", resources=(clusters,)),
            grant_untagged("tag:GetResources"),
        )

    def check_targets(self, injection: Injection[DescribedResource, Model], /) -> Iterable[SafetyCheck]:
        yield from super().check_targets(injection)
        regions = {cluster.id: {region for region, _ in cluster.read_list("Clusters")} for cluster in injection.targets}
        alone = [id_ for id_, known in regions.items() if injection.region not in known or len(known) < 2]
        refusal = f"{', '.join(alone)} has no cluster in {injection.region}, or none elsewhere: there is nothing to pause"
        yield check_targets("replicated", injection.targets, alone, refusal, "every cluster has members in this Region and in another")


class VirtualInterfaceDisconnect(DescribedFault):
    """`aws:directconnect:virtual-interface-disconnect`: the BGP sessions of the virtual interface are down, at least for ten
    minutes. All traffic between the premises and AWS has to take another way."""

    type = FaultType.VIRTUAL_INTERFACE_DISCONNECT
    verb = "disconnected"
    arns = ("directconnect", "dxvif/*")

    def check_targets(self, injection: Injection[DescribedResource, Model], /) -> Iterable[SafetyCheck]:
        yield from super().check_targets(injection)
        interfaces = injection.targets
        down = [
            f"the BGP peer {peer} of {interface.id} is {state} and {status}"
            for interface in interfaces
            for peer, state, status in interface.read_list("bgpPeers")
            if (state, status) != ("available", "up")
        ]
        down += [f"{interface.id} has no BGP peer" for interface in interfaces if not interface.read_list("bgpPeers")]
        yield check_targets("sessions_up", interfaces, down, "; ".join(down), "every BGP session is up, as FIS asks for")
