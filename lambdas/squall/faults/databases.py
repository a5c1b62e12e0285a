"""Fails over a database: the primary is rebooted and its standby takes over, or a reader becomes the writer. Or reboots it
in place, where nothing takes over."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from squall.domain.base.model import Model
from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import FaultType, ResourceType
from squall.domain.documents.rollback import Proof
from squall.domain.documents.safety import SafetyCheck
from squall.domain.policy.custom_actions import Grant
from squall.domain.resources.databases import Database, DatabaseCluster
from squall.domain.run.fis_state import ActionState
from squall.faults.actions.generic import ActionFault
from squall.faults.base import Aftermath, Injection
from squall.faults.checks import check_targets
from squall.faults.grants import format_arn, grant_tagged, grant_untagged
from squall.faults.mechanisms.momentary import MomentaryFault
from squall.faults.parameters import NoParameters

REBOOT, FORCE = "aws:rds:reboot-db-instances", "forceFailover"


class DatabaseInstanceFailure(MomentaryFault[Database, NoParameters]):
    """`aws:rds:reboot-db-instances` with a forced failover: only a Multi-AZ instance has a standby to fail over to."""

    type = FaultType.DATABASE_FAILURE
    resource_type = ResourceType.DATABASE
    kind = Database
    verb = "failed over"
    actions = (REBOOT,)
    parameters = NoParameters
    target_key = "DBInstances"
    action = "failover"
    description = "Reboot the pinned databases with a failover to their standby"
    moves_metrics = ("database_connections",)

    fixed = {FORCE: "true"}

    def grants(self) -> tuple[Grant, ...]:
        return _grant_reboots()

    def read_action(self, action_id: str, parameters: Mapping[str, str], /) -> dict[str, Any]:
        try:
            return super().read_action(action_id, parameters)
        except InvalidInput as invalid:
            instead = {"expected": f"true; or type: {REBOOT}, the same without a failover"}
            raise InvalidInput(
                [problem.model_copy(update=instead) if problem.path == FORCE else problem for problem in invalid.problems]
            ) from None

    def check_targets(self, injection: Injection[Database, NoParameters], /) -> Iterable[SafetyCheck]:
        targets = injection.targets
        alone = [
            f"{target.id} has no standby in another zone: a reboot would be an outage" for target in targets if not _has_standby(target)
        ]
        standing = ", ".join(f"{target.id} in {target.zone} can fail over to {target.secondary_zone}" for target in targets)
        yield check_targets("multi_az", targets, alone, "; ".join(alone), standing or "no target is pinned")
        yield _check_membership(targets)

    def observe_effect(self, before: Database, now: Database | None, /) -> tuple[bool, str]:
        if now is None:
            return False, f"{before.id} does not exist any more: who removed it is not known"
        if now.zone != before.zone:
            return True, f"{now.id} is served from {now.zone}, it was {before.zone}"
        return False, f"{now.id} is still served from {now.zone}"

    def find_lacks(self, before: Database, now: Database | None, /) -> Iterable[str]:
        if now is None:
            yield f"{before.id} is gone"
            return
        if not now.usable:
            yield f"{now.id} is {now.state}, it was {before.state}"
        if _has_standby(before) and not _has_standby(now):
            yield f"{now.id} has no standby, it had one in {before.secondary_zone}"


class DatabaseClusterFailure(MomentaryFault[DatabaseCluster, NoParameters]):
    """`aws:rds:failover-db-cluster`: one of the readers becomes the writer, and the writer becomes a reader."""

    type = FaultType.DATABASE_FAILURE
    resource_type = ResourceType.DATABASE_CLUSTER
    kind = DatabaseCluster
    verb = "failed over"
    actions = ("aws:rds:failover-db-cluster",)
    parameters = NoParameters
    target_key = "Clusters"
    action = "failover"
    description = "Fail the pinned clusters over to a reader"
    moves_metrics = ("database_connections",)

    def grants(self) -> tuple[Grant, ...]:
        # For a failover to a chosen member RDS also asks for that member; FIS lets RDS choose.
        clusters = (format_arn("rds", "cluster:*"),)
        return (
            grant_tagged("rds:FailoverDBCluster", "rds", "cluster:*"),
            grant_untagged("rds:DescribeDBClusters", resources=clusters),
            grant_untagged("tag:GetResources"),
        )

    def check_targets(self, injection: Injection[DatabaseCluster, NoParameters], /) -> Iterable[SafetyCheck]:
        targets = injection.targets
        alone = [
            f"{target.id} has no available reader that could take over from {target.writer}" for target in targets if not target.readers
        ]
        headless = [f"{target.id} has no writer" for target in targets if not target.writer]
        standing = ", ".join(f"{target.id}: {target.writer} can fail over to {', '.join(target.readers)}" for target in targets)
        yield check_targets("reader_present", targets, alone, "; ".join(alone), standing or "no target is pinned")
        yield check_targets("writer_present", targets, headless, "; ".join(headless), "every cluster has its writer")

    def observe_effect(self, before: DatabaseCluster, now: DatabaseCluster | None, /) -> tuple[bool, str]:
        if now is None:
            return False, f"{before.id} does not exist any more: who removed it is not known"
        if now.writer and before.writer and now.writer != before.writer:
            return True, f"the writer of {now.id} is {now.writer}, it was {before.writer}"
        return False, f"the writer of {now.id} is {now.writer or 'nobody'}, it was {before.writer or 'nobody'}"

    def find_lacks(self, before: DatabaseCluster, now: DatabaseCluster | None, /) -> Iterable[str]:
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


def _refuse_failover(value: bool) -> bool:
    if value:
        raise ValueError("false: database_failure is the reboot with a failover")
    return value


class RebootParameters(Model):
    forceFailover: Annotated[bool, Field(strict=True), AfterValidator(_refuse_failover)] = False  # noqa: N815 - FIS's own name
    """Always false. `database_failure` is the reboot with a failover."""


class DatabaseReboot(ActionFault[Database]):
    """`aws:rds:reboot-db-instances` without a failover: the database is away until it has restarted, in spite of a standby."""

    type = FaultType.REBOOT_DATABASES
    kind = Database
    verb = "rebooted"
    parameters = RebootParameters
    arns = ("rds", "db:*")
    needs_signal = False
    proven_by_state = True
    leaves_at_once = True
    moves_metrics = ("database_connections",)

    def grants(self) -> tuple[Grant, ...]:
        return _grant_reboots()

    def describe(self, _parameters: Model, /) -> str:
        return "Reboot the pinned databases in place, without a failover"

    def check_targets(self, injection: Injection[Database, Model], /) -> Iterable[SafetyCheck]:
        yield from super().check_targets(injection)
        yield _check_membership(injection.targets)

    def prove_target(self, before: Database, now: Database | None, ran: ActionState | None, /) -> Proof:
        """The proof by RDS's event of a restart after FIS began, or by the status while it lasts."""
        if ran is None or ran.started_at is None:
            detail = f"FIS did not reboot {before.id}"
            return Proof(target=before.id, proven=False, kind="state", detail=detail)
        if now is None:
            detail = f"{before.id} does not exist any more: who removed it is not known"
            return Proof(target=before.id, proven=False, kind="state", detail=detail)
        if now.restarted_at is not None and now.restarted_at > ran.started_at:
            detail = f"{now.id} restarted at {now.restarted_at:%H:%M:%S} UTC, by RDS's events"
            return Proof(target=now.id, proven=True, kind="state", detail=detail, at=now.restarted_at)
        detail = f"{now.id} is {now.state}, and RDS has no event of a restart since FIS began"
        return Proof(target=now.id, proven=now.state == "rebooting", kind="state", detail=detail)

    def find_changes(self, before: Database, now: Database | None, /) -> Iterable[str]:
        """What differs, apart from where it is served from: a standby that took over all the same is no loss."""
        if now is None:
            yield f"{before.id} is gone"
            return
        if now.state != before.state:
            yield f"{now.id} is {now.state}, it was {before.state}"
        if _has_standby(before) and not _has_standby(now):
            yield f"{now.id} has no standby, it had one in {before.secondary_zone}"

    def lost_any(self, before: Sequence[Database], aftermath: Aftermath) -> bool:
        """Whether a standby took over although nobody asked for it."""
        now = [(target, aftermath.workload.now(target)) for target in before]
        return any(known is not None and known.zone != target.zone for target, known in now)


def _grant_reboots() -> tuple[Grant, ...]:
    return (
        grant_tagged("rds:RebootDBInstance", "rds", "db:*"),
        grant_untagged("rds:DescribeDBInstances", resources=(format_arn("rds", "db:*"),)),
        grant_untagged("tag:GetResources"),
    )


def _check_membership(targets: Sequence[Database]) -> SafetyCheck:
    members = [f"{target.id} is a member of {target.cluster}: target the cluster" for target in targets if target.cluster]
    return check_targets("in_no_cluster", targets, members, "; ".join(members), "no target is a member of a cluster")


def _has_standby(database: Database) -> bool:
    return database.multi_az and database.secondary_zone is not None
