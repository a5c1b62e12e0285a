"""Proposals: valid, few, in order, bound to what the service has; and those that refute the sample's fragile shapes among the first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.commands.validate import check_file
from discovery.analysis.levels import Level
from discovery.inventory import Inventory
from discovery.posture import Posture, build_posture
from discovery.proposals.propose import MOST, Proposal
from discovery.proposals.sentences import format_time
from discovery.proposals.text import write_yaml
from discovery.things.alarms import Alarm, Objective, Watch
from discovery.things.base import Gap
from discovery.things.resilience_policies import Application
from squall.admission.experiment import parse_experiment
from squall.domain.base.vocabulary import BlastRadius
from squall.domain.policy.environment import Timing
from tests.discovery import sample
from tests.discovery.answers import Session
from tests.discovery.looking import look, proposals_of, service_of
from tests.discovery.shop import Shop, answers


@pytest.fixture(scope="module")
def posture() -> Posture:
    return build_posture(sample.inventory(), sample.levels(), "staging")


def make(levels: dict[str, Level] | None = None, **changes: Any) -> Posture:
    return build_posture(sample.inventory(**changes), sample.levels() if levels is None else levels, "staging")


def first(posture: Posture, id: str) -> Proposal:  # noqa: A002
    return proposals_of(posture, id)[0]


def named(posture: Posture, id: str, name: str) -> Proposal:  # noqa: A002
    return next(proposal for proposal in proposals_of(posture, id) if proposal.name.endswith(name))


def changed(things: tuple[Any, ...], **changes: Any) -> tuple[Any, ...]:
    return tuple(thing.model_copy(update=changes) for thing in things)


SAMPLE = sample.inventory()
TAG = "Key=squall:environment,Value=staging"


def test_every_proposal_is_valid_as_a_file(posture: Posture, tmp_path: Path) -> None:
    files = {proposal.name: tmp_path / f"{proposal.name}.yaml" for proposal in posture.proposals}
    for proposal in posture.proposals:
        files[proposal.name].write_text(write_yaml(proposal))
    assert len(files) == len(posture.proposals) > 10
    assert {name: check_file(str(path)).findings for name, path in files.items() if not check_file(str(path)).valid} == {}
    assert all(yaml.safe_load(files[p.name].read_text()) == p.definition for p in posture.proposals)


def test_a_service_has_at_most_five_and_the_best_stand_first(posture: Posture) -> None:
    counts = [len(proposals_of(posture, service.service.id)) for service in posture.services]
    assert max(counts) == MOST
    assert [proposal.score for proposal in posture.proposals] == sorted((p.score for p in posture.proposals), reverse=True)


def test_the_radius_is_the_smallest_and_the_hypothesis_has_the_form_of_well_architected(posture: Posture) -> None:
    for proposal in posture.proposals:
        experiment = parse_experiment(proposal.definition)
        assert experiment.blast_radius is BlastRadius.SINGLE_INSTANCE
        assert experiment.hypothesis.startswith("If ")
        assert " workload will " in experiment.hypothesis
        assert " to maintain availability of " in experiment.hypothesis
        assert proposal.why.endswith(".")


# A shape of local/workload/settings.py, what differs in its metrics, whose proposals are read, and the file that refutes it.
SHAPES = [
    ("fragile-group", {}, sample.GROUP, "lost-instance"),
    ("fragile-group", {}, sample.SERVICE, "lost-task"),
    ("fragile-group", {}, sample.PODS, "lost-pod"),
    ("fragile-balancer", {}, sample.GROUP, "silent-instance"),
    ("fragile-dependency", {}, sample.GROUP, "without-inventory-sample-internal"),
    ("fragile-dependency", {}, sample.SERVICE, "without-inventory-sample-internal"),
    ("fragile-dependency", {}, sample.PODS, "without-inventory-sample-internal"),
    ("fragile-database", {}, sample.CLUSTER, "failover"),
    ("fragile-database", {}, sample.MULTI_AZ, "failover"),
    ("fragile-function", {}, sample.FUNCTION, "failing"),
    ("fragile-function", {}, sample.FUNCTION, "slow"),
    ("fragile-cpu", {}, sample.SERVICE, "busy-cpu"),
    ("fragile-cpu", {"cpu_percent": 40.0}, sample.GROUP, "busy-cpu"),
    ("fragile-memory", {"memory_percent": 51.0}, sample.GROUP, "little-memory"),
    ("fragile-disk", {"disk_percent": 38.0}, sample.GROUP, "full-disk"),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "level", "service", "file"), SHAPES, ids=[f"{row[0]}, {row[3]}, {row[2][-12:]}" for row in SHAPES])
def test_what_refutes_a_fragile_shape_is_among_the_first_three_of_its_service(
    shape: str, level: dict[str, float], service: str, file: str
) -> None:
    proposals = proposals_of(make(sample.levels(**level)), service)[:3]
    assert [p.name for p in proposals if p.name.endswith(file)], f"{shape}: {[p.name for p in proposals]}"


def test_without_a_standby_no_failover_is_proposed_but_the_risk_is_named() -> None:
    posture = make(databases=changed(SAMPLE.databases, standby=False))
    assert proposals_of(posture, sample.CLUSTER) == proposals_of(posture, sample.MULTI_AZ) == []
    assert [entry.reason for entry in service_of(posture, sample.MULTI_AZ).not_proposed] == [
        "it is not Multi-AZ: there is no standby to fail over to"
    ]
    assert "no_multi_az" in {a.code for a in service_of(posture, sample.MULTI_AZ).aspects if a.state == "missing"}


def test_criteria_come_from_the_present_level_with_a_margin() -> None:
    proposal = named(make({sample.GROUP: sample.LEVEL.model_copy(update={"availability_percent": 99.0})}), sample.GROUP, "lost-instance")
    assert proposal.definition["success_criteria"] == [
        {"text": "System availability >= 97 %", "critical": True},
        "Response time < 130 ms",
        "p99 response time < 590 ms",
        "Auto Scaling launches replacement instance",
        "System recovers within 10 minutes",
    ]
    assert proposal.definition["abort_conditions"] == ["System availability < 91 %", "Response time > 1.1 seconds"]
    assert "availability 99 %" in proposal.basis


def test_what_is_lost_by_arithmetic_is_allowed() -> None:
    """13 seconds of 10 minutes in which a third of the requests end in time-outs: 0.72 %."""
    definition = named(make(), sample.GROUP, "silent-instance").definition
    assert definition["success_criteria"][0]["text"] == "System availability >= 97.9 %"


@pytest.mark.parametrize(("period", "guard"), [(60, "System availability < 93.7 %"), (5, "System availability < 50 %")])
def test_no_guard_fires_for_what_is_lost_by_arithmetic_at_the_pace_of_the_policy(period: int, guard: str) -> None:
    """13 seconds are a part of the periods of a minute that make a guard fire, and all of those of five seconds."""
    posture = build_posture(sample.inventory(), sample.levels(), "staging", {"staging": Timing(metric_period_seconds=period)})
    assert named(posture, sample.GROUP, "silent-instance").definition["abort_conditions"] == [guard]


@pytest.mark.parametrize(
    ("timing", "minutes", "recovery", "within"),
    [
        ({}, 10, "PT15M", "10 minutes"),
        ({"metric_period_seconds": 5, "recovery_seconds": 60}, 1, "PT1M", "1 minute"),
        ({"metric_period_seconds": 300, "recovery_seconds": 3600}, 50, "PT60M", "40 minutes"),
    ],
)
def test_a_fault_lasts_ten_periods_and_recovery_is_watched_as_long_as_the_policy_says(
    timing: dict[str, int], minutes: int, recovery: str, within: str
) -> None:
    posture = build_posture(sample.inventory(), sample.levels(), "staging", {"staging": Timing.model_validate(timing)})
    for proposal in posture.proposals:
        definition = proposal.definition
        assert (definition["duration_minutes"], definition["recovery"]) == (minutes, recovery)
        assert definition["success_criteria"][-1] == f"System recovers within {within}"


def test_a_fault_of_a_minute_may_lose_a_larger_share_of_its_requests() -> None:
    """13 seconds of a minute in which a third of the requests end in time-outs: 7.2 %."""
    posture = build_posture(sample.inventory(), sample.levels(), "staging", {"staging": Timing(metric_period_seconds=5)})
    assert named(posture, sample.GROUP, "silent-instance").definition["success_criteria"][0]["text"] == "System availability >= 88.1 %"


def test_without_levels_the_thresholds_are_defaults_and_say_so() -> None:
    gap = Gap(action="cloudwatch:GetMetricData", code="AccessDenied", message="no", denied=True)
    proposal = named(make({}, gaps=(gap,)), sample.GROUP, "lost-instance")
    assert "could not be read" in proposal.basis
    assert [c for c in proposal.definition["success_criteria"] if isinstance(c, str)] == [
        "Auto Scaling launches replacement instance",
        "System recovers within 10 minutes",
    ]


def test_a_service_without_requests_gets_none() -> None:
    posture = make({sample.SERVICE: sample.LEVEL})
    assert proposals_of(posture, sample.GROUP) == []
    assert [entry.reason for entry in service_of(posture, sample.GROUP).not_proposed] == [
        "no request reached sample-web in the last day: nothing could be judged"
    ]


def alarm(name: str, metric: str, **changes: Any) -> Alarm:
    group = SAMPLE.target_groups[0]
    dimensions = {"TargetGroup": group.name, "LoadBalancer": "app/sample-web/0123456789abcdef"}
    fields: dict[str, Any] = {"state": "OK", "actions": True, "missing_data": "breaching", "window_seconds": 180, **changes}
    return Alarm(id=name, name=name, watches=(Watch(namespace="AWS/ApplicationELB", metric=metric, dimensions=dimensions),), **fields)


def test_the_service_s_own_alarms_stop_the_fault_if_squall_can_rely_on_them() -> None:
    alarms = (
        alarm("errors", "HTTPCode_Target_5XX_Count", missing_data="notBreaching"),
        alarm("slow", "TargetResponseTime"),
        alarm("deaf", "TargetResponseTime", missing_data="notBreaching"),
        alarm("silenced", "TargetResponseTime", actions=False),
        alarm("firing", "TargetResponseTime", state="ALARM"),
        alarm("hosts", "UnHealthyHostCount"),  # the fault moves it by design
        alarm("late", "TargetResponseTime", window_seconds=3600),
    )
    assert first(make(alarms=alarms), sample.GROUP).definition["stop_alarms"] == ["errors", "slow"]
    assert "stop_alarms" not in first(make(alarms=alarms), sample.SERVICE).definition


def test_an_slo_becomes_a_criterion_on_its_own_metric() -> None:
    metric = Watch(namespace="ApplicationSignals", metric="Latency", dimensions={"Service": "sample-web", "Environment": "ec2:default"})
    slo = Objective(
        id="slo", name="checkout: fast!", service="sample-web", goal_percent=99.9, metric=metric, statistic="p99", threshold=400,
        comparison="LessThan", kind="LATENCY",
    )  # fmt: skip
    definition = first(make(objectives=(slo,)), sample.GROUP).definition
    assert definition["metrics"]["SLO checkout fast"] | {"dimensions": {}} == {
        "namespace": "ApplicationSignals", "metric_name": "Latency", "dimensions": {}, "statistic": "p99", "unit": "milliseconds",
    }  # fmt: skip
    assert "SLO checkout fast < 400 ms" in definition["success_criteria"]


def test_the_recovery_time_objective_of_resilience_hub_bounds_the_recovery() -> None:
    app = Application(id="app", name="app", policy="gold", recovery_seconds={"Hardware": 300, "Region": 60}, resources=("sample-web",))
    assert "System recovers within 5 minutes" in first(make(applications=(app,)), sample.GROUP).definition["success_criteria"]


def test_tag_commands_are_exact_and_only_for_what_has_not_opted_in() -> None:
    without: dict[str, Any] = {"scaling_groups": changed(SAMPLE.scaling_groups, tags={}), "instances": changed(SAMPLE.instances, tags={})}
    commands = first(make(**without), sample.GROUP).tag_commands
    assert commands == (
        f"aws autoscaling create-or-update-tags --tags ResourceId=sample-web,ResourceType=auto-scaling-group,{TAG},PropagateAtLaunch=true",
        f"aws ec2 create-tags --resources i-00000000000000000 i-00000000000000001 i-00000000000000002 --tags {TAG}",
    )
    assert first(make(), sample.GROUP).tag_commands == ()


def test_tag_commands_of_every_other_kind() -> None:
    tasks = tuple(task.model_copy(update={"opted_in": None}) for task in SAMPLE.ecs_services[0].tasks[:1])
    lean: dict[str, Any] = {
        "ecs_services": changed(SAMPLE.ecs_services, tags={}, propagates_tags=False, tasks=(*tasks, *SAMPLE.ecs_services[0].tasks[1:])),
        "pod_workloads": changed(SAMPLE.pod_workloads, cluster_tags={}, labels={"app": "web"}),
        "functions": changed(SAMPLE.functions, tags={"sample:workload": "sample-web"}),
        "databases": changed(SAMPLE.databases, tags={"sample:workload": "sample-web"}),
    }
    posture = make(**lean)
    assert [command.split()[1:3] for command in first(posture, sample.SERVICE).tag_commands] == [
        ["ecs", "tag-resource"], ["ecs", "update-service"], ["ecs", "tag-resource"],
    ]  # fmt: skip
    assert [command.split()[:3] for command in first(posture, sample.PODS).tag_commands] == [
        ["aws", "eks", "tag-resource"], ["kubectl", "patch", "-n"],
    ]  # fmt: skip
    assert first(posture, sample.FUNCTION).tag_commands[0].startswith("aws lambda tag-resource --resource arn:")
    assert first(posture, sample.CLUSTER).tag_commands[0].startswith("aws rds add-tags-to-resource --resource-name arn:")


@pytest.mark.parametrize(
    ("changes", "service", "reason"),
    [
        ({"instances": changed(SAMPLE.instances, managed=False)}, sample.GROUP, "not online in Systems Manager"),
        ({"ecs_services": changed(SAMPLE.ecs_services, agent=False)}, sample.SERVICE, "no Systems Manager agent"),
        ({"ecs_services": changed(SAMPLE.ecs_services, exec_enabled=True)}, sample.SERVICE, "ECS Exec is on"),
        ({"ecs_services": changed(SAMPLE.ecs_services, fault_injection=False)}, sample.SERVICE, "enableFaultInjection"),
        ({"functions": changed(SAMPLE.functions, extension=False)}, sample.FUNCTION, "FIS's extension is not in it"),
        ({"scaling_groups": changed(SAMPLE.scaling_groups, in_service=("i-00000000000000000",))}, sample.GROUP, "nothing would be left"),
        ({"databases": changed(SAMPLE.databases, state="modifying")}, sample.CLUSTER, "its status is modifying"),
        ({"functions": changed(SAMPLE.functions, tags={})}, sample.FUNCTION, "no application load balancer is known"),
    ],
)
def test_what_can_t_run_as_things_are_is_named_with_the_reason(changes: dict[str, Any], service: str, reason: str) -> None:
    assert reason in " ".join(entry.reason for entry in service_of(make(**changes), service).not_proposed)


@pytest.mark.parametrize(
    ("action", "changes", "service", "aspect"),
    [
        ("ssm:DescribeInstanceInformation", {"instances": changed(SAMPLE.instances, managed=False)}, sample.GROUP, ""),
        ("ecs:ListTasks", {"ecs_services": changed(SAMPLE.ecs_services, tasks=())}, sample.SERVICE, "one_zone"),
        ("ecs:DescribeTaskDefinition", {"ecs_services": changed(SAMPLE.ecs_services, agent=False)}, sample.SERVICE, ""),
        ("rds:DescribeDBInstances", {"databases": changed(SAMPLE.databases, standby=False)}, sample.CLUSTER, "no_reader"),
    ],
)
def test_what_a_denied_call_would_tell_is_not_said_to_be_absent(action: str, changes: dict[str, Any], service: str, aspect: str) -> None:
    gap = Gap(action=action, code="AccessDenied", message="no", denied=True)
    result = service_of(make(gaps=(gap,), levels=sample.levels(), **changes), service)
    reasons = [entry.reason for entry in result.not_proposed]
    text = "was denied or failed, so it is not known whether it could run"
    assert [reason for reason in reasons if text not in reason and "is known to be in front" not in reason] == []
    assert not aspect or [a.state for a in result.aspects if a.code == aspect] == ["unknown"]


def test_a_suspended_process_makes_the_loss_of_an_instance_the_first_thing_to_try() -> None:
    proposal = first(make(scaling_groups=changed(SAMPLE.scaling_groups, suspended=("Launch",))), sample.GROUP)
    assert (proposal.definition["type"], proposal.why[:20]) == ("instance_termination", "Launch is suspended,")


def test_names_from_an_account_can_steer_neither_the_file_nor_its_comments(tmp_path: Path) -> None:
    attack = "x\n- evil: [\x1b[31m"
    inventory: Inventory = sample.inventory(
        scaling_groups=changed(SAMPLE.scaling_groups, name=attack), databases=changed(SAMPLE.databases, name=attack)
    )
    posture = build_posture(inventory, sample.levels(), "staging")
    for proposal in posture.proposals:
        text = write_yaml(proposal)
        assert yaml.safe_load(text) == proposal.definition
        assert "\x1b" not in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.024, "24 ms"), (0.0241, "25 ms"), (0.124, "130 ms"), (0.0004, "1 ms"), (1.01, "1.1 seconds"), (12, "12 seconds")],
)
def test_times_are_rounded_up_to_what_people_read(seconds: float, text: str) -> None:
    assert format_time(seconds) == text


def test_a_whole_scan_proposes_for_what_it_found(tmp_path: Path) -> None:
    shop = Shop(opted_in=False)
    posture = look(Session(answers([shop])), tmp_path, "preproduction")
    proposal = first(posture, shop.scaling_group)
    assert proposal.definition["environment"] == "preproduction"
    assert proposal.definition["stop_alarms"] == ["shop-0 errors"]
    assert len(proposal.tag_commands) == 2
