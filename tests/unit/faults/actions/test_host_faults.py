"""A share of hosts is taken away, which FIS chooses: the worst choice is counted, the smallest is asked of the proof."""

from datetime import timedelta
from typing import Any

import pytest

from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import BlastRadius, CheckOutcome, FaultType, ResourceType, RollbackOutcome
from squall.domain.documents.fault import TargetBefore
from squall.domain.documents.rollback import RollbackReport
from squall.domain.resources.host_groups import EcsCluster, Nodegroup
from squall.domain.resources.instances import Instance
from squall.domain.resources.workload import Group, TargetGroup, Workload
from squall.domain.run.fis_state import ActionState, FisExperiment
from squall.domain.targets.failure_domains import Capacity, failure_domains, list_capacities, list_lost_members
from squall.faults import registry
from squall.faults.base import Aftermath
from tests.unit.builders import LB_ARN, NOW, REGION, TAG, TG_ARN, environment, experiment, instance, pin_targets
from tests.unit.faults.asking import compile_fault, prerequisites
from tests.unit.resources import ecs_cluster, nodegroup

NODES = registry.get_fault(FaultType.TERMINATE_NODES, ResourceType.NODEGROUP)
TERMINATE = "aws:eks:terminate-nodegroup-instances"
GENERAL = nodegroup()
HALF = NODES.parse({"instanceTerminationPercentage": 50})


def nodes_of(group: Nodegroup, **changes: Any) -> tuple[Instance, ...]:
    return tuple(instance(host.id, host.zone, group=next(iter(group.groups), None), **changes) for host in group.hosts)


def around(group: Nodegroup, **changes: Any) -> Workload:
    """The node group with its Auto Scaling group; all nodes are registered in one target group, by the address of a pod."""
    nodes = changes.pop("instances", nodes_of(group))
    living = [node for node in nodes if node.usable]
    members = Group(name="eks-general", desired=len(group.hosts), minimum=0, in_service=tuple(node.id for node in living))
    pods = tuple(address for node in living for address in node.addresses)
    behind = TargetGroup(arn=TG_ARN, load_balancer=LB_ARN, healthy=pods, unhealthy=())
    load = Workload(at=NOW, instances=nodes, others=(group,), groups=(members,), target_groups=(behind,))
    return load.model_copy(update=changes)


def test_the_node_group_is_pinned_by_arn_and_fis_is_told_the_share() -> None:
    targets, actions = compile_fault(NODES, HALF, [GENERAL])
    assert targets == {"Nodegroups": {"resourceType": "aws:eks:nodegroup", "resourceArns": [GENERAL.arn], "selectionMode": "ALL"}}
    assert actions["terminate-nodegroup-instances"] == {
        "actionId": TERMINATE,
        "description": "Terminates a share of the node groups' instances: 50 %",
        "parameters": {"instanceTerminationPercentage": "50"},
        "targets": {"Nodegroups": "Nodegroups"},
    }
    assert actions["observe"]["actionId"] == "aws:fis:wait"
    assert NODES.read_template(TERMINATE, {"instanceTerminationPercentage": "50"}, timedelta(0)) == {"instanceTerminationPercentage": 50}


@pytest.mark.parametrize("inputs", [{}, {"instanceTerminationPercentage": 0}, {"instanceTerminationPercentage": 101}, {"percent": 50}])
def test_a_share_that_fis_would_refuse_is_refused(inputs: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="parameters"):
        NODES.parse(inputs)


def unmet(group: Nodegroup, percent: int, load: Workload | None = None) -> dict[str, str]:
    parameters = NODES.parse({"instanceTerminationPercentage": percent})
    checks = prerequisites(NODES, load or around(group), [group], parameters)
    return {check.name: check.detail for check in checks if check.outcome is not CheckOutcome.PASSED}


def test_what_it_requires() -> None:
    assert unmet(GENERAL, 50) == {}
    assert unmet(GENERAL, 20) == {"share_of_hosts": "20 % of the 4 hosts of main/general is less than one: FIS may take none"}
    assert unmet(nodegroup(state="UPDATING"), 50) == {"targets_usable": "main/general is UPDATING"}
    assert set(unmet(nodegroup(groups=()), 50)) == {"in_auto_scaling_group"}
    assert set(unmet(nodegroup(groups=("a", "b")), 50)) == {"in_auto_scaling_group"}
    leaving = nodegroup(hosts=(*GENERAL.hosts[:3], GENERAL.hosts[3].model_copy(update={"state": "Terminating"})))
    assert unmet(leaving, 50) == {"hosts_in_service": "i-general3 of main/general is Terminating"}
    assert set(unmet(nodegroup(nodes=0), 100)) == {"share_of_hosts"}


