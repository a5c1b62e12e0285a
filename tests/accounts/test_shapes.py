"""Shapes of real accounts, each with a truth that is known: what Squall says of it."""

from __future__ import annotations

import pytest

from squall.domain.base.vocabulary import CheckOutcome, Status, Verdict
from squall.domain.documents.guards import Guards
from squall.domain.documents.result import Result
from squall.domain.run.alarm_state import Watched
from tests.accounts.account import STAGING, Account, balancer_arn
from tests.accounts.run import REPLACED, experiment, run
from tests.accounts.traffic import target_group_arn
from tests.fakes.monitoring import FakeAlarm
from tests.fakes.workload import ACCOUNT, REGION, FakeInstance

PUBLIC, INTERNAL = balancer_arn("public"), balancer_arn("internal")


@pytest.fixture
def account() -> Account:
    return Account()


def plain(account: Account) -> list[str]:
    """One group behind one load balancer: ids of its instances."""
    ids = [entry.id for entry in account.group("web")]
    account.attach("web", account.serve("web", PUBLIC, ids))
    return ids


def refused(result: Result) -> str:
    assert result.status is Status.REJECTED, result.reason
    failed = [check.detail for check in result.safety_checks if check.outcome is not CheckOutcome.PASSED]
    return "; ".join([result.reason, *failed, *(problem.message for problem in result.problems)])


def test_the_sample(account: Account) -> None:
    result = run(account, experiment(plain(account), success_criteria=["System availability > 99%", REPLACED]))
    assert result.verdict is Verdict.VALIDATED, result.reason


def test_an_outage_of_the_sample(account: Account) -> None:
    ids = plain(account)
    account.target_groups[target_group_arn("web")].failing = 0.6
    result = run(account, experiment(ids))
    assert result.verdict is Verdict.REFUTED, result.reason


@pytest.mark.parametrize(("public", "internal"), [("web-a", "web-z"), ("web-z", "web-a")])
def test_two_load_balancers_are_settled_by_no_order_of_names(account: Account, public: str, internal: str) -> None:
    ids = [entry.id for entry in account.group("web")]
    failing = account.serve(public, PUBLIC, ids, failing=0.6)
    well = account.serve(internal, INTERNAL, ids)
    account.attach("web", failing, well)
    answer = refused(run(account, experiment(ids)))
    assert failing.arn in answer
    assert well.arn in answer
    assert "name in service" in answer


def test_the_experiment_says_which_of_two_is_judged(account: Account) -> None:
    ids = [entry.id for entry in account.group("web")]
    failing, well = account.serve("public", PUBLIC, ids, failing=0.6), account.serve("internal", INTERNAL, ids)
    account.attach("web", failing, well)
    assert run(account, experiment(ids, service=failing.arn)).verdict is Verdict.REFUTED


@pytest.mark.parametrize("registered", ["id", "address"])
def test_a_target_group_that_no_owner_lists_is_found(account: Account, registered: str) -> None:
    ids = plain(account)
    account.addresses[ids[0]] = ["10.0.4.9"]
    other = account.serve("by-controller", INTERNAL, [ids[0] if registered == "id" else "10.0.4.9"], failing=0.6)
    assert other.arn in refused(run(account, experiment(ids[:1])))


def test_nodes_whose_only_target_group_is_a_controllers(account: Account) -> None:
    ids = [entry.id for entry in account.group("nodes")]
    for number, node in enumerate(ids):
        account.addresses[node] = [f"10.0.4.{number}"]
    account.serve("pods", PUBLIC, [f"10.0.4.{number}" for number in range(3)], kind="ip", failing=0.4)
    result = run(account, experiment(ids))
    assert result.verdict is Verdict.REFUTED, result.reason
    assert any(key.startswith("tg/pods/") for key in account.world.records.get("run-1").lock_keys)  # type: ignore[union-attr]


