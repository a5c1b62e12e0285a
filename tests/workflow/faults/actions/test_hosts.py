"""A share of hosts is taken away: nodes are terminated, container instances are drained. Whole runs."""

from __future__ import annotations

from typing import Any

import pytest

from squall.application.admission import deployed
from squall.domain.base.vocabulary import RollbackOutcome, Status, Verdict
from squall.domain.documents.discovery import Discovery
from squall.domain.documents.fault import FaultTemplate
from squall.domain.documents.recovery import Recovery
from squall.domain.resources.host_groups import ContainerInstance, EcsCluster, HostedTask, Nodegroup
from tests.fakes.workload import ACCOUNT, REGION, FakeGroup, FakeInstance
from tests.fakes.world import FakeWorld
from tests.workflow.driver import execution_event
from tests.workflow.endings import ID, is_settled, nothing_is_left, result_of
from tests.workflow.rig import TARGET_GROUP, environment
from tests.workflow.walk import Walk

STAGING = {"squall:environment": "staging"}
TERMINATE = "aws:eks:terminate-nodegroup-instances"
GENERAL = Nodegroup(
    id="main/general", arn=f"arn:aws:eks:{REGION}:{ACCOUNT}:nodegroup/main/general/1cb2-0a", state="ACTIVE", tags=STAGING,
    groups=("eks-general",),
)  # fmt: skip
DRAIN = "aws:ecs:drain-container-instances"
SHOP_CLUSTER = EcsCluster(
    id="shop", arn=f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/shop", state="ACTIVE", tags=STAGING,
    hosts=tuple(
        ContainerInstance(
            id=f"c{n}", zone=f"{REGION}{'ab'[n % 2]}", state="ACTIVE", instance=f"i-shop{n}", tags=STAGING,
            tasks=(HostedTask(id=f"t{n}", service="shop/web"),),
        )
        for n in range(4)
    ),
)  # fmt: skip


def add_cluster(world: FakeWorld) -> None:
    """Four container instances in two zones, with the instances that they are."""
    world.fleet.add_other(SHOP_CLUSTER)
    for host in SHOP_CLUSTER.hosts:
        world.fleet.add(FakeInstance(host.instance, zone=host.zone, tags=STAGING))


@pytest.fixture
def nodes(world: FakeWorld) -> FakeGroup:
    """Four nodes in two zones."""
    group = FakeGroup("eks-general", desired=4, tags=STAGING)
    world.fleet.add_group(group)
    world.fleet.add_other(GENERAL)
    return group


@pytest.fixture
def loss(nodes: FakeGroup, experiment: dict[str, Any], known: deployed.DeployedDefinitions) -> dict[str, Any]:
    environments: Any = known.environments
    environments["staging"] = environment("staging", inline_definitions=True, allowed_types=[TERMINATE], minimum_healthy_percent=50)
    assert nodes.desired == 4
    return {key: value for key, value in experiment.items() if key != "rollback"} | {
        "type": TERMINATE,
        "target_resources": [GENERAL.arn],
        "service": TARGET_GROUP,
        "parameters": {"instanceTerminationPercentage": 50},
        "success_criteria": ["System availability > 99%", "Auto Scaling launches replacement instance within 5 minutes"],
    }


def test_half_of_the_nodes_are_lost_and_each_is_replaced(walk: Walk, world: FakeWorld, loss: dict[str, Any]) -> None:
    walk.run({"definition": loss})
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.VALIDATED), result.reason
    assert result.rollback is not None
    assert (result.rollback.outcome, [proof.kind for proof in result.rollback.proofs]) == (RollbackOutcome.RECOVERED, ["state"])
    recovery, discovery = world.documents.get(ID, Recovery), world.documents.get(ID, Discovery)
    assert recovery is not None
    assert discovery is not None
    assert len(recovery.replacement_ids) == 2
    assert discovery.failure_domains == ("asg/eks-general", "nodegroup/main/general")
    shares = next(check.detail for check in result.safety_checks if check.name == "minimum_healthy_share")
    assert shares.split("; ") == [
        "asg/eks-general: 4 in service − 2 = 2 of 4 (50 %, needed 50 %)",
        "nodegroup/main/general: 4 in service − 2 = 2 of 4 (50 %, needed 50 %)",
    ]
    template = world.documents.get(ID, FaultTemplate)
    assert template is not None
    (target,) = template.body["targets"].values()
    assert (target["resourceType"], target["resourceArns"]) == ("aws:eks:nodegroup", [GENERAL.arn])
    nothing_is_left(world)


