"""A database fails over: a whole run, and what refuses it or leaves it without proof."""

from __future__ import annotations

from typing import Any

import pytest

from squall.domain.base.vocabulary import RollbackOutcome, Status, Verdict
from squall.domain.documents.discovery import Discovery
from squall.domain.resources.databases import ClusterMember, Database, DatabaseCluster
from squall.domain.resources.types import OtherResource
from tests.fakes.workload import ACCOUNT, REGION
from tests.fakes.world import FakeWorld
from tests.workflow.endings import ID, nothing_is_left, result_of
from tests.workflow.rig import TARGET_GROUP
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
