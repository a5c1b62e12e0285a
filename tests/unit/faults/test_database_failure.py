"""A database fails over: compiled as FIS wants it, only where something takes over, proven by who serves, recovered when it is whole."""

from datetime import timedelta
from typing import Any

import pytest

from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import CheckOutcome, FaultType, ResourceType, RollbackOutcome
from squall.domain.documents.fault import TargetBefore
from squall.domain.metrics.bindings import bind_metrics
from squall.domain.metrics.scopes import measured_group
from squall.domain.policy.environment import Timing
from squall.domain.resources.databases import DatabaseCluster
from squall.domain.resources.types import OtherResource
from squall.domain.resources.workload import Workload
from squall.domain.run.fis_state import ActionState, FisExperiment
from squall.domain.targets.failure_domains import failure_domains, list_capacities, list_lost_members
from squall.faults import registry
from squall.faults.base import AnyFault
from tests.unit.builders import NOW, REGION, TAG, TG_ARN, environment, experiment, pin_targets
from tests.unit.faults.asking import compile_fault, prerequisites, verify
from tests.unit.resources import cluster, database, others

INSTANCES = registry.get_fault(FaultType.DATABASE_FAILURE, ResourceType.DATABASE)
CLUSTERS = registry.get_fault(FaultType.DATABASE_FAILURE, ResourceType.DATABASE_CLUSTER)
REBOOT = registry.get_fault(FaultType.REBOOT_DATABASES, ResourceType.DATABASE)
LENGTH = timedelta(minutes=10)


def compiled(fault: AnyFault, *pinned: OtherResource) -> tuple[dict[str, Any], dict[str, Any]]:
    return compile_fault(fault, fault.parse({}), pinned, LENGTH, region=REGION, partition="aws")


WAIT = {
    "actionId": "aws:fis:wait",
    "description": "Keep the experiment and its stop conditions alive for the observation",
    "parameters": {"duration": "PT10M"},
}


def test_an_instance_is_rebooted_with_a_failover_and_a_wait_beside_it() -> None:
    assert compiled(INSTANCES, database()) == (
        {
            "DBInstances": {
                "resourceType": "aws:rds:db",
                "resourceArns": ["arn:aws:rds:eu-west-1:111122223333:db:orders"],
                "selectionMode": "ALL",
            }
        },
        {
            "failover": {
                "actionId": "aws:rds:reboot-db-instances",
                "description": "Reboot the pinned databases with a failover to their standby",
                "parameters": {"forceFailover": "true"},
                "targets": {"DBInstances": "DBInstances"},
            },
            "observe": WAIT,
        },
    )


def test_a_cluster_fails_over_with_a_wait_beside_it() -> None:
    assert compiled(CLUSTERS, cluster()) == (
        {
            "Clusters": {
                "resourceType": "aws:rds:cluster",
                "resourceArns": ["arn:aws:rds:eu-west-1:111122223333:cluster:orders"],
                "selectionMode": "ALL",
            }
        },
        {
            "failover": {
                "actionId": "aws:rds:failover-db-cluster",
                "description": "Fail the pinned clusters over to a reader",
                "targets": {"Clusters": "Clusters"},
            },
            "observe": WAIT,
        },
    )


def test_it_has_no_parameters() -> None:
    for fault in (INSTANCES, CLUSTERS):
        with pytest.raises(InvalidInput, match="there is no such parameter"):
            fault.parse({"force": True})


def unmet(fault: AnyFault, *pinned: OtherResource, now: Workload | None = None) -> dict[str, str]:
    checks = prerequisites(fault, now or others(*pinned), pinned, fault.parse({}))
    return {check.name: check.detail for check in checks if check.outcome is not CheckOutcome.PASSED}