def test_one_replacement_of_two_does_not_do(walk: Walk, world: FakeWorld, nodes: FakeGroup, loss: dict[str, Any]) -> None:
    """The group launches one node and no more."""
    terminate = world.fleet.terminate
    lost: list[str] = []

    def terminate_some(instance_id: str) -> None:
        lost.append(instance_id)
        nodes.replaces_after = 90 if len(lost) == 1 else None
        terminate(instance_id)

    world.fleet.terminate = terminate_some  # type: ignore[method-assign]
    walk.run({"definition": loss})
    result = result_of(world)
    assert len(lost) == 2
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.REFUTED), result.reason
    assert result.rollback is not None
    assert result.rollback.outcome is RollbackOutcome.NOT_RESTORED


def test_a_termination_that_did_nothing_is_invalid(walk: Walk, world: FakeWorld, loss: dict[str, Any]) -> None:
    world.faults.idle.add("terminate-nodegroup-instances")
    walk.run({"definition": loss})
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.INVALID)
    assert "0 of 4 nodes of main/general are gone" in result.reason
    nothing_is_left(world)


def test_an_abort_brings_nothing_back_but_their_group_does(walk: Walk, world: FakeWorld, loss: dict[str, Any]) -> None:
    order = {"execution_id": ID, "reason": "enough", "requested_by": "me"}
    walk.after["StartFault"] = lambda _: world.clock.after(200, lambda: walk.quietly("Abort", order))
    walk.run({"definition": loss})
    result = result_of(world)
    assert result.rollback is not None
    assert (result.status, result.verdict, result.rollback.outcome) == (Status.ABORTED, Verdict.ABORTED, RollbackOutcome.RECOVERED)
    nothing_is_left(world)


def test_a_run_that_died_is_closed(walk: Walk, world: FakeWorld, loss: dict[str, Any]) -> None:
    walk.enter["WatchFault"] = walk.kill
    done = walk.run({"definition": loss})
    walk.enter.clear()
    walk.pulse = False
    walk.invoke("Watchdog", execution_event(done.arn, "ABORTED", done.started_ms))
    walk.pulses(4)
    is_settled(world)
    nothing_is_left(world)


@pytest.mark.parametrize(
    ("percent", "check"), [(51, "minimum_healthy_share"), (20, "fault_prerequisites.share_of_hosts")], ids=["rounded up", "rounded down"]
)
def test_a_share_that_may_be_too_much_or_nothing_is_refused(
    walk: Walk, world: FakeWorld, loss: dict[str, Any], percent: int, check: str
) -> None:
    walk.run({"definition": {**loss, "parameters": {"instanceTerminationPercentage": percent}}})
    result = result_of(world)
    assert result.status is Status.REJECTED
    assert check in {outcome.name for outcome in result.safety_checks if outcome.outcome != "passed"}
    assert world.faults.runs == {}


def test_a_node_that_did_not_opt_in_refuses_all(walk: Walk, world: FakeWorld, loss: dict[str, Any]) -> None:
    world.fleet.members("eks-general")[3].tags = {}
    walk.run({"definition": loss})
    result = result_of(world)
    assert (result.status, "in main/general has squall:environment = 'none'" in result.reason) == (Status.REJECTED, True), result.reason
    assert world.faults.runs == {}


def test_a_node_that_joined_since_the_checks_stops_the_start(walk: Walk, world: FakeWorld, nodes: FakeGroup, loss: dict[str, Any]) -> None:
    def grow(_: object) -> None:
        world.fleet._launch(nodes, f"{REGION}a")

    walk.before["FinalCheck"] = grow
    walk.run({"definition": loss})
    result = result_of(world)
    assert (result.status, "host_ids was" in result.reason) == (Status.REJECTED, True), result.reason
    assert world.faults.runs == {}