@pytest.mark.parametrize("state", ["unhealthy", "draining", "unused"])
def test_a_target_that_serves_nobody_is_not_pinned_while_another_serves(account: Account, state: str) -> None:
    ids = plain(account)
    group = account.target_groups[target_group_arn("web")]
    group.states = {ids[0]: state, ids[1]: state}
    result = run(account, experiment(ids), minimum_healthy_percent=0)
    assert [target["id"] for target in result.targets] == ids[2:]
    group.states[ids[2]] = state


@pytest.mark.parametrize("state", ["unhealthy", "draining", "unused"])
def test_targets_that_all_serve_nobody_are_refused(account: Account, state: str) -> None:
    ids = plain(account)
    account.target_groups[target_group_arn("web")].states = dict.fromkeys(ids, state)
    answer = refused(run(account, experiment(ids[:1]), minimum_healthy_percent=0))
    assert f"{ids[0]} serves nobody" in answer


@pytest.mark.parametrize("weight", [0, None, 100], ids=["weight 0", "no listener", "no targets"])
def test_an_idle_colour_hides_none_of_the_load_balancers_errors(account: Account, weight: int | None) -> None:
    ids = plain(account)
    blue = account.target_groups[target_group_arn("web")]
    blue.failing, blue.balancer_fails = 0.33, True
    account.serve("green", PUBLIC, [] if weight == 100 else ids, weight=weight)
    result = run(account, experiment(ids))
    assert result.verdict is Verdict.REFUTED, result.reason


@pytest.mark.parametrize("weight", [0, None], ids=["weight 0", "no listener"])
def test_a_fault_on_the_idle_colour_proves_nothing_about_the_other(account: Account, weight: int | None) -> None:
    plain(account)
    green = [instance.id for instance in account.group("green")]
    account.attach("green", account.serve("green", PUBLIC, green, weight=weight))
    words = refused(run(account, experiment(green, service=target_group_arn("web"))))
    assert f"{green[0]} serves nobody: no listener sends requests to targetgroup/green" in words


@pytest.mark.parametrize(("failing", "verdict"), [(0.33, Verdict.INCONCLUSIVE), (0.0, Verdict.VALIDATED)])
def test_errors_of_a_shared_load_balancer_are_said_and_validate_nothing(account: Account, failing: float, verdict: Verdict) -> None:
    ids = plain(account)
    web = account.target_groups[target_group_arn("web")]
    web.failing, web.balancer_fails = failing, True
    account.serve("other", PUBLIC, [entry.id for entry in account.group("other")])
    result = run(account, experiment(ids))
    assert result.verdict is verdict, result.reason
    assert ("for all of its target groups together" in result.reason) is (failing > 0)


def test_a_target_group_that_no_listener_uses_needs_no_healthy_share(account: Account) -> None:
    ids = plain(account)
    account.attach("web", account.serve("unused", None, ids, weight=None))
    assert run(account, experiment(ids)).verdict is Verdict.VALIDATED


def test_a_target_group_without_targets_is_an_outage(account: Account) -> None:
    ids = plain(account)
    account.target_groups[target_group_arn("web")].empty_minutes = 2
    result = run(account, experiment(ids))
    assert result.verdict is Verdict.REFUTED, result.reason


def test_a_stopped_instance_that_comes_into_service_is_the_replacement(account: Account) -> None:
    ids = plain(account)
    world = account.world
    web = world.fleet.groups["web"]
    web.replaces_after = None
    warm = world.fleet.add(
        FakeInstance("i-0aaaaaaaaaaaaaaaa", state="stopped", tags=dict(STAGING), group="web", lifecycle="Warmed:Stopped")
    )

    def take_over() -> None:
        if account.began() is not None and warm.state == "stopped":
            warm.state, warm.lifecycle, warm.in_service_at = "running", "InService", world.clock.now()

    terminate = world.fleet.terminate

    def lose(instance_id: str) -> None:
        terminate(instance_id)
        world.clock.after(90, take_over)

    world.fleet.terminate = lose  # type: ignore[method-assign]
    target = {"resource_type": "aws:ec2:instance", "tags": STAGING}
    result = run(account, experiment(target=target, success_criteria=["System availability > 99%", REPLACED]))
    assert warm.state == "running"
    assert [entry["id"] for entry in result.targets] != [warm.id]
    assert ids
    assert result.verdict is Verdict.VALIDATED, result.reason


