"""Gates of the environment's policy, in whole runs: refused at CheckSafety with the sentence, or right before the fault."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from squall.application.admission import deployed
from squall.domain.base.vocabulary import CheckOutcome, Status
from squall.domain.run.alarm_state import Watched
from tests.fakes.monitoring import FakeAlarm
from tests.fakes.world import FakeWorld
from tests.workflow.endings import is_settled, nothing_is_left, record_of, result_of, told, unavailable
from tests.workflow.rig import LONG_HISTORY_SECONDS, environment
from tests.workflow.walk import Walk

STARTING = {"faults.start"}


def policy(known: deployed.DeployedDefinitions, **changes: Any) -> None:
    known.environments["staging"].update(changes)


def rejected(world: FakeWorld, check: str, *words: str, outcome: CheckOutcome = CheckOutcome.FAILED) -> None:
    """The run ended `rejected` for this check alone, said so to record, result and people, and left nothing."""
    record, result = record_of(world), result_of(world)
    assert record.status is Status.REJECTED, record.reason
    wrong = {entry.name: entry for entry in result.safety_checks if entry.outcome not in {CheckOutcome.PASSED, CheckOutcome.WARNED}}
    assert {name: item.outcome for name, item in wrong.items()} == dict.fromkeys(
        (check, *(word for word in words if word in wrong)), outcome
    )
    for word in (check, *words):
        assert word in record.reason, record.reason
        assert word in world.notifier.endings[0].body
    assert not STARTING & set(world.calls)
    nothing_is_left(world)
    is_settled(world)
    told(world)


POLICIES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "environment_allows_risk": ({"maximum_risk": "low"}, ("up to low risk", "instance_termination is of high risk")),
    "environment_allows_cost": ({"maximum_cost_usd": 1.0}, ("about $1.1", "11 FIS action-minutes", "allows $1.00 a run")),
    "environment_allows_owner": ({"owners": ["payments"]}, ("takes experiments of payments", "owner is nobody")),
    "open_hours": ({"open_hours": [{"since": "00:00", "until": "00:01"}]}, ("open 00:00 to 00:01 UTC", "closed now")),
    "blackouts": ({"blackouts": [{"reason": "sale"}]}, ("meets 00:00 to 24:00 UTC", "(sale)")),
    "freezes": ({"freezes": [{"first": "2020-01-01", "last": "2099-12-31", "reason": "audit"}]}, ("the freeze of 2020-01-01", "(audit)")),
}


@pytest.mark.parametrize("check", POLICIES)
def test_the_policy_of_the_environment_refuses(walk: Walk, world: FakeWorld, known: deployed.DeployedDefinitions, check: str) -> None:
    changes, words = POLICIES[check]
    policy(known, **changes)
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    rejected(world, check, *words)


def test_what_the_policy_asks_for_is_enough(
    walk: Walk, world: FakeWorld, known: deployed.DeployedDefinitions, experiment: dict[str, Any]
) -> None:
    experiment["owner"] = "payments"
    policy(known, maximum_risk="high", maximum_cost_usd=5.0, owners=["payments"], open_hours=[{}], change_calendars=["Releases"])
    walk.run({"experiment": "seed"})
    assert record_of(world).status is Status.COMPLETED, record_of(world).reason
    assert world.calendars.asked == [("Releases",)] * 2, "at CheckSafety and at FinalCheck"


def test_a_change_calendar_that_is_closed(walk: Walk, world: FakeWorld, known: deployed.DeployedDefinitions) -> None:
    policy(known, change_calendars=["Releases"])
    world.calendars.open = False
    walk.run({"experiment": "seed"})
    rejected(world, "change_calendars", "Releases is closed")


def test_a_change_calendar_that_cannot_be_asked(walk: Walk, world: FakeWorld, known: deployed.DeployedDefinitions) -> None:
    policy(known, change_calendars=["Releases"])
    world.failing["calendars.state"] = unavailable()
    walk.run({"experiment": "seed"})
    rejected(world, "change_calendars", "could not be read", outcome=CheckOutcome.NOT_EVALUATED)


def test_hours_that_close_while_the_run_prepares_refuse_it_right_before_the_fault(
    walk: Walk, world: FakeWorld, known: deployed.DeployedDefinitions
) -> None:
    """The length fits when it is first asked, by seconds; arming the guards takes longer than that."""
    policy(known, change_calendars=["Releases"])
    length = timedelta(minutes=10) + timedelta(seconds=900)
    world.calendars.changes_at = world.clock.now() + length + timedelta(seconds=5)
    walk.run({"experiment": "seed"})
    rejected(world, "change_calendars", "right before the fault", "is open until")


def alarm(world: FakeWorld, name: str, state: str = "OK", **changes: Any) -> FakeAlarm:
    """An alarm of the users' own, on the requests of the load balancer, whose state has been so for a while."""
    watches = (Watched("AWS/ApplicationELB", "RequestCount", (("LoadBalancer", "app/web/fedcba9876543210"),)),)
    made = FakeAlarm(name, state, world.clock.now() - timedelta(days=1), watches=watches, **changes)
    world.alarms.alarms[name] = made
    return made


