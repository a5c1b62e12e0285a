"""Every fault on every type but instances: templates FIS accepts, hostile parameters refused, what is pinned within the radius."""

import json
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import CHOSEN_BY_TAGS, BlastRadius, CheckOutcome, FaultType, ResourceType
from squall.domain.documents.discovery import Discovery
from squall.domain.resources.base import Resource
from squall.domain.resources.pods import EksPod
from squall.domain.targets.failure_domains import list_capacities, list_lost_members
from squall.domain.targets.pinning import MAXIMUM_TARGETS
from squall.faults import registry
from squall.faults.base import AnyFault
from squall.faults.template import compile_template
from tests.unit.builders import definition, environment, experiment, pin_targets
from tests.unit.faults.asking import prerequisites
from tests.unit.faults.test_faults import GUARDS, PEER, ROLE, assert_accepted
from tests.unit.faults.test_faults import PARAMETERS as OF_INSTANCES
from tests.unit.resources import BUILDERS, discovery_of, targeting, workload_of

OTHERS = [fault for fault in registry.list_faults() if fault.resource_type is not ResourceType.INSTANCE]
_LATE = {"latency_ms": st.integers(1, 10_000), "jitter_ms": st.integers(0, 10_000)}
_PORT = st.integers(1, 32767) | st.integers(61000, 65535)
ZONES = ("eu-west-1a", "eu-west-1b", "eu-west-1c")
PREFIX_LIST = st.from_regex(r"pl-[0-9a-f]{8,17}", fullmatch=True).map(lambda name: {"scope": "prefix-list", "prefix_list": name})
PARAMETERS: dict[tuple[FaultType, ResourceType], st.SearchStrategy[dict[str, Any]]] = {
    (FaultType.SERVICE_UNAVAILABLE, ResourceType.SUBNET): st.fixed_dictionaries(
        {}, optional={"scope": st.sampled_from(["availability-zone", "vpc", "all"])}
    ),
    (FaultType.DEPENDENCY_TIMEOUT, ResourceType.SUBNET): PREFIX_LIST
    | st.fixed_dictionaries({"scope": st.sampled_from(["s3", "dynamodb", "s3express"])}),
    (FaultType.CPU_STRESS, ResourceType.ECS_TASK): OF_INSTANCES[FaultType.CPU_STRESS],
    (FaultType.DISK_FILL, ResourceType.ECS_TASK): st.fixed_dictionaries(
        {}, optional={"disk_percent": st.integers(1, 97), "workers": st.integers(1, 64)}
    ),
    (FaultType.NETWORK_LATENCY, ResourceType.ECS_TASK): st.fixed_dictionaries(
        {},
        optional={
            **_LATE,
            "sources": st.lists(PEER | st.sampled_from(["db.example.com", "use1-az1", "S3"]), min_size=1, max_size=30).map(",".join),
            "flows_percent": st.integers(1, 100),
        },
    ),
    (FaultType.SERVICE_UNAVAILABLE, ResourceType.ECS_TASK): st.fixed_dictionaries({"port": _PORT})
    | st.fixed_dictionaries(
        {"process": st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}", fullmatch=True).filter(lambda name: "ssm" not in name)},
        optional={"signal": st.sampled_from(["SIGTERM", "SIGKILL"])},
    ),
    (FaultType.DEPENDENCY_TIMEOUT, ResourceType.ECS_TASK): st.fixed_dictionaries(
        {"dependency": st.lists(PEER | st.sampled_from(["db.example.com", "S3"]), min_size=1, max_size=30).map(",".join)}, optional=_LATE
    )
    | st.fixed_dictionaries({"port": st.integers(1, 65535)}, optional={"protocol": st.just("tcp")}),
    (FaultType.CPU_STRESS, ResourceType.POD): OF_INSTANCES[FaultType.CPU_STRESS],
    (FaultType.MEMORY_STRESS, ResourceType.POD): OF_INSTANCES[FaultType.MEMORY_STRESS],
    (FaultType.NETWORK_LATENCY, ResourceType.POD): st.fixed_dictionaries(
        {}, optional={**_LATE, "sources": st.lists(PEER | st.sampled_from(["db.example.com", "S3"]), min_size=1, max_size=30).map(",".join)}
    ),
    (FaultType.SERVICE_UNAVAILABLE, ResourceType.POD): st.fixed_dictionaries(
        {"port": st.integers(1, 65535)}, optional={"protocol": st.sampled_from(["tcp", "udp"])}
    ),
    (FaultType.DEPENDENCY_TIMEOUT, ResourceType.POD): st.fixed_dictionaries(
        {"dependency": st.lists(PEER | st.sampled_from(["db.example.com", "S3"]), min_size=1, max_size=30).map(",".join)}, optional=_LATE
    )
    | st.fixed_dictionaries({"port": st.integers(1, 65535)}, optional={"protocol": st.just("tcp")}),
    (FaultType.NETWORK_LATENCY, ResourceType.FUNCTION): st.fixed_dictionaries(
        {}, optional={"latency_ms": st.integers(1, 900_000), "invocation_percent": st.integers(1, 100)}
    ),
    (FaultType.DEPENDENCY_TIMEOUT, ResourceType.FUNCTION): st.fixed_dictionaries(
        {"latency_ms": st.integers(1000, 900_000)}, optional={"invocation_percent": st.integers(1, 100)}
    ),
    (FaultType.SERVICE_UNAVAILABLE, ResourceType.FUNCTION): st.fixed_dictionaries(
        {}, optional={"invocation_percent": st.integers(1, 100), "prevent_execution": st.booleans()}
    )
    | st.fixed_dictionaries(
        {"status_code": st.integers(400, 599)},
        optional={"content_type": st.from_regex(r"[a-z]{1,9}/[a-z0-9][a-z0-9.+-]{0,63}", fullmatch=True)},
    ),
    (FaultType.SERVICE_UNAVAILABLE, ResourceType.SCALING_GROUP): st.fixed_dictionaries(
        {},
        optional={
            "zones": st.lists(st.sampled_from(ZONES), min_size=1, max_size=3, unique=True).map(",".join),
            "percent": st.integers(1, 100),
        },
    ),
}
"""Whatever each fault accepts; those that take nothing are left out."""
HOSTILE = (
    "; reboot",
    "$(reboot)",
    "`id`",
    "a\nb",
    "\u202e",
    "é" * 10,
    "x" * 5000,
    "'",
    '"',
    "-1",
    -1,
    10**30,
    float("nan"),
    float("inf"),
    True,
    None,
)


