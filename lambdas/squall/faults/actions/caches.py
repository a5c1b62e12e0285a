"""Cuts the power of an ElastiCache replication group's nodes in one zone. FIS chooses the groups by their tags alone."""

from collections.abc import Iterable

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import FaultType
from squall.domain.documents.rollback import Proof
from squall.domain.documents.safety import SafetyCheck
from squall.domain.resources.caches import CUT_ZONE, ReplicationGroup
from squall.domain.run.fis_state import ActionState
from squall.faults.actions.generic import ActionFault
from squall.faults.base import Aftermath, Injection
from squall.faults.checks import check_targets
from squall.faults.mechanisms.chosen_by_tags import ChosenByTags


class CacheZonePower(ChosenByTags[ReplicationGroup, Model], ActionFault[ReplicationGroup]):
    """`aws:elasticache:replicationgroup-interrupt-az-power`: the nodes in the zone lose their power, and are not replaced while it
    lasts. Where one of them is a primary, a replica in another zone takes over."""

    type = FaultType.CACHE_ZONE_POWER
    kind = ReplicationGroup
    verb = "cut the power in one zone of"
    arns = ("elasticache", "replicationgroup:*")

    def describe(self, parameters: Model, /) -> str:
        return f"{super().describe(parameters)}: {_read_zone(parameters)}"

    def check_targets(self, injection: Injection[ReplicationGroup, Model], /) -> Iterable[SafetyCheck]:
        yield from super().check_targets(injection)
        groups, zone = injection.targets, _read_zone(injection.parameters)
        alone = [
            f"{group.id} has Multi-AZ {group.multi_az or 'unknown'} and automatic failover {group.automatic_failover or 'unknown'}"
            for group in groups
            if (group.multi_az, group.automatic_failover) != ("enabled", "enabled")
        ]
        refusal = f"{'; '.join(alone)}: FIS cuts the power of groups with both alone"
        yield check_targets("multi_az", groups, alone, refusal, "every group has Multi-AZ and automatic failover")
        elsewhere = [f"{group.id} has no node in {zone}, but in {', '.join(group.zones)}" for group in groups if zone not in group.zones]
        refusal = f"{'; '.join(elsewhere)}: {CUT_ZONE} is the name of a zone, as the nodes have it"
        yield check_targets("zone_of_nodes", groups, elsewhere, refusal, f"every group has nodes in {zone}")
        bare = [
            f"node group {node_group} of {group.id} has no node outside {zone}"
            for group in groups
            for node_group in sorted(group.node_groups)
            if not group.list_left(node_group, zone)
        ]
        yield check_targets("nodes_left", groups, bare, "; ".join(bare), f"every node group has a node outside {zone}")

    def prove(self, aftermath: Aftermath, /) -> tuple[Proof, ...]:
        zone = _read_zone(aftermath.parameters) if aftermath.parameters else ""
        groups = [group.under(self.type, {CUT_ZONE: zone}) for group in aftermath.targets(self.kind)]
        return tuple(self.prove_target(group, aftermath.workload.now(group), self.find_action(aftermath.fis, group)) for group in groups)

    def prove_target(self, before: ReplicationGroup, now: ReplicationGroup | None, ran: ActionState | None, /) -> Proof:
        """The proof from FIS's report, unless the state disproves it: a primary in the zone is one still. What the nodes did,
        the experiment's signal tells."""
        proof = super().prove_target(before, now, ran)
        cut = {group: node for group, node in before.primaries.items() if node.zone == before.zone}
        after = now.primaries if now else {}
        if not proof.proven or not cut:
            return proof
        kept = [node.id for group, node in cut.items() if group in after and after[group].id == node.id]
        if kept:
            detail = f"{', '.join(kept)} of {before.id} was a primary in {before.zone} and is one still: it did not fail over"
            return proof.model_copy(update={"proven": False, "detail": detail})
        moved = [f"{node.id} → {after[group].id}" for group, node in cut.items() if group in after]
        return proof.model_copy(update={"detail": f"{proof.detail}; primaries moved: {', '.join(moved)}"}) if moved else proof

    def find_changes(self, before: ReplicationGroup, now: ReplicationGroup | None, /) -> Iterable[str]:
        """What is not as before. Roles are not compared: after a failover they stay where they are."""
        if now is None:
            yield f"{before.id} is gone"
            return
        for name in ("state", "multi_az", "automatic_failover"):
            old, new = getattr(before, name), getattr(now, name)
            if old != new:
                yield f"the {name} of {now.id} is {new or 'unknown'}, it was {old or 'unknown'}"
        for group, status in before.node_groups.items():
            if now.node_groups.get(group) != status:
                yield f"node group {group} of {now.id} is {now.node_groups.get(group, 'gone')}, it was {status}"
        known = {node.id: node for node in now.nodes}
        for node in before.nodes:
            other = known.get(node.id)
            if other is None:
                yield f"the node {node.id} of {now.id} in {node.zone} is gone"
            elif other.zone != node.zone:
                yield f"the node {node.id} of {now.id} is in {other.zone}, it was in {node.zone}"


def _read_zone(parameters: Model) -> str:
    return str(parameters.model_dump()[CUT_ZONE])