@pytest.mark.parametrize(
    ("changes", "expected_text"),
    [
        ({"multi_az": False, "secondary_zone": None}, {"multi_az": "orders has no standby in another zone"}),
        ({"secondary_zone": None}, {"multi_az": "orders has no standby in another zone"}),  # being made
        ({"cluster": "shop"}, {"in_no_cluster": "orders is a member of shop: target the cluster"}),
        ({}, {}),
    ],
)
def test_an_instance_needs_a_standby_and_no_cluster(changes: dict[str, Any], expected_text: dict[str, str]) -> None:
    result = unmet(INSTANCES, database(**changes))
    assert set(result) == set(expected_text)
    assert all(result[name].startswith(words) for name, words in expected_text.items())


def test_a_cluster_needs_a_reader_that_is_available_and_a_writer() -> None:
    assert unmet(CLUSTERS, cluster()) == {}
    assert set(unmet(CLUSTERS, cluster(readers=0))) == {"reader_present"}
    sick = cluster()
    sick = sick.model_copy(update={"members": tuple(m if m.writer else m.model_copy(update={"state": "creating"}) for m in sick.members)})
    assert set(unmet(CLUSTERS, sick)) == {"reader_present"}
    assert set(unmet(CLUSTERS, cluster(members=()))) == {"reader_present", "writer_present"}


def test_prerequisites_are_asked_of_the_target_as_it_is_now() -> None:
    pinned = database()
    assert set(unmet(INSTANCES, pinned, now=others(database(secondary_zone=None, multi_az=False)))) == {"multi_az"}


def failed_over(database_cluster: DatabaseCluster) -> DatabaseCluster:
    return database_cluster.model_copy(
        update={"members": tuple(m.model_copy(update={"writer": not m.writer}) for m in database_cluster.members)}
    )


def report(fault: AnyFault, before: OtherResource, after: OtherResource | None) -> Any:
    then, now = others(before), others(*([after] if after else []))
    return verify(fault, [TargetBefore(resource=before, healthy_in=())], then, now, {}, None, NOW)


SWAPPED = database(zone=f"{REGION}b", secondary_zone=f"{REGION}a")


@pytest.mark.parametrize(
    ("fault", "before", "after", "proven", "outcome"),
    [
        (INSTANCES, database(), SWAPPED, True, RollbackOutcome.RECOVERED),
        (INSTANCES, database(), database(), False, RollbackOutcome.NOT_NEEDED),
        (INSTANCES, database(), database(state="rebooting"), False, RollbackOutcome.NOT_RESTORED),
        (INSTANCES, database(), SWAPPED.model_copy(update={"secondary_zone": None}), True, RollbackOutcome.NOT_RESTORED),
        (INSTANCES, database(), None, False, RollbackOutcome.NOT_RESTORED),
        (CLUSTERS, cluster(), failed_over(cluster()), True, RollbackOutcome.RECOVERED),
        (CLUSTERS, cluster(), cluster(), False, RollbackOutcome.NOT_NEEDED),
        (CLUSTERS, cluster(readers=2), cluster(readers=1), False, RollbackOutcome.NOT_RESTORED),
        (CLUSTERS, cluster(), cluster(state="failing-over"), False, RollbackOutcome.NOT_RESTORED),
        (CLUSTERS, cluster(), cluster(members=()), False, RollbackOutcome.NOT_RESTORED),
        (CLUSTERS, cluster(), None, False, RollbackOutcome.NOT_RESTORED),
    ],
)
def test_it_is_proven_by_who_serves_and_recovered_when_it_is_whole(
    fault: AnyFault, before: OtherResource, after: OtherResource | None, proven: bool, outcome: RollbackOutcome
) -> None:
    result = report(fault, before, after)
    assert (result.proofs[0].proven, result.proofs[0].kind, result.outcome) == (proven, "state", outcome)
    assert bool(result.differences) is (outcome is RollbackOutcome.NOT_RESTORED)


def test_what_is_lacking_is_named() -> None:
    gone = SWAPPED.model_copy(update={"secondary_zone": None, "state": "modifying"})
    assert report(INSTANCES, database(), gone).differences == (
        "orders is modifying, it was available",
        f"orders has no standby, it had one in {REGION}b",
    )