def named(fault: AnyFault) -> str:
    return f"{fault.type.value}-{fault.resource_type.value}"


def parameters_of(fault: AnyFault) -> st.SearchStrategy[dict[str, Any]]:
    return PARAMETERS.get((fault.type, fault.resource_type), st.just({}))


def _names_of(resources: Sequence[Resource]) -> list[str]:
    """Of pods, that of their cluster."""
    return list(dict.fromkeys(resource.cluster if isinstance(resource, EksPod) else resource.arn for resource in resources))


def _hit(target: dict[str, Any], discovery: Discovery) -> list[str]:
    """ARNs of what the target is; of a pod, by all that names it."""
    if "resourceArns" in target:
        return list(target["resourceArns"])
    answer = target["parameters"]
    assert (answer["selectorType"], target["selectionMode"]) == ("podName", "ALL")
    wanted = (answer["clusterIdentifier"], answer["namespace"], answer["selectorValue"])
    return [entry.arn for entry in discovery.pinned if isinstance(entry, EksPod) and (entry.cluster, entry.namespace, entry.name) == wanted]


@pytest.mark.parametrize("fault", OTHERS, ids=named)
@settings(max_examples=40)
@given(data=st.data(), count=st.integers(1, 12), seconds=st.integers(60, 12 * 3600))
def test_every_template_is_accepted_by_the_fis_model(fault: AnyFault, data: st.DataObject, count: int, seconds: int) -> None:
    discovery = discovery_of(BUILDERS[fault.resource_type](f"i-{n:017x}") for n in range(count))
    arns = [entry.arn for entry in discovery.pinned]
    named = targeting(fault.resource_type, _names_of(discovery.pinned))
    given_parameters = data.draw(parameters_of(fault))
    exp = experiment(type=fault.type.value, **named, parameters=given_parameters, duration=timedelta(seconds=seconds))
    body = compile_template(definition(exp), discovery, stack="Squall", run_id="run-1", role_arn=ROLE, alarm_arns=GUARDS)
    assert_accepted(body)
    assert sorted(name for target in body["targets"].values() for name in _hit(target, discovery)) == sorted(arns)
    assert {target["resourceType"] for target in body["targets"].values()} == {fault.resource_type.value}
    assert {action["actionId"] for action in body["actions"].values()} <= set(fault.fis_actions)
    hit = [name for action in body["actions"].values() for name in action.get("targets", {}).values()]
    assert sorted(hit) == sorted(body["targets"]), "every target is hit once"
    for action in body["actions"].values():
        for value in action.get("parameters", {}).values():
            assert not re.search(r"[;&|`$<>\\\n]", value)