@pytest.mark.parametrize(("percent", "left"), [(25, 3), (26, 2), (50, 2), (51, 1), (100, 0)])
def test_the_most_that_fis_may_take_is_counted_rounded_up(percent: int, left: int) -> None:
    asked = GENERAL.under(FaultType.TERMINATE_NODES, {"instanceTerminationPercentage": percent})
    load = around(asked)
    assert failure_domains(load, [asked]) == ("asg/eks-general", "nodegroup/main/general")
    counted = {each.domain: each.after(list_lost_members(load, [asked], each)) for each in list_capacities(load, [asked])}
    assert counted == {"asg/eks-general": left, "nodegroup/main/general": left}


def test_fis_is_taken_to_choose_the_hosts_that_leave_the_least() -> None:
    """The pods of a service may all be on one of the nodes."""
    crowded = [instance("i-general0", addresses=("10.0.1.1", "10.0.1.2", "10.0.1.3"), group="eks-general"), *nodes_of(GENERAL)[1:]]
    asked = GENERAL.under(FaultType.TERMINATE_NODES, {"instanceTerminationPercentage": 25})
    load = around(asked, instances=tuple(crowded))
    domains = {each.domain: each for each in list_capacities(load, [asked])}
    pods = domains["tg/shop/73e2d6bc24d8a067"]
    assert list_lost_members(load, [asked], pods) == {"10.0.1.1", "10.0.1.2", "10.0.1.3"}
    assert pods.after(list_lost_members(load, [asked], pods)) == 0


def test_what_another_fault_takes_besides_is_counted_apart_from_what_fis_chooses() -> None:
    """A node that is terminated by another fault is not among those that FIS is taken to choose."""
    asked = GENERAL.under(FaultType.TERMINATE_NODES, {"instanceTerminationPercentage": 50})
    load = around(asked)
    members = next(each for each in list_capacities(load, [asked]) if each.domain == "asg/eks-general")
    assert members.after(list_lost_members(load, [asked, nodes_of(GENERAL)[0]], members)) == 1
    weighed = Capacity("asg/eks-general", 6, members.in_service, weights={"i-general3": 3})
    assert list_lost_members(load, [asked], weighed) >= {"i-general3"}


@pytest.mark.parametrize(
    ("radius", "zone", "problem"),
    [
        (BlastRadius.SINGLE_INSTANCE, "", ""),
        (BlastRadius.SINGLE_REGION, "", ""),
        (BlastRadius.SINGLE_AZ, f"{REGION}a", ""),
        (BlastRadius.SINGLE_AZ, "", "single_az is about zones, and main/general does not live in a single zone"),
    ],
)
def test_a_node_group_is_in_a_zone_if_all_its_nodes_are(radius: BlastRadius, zone: str, problem: str) -> None:
    group = nodegroup(zone=zone)
    exp = experiment(type=TERMINATE, target_resources=[group.arn], blast_radius=radius, parameters={"instanceTerminationPercentage": 50})
    pinned, problems = pin_targets(around(group), exp, environment(allowed_types=[TERMINATE]), "s")
    assert [entry.message for entry in problems] == ([problem] if problem else [])
    assert [target.id for target in pinned] == ([] if problem else ["main/general"])


def test_every_node_has_to_opt_in_because_fis_may_take_any() -> None:
    stranger = (*nodes_of(GENERAL)[:3], instance("i-general3", group="eks-general", tags={TAG: "production"}))
    exp = experiment(type=TERMINATE, target_resources=[GENERAL.arn], parameters={"instanceTerminationPercentage": 25})
    _, problems = pin_targets(around(GENERAL, instances=stranger), exp, environment(allowed_types=[TERMINATE]), "s")
    assert [entry.message for entry in problems] == [f"i-general3 in main/general has {TAG} = 'production'"]


def ran(status: str = "completed", *, began: bool = True) -> FisExperiment:
    return FisExperiment("EXP1", "EXT1", status, actions=(ActionState("a", TERMINATE, status, "", NOW if began else None),))


