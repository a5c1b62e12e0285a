"""Values that the unit tests are made of: the experiment of REL12-BP05 on a workload in two zones behind a load
balancer."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from squall.domain.base.problems import Problem
from squall.domain.base.vocabulary import Mode, Status
from squall.domain.documents.baseline import Baseline
from squall.domain.documents.definition import Definition
from squall.domain.documents.discovery import Discovery
from squall.domain.documents.fault import TargetBefore
from squall.domain.documents.metrics.metric_models import MetricBinding, Point, Series, Window
from squall.domain.experiment.experiment import Experiment
from squall.domain.experiment.fault_traits import FaultTraits
from squall.domain.experiment.sentences import parse_sentences
from squall.domain.metrics.bindings import bind_metrics
from squall.domain.policy.environment import Environment, Timing
from squall.domain.resources.base import Resource
from squall.domain.resources.instances import Instance
from squall.domain.resources.workload import Group, TargetGroup, Workload
from squall.domain.run.record import ExecutionRecord
from squall.domain.targets import pinning
from squall.domain.targets.failure_domains import failure_domains
from squall.domain.targets.pinning import Asked, Rules

ACCOUNT, REGION = "111122223333", "eu-west-1"
NOW = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)
TAG = "squall:environment"
LB_ARN = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/app/shop/50dc6c495c0c9188"
TG_ARN = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/shop/73e2d6bc24d8a067"
ARN = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:Squall:run-1"
REL12: dict[str, Any] = {
    "name": "EC2 Instance Termination Test",
    "description": "Test system resilience when EC2 instances are terminated",
    "type": "instance_termination",
    "hypothesis": "System will maintain availability when 1 instance is terminated due to auto-scaling",
    "blast_radius": "single_instance",
    "target_resources": ["i-1234567890abcdef0", "i-0987654321fedcba0"],
    "duration_minutes": 10,
    "rollback_plan": "Auto Scaling will launch replacement instances",
    "success_criteria": ["System availability > 99%", "Response time < 2 seconds", "Auto Scaling launches replacement instance"],
    "abort_conditions": ["System availability < 95%", "Response time > 5 seconds"],
    "environment": "staging",
}


def experiment(**changes: Any) -> Experiment:
    inputs = {**json.loads(json.dumps(REL12)), **changes}
    if "duration" in changes:
        del inputs["duration_minutes"]
    return Experiment.model_validate(inputs)


def pin_targets(
    load: Workload, exp: Experiment, policy: Environment, seed: str, opt_in_tag: str = TAG
) -> tuple[tuple[Resource, ...], list[Problem]]:
    """The targets of the only fault of an experiment, or why there are none."""
    (fault,) = exp.plan
    pinned, problems = pinning.pin_targets([Asked(fault, load, FaultTraits())], Rules(load, exp.blast_radius, policy, seed, opt_in_tag))
    return pinned.get("", ()), problems


def environment(**changes: Any) -> Environment:
    return Environment(**{"name": "staging", **changes})


def instance(id_: str, zone: str = f"{REGION}a", **changes: Any) -> Instance:
    inputs = {
        "id": id_,
        "arn": f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{id_}",
        "state": "running",
        "zone": zone,
        "tags": {TAG: "staging"},
        "group": "shop",
        "lifecycle": "InService",
        "managed": True,
        "private_ip": "10.0.1.7",
    }
    return Instance.model_validate({**inputs, **changes})


def workload(
    instances: Iterable[Instance] | None = None, *, desired: int | None = None, missing: Iterable[str] = (), at: datetime = NOW
) -> Workload:
    """A workload of one group and one target group, in which every running instance of that group is in service and
    healthy."""
    result = (
        tuple(instances)
        if instances is not None
        else (instance(REL12["target_resources"][0]), instance(REL12["target_resources"][1], f"{REGION}b"))
    )
    members = tuple(i.id for i in result if i.group == "shop" and i.state == "running")
    groups = (
        Group(name="shop", desired=len(members) if desired is None else desired, minimum=1, in_service=members, target_groups=(TG_ARN,)),
    )
    served = TargetGroup(
        arn=TG_ARN, load_balancer=LB_ARN, load_balancer_groups=1, protocol="HTTP", ports=(80,), healthy=members, unhealthy=()
    )
    return Workload(at=at, instances=result, groups=groups, target_groups=(served,), missing=tuple(missing))


def definition(exp: Experiment | None = None, env: Environment | None = None, **changes: Any) -> Definition:
    inputs = {
        "experiment": exp or experiment(),
        "environment": env or environment(),
        "mode": Mode.RUN,
        "definition_hash": "a" * 64,
        "account": ACCOUNT,
        "region": REGION,
    }
    return Definition.model_validate({**inputs, **changes})


def bindings(
    exp: Experiment | None = None, load: Workload | None = None, timing: Timing | None = None, pinned: Iterable[Instance] | None = None
) -> tuple[MetricBinding, ...]:
    chosen = exp or experiment()
    parsed = parse_sentences(chosen)
    value = load or workload()
    hit = tuple(pinned) if pinned is not None else value.instances[:1]
    result, problems = bind_metrics(
        parsed.metrics, parsed.statistics, chosen.metrics, value, timing or Timing(), pinned=hit, paths=parsed.paths
    )
    assert not problems
    return result


def discovery(load: Workload | None = None, pinned: Iterable[Instance] | None = None, exp: Experiment | None = None) -> Discovery:
    result = load or workload()
    chosen = tuple(pinned) if pinned is not None else result.instances[:1]
    return Discovery(
        workload=result,
        pinned=chosen,
        seed="run-1",
        failure_domains=failure_domains(result, chosen),
        bindings=bindings(exp, result, pinned=chosen),
    )


def before(discovered: Discovery) -> tuple[TargetBefore, ...]:
    return tuple(
        TargetBefore(resource=i, healthy_in=tuple(g.arn for g in discovered.workload.target_groups if i.id in g.healthy))
        for i in discovered.pinned
    )


def window(name: str = "fault", start: datetime = NOW, periods: int = 10, period: int = 60) -> Window:
    first = int(start.timestamp()) // period * period
    return Window.model_validate({"name": name, "start": first, "end": first + periods * period, "period_seconds": period})


def series(binding: MetricBinding, span: Window, values: Mapping[str, Iterable[float | None]]) -> tuple[Series, ...]:
    """The series of a binding. `values`: by the last word of its queries' keys (`requests`, `target_5xx`, `value`);
    None is a missing point."""
    results = []
    for query in binding.queries:
        part = next((part for part in values if query.key.endswith(part)), None)
        value = values[part] if part else ()
        points = tuple(Point(at=span.start + i * span.period_seconds, value=v) for i, v in enumerate(value) if v is not None)
        results.append(Series(key=query.key, period_seconds=span.period_seconds, points=points))
    return tuple(results)


def healthy_series(metric_bindings: Iterable[MetricBinding], span: Window) -> dict[str, tuple[Series, ...]]:
    """The series of a workload with 600 requests per period, no errors and 0.1 s of response time."""
    n = span.periods
    return {b.name: series(b, span, {"requests": [600.0] * n, "value": [0.1] * n}) for b in metric_bindings}


HEALTHY = {"availability": 100.0, "response_time": 0.1, "request_rate": 10.0}


def baseline(**changes: Any) -> Baseline:
    span = window("baseline", NOW - timedelta(hours=1), 60)
    inputs = {"window": span, "series": {}, "measurements": HEALTHY, "steady": True, "requests_per_second": 10.0}
    return Baseline.model_validate({**inputs, **changes})


def record(**changes: Any) -> ExecutionRecord:
    inputs: dict[str, Any] = {"id": "run-1", "execution_arn": ARN, "started_at": NOW, "status": Status.RUNNING, "phase": "Record"}
    return ExecutionRecord(**{**inputs, **changes})