@pytest.mark.parametrize("fault", OTHERS, ids=named)
def test_hostile_parameters_are_refused_by_name(fault: AnyFault) -> None:
    for name, field in fault.parameters.model_fields.items():
        for value in HOSTILE:
            if (value is None and not field.is_required()) or (value is True and field.annotation is bool):
                continue
            with pytest.raises(InvalidInput) as caught:
                fault.parse({**{other: 1 for other in fault.parameters.model_fields if other != name}, name: value})
            assert any(problem.path.startswith(f"parameters.{name}") for problem in caught.value.problems), (name, value)
    with pytest.raises(InvalidInput, match="there is no such parameter"):
        fault.parse({"$(reboot)": 1})


@pytest.mark.parametrize("fault", OTHERS, ids=named)
def test_a_fault_without_targets_has_unmet_prerequisites(fault: AnyFault) -> None:
    required = find(parameters_of(fault), lambda _: True)
    checks = prerequisites(fault, workload_of([]), [], fault.parse(required))
    assert CheckOutcome.FAILED in {check.outcome for check in checks}


@given(
    kind=st.sampled_from([kind for kind in ResourceType if kind is not ResourceType.INSTANCE]),
    zones=st.lists(st.sampled_from(ZONES), min_size=1, max_size=12),
    radius=st.sampled_from(BlastRadius),
    seed=st.text(max_size=8),
    share=st.sampled_from([0.0, 50.0, 100.0]),
)
def test_what_is_pinned_never_exceeds_the_radius(
    kind: ResourceType, zones: list[str], radius: BlastRadius, seed: str, share: float
) -> None:
    results = [BUILDERS[kind](f"one-{n:04}", zone) for n, zone in enumerate(zones)]
    load = workload_of(results)
    (fault_type, *_) = registry.fault_types(kind)
    exp = experiment(type=fault_type.value, **targeting(kind, _names_of(results)), blast_radius=radius.value)
    pinned, problems = pin_targets(load, exp, environment(minimum_healthy_percent=share), seed)
    assert bool(pinned) != bool(problems)
    assert {entry.arn for entry in pinned} <= {item.arn for item in results}
    assert len(pinned) <= MAXIMUM_TARGETS
    hit = [target.zone for target in pinned]
    if radius is BlastRadius.SINGLE_INSTANCE:
        assert len(pinned) == 1 or (kind in CHOSEN_BY_TAGS and len(results) > 1)  # all that carry the tags, or none
    if radius is BlastRadius.SINGLE_AZ:
        assert len(set(hit)) <= 1
        assert "" not in hit
    if radius is BlastRadius.MULTIPLE_AZ:
        assert len(set(hit)) == len(hit)
        assert not pinned or any(zones.count(zone) > hit.count(zone) for zone in set(zones))
    if radius is BlastRadius.MULTIPLE_REGION:
        assert not pinned
    if len(pinned) > 1:
        assert all(c.after(list_lost_members(load, pinned, c)) >= c.needed(share) for c in list_capacities(load, pinned))


@pytest.mark.parametrize("kind", [kind for kind in ResourceType if kind is not ResourceType.INSTANCE])
def test_what_is_pinned_survives_being_stored(kind: ResourceType) -> None:
    discovery = discovery_of([BUILDERS[kind]("one")])
    assert type(discovery).model_validate(json.loads(discovery.model_dump_json())) == discovery
