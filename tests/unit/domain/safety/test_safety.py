"""Every check is always evaluated; what can't be evaluated counts as failed; CheckSafety and FinalCheck are one function."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from squall.domain.base.vocabulary import CheckOutcome
from squall.domain.documents.false_aborts import FalseAborts
from squall.domain.documents.guards import GuardSpec, StopGuard
from squall.domain.documents.safety import SafetyCheck
from squall.domain.experiment.experiment import Experiment
from squall.domain.experiment.sentences import parse_sentences
from squall.domain.language.sentences import Threshold
from squall.domain.metrics.alarm_settings import alarm_settings
from squall.domain.metrics.guard_alarms import guard_specs
from squall.domain.policy.calendar import first_closed
from squall.domain.policy.environment import ClosedHours
from squall.domain.run.alarm_state import AlarmState
from squall.domain.run.fis_state import FisExperiment
from squall.domain.run.halt import Halt
from squall.domain.run.lock import Held
from squall.domain.run.ssm_state import CalendarState
from squall.domain.safety import evaluate
from squall.domain.safety.evaluate import evaluate_checks
from squall.domain.safety.inputs import SafetyInput
from squall.faults.plan import bind_plan, list_lasting, planned_end, traits_of
from tests.unit.builders import (
    ACCOUNT,
    NOW,
    REGION,
    REL12,
    TAG,
    baseline,
    bindings,
    definition,
    discovery,
    environment,
    experiment,
    instance,
    workload,
)  # fmt: skip
from tests.unit.resources import scaling_group

GUARDS = guard_specs("run-1", "Squall", [t for _, t in parse_sentences(experiment()).conditions], bindings(), environment().timing)


def alarm(name: str, state: str = "OK", *, actions_enabled: bool = True) -> AlarmState:
    return AlarmState(name=name, state=state, updated_at=NOW, actions_enabled=actions_enabled)


def harmless(condition: Threshold, **changes: Any) -> FalseAborts:
    """The forecast of a guard that aborted 2 of 2015 healthy runs."""
    share = {"runs": 2015, "aborted": 2, "percent": 0.099, "low": 0.018, "high": 0.312, "days": 14.0}
    inputs = {"condition": condition.text, "metric": condition.metric, "told": "told", "run_seconds": 600, **share}
    return FalseAborts.model_validate({**inputs, **changes})


def armed(guard: GuardSpec | StopGuard, state: AlarmState | None = None) -> AlarmState:
    """The alarm of a guard, as it was put: OK, or in another state."""
    return replace(state or alarm(guard.name), name=guard.name, settings=alarm_settings(guard))


def safe(**changes: Any) -> SafetyInput:
    result = changes.get("discovery") or discovery()
    inputs: dict[str, Any] = {
        "now": NOW,
        "definition": definition(),
        "discovery": result,
        "workload_now": result.workload,
        "account": ACCOUNT,
        "region": REGION,
        "domain_holders": dict.fromkeys(result.failure_domains),
        "execution_id": "run-1",
        "named_alarms": {},
        "firing": (),
        "deployments": (),
        "recent_faults": (),
        "proofs": (),
        "baseline": baseline(),
        "final": True,
        "guards": GUARDS,
        "guard_states": {guard.name: armed(guard) for guard in GUARDS},
        "lease_held": True,
        "deployed_policy": changes.get("definition", definition()).environment,
        "definition_hash_now": "a" * 64,
        "template_id": "EXT1",
        "template_differences": (),
        "prerequisites": (SafetyCheck(name="linux", outcome=CheckOutcome.PASSED, detail="Linux"),),
        "moves_metrics": ("healthy_hosts",),
        "risk": "high",
        "cost": {"action_minutes": 11.0, "total_usd": 1.11},
        "calendars": CalendarState(open=True, changes_at=None),
        "active_experiments": (),
        "halt": Halt(engaged=False),
        "false_aborts": [
            harmless(condition) for _, condition in parse_sentences(changes.get("definition", definition()).experiment).conditions
        ],
    }
    defined = changes.get("definition", inputs["definition"])
    inputs |= {"traits": traits_of(defined), "lasts": planned_end(bind_plan(defined)), "lasting": list_lasting(bind_plan(defined))}
    return SafetyInput(**{**inputs, **changes})


def failed(safety_input: SafetyInput) -> dict[str, str]:
    return {check.name: check.detail for check in evaluate_checks(safety_input) if check.outcome is not CheckOutcome.PASSED}


def outcome(safety_input: SafetyInput, name: str) -> CheckOutcome:
    return next(check.outcome for check in evaluate_checks(safety_input) if check.name == name)


def test_rel12_bp05_in_a_healthy_workload_passes_every_check() -> None:
    assert failed(safe()) == {}


def test_every_check_is_returned_however_many_fail() -> None:
    names = [check.name for check in evaluate_checks(safe())]
    bad = safe(workload_now=None, account=None, domain_holders=None, baseline=None, guard_states=None, lease_held=None)
    assert [check.name for check in evaluate_checks(bad)] == names
    assert len(names) == len(set(names))


def test_no_table_of_a_module_is_left_out_and_no_check_hides_another() -> None:
    modules = [import_module(f"squall.domain.safety.{path.stem}") for path in Path(evaluate.__file__).parent.glob("[a-z]*.py")]
    names = [name for module in modules for table in ("ALWAYS", "FINAL") for name in getattr(module, table, {})]
    assert len(names) == len(set(names))
    assert set(names) <= {check.name for check in evaluate_checks(safe())}


def test_the_first_check_leaves_out_what_only_the_final_one_can_know() -> None:
    first = {check.name for check in evaluate_checks(safe(final=False))}
    final = {check.name for check in evaluate_checks(safe())}
    assert final - first == {
        "steady_state", "traffic", "guards_healthy", "lease_held", "targets_unchanged", "definition_unchanged", "not_retired", "approved",
        "fis_template_present", "fis_template_unchanged",
    }  # fmt: skip


ASKED_WHERE_NAMED = {"named_alarms", "stop_guard", "calendars", "recent_faults", "proofs", "published_now", "ask", "plan_now", "contact"}
"""Not asked, and not missed, unless the experiment or the policy names something."""
OBSERVATIONS = [
    field.name for field in fields(SafetyInput) if "None" in str(field.type) and field.name not in {"template_id", *ASKED_WHERE_NAMED}
]


@pytest.mark.parametrize("name", OBSERVATIONS)
def test_an_observation_that_could_not_be_made_fails_a_check_as_not_evaluated(name: str) -> None:
    checks = [check for check in evaluate_checks(safe(**{name: None})) if check.outcome is not CheckOutcome.PASSED]
    assert checks
    assert all(check.outcome is CheckOutcome.NOT_EVALUATED for check in checks)


def test_alarms_that_could_not_be_asked_are_not_evaluated() -> None:
    value = safe(definition=definition(experiment(stop_alarms=["pager"])), named_alarms=None)
    assert outcome(value, "alarms_ready") is CheckOutcome.NOT_EVALUATED


@pytest.mark.parametrize(
    ("policy", "name"),
    [
        ({"allowed_types": ["cpu_stress"]}, "environment_allows_type"),
        ({"allowed_blast_radius": ["single_az"]}, "environment_allows_blast_radius"),
        ({"maximum_duration": timedelta(minutes=5)}, "environment_allows_duration"),
        ({"accounts": ["999999999999"]}, "account_and_region"),
        ({"regions": ["us-east-1"]}, "account_and_region"),
        ({"minimum_healthy_percent": 51.0}, "minimum_healthy_share"),
        ({"maximum_risk": "medium"}, "environment_allows_risk"),
        ({"maximum_cost_usd": 1.10}, "environment_allows_cost"),
        ({"owners": ["payments", "search"]}, "environment_allows_owner"),
    ],
)
def test_the_policy_refuses(policy: dict[str, Any], name: str) -> None:
    assert list(failed(safe(definition=definition(env=environment(**policy))))) == [name]


def scenario_of(second: dict[str, Any]) -> Experiment:
    """Two faults of an agent, ten minutes each, for which FIS keeps a minute in reserve."""
    shared = {key: value for key, value in REL12.items() if key not in {"type", "target_resources"}}
    slow = {"type": "network_latency", "target_resources": REL12["target_resources"]}
    return Experiment.model_validate({**shared, "faults": {"a": slow, "b": {**slow, **second}}})


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ({"after": ["a"]}, "staging allows 60 s to 20 min; the fault lasts 21 min"),
        ({"duration": "30s"}, "staging allows 60 s to 20 min; the fault lasts 10 min; b lasts 30 s"),
        ({"delay": "30s"}, "b waits 30 s"),
    ],
)
def test_a_scenario_is_as_long_as_fis_takes_for_it_and_none_of_its_faults_is_too_short(second: dict[str, Any], said: str) -> None:
    defined = definition(scenario_of(second), environment(maximum_duration=timedelta(minutes=20)))
    assert said in failed(safe(definition=defined))["environment_allows_duration"]


def test_a_scenario_ends_before_hours_close_with_the_time_that_fis_keeps_in_reserve() -> None:
    assert safe(definition=definition(scenario_of({"after": ["a"]}))).end - safe().end == timedelta(minutes=11)


def test_the_healthy_share_shows_its_arithmetic() -> None:
    details = failed(safe(definition=definition(env=environment(minimum_healthy_percent=90))))["minimum_healthy_share"]
    assert "asg/shop: 2 in service − 1 = 1 of 2 (50 %, needed 90 %)" in details


def test_capacity_lost_meanwhile_counts() -> None:
    now = workload().model_copy(update={"groups": (workload().groups[0].model_copy(update={"in_service": (workload().instances[0].id,)}),)})
    assert "minimum_healthy_share" in failed(safe(workload_now=now))


def test_a_blank_rollback_plan_is_none() -> None:
    assert list(failed(safe(definition=definition(experiment(rollback_plan="  "))))) == ["rollback_plan"]


def test_a_target_of_another_account_is_refused() -> None:
    stranger = instance("i-1", arn=f"arn:aws:ec2:{REGION}:999999999999:instance/i-1")
    assert "account_and_region" in failed(safe(discovery=discovery(workload([stranger, instance("i-2")]))))


def test_a_tag_changed_since_discovery_is_refused() -> None:
    load = workload()
    changed = load.model_copy(update={"instances": (load.instances[0].model_copy(update={"tags": {TAG: "production"}}), load.instances[1])})
    assert list(failed(safe(workload_now=changed))) == ["opt_in_tag"]


@pytest.mark.parametrize("change", [{"state": "stopping"}, {"lifecycle": "Standby"}, {"zone": "eu-west-1c"}])
def test_a_target_that_changed_since_discovery_is_refused(change: dict[str, str]) -> None:
    load = workload()
    changed = load.model_copy(update={"instances": (load.instances[0].model_copy(update=change), load.instances[1])})
    assert "targets_unchanged" in failed(safe(workload_now=changed))


@pytest.mark.parametrize("process", ["Launch", "Terminate", "ReplaceUnhealthy", "HealthCheck", "AddToLoadBalancer"])
def test_a_group_that_cannot_replace_is_refused(process: str) -> None:
    load = workload()
    stuck = load.model_copy(update={"groups": (load.groups[0].model_copy(update={"suspended": (process,)}),)})
    assert process in failed(safe(workload_now=stuck))["replacement_possible"]


def test_a_domain_held_by_another_run_is_refused_and_an_expired_lease_or_ours_is_not() -> None:
    def held(holder: str, *, expired: bool) -> dict[str, Held | None]:
        key = "asg/shop"
        return {key: Held(key, holder, NOW, expired), "tg/shop/73e2d6bc24d8a067": None}

    assert "run-2" in failed(safe(domain_holders=held("run-2", expired=False)))["failure_domain_free"]
    assert failed(safe(domain_holders=held("run-2", expired=True))) == {}
    assert failed(safe(domain_holders=held("run-1", expired=False))) == {}


def test_a_fault_of_this_very_execution_already_running_is_refused() -> None:
    running = FisExperiment(id="EXP1", template_id="EXT1", status="running", tags={"squall:execution": "run-1"})
    assert list(failed(safe(active_experiments=(running,)))) == ["no_experiment_running"]


def test_a_guard_that_watches_the_fault_itself_is_refused() -> None:
    exp = experiment(abort_conditions=["Healthy hosts < 1"])
    assert "guards_watch_workload" in failed(safe(definition=definition(exp), discovery=discovery(exp=exp)))


@pytest.mark.parametrize("state", [alarm("x", "ALARM"), alarm("x", "INSUFFICIENT_DATA"), alarm("x", actions_enabled=False), None])
def test_a_guard_that_would_not_abort_is_refused(state: AlarmState | None) -> None:
    states = {guard.name: armed(guard) for guard in GUARDS[1:]}
    if state:
        states[GUARDS[0].name] = armed(GUARDS[0], state)
    assert list(failed(safe(guard_states=states))) == ["guards_healthy"]


@pytest.mark.parametrize(
    "change",
    [{"threshold": 1.0}, {"evaluation_periods": 60}, {"datapoints_to_alarm": 3}, {"comparison": "GreaterThanThreshold"}, {"metrics": ()}],
    ids=lambda change: next(iter(change)),
)
def test_an_alarm_that_is_not_the_guard_it_has_to_be_is_refused(change: dict[str, Any]) -> None:
    states = {guard.name: armed(guard) for guard in GUARDS}
    states[GUARDS[0].name] = armed(GUARDS[0].model_copy(update=change))
    refused = failed(safe(guard_states=states))
    assert list(refused) == ["guards_healthy"]
    assert "was changed" in refused["guards_healthy"]


@pytest.mark.parametrize(
    "sentence",
    [
        {"success_criteria": ["alarm pager fires within 3 minutes"]},
        {"success_criteria": ["alarm pager does not fire"]},
        {"steady_state": ["alarm pager is OK"]},
    ],
    ids=str,
)
def test_an_alarm_that_a_sentence_is_about_has_to_be_there_and_ok(sentence: dict[str, list[str]]) -> None:
    exp = experiment(**sentence)
    assert "pager is missing" in failed(safe(definition=definition(exp), named_alarms={}))["alarms_ready"]
    for state in ("ALARM", "INSUFFICIENT_DATA"):
        assert "alarms_ready" in failed(safe(definition=definition(exp), named_alarms={"pager": alarm("pager", state)}))
    assert "could not be read" in failed(safe(definition=definition(exp), named_alarms=None))["alarms_ready"]
    assert failed(safe(definition=definition(exp), named_alarms={"pager": alarm("pager")})) == {}


def test_a_return_to_the_baseline_needs_no_threshold() -> None:
    exp = experiment(success_criteria=["CPU returns to baseline within 5 minutes"], abort_conditions=["System availability < 95%"])
    assert "measurable" not in failed(safe(definition=definition(exp), discovery=discovery(exp=exp)))


def test_a_number_of_members_needs_one_group_of_them() -> None:
    exp = experiment(success_criteria=["2 instances run within 5 minutes"], abort_conditions=["System availability < 95%"])
    assert "measurable" not in failed(safe(definition=definition(exp), discovery=discovery(exp=exp)))
    exp = experiment(success_criteria=["2 tasks run within 5 minutes"], abort_conditions=["System availability < 95%"])
    refusal = failed(safe(definition=definition(exp), discovery=discovery(exp=exp)))["measurable"]
    assert 'success_criteria[0]: "2 tasks run within 5 minutes" counts the tasks of the group that the targets belong to' in refusal


def test_members_that_may_be_unhealthy_in_between_need_a_limit_longer_than_the_fault() -> None:
    exp = experiment(
        type="cpu_stress", success_criteria=["2 instances run within 5 minutes"], abort_conditions=["System availability < 95%"]
    )
    found = discovery(exp=exp)
    groups = tuple(group.model_copy(update={"suspended": ("ReplaceUnhealthy",)}) for group in found.workload.groups)
    found = found.model_copy(update={"workload": found.workload.model_copy(update={"groups": groups})})
    refusal = failed(safe(definition=definition(exp), discovery=found))["measurable"]
    assert "Auto Scaling group shop has suspended ReplaceUnhealthy" in refusal


def test_a_metric_that_must_recover_needs_a_threshold_that_says_when_it_has() -> None:
    exp = experiment(success_criteria=["Healthy hosts recovers within 5 minutes"])
    assert (
        "no threshold defines when healthy_hosts has recovered"
        in failed(safe(definition=definition(exp), discovery=discovery(exp=exp)))["measurable"]
    )
    exp = experiment(success_criteria=["Healthy hosts recovers within 5 minutes"], steady_state=["Healthy hosts >= 2"])
    assert failed(safe(definition=definition(exp), discovery=discovery(exp=exp))) == {}


def test_a_definition_that_changed_after_it_was_admitted_is_refused() -> None:
    assert list(failed(safe(definition_hash_now="b" * 64))) == ["definition_unchanged"]


def test_prerequisites_of_the_fault_stand_among_the_checks() -> None:
    unmet = SafetyCheck(name="linux", outcome=CheckOutcome.FAILED, detail="i-1 runs windows")
    assert failed(safe(prerequisites=(unmet,))) == {"fault_prerequisites.linux": "i-1 runs windows"}


HOURS = ClosedHours(timezone="Europe/Berlin", days=("mon", "tue", "wed", "thu", "fri"))


def berlin(hour: int, minute: int = 0, day: int = 2) -> datetime:
    return datetime(2026, 3, day, hour - 1, minute, tzinfo=UTC)  # CET


@pytest.mark.parametrize(
    ("start", "minutes", "closed"),
    [
        (berlin(8, 30), 29, False),
        (berlin(8, 30), 30, True),  # the end counts: 09:00 is closed
        (berlin(9), 1, True),
        (berlin(17, 59), 1, True),  # REL12-BP05: 9 <= hour <= 17
        (berlin(18), 60, False),
        (berlin(20), 60 * 14, True),  # overnight into the next morning
        (berlin(10, day=7), 60, False),  # Saturday
    ],
)
def test_the_whole_run_has_to_fit_outside_closed_hours(start: datetime, minutes: int, closed: bool) -> None:
    assert (first_closed(HOURS, start, start + timedelta(minutes=minutes)) is not None) is closed


def test_closed_hours_follow_the_clock_when_it_changes() -> None:
    before, after = datetime(2026, 3, 27, 7, 30, tzinfo=UTC), datetime(2026, 3, 30, 7, 30, tzinfo=UTC)  # summer time begins on the 29th
    assert first_closed(HOURS, before, before + timedelta(minutes=10)) is None
    assert first_closed(HOURS, after, after + timedelta(minutes=10)) is not None


def test_hours_over_midnight_belong_to_the_day_they_begin() -> None:
    night = ClosedHours(days=("mon",), start_hour=22, end_hour=3)
    assert first_closed(night, datetime(2026, 3, 3, 3, 30, tzinfo=UTC), datetime(2026, 3, 3, 3, 40, tzinfo=UTC))
    assert first_closed(night, datetime(2026, 3, 2, 3, 30, tzinfo=UTC), datetime(2026, 3, 2, 3, 40, tzinfo=UTC)) is None


def test_recovery_counts_to_the_length_that_has_to_fit() -> None:
    policy = environment(closed_hours=ClosedHours(start_hour=21, end_hour=22))
    at = datetime(2026, 3, 2, 20, 40, tzinfo=UTC)  # 10 minutes of fault end at 20:50, 15 of recovery at 21:05
    assert "closed_hours" in failed(safe(now=at, definition=definition(env=policy)))


def test_an_unknown_zone_is_not_evaluated() -> None:
    nowhere = ClosedHours().model_copy(update={"timezone": "Middle/Earth"})
    policy = environment().model_copy(update={"closed_hours": nowhere})
    assert outcome(safe(definition=definition(env=policy)), "closed_hours") is CheckOutcome.NOT_EVALUATED


def test_guards_on_another_workload_than_the_one_hit_are_refused() -> None:
    load = workload([*workload().instances, instance("i-pay", group=None)])
    shop = load.target_groups[0]
    pay = shop.model_copy(update={"arn": shop.arn.replace("shop", "pay"), "healthy": ("i-pay",)})
    both = load.model_copy(update={"target_groups": (shop, pay)})
    wrong = discovery(both, both.instances[2:]).model_copy(update={"bindings": bindings()})
    assert "availability is measured on targetgroup/shop" in failed(safe(discovery=wrong))["guards_measure_targets"]
    right = discovery(both, both.instances[2:])
    assert outcome(safe(discovery=right), "guards_measure_targets") is CheckOutcome.PASSED
    moved = both.model_copy(update={"target_groups": (shop, pay.model_copy(update={"healthy": ()}))})
    assert outcome(safe(discovery=right, workload_now=moved), "guards_measure_targets") is CheckOutcome.FAILED


def test_a_group_whose_members_were_all_replaced_meanwhile_is_measured_where_it_was() -> None:
    """Its launches fail: an instance refresh may go on while the run waits for its turn."""
    load = workload()
    group = scaling_group(instances=tuple(entry.id for entry in load.instances))
    result = discovery(load.model_copy(update={"others": (group,)})).model_copy(update={"pinned": (group,)})
    fresh = tuple(entry.model_copy(update={"id": f"{entry.id}-new"}) for entry in load.instances)
    ids = tuple(item.id for item in fresh)
    shop = load.target_groups[0].model_copy(update={"healthy": ids})
    now = load.model_copy(update={"instances": fresh, "others": (scaling_group(instances=ids),), "target_groups": (shop,)})

    assert outcome(safe(discovery=result, workload_now=now), "guards_measure_targets") is CheckOutcome.PASSED
    elsewhere = now.model_copy(update={"target_groups": (shop.model_copy(update={"healthy": ("i-other",)}),)})
    assert outcome(safe(discovery=result, workload_now=elsewhere), "guards_measure_targets") is CheckOutcome.FAILED


def test_what_the_experiment_declares_is_measured_where_it_says() -> None:
    declared = {"checkout": {"namespace": "Shop", "metric_name": "Checkout", "unit": "milliseconds"}}
    exp = experiment(metrics=declared, success_criteria=["checkout < 500 ms"])
    value = safe(discovery=discovery(exp=exp), definition=definition(exp))
    check = next(check for check in evaluate_checks(value) if check.name == "guards_measure_targets")
    assert (check.outcome, "declares: checkout" in check.detail) == (CheckOutcome.PASSED, True)


def test_errors_of_a_load_balancer_that_got_a_second_target_group_are_not_the_targets_any_more() -> None:
    result = discovery()
    load = result.workload
    shared = load.model_copy(update={"target_groups": (load.target_groups[0].model_copy(update={"load_balancer_groups": 2}),)})
    assert outcome(safe(workload_now=shared), "guards_measure_targets") is CheckOutcome.FAILED


def test_without_a_target_only_the_missing_target_is_told_and_first() -> None:
    nothing = safe(discovery=discovery(workload()).model_copy(update={"pinned": (), "failure_domains": (), "bindings": ()}))
    checks = evaluate_checks(nothing)
    assert (checks[0].name, checks[0].outcome, checks[0].detail) == ("targets_exist", CheckOutcome.FAILED, "nothing is pinned")
    assert not [check.name for check in checks if "nothing is pinned" in check.detail][1:]
    assert not {check.name for check in checks} & evaluate.NEED_TARGETS