def test_a_do_not_disturb_alarm(walk: Walk, world: FakeWorld, known: deployed.DeployedDefinitions) -> None:
    policy(known, calm={"do_not_disturb": ["incident"], "workload_alarms": "ignore"})
    alarm(world, "incident", "ALARM")
    walk.run({"experiment": "seed"})
    rejected(world, "do_not_disturb", "incident in ALARM")


def test_an_alarm_of_the_workload(walk: Walk, world: FakeWorld) -> None:
    alarm(world, "errors", "ALARM")
    walk.run({"experiment": "seed"})
    rejected(world, "workload_alarms", "in ALARM: errors")


def test_alarms_that_cannot_be_asked(walk: Walk, world: FakeWorld) -> None:
    world.failing["alarms.firing"] = unavailable()
    walk.run({"experiment": "seed"})
    rejected(world, "workload_alarms", outcome=CheckOutcome.NOT_EVALUATED)


def test_an_alarm_that_fires_while_the_run_prepares(walk: Walk, world: FakeWorld) -> None:
    walk.enter["FinalCheck"] = lambda: world.alarms.set_state("errors", "ALARM")
    alarm(world, "errors")
    walk.run({"experiment": "seed"})
    rejected(world, "workload_alarms", "right before the fault", "errors")


def test_a_warning_refuses_nothing_and_is_said_everywhere(walk: Walk, world: FakeWorld, known: deployed.DeployedDefinitions) -> None:
    world.metrics.kept_seconds = LONG_HISTORY_SECONDS
    policy(known, calm={"workload_alarms": "warn"})
    alarm(world, "errors", "ALARM")
    walk.run({"experiment": "seed"})
    record, result = record_of(world), result_of(world)
    assert record.status is Status.COMPLETED, record.reason
    warned = [check for check in result.safety_checks if check.outcome is CheckOutcome.WARNED]
    assert [(check.name, check.detail) for check in warned] == [("workload_alarms", "in ALARM: errors")]
    assert "Safety checks that warned\n  workload_alarms: in ALARM: errors" in world.notifier.endings[0].body
    assert "Safety check workload_alarms warned: in ALARM: errors" in result.issues_discovered
    assert [(finding.kind, finding.detail) for finding in result.findings if finding.kind == "check_warned"] == [
        ("check_warned", "in ALARM: errors")
    ]
    assert any(event.event == "finally_safe" and "workload_alarms warned: in ALARM: errors" in event.detail for event in record.events)


@pytest.mark.parametrize("name", ["web", "shop", "shop/blue"])
def test_a_deployment_in_progress(walk: Walk, world: FakeWorld, known: deployed.DeployedDefinitions, name: str) -> None:
    policy(known, calm={"pipelines": ["shop"], "deployment_groups": ["shop/blue"]})
    world.deployments.running[name] = f"something of {name} is InProgress"
    walk.run({"experiment": "seed"})
    rejected(world, "no_deployment", f"something of {name} is InProgress")


def test_deployments_that_cannot_be_asked(walk: Walk, world: FakeWorld) -> None:
    world.failing["deployments.in_progress"] = unavailable()
    walk.run({"experiment": "seed"})
    rejected(world, "no_deployment", outcome=CheckOutcome.NOT_EVALUATED)


def test_the_workload_rests_between_two_experiments(walk: Walk, world: FakeWorld, known: deployed.DeployedDefinitions) -> None:
    policy(known, calm={"cool_down": "PT2H"})
    walk.run({"experiment": "seed"}, "first")
    assert record_of(world, "first").status is Status.COMPLETED, record_of(world, "first").reason
    walk.run({"experiment": "seed"}, "second")
    second = record_of(world, "second")
    assert second.status is Status.REJECTED
    assert "the last fault here, of first, ended at" in second.reason
    nothing_is_left(world, "second")
    world.clock.advance(2 * 3600)
    walk.run({"experiment": "seed"}, "third")
    assert record_of(world, "third").status is Status.COMPLETED, record_of(world, "third").reason


def test_faults_that_cannot_be_looked_up(walk: Walk, world: FakeWorld, known: deployed.DeployedDefinitions) -> None:
    policy(known, calm={"cool_down": "PT30M"})
    world.failing["records.faulted"] = unavailable()
    walk.run({"experiment": "seed"})
    rejected(world, "cool_down", "guards_spare_healthy_runs", outcome=CheckOutcome.NOT_EVALUATED)