@pytest.mark.parametrize("lifecycle", ["Standby", "Pending:Wait", "Terminating:Wait", "Warmed:Running"])
def test_candidates_by_tag_that_are_not_in_service_are_not_pinned(account: Account, lifecycle: str) -> None:
    ids = plain(account)
    for item in ids[:2]:
        account.world.fleet.instances[item].lifecycle = lifecycle
    target = {"resource_type": "aws:ec2:instance", "tags": STAGING}
    result = run(account, experiment(target=target), minimum_healthy_percent=0)
    assert [entry["id"] for entry in result.targets] == ids[2:]


@pytest.mark.parametrize("place", [f"us-east-1:{ACCOUNT}", f"{REGION}:999999999999"])
def test_the_namesake_of_another_account_or_region_is_not_taken(account: Account, place: str) -> None:
    plain(account)
    arn = f"arn:aws:autoscaling:{place}:autoScalingGroup:0123:autoScalingGroupName/web"
    answer = refused(run(account, experiment([arn])))
    assert f"{arn} does not exist in this account and Region" in answer


@pytest.mark.parametrize("place", [f"aws:cloudwatch:us-east-1:{ACCOUNT}", f"aws:cloudwatch:{REGION}:999999999999"])
def test_the_namesake_of_a_stop_alarm_is_not_taken(account: Account, place: str) -> None:
    ids = plain(account)
    answer = refused(run(account, experiment(ids, stop_alarms=[f"arn:{place}:alarm:errors"])))
    assert "is an alarm of another account or Region" in answer


def test_a_deleted_target_group_is_named_before_the_fault(account: Account) -> None:
    ids = plain(account)
    gone = target_group_arn("gone")
    account.attached["web"].append(gone)
    assert f"is attached to {gone}, which does not exist" in refused(run(account, experiment(ids)))


@pytest.mark.parametrize(("name", "verdict", "hypothesis"), [("unused", Verdict.VALIDATED, True), ("web", Verdict.ABORTED, None)])
def test_a_target_group_that_is_deleted_during_the_fault_costs_that_part_only(
    account: Account, name: str, verdict: Verdict, hypothesis: bool | None
) -> None:
    ids = plain(account)
    account.attach("web", account.serve("unused", None, [], weight=None))
    terminate = account.world.fleet.terminate

    def lose(instance_id: str) -> None:
        terminate(instance_id)
        account.target_groups[target_group_arn(name)].deleted = True

    account.world.fleet.terminate = lose  # type: ignore[method-assign]
    result = run(account, experiment(ids))
    assert (result.verdict, result.hypothesis_validated) == (verdict, hypothesis), result.reason


def test_a_misspelt_filter_is_refused_in_the_services_words(account: Account) -> None:
    ids = plain(account)
    target = {"resource_type": "aws:ec2:instance", "arns": ids, "filters": {"availabilty-zone": [f"{REGION}a"]}}
    assert "The filter 'availabilty-zone' is invalid" in refused(run(account, experiment(target=target)))


def test_members_are_weighed(account: Account) -> None:
    ids = plain(account)
    account.weights, account.desired["web"] = dict.fromkeys(ids, 4), 12
    assert run(account, experiment(ids)).verdict is Verdict.VALIDATED


def test_capacity_in_vcpus_is_counted_in_members(account: Account) -> None:
    ids = plain(account)
    account.units["web"], account.desired["web"] = "vcpu", 24
    assert run(account, experiment(ids)).verdict is Verdict.VALIDATED