def report(
    gone: int, *, replaced: bool = True, percent: int = 50, fis: FisExperiment | None = None, state: str = "ACTIVE"
) -> RollbackReport:
    lost = [node.model_copy(update={"state": "terminated", "lifecycle": None}) for node in nodes_of(GENERAL)[:gone]]
    new = [instance(f"i-new{n}", group="eks-general") for n in range(gone if replaced else 0)]
    now = around(GENERAL.model_copy(update={"state": state}), instances=(*lost, *nodes_of(GENERAL)[gone:], *new))
    before = [TargetBefore(resource=GENERAL, healthy_in=())]
    parameters = NODES.parse({"instanceTerminationPercentage": percent})
    return NODES.verify(Aftermath(before, around(GENERAL), now, {}, fis or ran(), NOW, timedelta(minutes=10), parameters))


@pytest.mark.parametrize(
    ("changes", "proven", "outcome"),
    [
        ({"gone": 2}, True, RollbackOutcome.RECOVERED),
        ({"gone": 1}, False, RollbackOutcome.RECOVERED),
        ({"gone": 1, "percent": 40}, True, RollbackOutcome.RECOVERED),
        ({"gone": 0}, False, RollbackOutcome.RESTORED),
        ({"gone": 2, "replaced": False}, True, RollbackOutcome.NOT_RESTORED),
        ({"gone": 2, "state": "DEGRADED"}, True, RollbackOutcome.NOT_RESTORED),
        ({"gone": 2, "fis": ran("failed")}, False, RollbackOutcome.RECOVERED),
        ({"gone": 0, "fis": ran(began=False)}, False, RollbackOutcome.NOT_NEEDED),
    ],
    ids=["half", "fewer than the least", "rounded down", "none", "not replaced", "degraded", "FIS failed", "never began"],
)
def test_nodes_that_are_gone_prove_it_and_their_group_tells_what_is_missing(
    changes: dict[str, Any], proven: bool, outcome: RollbackOutcome
) -> None:
    result = report(**changes)
    assert ([proof.proven for proof in result.proofs], [proof.kind for proof in result.proofs]) == ([proven], ["state"])
    assert result.outcome is outcome
    assert bool(result.differences) is (outcome is RollbackOutcome.NOT_RESTORED)
    assert result.could_have_lasted_until is None


def test_a_node_group_that_is_gone_is_not_restored() -> None:
    before = [TargetBefore(resource=GENERAL, healthy_in=())]
    now = around(GENERAL).model_copy(update={"others": ()})
    result = NODES.verify(Aftermath(before, around(GENERAL), now, {}, ran(), NOW, timedelta(minutes=10), HALF))
    assert (result.outcome, result.differences) == (RollbackOutcome.NOT_RESTORED, ("main/general is gone",))


def test_its_nodes_are_replaced_and_not_the_group() -> None:
    assert [node.id for node in NODES.list_replaced(GENERAL, around(GENERAL))] == list(GENERAL.host_ids)
    assert NODES.traits(HALF).targets_are_replaced


DRAIN = registry.get_fault(FaultType.DRAIN_CONTAINER_INSTANCES, ResourceType.ECS_CLUSTER)
DRAINING = "aws:ecs:drain-container-instances"
SHOP = ecs_cluster()


def on_hosts(cluster: EcsCluster, *, desired: int | None = None, rolling_out: bool = False, services: tuple[str, ...] = ()) -> Workload:
    """The cluster with its instances, its services and the target group of its tasks."""
    tasks = [task for host in cluster.hosts for task in host.tasks]
    names = services or tuple(sorted({task.service for task in tasks}))
    running = {name: tuple(sorted(task.id for task in tasks if task.service == name)) for name in names}
    groups = tuple(
        Group(kind="ecs", name=name, desired=desired or len(running[name]), minimum=0, in_service=running[name], rolling_out=rolling_out)
        for name in names
    )
    behind = TargetGroup(arn=TG_ARN, load_balancer=LB_ARN, healthy=tuple(task.address for task in tasks if task.address), unhealthy=())
    instances = tuple(instance(host.instance, host.zone, group=None, lifecycle=None) for host in cluster.hosts)
    return Workload(at=NOW, instances=instances, others=(cluster,), groups=groups, target_groups=(behind,))


