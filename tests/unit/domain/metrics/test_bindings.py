"""What the sentences' metrics mean in CloudWatch, and which can't be measured."""

import re
from typing import Any

import pytest

from squall.domain.base.problems import InvalidInput
from squall.domain.experiment.experiment import MetricDefinition
from squall.domain.experiment.sentences import parse_sentences
from squall.domain.language.parse import parse_condition
from squall.domain.metrics.bindings import bind_metrics, binding_name, binding_of, list_slow_metrics
from squall.domain.metrics.scopes import measured_group
from squall.domain.policy.environment import Timing
from squall.domain.resources.workload import TargetGroup, Workload
from tests.unit.builders import LB_ARN, NOW, TG_ARN, bindings, experiment, instance, workload
from tests.unit.resources import subnet, task

ONE = workload().instances[0].id
WHOLE = (("LoadBalancer", "app/shop/50dc6c495c0c9188"),)
PART = (("TargetGroup", "targetgroup/shop/73e2d6bc24d8a067"), *WHOLE)


def test_availability_counts_errors_of_target_and_load_balancer_over_requests() -> None:
    availability = next(b for b in bindings() if b.name == "availability")
    assert availability.kind == "ratio_good"
    assert [(q.metric_name, q.dimensions, q.statistic, q.published) for q in availability.queries] == [
        ("HTTPCode_Target_5XX_Count", PART, "Sum", "nonzero"),
        ("HTTPCode_ELB_5XX_Count", WHOLE, "Sum", "nonzero"),
        ("HTTPCode_ELB_502_Count", WHOLE, "Sum", "nonzero"),
        ("HTTPCode_ELB_504_Count", WHOLE, "Sum", "nonzero"),
        ("RequestCount", PART, "Sum", "with_traffic"),
    ]
    assert availability.lag_seconds == 180


def test_the_request_rate_is_always_measured_behind_a_load_balancer() -> None:
    assert {b.name for b in bindings()} == {"availability", "response_time", "request_rate", "healthy_hosts"}


def test_query_keys_are_legal_ids_and_unique() -> None:
    exp = experiment(success_criteria=["p99.9 response time < 2 seconds", "error count < 5", "Response time < 1 second"])
    keys = [query.key for binding in bindings(exp) for query in binding.queries]
    assert len(keys) == len(set(keys))
    assert all(re.fullmatch(r"[a-z][a-zA-Z0-9_]*", key) for key in keys)


def test_a_statistic_of_its_own_is_measured_beside_the_natural_one() -> None:
    exp = experiment(success_criteria=["p99 response time < 2 seconds"])
    result = bindings(exp)
    assert {"response_time", "response_time:p99"} <= {b.name for b in result}
    (_, threshold), *_ = parse_sentences(exp).threshold_criteria
    binding = binding_of(result, threshold)
    assert binding is not None
    assert binding.queries[0].statistic == "p99"


def test_without_a_load_balancer_every_sentence_that_needs_one_is_named() -> None:
    load = Workload(at=NOW, instances=(instance("i-1"),))
    parsed = parse_sentences(experiment())
    result, problems = bind_metrics(parsed.metrics, parsed.statistics, {}, load, Timing(), pinned=load.instances, paths=parsed.paths)
    assert result == ()
    assert [problem.path for problem in problems] == ["success_criteria[0]", "success_criteria[1]"]
    assert all("no application load balancer was found for i-1" in problem.message for problem in problems)


def test_cpu_is_the_groups() -> None:
    exp = experiment(success_criteria=["CPU utilization < 90%"])
    cpu = next(b for b in bindings(exp) if b.name == "cpu_utilization")
    assert (cpu.queries[0].namespace, cpu.queries[0].dimensions) == ("AWS/EC2", (("AutoScalingGroupName", "shop"),))
    assert cpu.lag_seconds == 120


def test_a_declared_metric_is_bound_as_declared_and_scaled_to_the_languages_unit() -> None:
    declared = {"checkout": {"namespace": "Shop", "metric_name": "Checkout", "unit": "milliseconds", "statistic": "p90", "lag_seconds": 15}}
    exp = experiment(metrics=declared, success_criteria=["checkout < 500 ms"])
    checkout = next(b for b in bindings(exp) if b.name == "checkout")
    assert (checkout.unit, checkout.scale, checkout.lag_seconds, checkout.queries[0].statistic) == ("seconds", 0.001, 15, "p90")