@pytest.mark.parametrize(("name", "status"), [("other", Status.COMPLETED), ("web", Status.REJECTED)])
def test_an_alarm_of_another_target_group_is_not_the_workloads(account: Account, name: str, status: Status) -> None:
    ids = plain(account)
    account.serve("other", PUBLIC, [])
    group = target_group_arn(name).rpartition(":")[2]
    dimensions = (("TargetGroup", group), ("LoadBalancer", PUBLIC.partition("loadbalancer/")[2]))
    watched = Watched("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", dimensions)
    account.world.alarms.alarms["errors"] = FakeAlarm("errors", state="ALARM", watches=(watched,))
    assert run(account, experiment(ids)).status is status


def test_a_scheduled_scale_in_is_mentioned_and_no_failure_of_the_rollback(account: Account) -> None:
    ids = plain(account)
    web = account.world.fleet.groups["web"]
    terminate = account.world.fleet.terminate

    def lose(instance_id: str) -> None:
        terminate(instance_id)
        web.desired = web.minimum = 2

    account.world.fleet.terminate = lose  # type: ignore[method-assign]
    result = run(account, experiment(ids))
    assert result.verdict is Verdict.VALIDATED, result.reason
    assert "not restored" not in result.reason
    assert result.rollback is not None
    assert result.rollback.changes == ("the desired capacity of web was changed from 3 to 2",)
    assert any("the desired capacity of web was changed from 3 to 2" in event.detail for event in result.timeline)


CPU = {"success_criteria": ["CPU utilization < 90%"], "abort_conditions": ["CPU utilization > 99%"]}


def basic(account: Account, since_fault: float = 50.0) -> list[str]:
    """The sample with basic monitoring: CloudWatch has its CPU every five minutes."""
    ids = plain(account)
    account.monitoring = dict.fromkeys(ids, "disabled")
    value = account.since_fault(since_fault, 40.0)
    account.signals["CPUUtilization"] = lambda at: value(at) if at % 300 == 0 else None
    return ids


@pytest.mark.parametrize(("minutes", "recovery", "expected"), [(10, 20, "at least 30 min"), (30, 15, "recovery of at least 20 min")])
def test_basic_monitoring_is_refused_before_the_fault_where_its_periods_are_too_few(
    account: Account, minutes: int, recovery: int, expected: str
) -> None:
    definition = experiment(basic(account), **CPU, duration_minutes=minutes, recovery=f"{recovery}m")
    answer = refused(run(account, definition))
    assert expected in answer
    assert "turn on detailed monitoring" in answer
    assert account.began() is None


@pytest.mark.parametrize(("since_fault", "verdict"), [(50.0, Verdict.VALIDATED), (95.0, Verdict.REFUTED)])
def test_basic_monitoring_is_guarded_and_judged_in_its_own_periods(account: Account, since_fault: float, verdict: Verdict) -> None:
    definition = experiment(basic(account, since_fault), **CPU, duration_minutes=35, recovery="20m")
    result = run(account, definition)
    assert result.verdict is verdict, result.reason
    (criterion,) = result.criteria
    assert criterion.window
    assert criterion.window.period_seconds == 300
    assert criterion.measured == since_fault
    assert len(criterion.points) == criterion.expected_points >= 5
    guard = account.world.documents.get(result.execution_id, Guards)
    assert guard
    assert [(spec.metrics[0].period_seconds, spec.reaction_seconds) for spec in guard.guards] == [(300, 780)]


def test_a_metric_that_is_published_less_often_than_judged_is_refused_before_the_fault(account: Account) -> None:
    ids = plain(account)
    account.signals["Queue"] = lambda at: 3.0 if at % 300 == 0 else None
    metrics = {"queue": {"namespace": "Shop", "metric_name": "Queue", "unit": "count"}}
    result = run(account, experiment(ids, metrics=metrics, success_criteria=["queue < 10"]))
    assert result.verdict is Verdict.INVALID
    assert "CloudWatch has a point of queue every 300 s at most, and periods of 60 s are judged" in result.reason
    assert account.began() is None
