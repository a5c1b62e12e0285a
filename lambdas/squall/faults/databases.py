"""Fail over a database: the primary is rebooted and its standby takes over, or a reader becomes the writer."""

from collections.abc import Iterable, Mapping, Sequence

from squall.domain.documents.safety import SafetyCheck
from squall.domain.resources.databases import Database, DatabaseCluster
from squall.domain.resources.workload import Workload
from squall.domain.vocabulary import FaultType, ResourceType
from squall.faults.base import check
from squall.faults.mechanisms.momentary import MomentaryFault


class DatabaseInstanceFailure(MomentaryFault[Database]):
    """`aws:rds:reboot-db-instances` with a forced failover: only a Multi-AZ instance has a standby to fail over to."""

    type = FaultType.DATABASE_FAILURE
    resource_type = ResourceType.DATABASE
    kind = Database
    title = "Database failover"
    action_id = "aws:rds:reboot-db-instances"
    target_key = "DBInstances"
    action = "failover"
    description = "Reboot the pinned databases with a failover to their standby"
    moves_metrics = ("database_connections",)

    def action_parameters(self) -> Mapping[str, str]:
        return {"forceFailover": "true"}

    def needs(self, workload: Workload, pinned: Sequence[Database]) -> Iterable[SafetyCheck]:  # noqa: ARG002 - the base's
        alone = [f"{one.id} has no standby in another zone: a reboot would be an outage" for one in pinned if not _has_standby(one)]
        members = [f"{one.id} is a member of {one.cluster}: target the cluster" for one in pinned if one.cluster]
        standing = ", ".join(f"{one.id} in {one.zone} can fail over to {one.secondary_zone}" for one in pinned)
        yield check("multi_az", bool(pinned) and not alone, "; ".join(alone) or standing or "no target is pinned")
        yield check("in_no_cluster", bool(pinned) and not members, "; ".join(members) or "no target is a member of a cluster")

    def happened(self, before: Database, now: Database | None) -> tuple[bool, str]:
        if now is None:
            return False, f"{before.id} is not there any more: who took it away is not known"
        if now.zone != before.zone:
            return True, f"{now.id} is served from {now.zone}, it was {before.zone}"
        return False, f"{now.id} is still served from {now.zone}"

    def lacking(self, before: Database, now: Database | None) -> Iterable[str]:
        if now is None:
            yield f"{before.id} is gone"
            return
        if not now.usable:
            yield f"{now.id} is {now.state}, it was {before.state}"
        if _has_standby(before) and not _has_standby(now):
            yield f"{now.id} has no standby, it had one in {before.secondary_zone}"


class DatabaseClusterFailure(MomentaryFault[DatabaseCluster]):
    """`aws:rds:failover-db-cluster`: one of the readers becomes the writer, the writer a reader."""

    type = FaultType.DATABASE_FAILURE
    resource_type = ResourceType.DATABASE_CLUSTER
    kind = DatabaseCluster
    title = "Database cluster failover"
    action_id = "aws:rds:failover-db-cluster"
    target_key = "Clusters"
    action = "failover"
    description = "Fail the pinned clusters over to a reader"
    moves_metrics = ("database_connections",)

    def needs(self, workload: Workload, pinned: Sequence[DatabaseCluster]) -> Iterable[SafetyCheck]:  # noqa: ARG002 - the base's
        alone = [f"{one.id} has no available reader that could take over from {one.writer}" for one in pinned if not one.readers]
        headless = [f"{one.id} has no writer" for one in pinned if not one.writer]
        standing = ", ".join(f"{one.id}: {one.writer} can fail over to {', '.join(one.readers)}" for one in pinned)
        yield check("reader_present", bool(pinned) and not alone, "; ".join(alone) or standing or "no target is pinned")
        yield check("writer_present", bool(pinned) and not headless, "; ".join(headless) or "every cluster has its writer")

    def happened(self, before: DatabaseCluster, now: DatabaseCluster | None) -> tuple[bool, str]:
        if now is None:
            return False, f"{before.id} is not there any more: who took it away is not known"
        if now.writer and before.writer and now.writer != before.writer:
            return True, f"the writer of {now.id} is {now.writer}, it was {before.writer}"
        return False, f"the writer of {now.id} is {now.writer or 'nobody'}, it was {before.writer or 'nobody'}"

    def lacking(self, before: DatabaseCluster, now: DatabaseCluster | None) -> Iterable[str]:
        if now is None:
            yield f"{before.id} is gone"
            return
        if not now.usable:
            yield f"{now.id} is {now.state}, it was {before.state}"
        if not now.writer:
            yield f"{now.id} has no writer"
        if len(now.readers) < len(before.readers):
            down = ", ".join(f"{member.id} is {member.state}" for member in now.members if member.state != "available")
            yield f"{now.id} has {len(now.readers)} available readers, it had {len(before.readers)}" + (f": {down}" if down else "")


def _has_standby(database: Database) -> bool:
    return database.multi_az and database.secondary_zone is not None