def test_a_metric_recovers_needs_is_measured_too() -> None:
    assert "healthy_hosts" in parse_sentences(experiment(success_criteria=["Healthy hosts recovers within 5 minutes"])).metrics


def test_every_sentence_that_does_not_parse_is_reported() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_sentences(experiment(success_criteria=["Everything is fine"], abort_conditions=["Something is off"]))
    assert [problem.path for problem in caught.value.problems] == ["success_criteria[0]", "abort_conditions[0]"]


def test_the_natural_statistic_asked_for_by_name_is_the_plain_binding() -> None:
    assert binding_name("response_time", "Average") == "response_time"
    assert binding_of(bindings(), parse_condition("average response time > 5 seconds")) is not None


def beside(load: Workload, name: str, healthy: tuple[str, ...], balancer: str = "app/shop") -> TargetGroup:
    """Another target group of the same account."""
    group = load.target_groups[0]
    changes = {"arn": group.arn.replace("shop", name), "healthy": healthy, "load_balancer": LB_ARN.replace("app/shop", balancer)}
    return group.model_copy(update=changes)


@pytest.mark.parametrize(("name", "balancer"), [("asmall", "app/shop"), ("zmall", "app/internal"), ("tcp", "net/shop")])
def test_targets_that_serve_in_several_target_groups_are_measured_where_the_experiment_says(name: str, balancer: str) -> None:
    load = workload()
    first = load.instances[0].id
    other = beside(load, name, (first,), balancer)
    several = load.model_copy(update={"target_groups": (other, *load.target_groups)})
    why = measured_group(several, load.instances[:1])
    assert isinstance(why, str)
    assert f"{first} serve in 2 target groups" in why
    assert all(group.arn in why for group in several.target_groups)
    assert "name in service" in why
    named = measured_group(several.model_copy(update={"service": TG_ARN}), load.instances[:1])
    assert not isinstance(named, str)
    assert named.arn == TG_ARN


@pytest.mark.parametrize(
    "idle",
    [{"in_use": False}, {"load_balancer": None}, {"healthy": (), "idle": ("i-1234567890abcdef0",)}, {"healthy": ()}],
    ids=["weight zero", "no listener", "draining", "no targets"],
)
def test_a_target_group_that_serves_nobody_is_no_second_candidate(idle: dict[str, Any]) -> None:
    load = workload()
    other = beside(load, "green", (load.instances[0].id,)).model_copy(update=idle)
    result = bindings(load=load.model_copy(update={"target_groups": (other, *load.target_groups)}))
    assert result[0].queries[0].dimensions == PART


def test_what_is_measured_is_the_target_group_of_what_is_hit_not_the_largest() -> None:
    load = workload([*workload().instances, instance("i-pay", group=None)])
    pay = beside(load, "pay", ("i-pay",), "app/pay")
    both = load.model_copy(update={"target_groups": (pay, *load.target_groups)})
    (dimensions,) = {b.queries[0].dimensions for b in bindings(load=both, pinned=both.instances[2:])}
    assert dict(dimensions) == {"TargetGroup": "targetgroup/pay/73e2d6bc24d8a067", "LoadBalancer": "app/pay/50dc6c495c0c9188"}
    assert dict(bindings(load=both, pinned=both.instances[:2])[0].queries[0].dimensions) == dict(PART)


def test_a_network_load_balancer_publishes_none_of_the_metrics() -> None:
    load = workload()
    first = load.instances[0].id
    only = load.model_copy(update={"target_groups": (beside(load, "tcp", (first,), "net/shop"),)})
    why = measured_group(only, load.instances[:1])
    assert isinstance(why, str)
    assert why.startswith(f"no application load balancer was found for {first} (found ")
    assert "net/shop" in why


def test_pinned_instances_that_share_no_target_group_cannot_be_measured_together() -> None:
    load = workload([*workload().instances, instance("i-pay", group=None)])
    both = load.model_copy(update={"target_groups": (beside(load, "pay", ("i-pay",)), *load.target_groups)})
    why = measured_group(both, both.instances)
    assert isinstance(why, str)
    assert "serve in 2 target groups" in why
    item = both.model_copy(update={"target_groups": both.target_groups[1:]})
    assert measured_group(item, both.instances) == (
        "i-pay is not served in targetgroup/shop/73e2d6bc24d8a067, so no metric is about all targets; declare it in metrics"
    )