def test_a_guard_that_would_abort_healthy_runs_is_warned_of_or_refused(
    walk: Walk, world: FakeWorld, known: deployed.DeployedDefinitions, experiment: dict[str, Any]
) -> None:
    """The response time passes the guard's threshold for two minutes of every half hour."""
    world.metrics.kept_seconds = LONG_HISTORY_SECONDS
    world.metrics.set("TargetResponseTime", lambda at: 0.9 if at % 1800 >= 1680 else 0.05)
    experiment |= {"abort_conditions": ["System availability < 50 %", "Response time > 500 ms"]}
    policy(known, guard_quality={"false_abort": 5})
    walk.run({"experiment": "seed"}, "refused")
    result = result_of(world, "refused")
    noisy = next(check for check in result.safety_checks if check.name == "guards_spare_healthy_runs")
    assert (record_of(world, "refused").status, noisy.outcome) == (Status.REJECTED, CheckOutcome.FAILED)
    assert "more than the 5 % that the policy allows" in noisy.detail
    assert "`Response time > 0.9 seconds`" in noisy.detail
    assert [forecast.aborted for forecast in result.false_aborts if forecast.metric == "availability"] == [0]
    policy(known, guard_quality={})
    experiment |= {"abort_conditions": ["System availability < 50 %", "Response time > 0.9 seconds"]}
    walk.run({"experiment": "seed"}, "mended")
    again = next(check for check in result_of(world, "mended").safety_checks if check.name == "guards_spare_healthy_runs")
    assert again.outcome is CheckOutcome.PASSED


def test_metrics_that_cannot_be_read_refuse_before_anything_is_made(walk: Walk, world: FakeWorld) -> None:
    world.failing["metrics.series"] = unavailable()
    walk.run({"experiment": "seed"})
    rejected(world, "guards_spare_healthy_runs", outcome=CheckOutcome.NOT_EVALUATED)


def test_the_faults_of_others_are_no_healthy_runs(walk: Walk, world: FakeWorld, experiment: dict[str, Any]) -> None:
    """The first run's own fault takes the guard's metric beyond its threshold; the second run does not count that."""
    experiment |= {"abort_conditions": ["System availability < 50 %", "Response time > 5 seconds"]}
    walk.run({"experiment": "seed"}, "first")
    first = record_of(world, "first")
    assert first.fault_started_at
    assert first.fault_ended_at
    began, ended = first.fault_started_at.timestamp(), first.fault_ended_at.timestamp()
    world.metrics.set("TargetResponseTime", lambda at: 9.0 if began <= at < ended else 0.05)
    world.clock.advance(3 * 3600)
    walk.run({"experiment": "seed"}, "second")
    latency = next(forecast for forecast in result_of(world, "second").false_aborts if forecast.metric == "response_time")
    assert (latency.aborted, latency.not_started) == (0, 0)


def test_an_experiment_is_promoted_by_being_validated(
    walk: Walk, world: FakeWorld, known: deployed.DeployedDefinitions, experiment: dict[str, Any]
) -> None:
    """The same experiment under two names of the catalogue, one for each environment."""
    promotion = {"environment": "staging", "within_days": 3}
    known.environments["local"] = {**environment("staging"), "name": "local", "promotion": promotion}
    experiment |= {"target_resources": [], "target": {"tags": {"squall:environment": "staging"}}}
    known.catalogue["seed-live"] = {**experiment, "environment": "local", "target": {"tags": {"squall:environment": "local"}}}
    world.fleet.members("web")[0].tags["squall:environment"] = "local"
    walk.run({"experiment": "seed-live"}, "too-early")
    assert "was not" in record_of(world, "too-early").reason
    walk.run({"experiment": "seed", "overrides": {"duration_minutes": 12}}, "another")
    walk.run({"experiment": "seed-live"}, "of-another")
    assert "1 were, by another definition (the last is another)" in record_of(world, "of-another").reason
    walk.run({"experiment": "seed"}, "proof")
    assert record_of(world, "proof").verdict == "validated", record_of(world, "proof").reason
    walk.run({"experiment": "seed-live", "mode": "plan"}, "promoted")
    checks = {check.name: check for check in result_of(world, "promoted").safety_checks}
    assert checks["promotion"].outcome is CheckOutcome.PASSED, checks["promotion"].detail
    world.clock.advance(3 * 86_400)
    walk.run({"experiment": "seed-live", "mode": "plan"}, "too-late")
    assert "was not" in record_of(world, "too-late").reason


@pytest.mark.parametrize(("field", "here"), [("accounts", "999999999999"), ("regions", "us-east-1")])
def test_an_environment_that_lives_elsewhere_starts_nothing_here(
    walk: Walk, world: FakeWorld, known: deployed.DeployedDefinitions, field: str, here: str
) -> None:
    policy(known, **{field: [here]})
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    record = record_of(world)
    assert record.status is Status.REJECTED
    assert f"staging is not in this {'account' if field == 'accounts' else 'Region'}" in record.reason
    assert here in record.reason
    nothing_is_left(world)
    looks = {"faults.own_templates", "faults.of_execution"}  # whether something of this run is left: asked of every run that ends
    effects = [call for call in world.calls if call.startswith(("faults.", "inventory.", "locks.acquire")) and call not in looks]
    assert effects == []


def test_a_target_whose_tag_becomes_another_environments_while_the_run_prepares(walk: Walk, world: FakeWorld) -> None:
    def move() -> None:
        for member in world.fleet.members("web"):
            member.tags["squall:environment"] = "production"

    walk.enter["FinalCheck"] = move
    walk.run({"experiment": "seed"})
    rejected(world, "opt_in_tag", "right before the fault", "has production")