def test_each_database_is_a_failure_domain_and_a_cluster_is_one_with_its_members() -> None:
    load = others(database("orders"), database("member", cluster="shop"), cluster("shop"))
    assert failure_domains(load, load.others) == ("rds/cluster/shop", "rds/db/orders")


@pytest.mark.parametrize(
    ("other_resource", "enough"),
    [(database(), True), (database(multi_az=False, secondary_zone=None), False), (cluster(), True), (cluster(readers=0), False)],
)
def test_capacity_is_what_takes_over_whatever_share_the_policy_wants(other_resource: OtherResource, enough: bool) -> None:
    load = others(other_resource)
    (capacity,) = list_capacities(load, [other_resource])
    assert (capacity.after(list_lost_members(load, [other_resource], capacity)) >= capacity.needed(100)) is enough


def test_a_database_of_another_environment_or_busy_is_not_pinned() -> None:
    for entry, text in ((database(tags={TAG: "production"}), "production"), (database(state="modifying"), "no target is available")):
        exp = experiment(type="database_failure", target_resources=[entry.arn])
        pinned, problems = pin_targets(others(entry), exp, environment(), "s")
        assert pinned == ()
        assert any(text in problem.message for problem in problems)


def test_databases_have_metrics_of_their_own_and_those_of_the_service_that_is_named() -> None:
    load = others(cluster(), service=TG_ARN)
    needed = ["availability", "cpu_utilization", "database_connections"]
    bindings, problems = bind_metrics(needed, {}, {}, load, Timing(), pinned=load.others)
    assert problems == []
    places = {binding.name: {(query.namespace, query.metric_name, query.dimensions) for query in binding.queries} for binding in bindings}
    writer = (("DBClusterIdentifier", "orders"), ("Role", "WRITER"))
    assert places["database_connections"] == {("AWS/RDS", "DatabaseConnections", writer)}
    assert places["cpu_utilization"] == {("AWS/RDS", "CPUUtilization", writer)}
    assert any(namespace == "AWS/ApplicationELB" for namespace, _, _ in places["availability"])
    (entry,), _ = bind_metrics(["database_write_latency"], {}, {}, others(database()), Timing(), pinned=[database()])
    assert (entry.unit, entry.queries[0].dimensions) == ("seconds", (("DBInstanceIdentifier", "orders"),))


def test_without_a_service_nobody_says_whose_users_would_notice() -> None:
    answer = measured_group(others(database()), [database()])
    assert isinstance(answer, str)
    assert "name in service the target group whose users would notice" in answer
    unknown = others(database(), service=TG_ARN).model_copy(update={"target_groups": ()})
    assert measured_group(unknown, [database()]) == f"the target group {TG_ARN} does not exist in this account and Region"