def test_the_cluster_is_pinned_by_arn_and_drained_as_long_as_the_fault_lasts() -> None:
    targets, actions = compile_fault(DRAIN, DRAIN.parse({"drainagePercentage": 50}), [SHOP], timedelta(minutes=10))
    assert targets == {"Clusters": {"resourceType": "aws:ecs:cluster", "resourceArns": [SHOP.arn], "selectionMode": "ALL"}}
    assert actions == {
        "drain-container-instances": {
            "actionId": DRAINING,
            "description": "Drains a share of the clusters' container instances: 50 %",
            "parameters": {"drainagePercentage": "50", "duration": "PT10M"},
            "targets": {"Clusters": "Clusters"},
        }
    }
    read = DRAIN.read_template(DRAINING, {"drainagePercentage": "50", "duration": "PT10M"}, timedelta(minutes=10))
    assert read == {"drainagePercentage": 50}


def test_the_hosts_that_hold_most_of_a_service_are_counted_in_each_domain() -> None:
    """`web` has two tasks on one host; `api` has both of its tasks on another."""
    first, second, *rest = SHOP.hosts
    web, api = first.tasks[0], first.tasks[0].model_copy(update={"service": "shop/api"})
    crowded = first.model_copy(update={"tasks": (web, web.model_copy(update={"id": "web2", "address": "10.0.3.1"}))})
    both = tuple(api.model_copy(update={"id": f"api{n}", "address": f"10.0.3.{n}"}) for n in (2, 3))
    cluster = SHOP.model_copy(update={"hosts": (crowded, second.model_copy(update={"tasks": both}), *rest)})
    asked = cluster.under(FaultType.DRAIN_CONTAINER_INSTANCES, {"drainagePercentage": 25})
    load = on_hosts(asked)
    assert failure_domains(load, [asked]) == ("ecs/shop", "ecs/shop/api", "ecs/shop/web", "tg/shop/73e2d6bc24d8a067")
    counted = {each.domain: (each.after(list_lost_members(load, [asked], each)), each.size) for each in list_capacities(load, [asked])}
    assert counted == {"ecs/shop": (3, 4), "ecs/shop/api": (0, 2), "ecs/shop/web": (2, 4), "tg/shop/73e2d6bc24d8a067": (4, 6)}


def lacks(cluster: EcsCluster, percent: int, load: Workload | None = None) -> dict[str, str]:
    checks = prerequisites(DRAIN, load or on_hosts(cluster), [cluster], DRAIN.parse({"drainagePercentage": percent}))
    return {check.name: check.detail for check in checks if check.outcome is not CheckOutcome.PASSED}


def with_host(**changes: Any) -> EcsCluster:
    return SHOP.model_copy(update={"hosts": (*SHOP.hosts[:3], SHOP.hosts[3].model_copy(update=changes))})


def test_what_a_drain_requires() -> None:
    assert lacks(SHOP, 50) == {}
    assert set(lacks(SHOP, 24)) == {"share_of_hosts"}
    assert lacks(with_host(state="DRAINING"), 50) == {"hosts_in_service": "shop3 of shop is DRAINING"}
    assert lacks(with_host(instance="mi-1"), 50) == {"on_ec2": "shop3 of shop is no EC2 instance"}
    assert lacks(SHOP, 50, on_hosts(SHOP, rolling_out=True)) == {"no_rollout": "shop/web is being deployed"}
    idle = SHOP.model_copy(update={"hosts": tuple(host.model_copy(update={"tasks": ()}) for host in SHOP.hosts)})
    assert lacks(idle, 50) == {"services_on_hosts": "no task of a service runs on shop"}
    assert set(lacks(ecs_cluster(hosts=0), 100)) == {"share_of_hosts", "services_on_hosts"}, "a cluster on Fargate"


def drained(number: int, *, left: str = "ACTIVE", code: str | None = "ServiceSchedulerInitiated", partly: bool = False) -> EcsCluster:
    """The cluster after a drain of so many hosts: their tasks run on the last one."""
    taken, kept = SHOP.hosts[:number], SHOP.hosts[number:]
    moved = tuple(task.model_copy(update={"id": f"new{task.id}"}) for host in taken for task in host.tasks)
    hosts = (
        *(host.model_copy(update={"state": left, "tasks": host.tasks if partly else ()}) for host in taken),
        *kept[:-1],
        kept[-1].model_copy(update={"tasks": (*kept[-1].tasks, *moved)}),
    )
    stopped = {} if code is None else {task.id: code for host in taken for task in host.tasks}
    return SHOP.model_copy(update={"hosts": hosts, "stopped": stopped})


