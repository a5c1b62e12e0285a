"""Whole FIS templates that take hosts away, in the shapes in which people publish them (AWS's workshops, CDK and Terraform): each is
adopted as what it says, or refused with a sentence that says what works."""

from datetime import timedelta
from typing import Any

import pytest

from squall.domain.base.vocabulary import FaultType
from squall.domain.experiment.target import Selection
from squall.faults import registry
from tests.unit.admission.test_public_templates import admit, change, refuse
from tests.unit.builders import ACCOUNT, REGION, TG_ARN
from tests.unit.faults.asking import compile_fault
from tests.unit.resources import BUILDERS

DRAIN, TERMINATE = FaultType.DRAIN_CONTAINER_INSTANCES, FaultType.TERMINATE_NODES
CLUSTER = f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/shop"
NODEGROUP = f"arn:aws:eks:{REGION}:{ACCOUNT}:nodegroup/main/general/1cb2a0f3-0a1b-2c3d-4e5f-6a7b8c9d0e1f"
BY_TAG = {"eksctl.cluster.k8s.io/v1alpha1/cluster-name": "main"}
"""The tag that eksctl gives to what it makes: the workshops choose their node groups by it."""


def case(kind: FaultType, action: dict[str, Any], target: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A template with one action on one target, and the experiment that adopts it."""
    whole = {
        "id": "EXTcase",
        "description": "as published",
        "actions": {"act": {"actionId": kind.value, "description": "act", **action}},
        "targets": {"hosts": {"selectionMode": "ALL", **target}},
        "roleArn": f"arn:aws:iam::{ACCOUNT}:role/fis",
        "stopConditions": [{"source": "none"}],
        "tags": {"Name": "hosts"},
        "experimentOptions": {"accountTargeting": "single-account", "emptyTargetResolutionMode": "fail"},
        "logConfiguration": {
            "cloudWatchLogsConfiguration": {"logGroupArn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:fis:*"},
            "logSchemaVersion": 2,
        },
        **changes,
    }
    experiment = {"type": kind.value, "blast_radius": "single_region", "duration_minutes": 15, "service": TG_ARN}
    return {"experiment": experiment, "template": whole}


def drain(percent: str = "25", duration: str = "PT15M", **target: Any) -> dict[str, Any]:
    action = {"parameters": {"drainagePercentage": percent, "duration": duration}, "targets": {"Clusters": "hosts"}}
    return case(DRAIN, action, {"resourceType": "aws:ecs:cluster", **(target or {"resourceArns": [CLUSTER]})})


def terminate(percent: Any = "40", *, after: dict[str, Any] | None = None, **target: Any) -> dict[str, Any]:
    action = {"parameters": {"instanceTerminationPercentage": percent}, "targets": {"Nodegroups": "hosts"}}
    result = case(TERMINATE, action, {"resourceType": "aws:eks:nodegroup", **(target or {"resourceArns": [NODEGROUP]})})
    result["template"]["actions"] |= after or {}
    return result


POLICY = {"allowed_types": [DRAIN.value, TERMINATE.value]}


@pytest.mark.parametrize(
    ("found", "target", "parameters"),
    [
        (drain(), {"resource_type": "aws:ecs:cluster", "arns": [CLUSTER], "select": "all"}, {"drainagePercentage": 25}),
        (
            drain("100", resourceTags={"app": "shop"}),
            {"resource_type": "aws:ecs:cluster", "tags": {"app": "shop"}, "select": "all"},
            {"drainagePercentage": 100},
        ),
        (terminate(), {"resource_type": "aws:eks:nodegroup", "arns": [NODEGROUP], "select": "all"}, {"instanceTerminationPercentage": 40}),
        (
            terminate("50", resourceTags=BY_TAG),
            {"resource_type": "aws:eks:nodegroup", "tags": BY_TAG, "select": "all"},
            {"instanceTerminationPercentage": 50},
        ),
        (
            terminate("80", resourceTags=BY_TAG, selectionMode="COUNT(1)"),
            {"resource_type": "aws:eks:nodegroup", "tags": BY_TAG, "select": {"count": 1}},
            {"instanceTerminationPercentage": 80},
        ),
    ],
    ids=["drained by ARN", "drained by tag", "nodes by ARN", "nodes by eksctl's tag", "nodes of one of the groups"],
)
def test_a_whole_template_is_adopted_as_what_it_says(found: dict[str, Any], target: dict[str, Any], parameters: dict[str, Any]) -> None:
    adopted = admit(found, POLICY)
    assert adopted.target is not None
    assert adopted.target.model_dump(mode="json", exclude_defaults=True) == target
    assert adopted.parameters == parameters
    assert (adopted.length, adopted.observed_length) == (timedelta(minutes=15), timedelta(minutes=15))


@pytest.mark.parametrize("found", [drain(), terminate()], ids=["drain", "nodes"])
def test_what_was_adopted_is_compiled_to_the_action_of_the_template(found: dict[str, Any]) -> None:
    adopted = admit(found, POLICY)
    fault = registry.find_fault(adopted.plan[0])
    pinned = [BUILDERS[fault.resource_type]("h1")]
    targets, actions = compile_fault(fault, fault.parse(adopted.parameters), pinned, adopted.length)
    (action,) = (action for action in actions.values() if action["actionId"] != "aws:fis:wait")
    (target,), theirs = targets.values(), found["template"]["actions"]["act"]
    assert (action["actionId"], action["parameters"]) == (theirs["actionId"], theirs["parameters"])
    assert list(action["targets"]) == list(theirs["targets"])
    assert (target["resourceType"], target["resourceArns"]) == (found["template"]["targets"]["hosts"]["resourceType"], [pinned[0].arn])


def test_a_share_of_the_node_groups_is_a_choice_among_them_and_not_of_their_nodes() -> None:
    adopted = admit(terminate("50", resourceTags=BY_TAG, selectionMode="PERCENT(50)"), POLICY)
    assert adopted.target is not None
    assert adopted.target.select == Selection(percent=50)
    assert adopted.parameters == {"instanceTerminationPercentage": 50}


def test_a_wait_after_the_nodes_are_gone_is_the_observation() -> None:
    wait = {"actionId": "aws:fis:wait", "parameters": {"duration": "PT20M"}, "targets": {}, "startAfter": ["act"]}
    found = terminate(after={"wait": wait})
    found["experiment"]["duration_minutes"] = 20
    assert admit(found, POLICY).observed_length == timedelta(minutes=20)


@pytest.mark.parametrize(
    ("found", "path", "said"),
    [
        (drain(duration="PT5M"), "actions.act.parameters.duration", "lasts 5 min, the experiment 15 min"),
        (drain("0"), "parameters.drainagePercentage", "0"),
        (terminate("101"), "parameters.instanceTerminationPercentage", "101"),
        (change(drain(), action={"drainagePercentage": None}), "parameters.drainagePercentage", "is missing"),
        (change(drain(), action={"force": "true"}), "actions.act.parameters.force", "not known"),
        (change(terminate(), action={"duration": "PT5M"}), "actions.act.parameters.duration", "not known"),
        (terminate(resourceTags=BY_TAG, filters=[{"path": "Status", "values": ["ACTIVE"]}]), "targets.hosts", "filters"),
        (terminate(resourceArns=[CLUSTER]), "target_resources", "the targets are aws:ecs:cluster"),
    ],
    ids=["another length", "none", "more than all", "no share", "unknown", "a length of a moment", "filters", "an ARN of another type"],
)
def test_what_would_be_lost_or_mean_something_else_is_refused_by_its_path(found: dict[str, Any], path: str, said: str) -> None:
    problems = refuse(found, POLICY)
    at = {name: text for name, text in problems.items() if path in name}
    assert at, problems
    assert said in "".join(at.values())