@pytest.mark.parametrize("idle", [{"in_use": False}, {"load_balancer": None}], ids=["weight zero", "no listener"])
def test_the_idle_colour_in_a_subnet_is_no_part_of_what_is_measured(idle: dict[str, Any]) -> None:
    blue, green = workload().instances[0], instance("i-green", group="green")
    cut_off = subnet(instances=(blue.id, green.id))
    load = workload([*workload().instances, green]).model_copy(update={"others": (cut_off,)})
    colour = beside(load, "green", (green.id,)).model_copy(update=idle)
    measured = measured_group(load.model_copy(update={"target_groups": (*load.target_groups, colour)}), [cut_off])
    assert not isinstance(measured, str), measured
    assert measured.arn == TG_ARN
    served = beside(load, "green", (green.id,))
    both = measured_group(load.model_copy(update={"target_groups": (*load.target_groups, served)}), [cut_off])
    assert isinstance(both, str)
    assert "serve in 2 target groups" in both


def basic() -> Workload:
    return workload([entry.model_copy(update={"detailed_monitoring": False}) for entry in workload().instances])


def test_cpu_of_instances_with_basic_monitoring_is_bound_in_the_period_that_is_published() -> None:
    load = basic()
    result, problems = bind_metrics(["cpu_utilization", "availability"], {}, {}, load, Timing(), pinned=load.instances[:1])
    assert not problems
    assert {b.name: b.period_seconds for b in result if b.name in {"cpu_utilization", "availability"}} == {
        "cpu_utilization": 300,
        "availability": None,
    }
    slow = list_slow_metrics(result, {}, load, load.instances[:1], Timing())["cpu_utilization"]
    assert "has basic monitoring" in slow.why
    assert slow.remedy.endswith(f"aws ec2 monitor-instances --instance-ids {' '.join(item.id for item in load.instances)}")
    as_long, _ = bind_metrics(["cpu_utilization"], {}, {}, load, Timing(metric_period_seconds=300), pinned=load.instances[:1])
    assert {b.period_seconds for b in as_long} == {None}


def declared_bindings(load: Workload, timing: Timing | None = None, **metric: Any) -> tuple[list[str], list[int | None]]:
    """The problems of a declared metric, and the periods in which it is bound."""
    known = {"own": MetricDefinition.model_validate({"unit": "count", **metric})}
    result, problems = bind_metrics(["own"], {}, known, load, timing or Timing(), pinned=load.instances[:1])
    return [problem.message for problem in problems], [b.period_seconds for b in result if b.name == "own"]


def declared_problems(load: Workload, timing: Timing | None = None, **metric: Any) -> list[str]:
    return declared_bindings(load, timing, **metric)[0]


@pytest.mark.parametrize(
    ("name", "dimensions", "period"),
    [
        ("NetworkIn", {"InstanceId": ONE}, 300),
        ("NetworkIn", {"AutoScalingGroupName": "shop"}, 300),
        ("NetworkIn", {"InstanceId": "i-elsewhere"}, None),
        ("StatusCheckFailed_System", {"InstanceId": ONE}, None),
        ("CPUCreditBalance", {"InstanceId": ONE}, 300),
    ],
)
def test_a_declared_metric_of_ec2_is_bound_in_the_period_that_is_published(
    name: str, dimensions: dict[str, str], period: int | None
) -> None:
    metric: dict[str, Any] = {"namespace": "AWS/EC2", "metric_name": name, "dimensions": dimensions}
    assert declared_bindings(basic(), **metric) == ([], [period])
    assert declared_bindings(basic(), Timing(metric_period_seconds=300), **metric) == ([], [None])
    detailed = 300 if name == "CPUCreditBalance" else None  # credits have a point every five minutes, whatever is set
    assert declared_bindings(workload(), **metric) == ([], [detailed])


@pytest.mark.parametrize(
    ("namespace", "metric_name", "dimensions"),
    [
        ("AWS/RDS", "CPUUtilization", {"DBInstanceIdentifier": "orders"}),
        (
            "AWS/ApplicationELB",
            "HealthyHostCount",
            {"LoadBalancer": "app/shop/1", "AvailabilityZone": "eu-west-1a"},
        ),
        ("AWS/ECS", "CPUUtilization", {"ClusterName": "main", "ServiceName": "web"}),
    ],
)
def test_what_is_published_every_minute_with_any_setting_is_bound_in_the_usual_period(
    namespace: str, metric_name: str, dimensions: dict[str, str]
) -> None:
    assert declared_bindings(basic(), namespace=namespace, metric_name=metric_name, dimensions=dimensions) == ([], [None])