def after_drain(now: EcsCluster | None, *, desired: int = 4, percent: int = 50, fis: FisExperiment | None = None) -> RollbackReport:
    load = on_hosts(now, desired=desired) if now else on_hosts(SHOP).model_copy(update={"others": ()})
    before = [TargetBefore(resource=SHOP, healthy_in=())]
    experiment_ = fis or FisExperiment("EXP1", "EXT1", "completed", actions=(ActionState("a", DRAINING, "completed", "", NOW),))
    parameters = DRAIN.parse({"drainagePercentage": percent})
    return DRAIN.verify(Aftermath(before, on_hosts(SHOP), load, {}, experiment_, NOW, timedelta(minutes=10), parameters))


NOT_BEGUN = FisExperiment("EXP1", "EXT1", "failed", actions=(ActionState("a", DRAINING, "failed", "", NOW),))


@pytest.mark.parametrize(
    ("now", "changes", "proven", "outcome"),
    [
        (drained(2), {}, True, RollbackOutcome.RESTORED),
        (drained(1), {}, False, RollbackOutcome.RESTORED),
        (drained(1), {"percent": 30}, True, RollbackOutcome.RESTORED),
        (drained(2, code=None), {}, True, RollbackOutcome.RESTORED),
        (drained(2, code="UserInitiated"), {}, False, RollbackOutcome.RESTORED),
        (drained(2, left="DRAINING"), {}, True, RollbackOutcome.NOT_RESTORED),
        (drained(2, left="DRAINING", partly=True), {}, True, RollbackOutcome.NOT_RESTORED),
        (drained(2), {"desired": 6}, True, RollbackOutcome.NOT_RESTORED),
        (SHOP, {}, False, RollbackOutcome.RESTORED),
        (drained(2), {"fis": NOT_BEGUN}, False, RollbackOutcome.NOT_NEEDED),
        (None, {}, False, RollbackOutcome.NOT_RESTORED),
        (drained(2).model_copy(update={"hosts": drained(2).hosts[1:]}), {}, False, RollbackOutcome.NOT_RESTORED),
    ],
    ids=[
        "moved", "one of two", "rounded down", "forgotten", "stopped by hand", "still draining", "nothing had moved yet", "tasks missing",
        "nothing happened", "FIS failed", "cluster gone", "host gone",
    ],
)  # fmt: skip
def test_tasks_that_their_services_moved_prove_a_drain(
    now: EcsCluster | None, changes: dict[str, Any], proven: bool, outcome: RollbackOutcome
) -> None:
    result = after_drain(now, **changes)
    assert ([proof.proven for proof in result.proofs], [proof.kind for proof in result.proofs]) == ([proven], ["state"])
    assert result.outcome is outcome, result.differences
    assert bool(result.differences) is (outcome is RollbackOutcome.NOT_RESTORED)


def test_hosts_without_tasks_may_have_been_drained_unseen() -> None:
    """Two of four are drained, and one has no tasks: one that services left is all that can be told."""
    empty = SHOP.model_copy(update={"hosts": (*SHOP.hosts[:3], SHOP.hosts[3].model_copy(update={"tasks": ()}))})
    before = [TargetBefore(resource=empty, healthy_in=())]
    ran = FisExperiment("EXP1", "EXT1", "completed", actions=(ActionState("a", DRAINING, "completed", "", NOW),))
    after = Aftermath(before, on_hosts(empty), on_hosts(drained(1)), {}, ran, NOW, None, DRAIN.parse({"drainagePercentage": 50}))
    assert [proof.proven for proof in DRAIN.prove(after)] == [True]


def test_what_still_drains_is_left_over_with_the_command_that_ends_it() -> None:
    result = after_drain(drained(1, left="DRAINING"))
    (left,) = result.leftovers
    assert left.startswith("container instance shop0 of shop is still DRAINING; by hand: aws ecs update-container-instances-state")
    assert left.endswith(f"--region {REGION} --cluster shop --container-instances shop0 --status ACTIVE")