@pytest.fixture
def draining(world: FakeWorld, experiment: dict[str, Any], known: deployed.DeployedDefinitions) -> dict[str, Any]:
    environments: Any = known.environments
    environments["staging"] = environment("staging", inline_definitions=True, allowed_types=[DRAIN], minimum_healthy_percent=50)
    add_cluster(world)
    return {key: value for key, value in experiment.items() if key != "rollback"} | {
        "type": DRAIN,
        "target_resources": [SHOP_CLUSTER.arn],
        "service": TARGET_GROUP,
        "parameters": {"drainagePercentage": 50},
        "success_criteria": ["System availability > 99%"],
    }


def test_half_of_the_container_instances_are_drained_and_are_active_again(walk: Walk, world: FakeWorld, draining: dict[str, Any]) -> None:
    walk.run({"definition": draining})
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.VALIDATED), result.reason
    assert result.rollback is not None
    assert (result.rollback.outcome, [proof.kind for proof in result.rollback.proofs]) == (RollbackOutcome.RESTORED, ["state"])
    shares = next(check.detail for check in result.safety_checks if check.name == "minimum_healthy_share")
    assert shares.split("; ") == [
        "ecs/shop: 4 in service − 2 = 2 of 4 (50 %, needed 50 %)",
        "ecs/shop/web: 4 in service − 2 = 2 of 4 (50 %, needed 50 %)",
    ]
    template = world.documents.get(ID, FaultTemplate)
    assert template is not None
    (action,) = template.body["actions"].values()
    assert action["parameters"] == {"drainagePercentage": "50", "duration": "PT10M"}
    nothing_is_left(world)


def test_a_drain_that_did_nothing_is_invalid(walk: Walk, world: FakeWorld, draining: dict[str, Any]) -> None:
    world.faults.idle.add("drain-container-instances")
    walk.run({"definition": draining})
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.INVALID)
    assert "services left 0 of 4 container instances of shop" in result.reason
    nothing_is_left(world)


def test_an_abort_ends_the_drain(walk: Walk, world: FakeWorld, draining: dict[str, Any]) -> None:
    order = {"execution_id": ID, "reason": "enough", "requested_by": "me"}
    walk.after["StartFault"] = lambda _: world.clock.after(60, lambda: walk.quietly("Abort", order))
    walk.run({"definition": draining})
    result = result_of(world)
    assert result.rollback is not None
    assert (result.status, result.verdict, result.rollback.outcome) == (Status.ABORTED, Verdict.ABORTED, RollbackOutcome.RESTORED)
    nothing_is_left(world)


def test_what_fis_leaves_draining_keeps_the_lock_and_is_told_with_its_command(
    walk: Walk, world: FakeWorld, draining: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.fakes.effects._activate", lambda *_: None)

    def die() -> None:
        world.clock.advance(60)
        walk.kill()

    walk.enter["WatchFault"] = die
    done = walk.run({"definition": draining})
    walk.enter.clear()
    walk.pulse = False
    walk.invoke("Watchdog", execution_event(done.arn, "ABORTED", done.started_ms))
    told = " ".join(message.body for message in world.notifier.sent)
    assert "container instance c0 of shop is still DRAINING" in told
    assert "aws ecs update-container-instances-state" in told
    assert world.locks.leases
    active = [host.model_copy(update={"state": "ACTIVE"}) for host in SHOP_CLUSTER.hosts]
    world.fleet.add_other(SHOP_CLUSTER.model_copy(update={"hosts": tuple(active)}))
    walk.pulses(4)
    is_settled(world)
    nothing_is_left(world)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tags": {}}, "c3 in shop has squall:environment = 'none'"),
        ({"state": "DRAINING"}, "c3 of shop is DRAINING"),
        ({"instance": "mi-0a1"}, "c3 of shop is no EC2 instance"),
    ],
)
def test_a_container_instance_that_is_unfit_refuses_the_cluster(
    walk: Walk, world: FakeWorld, draining: dict[str, Any], changes: dict[str, Any], words: str
) -> None:
    unfit = SHOP_CLUSTER.hosts[3].model_copy(update=changes)
    world.fleet.add_other(SHOP_CLUSTER.model_copy(update={"hosts": (*SHOP_CLUSTER.hosts[:3], unfit)}))
    walk.run({"definition": draining})
    result = result_of(world)
    assert (result.status, words in result.reason) == (Status.REJECTED, True), result.reason
    assert world.faults.runs == {}