def test_a_reboot_in_place_is_compiled_under_its_id_with_a_wait_beside_it() -> None:
    targets, actions = compiled(REBOOT, database())
    assert targets["DBInstances"]["resourceArns"] == ["arn:aws:rds:eu-west-1:111122223333:db:orders"]
    assert actions == {
        "reboot-db-instances": {
            "actionId": "aws:rds:reboot-db-instances",
            "description": "Reboot the pinned databases in place, without a failover",
            "parameters": {"forceFailover": "false"},
            "targets": {"DBInstances": "DBInstances"},
        },
        "observe": WAIT,
    }


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({"forceFailover": True}, "false: database_failure is the reboot with a failover"),
        ({"forceFailover": "false"}, "valid boolean"),
        ({"force": False}, "forceFailover"),
    ],
)
def test_a_reboot_in_place_takes_no_failover(inputs: dict[str, Any], expected: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        REBOOT.parse(inputs)
    (problem,) = caught.value.problems
    assert problem.path == f"parameters.{next(iter(inputs))}"
    assert expected in problem.expected


def test_a_reboot_in_place_needs_no_standby_but_no_cluster() -> None:
    assert unmet(REBOOT, database(multi_az=False, secondary_zone=None)) == {}
    assert unmet(REBOOT, database(cluster="shop")) == {"in_no_cluster": "orders is a member of shop: target the cluster"}
    assert unmet(REBOOT, database(state="modifying")) == {"targets_usable": "orders is modifying"}


@pytest.mark.parametrize("changes", [{}, {"multi_az": False, "secondary_zone": None}], ids=["Multi-AZ", "alone"])
def test_a_standby_that_does_not_take_over_is_lost_with_the_primary(changes: dict[str, Any]) -> None:
    """Whoever asks for any share, the sum on the record says that nothing is left."""
    exp = experiment(type=REBOOT.type.value, target_resources=[database().arn])
    policy = environment(allowed_types=["aws:rds:*"])
    load = others(database(**changes))
    pinned, problems = pin_targets(load, exp, policy, "s")
    assert problems == []
    (capacity,) = list_capacities(load, pinned)
    assert (capacity.after(list_lost_members(load, pinned, capacity)), capacity.needed(100)) == (0, 0)
    assert list_lost_members(load, pinned, capacity) == ({"orders primary"} if changes else {"orders primary", "orders standby"})
    failed_over, _ = pin_targets(load, experiment(type="database_failure", target_resources=[database().arn]), environment(), "s")
    (capacity,) = list_capacities(load, failed_over)
    assert capacity.after(list_lost_members(load, failed_over, capacity)) == (0 if changes else 1)


def rebooted(status: str = "completed", *, began: bool = True) -> FisExperiment:
    actions = (ActionState("a", "aws:rds:reboot-db-instances", status, "", NOW if began else None),)
    return FisExperiment("EXP1", "EXT1", status, actions=actions)


LATER, EARLIER = NOW + timedelta(seconds=40), NOW - timedelta(hours=2)


@pytest.mark.parametrize(
    ("after", "fis", "proven", "outcome"),
    [
        (database(restarted_at=LATER), rebooted(), True, RollbackOutcome.RESTORED),
        (database(restarted_at=LATER), rebooted("failed"), False, RollbackOutcome.NOT_NEEDED),
        (database(restarted_at=LATER), rebooted(began=False), False, RollbackOutcome.NOT_NEEDED),
        (database(restarted_at=LATER), None, False, RollbackOutcome.NOT_NEEDED),
        (database(restarted_at=EARLIER), rebooted(), False, RollbackOutcome.RESTORED),
        (database(), rebooted(), False, RollbackOutcome.RESTORED),
        (database(state="rebooting"), rebooted(), True, RollbackOutcome.NOT_RESTORED),
        (SWAPPED.model_copy(update={"restarted_at": LATER}), rebooted(), True, RollbackOutcome.RECOVERED),
        (database(restarted_at=LATER, secondary_zone=None), rebooted(), True, RollbackOutcome.NOT_RESTORED),
        (None, rebooted(), False, RollbackOutcome.NOT_RESTORED),
    ],
    ids=[
        "restarted", "FIS failed", "never began", "no FIS", "restarted before", "no event", "still rebooting", "failed over",
        "lost its standby", "gone",
    ],
)  # fmt: skip
def test_rds_events_tell_of_a_reboot_in_place(
    after: OtherResource | None, fis: FisExperiment | None, proven: bool, outcome: RollbackOutcome
) -> None:
    now = others(*([after] if after else []))
    before = [TargetBefore(resource=database(restarted_at=EARLIER), healthy_in=())]
    result = verify(REBOOT, before, others(database()), now, {}, fis, NOW, LENGTH)
    assert (result.proofs[0].proven, result.proofs[0].kind, result.outcome) == (proven, "state", outcome)
    assert result.could_have_lasted_until is None, "a reboot has no length"
    assert bool(result.differences) is (outcome is RollbackOutcome.NOT_RESTORED)
