"""Which resources serve anybody, as far as target groups tell."""

from typing import Any

import pytest

from squall.domain.resources.workload import Workload
from squall.domain.targets.serving import explain_idle
from tests.unit.builders import LB_ARN, NOW, TG_ARN, workload
from tests.unit.resources import database, service_of, task


def served(**changes: Any) -> Workload:
    load = workload()
    return load.model_copy(update={"target_groups": (load.target_groups[0].model_copy(update=changes),)})


@pytest.mark.parametrize(
    ("changes", "expected_text"),
    [
        ({}, ""),
        ({"in_use": False, "healthy": ()}, ""),
        ({"load_balancer": None, "healthy": ()}, ""),
        ({"in_use": False}, "no listener sends requests to targetgroup/shop"),
        ({"load_balancer": None, "healthy": (), "idle": ("i-1234567890abcdef0",)}, "no listener sends requests to targetgroup/shop"),
        ({"healthy": (), "unhealthy": ("i-1234567890abcdef0",)}, "it is unhealthy in targetgroup/shop"),
        ({"healthy": (), "idle": ("i-1234567890abcdef0",)}, "sent no requests"),
        ({"healthy": ()}, "it is not registered in targetgroup/shop"),
    ],
)
def test_a_target_serves_where_it_is_healthy(changes: dict[str, Any], expected_text: str) -> None:
    load = served(**changes)
    idle = explain_idle(load, load.instances[0])
    assert expected_text in idle
    assert bool(idle) is bool(expected_text)


def test_the_service_that_is_named_decides() -> None:
    load = workload()
    other = load.target_groups[0].model_copy(update={"arn": f"{TG_ARN}-b", "healthy": (), "unhealthy": load.target_groups[0].healthy})
    both = load.model_copy(update={"target_groups": (*load.target_groups, other)})
    assert explain_idle(both, load.instances[0]) == ""
    assert "unhealthy" in explain_idle(both.model_copy(update={"service": other.arn}), load.instances[0])


def test_what_target_groups_know_by_no_name_of_its_own_is_taken_to_serve() -> None:
    shared = task(private_ip=None, network_mode="bridge")
    group = service_of([shared])[0].model_copy(update={"target_groups": (TG_ARN,)})
    target_groups = workload().target_groups
    assert target_groups[0].load_balancer == LB_ARN
    load = Workload(at=NOW, instances=(), others=(shared, database()), groups=(group,), target_groups=target_groups)
    assert [explain_idle(load, resource) for resource in load.others] == ["", ""]
