"""Calm, guard quality and promotion, each way: passed, failed, warned, and not to be evaluated."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from squall.domain.base.vocabulary import CheckOutcome, FaultType, Status, Verdict
from squall.domain.documents.safety import SafetyCheck
from squall.domain.experiment.experiment import Experiment
from squall.domain.metrics.guard_alarms import stop_guard
from squall.domain.run.alarm_state import AlarmState, Watched
from squall.domain.run.record import ExecutionRecord
from squall.domain.safety.evaluate import evaluate_checks
from squall.domain.safety.inputs import SafetyInput
from squall.faults import registry
from tests.unit.builders import LB_ARN, NOW, TG_ARN, definition, discovery, environment, experiment, record
from tests.unit.domain.safety.test_safety import GUARDS, alarm, armed, safe
from tests.unit.resources import pod, service_of, subnet, volume

PASSED, FAILED, WARNED, UNKNOWN = CheckOutcome.PASSED, CheckOutcome.FAILED, CheckOutcome.WARNED, CheckOutcome.NOT_EVALUATED
LB, TG = LB_ARN.partition("loadbalancer/")[2], "targetgroup/" + TG_ARN.partition("targetgroup/")[2]


def under(policy: dict[str, Any], exp: Experiment | None = None, **inputs: Any) -> SafetyInput:
    if exp and exp.stop_alarms:
        assert STOP
        states = {guard.name: armed(guard) for guard in GUARDS} | {STOP.name: armed(STOP)}
        inputs = {"stop_guard": STOP, "guard_states": states, **inputs}
    return safe(definition=definition(exp, environment(**policy), promotion_hash="p" * 64), **inputs)


def check(safety_input: SafetyInput, name: str) -> SafetyCheck:
    return next(entry for entry in evaluate_checks(safety_input) if entry.name == name)


def firing(*dimensions: tuple[str, str], name: str = "pager", **changes: Any) -> AlarmState:
    watched = Watched("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", dimensions)
    return replace(alarm(name, "ALARM"), watches=(watched,), **changes)


# do not disturb


def test_a_do_not_disturb_alarm_in_alarm_refuses() -> None:
    policy = {"calm": {"do_not_disturb": ["incident", "sale"]}}
    states = {"incident": alarm("incident"), "sale": alarm("sale", "ALARM")}
    result = check(under(policy, named_alarms=states), "do_not_disturb")
    assert (result.outcome, result.detail) == (FAILED, "do not disturb: sale in ALARM")
    quiet = {**states, "sale": alarm("sale", "INSUFFICIENT_DATA")}
    assert check(under(policy, named_alarms=quiet), "do_not_disturb").outcome is PASSED


@pytest.mark.parametrize("states", [None, {"incident": alarm("incident")}])
def test_a_do_not_disturb_alarm_that_cannot_be_seen_is_not_evaluated(states: dict[str, AlarmState] | None) -> None:
    policy = {"calm": {"do_not_disturb": ["incident", "sale"]}}
    assert check(under(policy, named_alarms=states), "do_not_disturb").outcome is UNKNOWN


def test_an_alarm_nobody_named_disturbs_nobody() -> None:
    assert check(under({}, named_alarms=None), "do_not_disturb").outcome is PASSED


# alarms of the workload


@pytest.mark.parametrize(
    ("dimension", "ours"),
    [
        (("LoadBalancer", LB), True),
        (("TargetGroup", TG), True),
        (("AutoScalingGroupName", "shop"), True),
        (("InstanceId", "i-0987654321fedcba0"), True),  # not pinned, but a member of the group
        (("LoadBalancer", "app/other/1"), False),
        (("InstanceId", "shop"), False),
        (("QueueName", "shop"), False),
    ],
)
def test_an_alarm_is_the_workloads_by_its_dimensions(dimension: tuple[str, str], ours: bool) -> None:
    result = check(under({}, firing=[firing(("Stage", "x"), dimension)]), "workload_alarms")
    assert result.outcome is (FAILED if ours else PASSED)
    assert ("pager" in result.detail) is ours


POD = pod()
CLUSTER = ("ClusterName", "main")


@pytest.mark.parametrize(
    ("dimensions", "ours"),
    [
        ([("VolumeId", volume().id)], True),
        ([("VolumeId", "vol-other")], False),
        ([("SubnetId", subnet().id)], True),
        ([("SubnetId", "subnet-other")], False),
        ([("FullPodName", POD.name), ("Namespace", "shop"), CLUSTER], True),
        ([("PodName", "web"), ("Namespace", "shop"), CLUSTER], True),  # Container Insights: the Deployment's name
        ([("PodName", "web"), ("Namespace", "other"), CLUSTER], False),
        ([("Namespace", "shop"), CLUSTER], False),  # everything in the namespace, not this workload
    ],
)
def test_volumes_subnets_and_pods_have_alarms_of_their_own(dimensions: list[tuple[str, str]], ours: bool) -> None:
    around = discovery().workload.model_copy(update={"others": (volume(), subnet(), POD), "groups": service_of([POD])})
    result = check(under({}, firing=[firing(*dimensions)], workload_now=around), "workload_alarms")
    assert result.outcome is (FAILED if ours else PASSED)


def test_the_policy_says_what_an_alarm_of_the_workload_means() -> None:
    loud = [firing(("LoadBalancer", LB))]
    outcomes = {word: check(under({"calm": {"workload_alarms": word}}, firing=loud), "workload_alarms").outcome for word in RESPONSES}
    assert outcomes == RESPONSES
    assert check(under({"calm": {"ignored_alarms": ["pager"]}}, firing=loud), "workload_alarms").outcome is PASSED


RESPONSES = {"refuse": FAILED, "warn": WARNED, "ignore": PASSED}


def test_alarms_that_only_scale_and_our_own_guards_do_not_count() -> None:
    scaling = firing(("AutoScalingGroupName", "shop"), name="TargetTracking-shop-AlarmLow", only_scales=True)
    guard = firing(("LoadBalancer", LB), name=GUARDS[0].name)
    assert check(under({}, firing=[scaling, guard]), "workload_alarms").outcome is PASSED
    stranger = firing(("LoadBalancer", LB), name="squall-Other-run-9-1")
    assert check(under({}, firing=[stranger]), "workload_alarms").outcome is FAILED, "somebody else's guard fires on this workload"


def test_many_alarms_are_named_in_part() -> None:
    result = check(under({}, firing=[firing(("LoadBalancer", LB), name=f"a{n:02}") for n in range(12)]), "workload_alarms")
    assert result.detail.endswith("a09 and 2 more")


# cool-down


def past(minutes_ago: float | None, **changes: Any) -> ExecutionRecord:
    ended = None if minutes_ago is None else NOW - timedelta(minutes=minutes_ago)
    return replace(record(id="run-0", lock_keys=("asg/shop",), fis_experiment_id="EXP0"), fault_ended_at=ended, **changes)


COOL = {"calm": {"cool_down": "PT30M"}}


@pytest.mark.parametrize(("minutes", "outcome"), [(29.9, FAILED), (30, PASSED), (300, PASSED), (None, FAILED)])
def test_the_workload_rests_after_a_fault(minutes: float | None, outcome: CheckOutcome) -> None:
    assert check(under(COOL, recent_faults=[past(300), past(minutes)]), "cool_down").outcome is outcome


def test_the_last_fault_is_named_with_its_end() -> None:
    result = check(under(COOL, recent_faults=[past(10)]), "cool_down")
    assert result.detail == "the last fault here, of run-0, ended at 2026-03-02 19:50:00 UTC; staging asks for 30 min of rest"


def test_the_end_of_an_observation_is_not_called_the_end_of_its_fault() -> None:
    result = check(under(COOL, recent_faults=[past(10, observation_seconds=600)]), "cool_down")
    assert result.detail.startswith("the observation of the last fault here, of run-0, ended at 2026-03-02 19:50:00 UTC; ")


@pytest.mark.parametrize("changes", [{"lock_keys": ("asg/pay",)}, {"id": "run-1"}])
def test_faults_elsewhere_and_our_own_need_no_rest(changes: dict[str, Any]) -> None:
    assert check(under(COOL, recent_faults=[past(1, **changes)]), "cool_down").outcome is PASSED


def test_a_dead_run_rests_from_the_end_of_its_record() -> None:
    closed = past(None, ended_at=NOW - timedelta(minutes=31))
    assert check(under(COOL, recent_faults=[closed]), "cool_down").outcome is PASSED


def test_faults_that_cannot_be_looked_up_are_not_evaluated_only_where_asked() -> None:
    assert check(under(COOL, recent_faults=None), "cool_down").outcome is UNKNOWN
    assert check(under({}, recent_faults=None), "cool_down").outcome is PASSED


# deployments


def test_a_deployment_in_progress_refuses_with_its_sentence() -> None:
    policy = {"calm": {"pipelines": ["shop"], "deployment_groups": ["shop/blue"]}}
    busy = ["stage Prod of pipeline shop is InProgress", "instance refresh 1 of shop is Baking"]
    result = check(under(policy, deployments=busy), "no_deployment")
    assert (result.outcome, result.detail) == (FAILED, "; ".join(busy))
    quiet = check(under(policy, deployments=()), "no_deployment")
    assert (quiet.outcome, quiet.detail.endswith("shop, shop/blue")) == (PASSED, True)
    assert check(under(policy, deployments=None), "no_deployment").outcome is UNKNOWN


# promotion

ASKS = {"name": "production", "promotion": {"environment": "staging", "within_days": 7}}


def proof(days_ago: float = 1, **changes: Any) -> ExecutionRecord:
    inputs = {"environment": "staging", "status": Status.COMPLETED, "verdict": Verdict.VALIDATED, "promotion_hash": "p" * 64, **changes}
    return record(id="proof-1", started_at=NOW - timedelta(days=days_ago), **inputs)


@pytest.mark.parametrize(
    ("proofs", "outcome", "expected_text"),
    [
        ([proof()], PASSED, "proof-1 was, on 2026-03-01, by the same definition"),
        ([proof(promotion_hash="q" * 64), proof(6.9)], PASSED, "by the same definition"),
        ([], FAILED, "within 7 days; it was not"),
        ([proof(7.1)], FAILED, "it was not"),
        ([proof(environment="development")], FAILED, "it was not"),
        ([proof(verdict=Verdict.REFUTED)], FAILED, "it was not"),
        ([proof(only_plans=True)], FAILED, "it was not"),
        ([proof(-0.1)], FAILED, "it was not"),
        ([proof(promotion_hash="q" * 64)], FAILED, "1 were, by another definition (the last is proof-1)"),
        ([proof(promotion_hash="")], FAILED, "by another definition"),
        (None, UNKNOWN, "could not be looked up"),
    ],
)
def test_an_environment_may_ask_for_proof_in_another(
    proofs: list[ExecutionRecord] | None, outcome: CheckOutcome, expected_text: str
) -> None:
    result = check(under(ASKS, proofs=proofs), "promotion")
    assert (result.outcome, expected_text in result.detail) == (outcome, True), result.detail


THERE = {"account": "444455556666", "region": "us-east-1", "external_id": "an-external-id-of-a-test"}
ELSEWHERE = {"name": "production", "promotion": {"environment": "staging", "within_days": 7, "stack": THERE}}
ARN = "arn:aws:states:us-east-1:444455556666:execution:Squall-Experiment:proof-1"


@pytest.mark.parametrize(
    ("proofs", "outcome", "expected_text"),
    [
        ([proof(execution_arn=ARN)], PASSED, "proof-1 was, on 2026-03-01, by the same definition"),
        ([proof(execution_arn=ARN.replace("444455556666", "999999999999"))], FAILED, "it was not"),
        ([proof(execution_arn=ARN.replace("us-east-1", "us-east-2"))], FAILED, "it was not"),
        ([proof()], FAILED, "it was not"),  # a record of this stack
        ([proof(execution_arn=ARN, promotion_hash="q" * 64)], FAILED, "1 were, by another definition"),
        ([proof(7.1, execution_arn=ARN)], FAILED, "it was not"),
        ([proof(execution_arn=ARN, verdict=Verdict.INCONCLUSIVE)], FAILED, "it was not"),
        ([], FAILED, "validated in staging of the stack Squall in account 444455556666, us-east-1 within 7 days; it was not"),
        (None, UNKNOWN, "could not be looked up"),
    ],
)
def test_a_proof_in_another_account_is_of_that_account(
    proofs: list[ExecutionRecord] | None, outcome: CheckOutcome, expected_text: str
) -> None:
    result = check(under(ELSEWHERE, proofs=proofs), "promotion")
    assert (result.outcome, expected_text in result.detail) == (outcome, True), result.detail


def test_a_definition_without_a_hash_is_proven_by_nothing() -> None:
    value = safe(definition=definition(env=environment(**ASKS)), proofs=[proof(promotion_hash="")])
    assert check(value, "promotion").outcome is FAILED


def test_nothing_is_asked_where_the_policy_asks_nothing() -> None:
    assert check(under({}, proofs=None), "promotion").outcome is PASSED


# guard quality

STOP = stop_guard("squall-Squall-run-1-3", ["pager"])
STOPPING = experiment(stop_alarms=["arn:aws:cloudwatch:eu-west-1:111122223333:alarm:pager"])
ALB = "AWS/ApplicationELB"


def stop_alarm(**changes: Any) -> AlarmState:
    """Of a latency metric, three periods of a minute, silent is missing."""
    latency = (Watched(ALB, "TargetResponseTime", (("LoadBalancer", LB),)),)
    return replace(alarm("pager"), **{"watches": latency, "seconds_to_alarm": 180, "missing_data": "missing", **changes})


POOR: dict[str, tuple[str, str, AlarmState, str]] = {
    "no data": ("guards_have_data", "insufficient_data", stop_alarm(state="INSUFFICIENT_DATA"), "could not detect a breach"),
    "disabled": ("guards_act", "actions_disabled", stop_alarm(actions_enabled=False), "actions disabled"),
    "silence is good": (
        "guards_hear_silence", "missing_data_is_good", stop_alarm(missing_data="notBreaching"), "missing data as good (notBreaching)",
    ),
    "silence is ignored": (
        "guards_hear_silence", "missing_data_is_good", stop_alarm(missing_data="ignore"), "it would miss that TargetResponseTime stops",
    ),
    "slow": (
        "guards_quick_enough", "slower_than_fault", stop_alarm(seconds_to_alarm=660), "evaluates 11 min of data, the fault lasts 10 min",
    ),
    "watches the fault": (
        "guards_watch_workload", "watches_fault", stop_alarm(watches=(Watched(ALB, "HealthyHostCount"),)),
        "pager watches HealthyHostCount, which the fault moves by design",
    ),
}  # fmt: skip


@pytest.mark.parametrize("poor", POOR)
def test_a_stop_alarm_that_protects_badly_is_refused_or_warned_of(poor: str) -> None:
    name, field, state, text = POOR[poor]
    for response, outcome in (("refuse", FAILED), ("warn", WARNED)):
        value = under({"guard_quality": {field: response}}, STOPPING, named_alarms={"pager": state})
        result = check(value, name)
        assert (result.outcome, text in result.detail) == (outcome, True), result.detail
        wrong = {entry.name for entry in evaluate_checks(value) if entry.outcome is not PASSED}
        assert wrong == {name}, "one flaw, one check"
    assert check(under({}, STOPPING, named_alarms={"pager": state}), name).outcome is FAILED, "refused where the policy says nothing"


@pytest.mark.parametrize("poor", sorted(POOR))
@pytest.mark.parametrize("depth", [1, 2])
def test_a_composite_is_as_good_as_what_it_is_made_of(poor: str, depth: int) -> None:
    name, _, member, text = POOR[poor]
    composite = stop_alarm(watches=(), seconds_to_alarm=0, missing_data="", members=("between" if depth == 2 else "member", "pager"))
    between = replace(composite, name="between", members=("member",))
    states = {"pager": composite, "between": between, "member": replace(member, name="member")}
    result = check(under({}, STOPPING, named_alarms=states), name)
    if name == "guards_act":
        assert result.outcome is PASSED, "a composite looks at its members' states, whether or not they act"
    else:
        assert (result.outcome, text.replace("pager", "member") in result.detail) == (FAILED, True), result.detail
    good = under({}, STOPPING, named_alarms={**states, "member": stop_alarm(name="member")})
    assert check(good, name).outcome is PASSED


def test_a_composite_of_an_alarm_that_is_gone_would_not_notice() -> None:
    composite = stop_alarm(watches=(), seconds_to_alarm=0, missing_data="", members=("member",))
    result = check(under({}, STOPPING, named_alarms={"pager": composite}), "guards_have_data")
    assert (result.outcome, result.detail) == (FAILED, "pager uses member, which does not exist")


@pytest.mark.parametrize("name", sorted({name for name, *_ in POOR.values()}))
def test_a_good_stop_alarm_passes_and_one_that_cannot_be_asked_is_not_evaluated(name: str) -> None:
    good = under({}, STOPPING, named_alarms={"pager": stop_alarm()})
    assert check(good, name).outcome is PASSED
    assert check(under({}, STOPPING, named_alarms=None), name).outcome is UNKNOWN
    assert check(under({}, named_alarms=None), name).outcome is PASSED, "no stop alarm, nothing to ask"


@pytest.mark.parametrize(
    ("watched", "outcome"),
    [
        ((Watched(ALB, "HTTPCode_ELB_5XX_Count"), Watched(ALB, "TargetConnectionErrorCount")), PASSED),
        ((Watched(ALB, "HTTPCode_ELB_5XX_Count"), Watched(ALB, "RequestCount")), FAILED),
        ((Watched("Shop", "HTTPCode_ELB_5XX_Count"),), FAILED),
        ((), PASSED),  # a composite alarm
    ],
)
def test_silence_is_good_news_of_what_is_only_counted(watched: tuple[Watched, ...], outcome: CheckOutcome) -> None:
    state = stop_alarm(watches=watched, missing_data="notBreaching" if watched else "", seconds_to_alarm=180 if watched else 0)
    assert check(under({}, STOPPING, named_alarms={"pager": state}), "guards_hear_silence").outcome is outcome


def test_a_guard_of_ours_that_is_slower_than_the_fault_is_refused() -> None:
    slow = GUARDS[0].model_copy(update={"evaluation_periods": 11})
    result = check(under({}, guards=(slow, *GUARDS[1:])), "guards_quick_enough")
    assert (result.outcome, GUARDS[0].name in result.detail) == (FAILED, True)


def test_a_condition_on_what_the_fault_moves_may_only_be_warned_of() -> None:
    exp = experiment(abort_conditions=["Healthy hosts < 1"])
    value = under({"guard_quality": {"watches_fault": "warn"}}, exp, discovery=discovery(exp=exp))
    result = check(value, "guards_watch_workload")
    assert (result.outcome, '"Healthy hosts < 1" watches healthy_hosts' in result.detail) == (WARNED, True)


@pytest.mark.parametrize(
    ("kind", "metric"),
    [
        (FaultType.CPU_STRESS, Watched("AWS/EC2", "CPUUtilization")),
        (FaultType.INSTANCE_TERMINATION, Watched("AWS/AutoScaling", "GroupInServiceInstances")),
        (FaultType.SERVICE_UNAVAILABLE, Watched(ALB, "UnHealthyHostCount")),
    ],
)
def test_each_fault_knows_the_alarms_it_would_set_off_itself(kind: FaultType, metric: Watched) -> None:
    state = stop_alarm(watches=(metric,))
    value = under({}, STOPPING, named_alarms={"pager": state}, moves_metrics=registry.get_fault(kind).moves_metrics)
    assert check(value, "guards_watch_workload").outcome is FAILED
    assert check(replace(value, moves_metrics=()), "guards_watch_workload").outcome is PASSED


# the guard of the stop alarms


def test_stop_alarms_have_a_guard_of_ours_that_is_ok() -> None:
    pager = {"pager": stop_alarm()}
    assert check(under({}, STOPPING, named_alarms=pager), "guards_healthy").outcome is PASSED
    missing = check(under({}, STOPPING, named_alarms=pager, stop_guard=None), "guards_healthy")
    assert (missing.outcome, missing.detail) == (FAILED, "Squall's alarm on the stop alarms is missing")
    assert STOP
    states = {guard.name: armed(guard) for guard in GUARDS}
    weaker = armed(STOP.model_copy(update={"rule": "FALSE"}))
    wrong = [armed(STOP, alarm("x", state)) for state in ("ALARM", "INSUFFICIENT_DATA")]
    for state in (None, weaker, *wrong, armed(STOP, alarm("x", actions_enabled=False))):
        observed = {**states, **({STOP.name: state} if state else {})}
        result = check(under({}, STOPPING, named_alarms=pager, guard_states=observed), "guards_healthy")
        assert (result.outcome, "squall-Squall-run-1-3 (on pager)" in result.detail) == (FAILED, True), result.detail
