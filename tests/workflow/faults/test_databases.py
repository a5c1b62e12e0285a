"""A database fails over: a whole run, and what refuses it or leaves it without proof."""

from __future__ import annotations

from typing import Any

import pytest

from squall.application.admission import deployed
from squall.domain.base.vocabulary import RollbackOutcome, Status, Verdict
from squall.domain.documents.discovery import Discovery
from squall.domain.resources.databases import ClusterMember, Database, DatabaseCluster
from squall.domain.resources.types import OtherResource
from tests.fakes.workload import ACCOUNT, REGION
from tests.fakes.world import FakeWorld
from tests.workflow.driver import execution_event
from tests.workflow.endings import ID, is_settled, nothing_is_left, result_of
from tests.workflow.rig import TARGET_GROUP, environment
from tests.workflow.walk import Walk

STAGING = {"squall:environment": "staging"}
INSTANCE = Database(
    id="orders", arn=f"arn:aws:rds:{REGION}:{ACCOUNT}:db:orders", state="available", zone=f"{REGION}a", tags=STAGING, engine="postgres",
    multi_az=True, secondary_zone=f"{REGION}b",
)  # fmt: skip
CLUSTER = DatabaseCluster(
    id="shop", arn=f"arn:aws:rds:{REGION}:{ACCOUNT}:cluster:shop", state="available", zone=f"{REGION}a", tags=STAGING,
    engine="aurora-mysql",
    members=(
        ClusterMember(id="shop-1", zone=f"{REGION}a", state="available", writer=True),
        ClusterMember(id="shop-2", zone=f"{REGION}b", state="available", writer=False),
    ),
)  # fmt: skip


@pytest.fixture
def failover(experiment: dict[str, Any]) -> dict[str, Any]:
    return {
        **experiment,
        "type": "database_failure",
        "target_resources": [],
        "service": TARGET_GROUP,
        "success_criteria": ["System availability > 99%", "Response time < 2 seconds"],
    }


def of(failover: dict[str, Any], *targets: OtherResource) -> dict[str, Any]:
    return {"definition": {**failover, "target_resources": [target.arn for target in targets]}}


@pytest.mark.parametrize("other_resource", [INSTANCE, CLUSTER], ids=["instance", "cluster"])
def test_a_failover_is_proven_recovered_and_leaves_nothing(
    walk: Walk, world: FakeWorld, failover: dict[str, Any], other_resource: OtherResource
) -> None:
    world.fleet.add_other(other_resource)
    walk.run(of(failover, other_resource))
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.VALIDATED), result.reason
    assert result.rollback is not None
    assert (result.rollback.outcome, [proof.proven for proof in result.rollback.proofs]) == (RollbackOutcome.RECOVERED, [True])
    assert [(target["type"], target["id"], target["zone"]) for target in result.targets] == [
        (other_resource.type.value, other_resource.id, f"{REGION}a")
    ]
    nothing_is_left(world)


def test_the_lock_is_the_clusters(walk: Walk, world: FakeWorld, failover: dict[str, Any]) -> None:
    world.fleet.add_other(CLUSTER)
    walk.run(of(failover, CLUSTER))
    discovery = world.documents.get(ID, Discovery)
    assert discovery is not None
    assert discovery.failure_domains == ("rds/cluster/shop",)


@pytest.mark.parametrize(
    ("other_resource", "check"),
    [
        (INSTANCE.model_copy(update={"multi_az": False, "secondary_zone": None}), "fault_prerequisites.multi_az"),
        (CLUSTER.model_copy(update={"members": CLUSTER.members[:1]}), "fault_prerequisites.reader_present"),
        (CLUSTER.model_copy(update={"members": CLUSTER.members[:1]}), "minimum_healthy_share"),
        (INSTANCE.model_copy(update={"tags": {"squall:environment": "production"}}), "targets_exist"),
        (INSTANCE.model_copy(update={"state": "backing-up"}), "targets_exist"),
    ],
)
def test_what_nothing_takes_over_from_is_never_hit(
    walk: Walk, world: FakeWorld, failover: dict[str, Any], other_resource: OtherResource, check: str
) -> None:
    world.fleet.add_other(other_resource)
    walk.run(of(failover, other_resource))
    result = result_of(world)
    assert result.status is Status.REJECTED
    assert check in {outcome.name for outcome in result.safety_checks if outcome.outcome != "passed"}
    assert world.faults.runs == {}
    nothing_is_left(world)