@pytest.mark.parametrize(
    ("published", "refused"), [((), True), (("GroupDesiredCapacity",), True), (("GroupInServiceInstances",), False), (None, False)]
)
def test_a_metric_that_a_group_does_not_publish_is_refused_with_the_command_that_turns_it_on(
    published: tuple[str, ...] | None, refused: bool
) -> None:
    load = workload()
    load = load.model_copy(update={"groups": tuple(group.model_copy(update={"published_metrics": published}) for group in load.groups)})
    metric: dict[str, Any] = {
        "namespace": "AWS/AutoScaling",
        "metric_name": "GroupInServiceInstances",
        "dimensions": {"AutoScalingGroupName": "shop"},
    }
    answer = declared_problems(load, **metric)
    assert len(answer) == refused
    command = (
        "aws autoscaling enable-metrics-collection --auto-scaling-group-name shop --granularity 1Minute --metrics GroupInServiceInstances"
    )
    assert all(entry.endswith(command) for entry in answer)


@pytest.mark.parametrize(
    ("setting", "metric_name", "dimensions", "needed"),
    [
        ("disabled", "CpuUtilized", {"ServiceName": "web"}, "enabled"),
        ("disabled", "TaskCpuUtilization", {"TaskId": "0f1e"}, "enhanced"),
        ("enabled", "TaskCpuUtilization", {"ServiceName": "web"}, "enhanced"),
        ("enabled", "MemoryUtilized", {"TaskId": "0f1e"}, "enhanced"),
        ("enabled", "TaskCount", {}, ""),
        ("enabled", "ContainerInstanceCount", {}, ""),
        ("enhanced", "TaskCpuUtilization", {"TaskId": "0f1e"}, ""),
        (None, "CpuUtilized", {}, ""),
        ("enabled", "RestartCount", {"ServiceName": "web"}, ""),
        ("disabled", "RestartCount", {"ServiceName": "web"}, "enabled"),
        ("enabled", "RestartCount", {"ServiceName": "web", "ContainerName": "web"}, "enhanced"),
        ("enabled", "UnHealthyContainerHealthStatus", {}, "enhanced"),
        ("disabled", "instance_cpu_utilization", {}, ""),
    ],
)
def test_a_metric_of_container_insights_is_refused_where_the_cluster_s_setting_keeps_it_from_being_published(
    setting: str | None, metric_name: str, dimensions: dict[str, str], needed: str
) -> None:
    load = workload().model_copy(update={"others": (task(insights=setting),)})
    named = {"ClusterName": task().cluster, **dimensions}
    said = declared_problems(load, namespace="ECS/ContainerInsights", metric_name=metric_name, dimensions=named)
    assert [f"{metric_name} needs {needed}; set it with: aws ecs update-cluster-settings" in one for one in said] == [True] * bool(needed)
    other = declared_problems(
        load, namespace="ECS/ContainerInsights", metric_name=metric_name, dimensions={**named, "ClusterName": "other"}
    )
    assert other == [], "nothing is known of another cluster"


def test_cpu_is_that_of_the_pinned_targets_group() -> None:
    load = workload([*workload().instances, instance("i-alone", group=None)])
    exp = experiment(success_criteria=["CPU utilization < 90%"], abort_conditions=["CPU utilization > 99%"])
    parsed = parse_sentences(exp)
    alone, _ = bind_metrics(parsed.metrics, {}, {}, load, Timing(), pinned=load.instances[2:])
    assert alone[0].queries[0].dimensions == (("InstanceId", "i-alone"),)
    _, (problem,) = bind_metrics(parsed.metrics, {}, {}, load, Timing(), pinned=load.instances[1:])
    assert "found shop, i-alone" in problem.message


@pytest.mark.parametrize("groups", [None, 2])
def test_behind_a_load_balancer_that_others_share_its_own_errors_are_nobodys(groups: int | None) -> None:
    load = workload()
    shared = load.target_groups[0].model_copy(update={"load_balancer_groups": groups})
    results = {b.name: b for b in bindings(load=load.model_copy(update={"target_groups": (shared,)}))}
    assert [q.metric_name for q in results["availability"].queries] == ["HTTPCode_Target_5XX_Count", "RequestCount"]
    assert {q.dimensions for b in results.values() for q in b.queries} == {PART}
    assert "healthy_hosts" in results, "absence of requests means something only beside it"