def test_a_reader_lost_since_the_check_stops_the_start(walk: Walk, world: FakeWorld, failover: dict[str, Any]) -> None:
    world.fleet.add_other(CLUSTER)
    alone = CLUSTER.model_copy(update={"members": CLUSTER.members[:1]})
    walk.before["FinalCheck"] = lambda _: world.fleet.others.update({CLUSTER.arn: alone})
    walk.run(of(failover, CLUSTER))
    assert result_of(world).status is Status.REJECTED
    assert world.faults.runs == {}


def test_a_failover_that_did_not_happen_is_invalid(walk: Walk, world: FakeWorld, failover: dict[str, Any], monkeypatch: Any) -> None:
    world.fleet.add_other(CLUSTER)
    monkeypatch.setattr(world.fleet, "fail_over", lambda _: None)
    walk.run(of(failover, CLUSTER))
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.INVALID)
    nothing_is_left(world)


def test_without_a_service_nothing_can_be_measured(walk: Walk, world: FakeWorld, failover: dict[str, Any]) -> None:
    world.fleet.add_other(INSTANCE)
    del failover["service"]
    walk.run(of(failover, INSTANCE))
    result = result_of(world)
    assert result.status is Status.REJECTED
    assert any("name in service the target group whose users would notice" in problem.message for problem in result.problems)


@pytest.fixture
def reboot(failover: dict[str, Any], known: deployed.DeployedDefinitions, world: FakeWorld) -> dict[str, Any]:
    """A reboot in place, under a policy that allows it by its id."""
    environments: Any = known.environments
    environments["staging"] = environment("staging", inline_definitions=True, allowed_types=["aws:rds:*"], minimum_healthy_percent=50)
    world.fleet.add_other(INSTANCE)
    return {key: value for key, value in failover.items() if key != "rollback"} | {"type": "aws:rds:reboot-db-instances"}


@pytest.mark.parametrize("changes", [{}, {"multi_az": False, "secondary_zone": None}], ids=["Multi-AZ", "alone"])
def test_a_reboot_in_place_is_proven_by_rds_events_and_counts_the_database_as_lost(
    walk: Walk, world: FakeWorld, reboot: dict[str, Any], changes: dict[str, Any]
) -> None:
    world.fleet.add_other(INSTANCE.model_copy(update=changes))
    walk.run(of(reboot, INSTANCE))
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.VALIDATED), result.reason
    assert result.rollback is not None
    assert (result.rollback.outcome, [proof.kind for proof in result.rollback.proofs]) == (RollbackOutcome.RESTORED, ["state"])
    share = next(check.detail for check in result.safety_checks if check.name == "minimum_healthy_share")
    whole = 1 if changes else 2
    assert share == f"rds/db/orders: {whole} in service − {whole} = 0 of {whole} (needed 0)"
    nothing_is_left(world)


def test_a_reboot_in_place_that_rds_tells_nothing_of_is_invalid(
    walk: Walk, world: FakeWorld, reboot: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.fleet, "reboot_database", lambda _: None)
    walk.run(of(reboot, INSTANCE))
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.INVALID)
    assert "RDS has no event of a restart since FIS began" in result.reason
    nothing_is_left(world)


def test_an_abort_of_a_reboot_in_place_waits_for_nothing_and_says_what_it_found(
    walk: Walk, world: FakeWorld, reboot: dict[str, Any]
) -> None:
    order = {"execution_id": ID, "reason": "enough", "requested_by": "me"}
    walk.after["StartFault"] = lambda _: world.clock.after(60, lambda: walk.quietly("Abort", order))
    walk.run(of(reboot, INSTANCE))
    result = result_of(world)
    assert result.rollback is not None
    assert (result.status, result.verdict, result.rollback.outcome) == (Status.ABORTED, Verdict.ABORTED, RollbackOutcome.RESTORED)
    nothing_is_left(world)


def test_a_reboot_in_place_after_which_the_execution_dies_is_closed(walk: Walk, world: FakeWorld, reboot: dict[str, Any]) -> None:
    walk.enter["WatchFault"] = walk.kill
    done = walk.run(of(reboot, INSTANCE))
    walk.enter.clear()
    walk.pulse = False
    walk.invoke("Watchdog", execution_event(done.arn, "ABORTED", done.started_ms))
    walk.pulses(4)
    is_settled(world)
    nothing_is_left(world)


def test_a_policy_that_does_not_name_the_id_refuses_a_reboot_in_place(
    walk: Walk, world: FakeWorld, reboot: dict[str, Any], known: deployed.DeployedDefinitions
) -> None:
    environments: Any = known.environments
    environments["staging"] = environment("staging", inline_definitions=True, allowed_types=["database_failure"])
    walk.run(of(reboot, INSTANCE))
    result = result_of(world)
    assert result.status is Status.REJECTED
    assert "staging allows database_failure; this is aws:rds:reboot-db-instances" in result.reason
    assert world.faults.runs == {}
