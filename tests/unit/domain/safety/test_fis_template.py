"""What FIS answers is compared with what was compiled: whatever decides what is hit, for how long, by whom and until when."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from squall.domain.safety.fis_template import find_differences

INSTANCE = "arn:aws:ec2:eu-west-1:123456789012:instance/i-"
COMPILED: dict[str, Any] = {
    "description": "squall-run-1: seed",
    "targets": {
        "Instances": {"resourceType": "aws:ec2:instance", "resourceArns": [f"{INSTANCE}1", f"{INSTANCE}2"], "selectionMode": "ALL"},
    },
    "actions": {
        "stop": {"actionId": "aws:ec2:stop-instances", "parameters": {"duration": "PT5M"}, "targets": {"Instances": "Instances"}},
    },
    "stopConditions": [{"source": "aws:cloudwatch:alarm", "value": f"arn:alarm:{number}"} for number in (1, 2)],
    "roleArn": "arn:aws:iam::123456789012:role/staging",
    "tags": {"squall:stack": "Squall", "squall:execution": "run-1", "Name": "squall-run-1"},
    "experimentOptions": {"accountTargeting": "single-account", "emptyTargetResolutionMode": "fail"},
}


def answer(**changes: Any) -> dict[str, Any]:
    """What FIS answers of the template: with an id, times and empty fields, in an order of its own."""
    result = deepcopy(COMPILED)
    result["targets"]["Instances"] |= {"resourceTags": {}, "filters": [], "parameters": {}}
    result["targets"]["Instances"]["resourceArns"].reverse()
    result["actions"]["stop"] |= {"description": "", "startAfter": []}
    result["stopConditions"].reverse()
    return {**result, "id": "EXT1", "creationTime": 1, "targetAccountConfigurationsCount": 0, **changes}


def test_what_fis_adds_is_no_difference() -> None:
    assert find_differences(COMPILED, answer()) == ()


def test_an_experiment_has_states_and_a_mode_besides() -> None:
    started = answer(experimentOptions={**COMPILED["experimentOptions"], "actionsMode": "run-all"}, state={"status": "pending"})
    started["actions"]["stop"] |= {"state": {"status": "pending"}, "startTime": 1}
    assert find_differences(COMPILED, started) == ()


def test_tags_that_are_not_squall_s_may_be_added() -> None:
    assert find_differences(COMPILED, answer(tags={**COMPILED["tags"], "cost-center": "7"})) == ()


TARGET, ACTION = COMPILED["targets"]["Instances"], COMPILED["actions"]["stop"]
CHANGED: dict[str, tuple[dict[str, Any], str]] = {
    "a target more": ({"targets": {"Instances": {**TARGET, "resourceArns": [*TARGET["resourceArns"], f"{INSTANCE}3"]}}}, "resourceArns"),
    "other targets by tag": ({"targets": {"Instances": {**TARGET, "resourceTags": {"a": "b"}}}}, "targets.Instances.resourceTags"),
    "a second target": ({"targets": {"Instances": TARGET, "Others": TARGET}}, "targets.Others"),
    "another selection": ({"targets": {"Instances": {**TARGET, "selectionMode": "COUNT(1)"}}}, "selectionMode"),
    "filters": ({"targets": {"Instances": {**TARGET, "filters": [{"path": "State.Name", "values": ["running"]}]}}}, "filters"),
    "another action": ({"actions": {"stop": {**ACTION, "actionId": "aws:ec2:terminate-instances"}}}, "actions.stop.actionId"),
    "an action more": ({"actions": {"stop": ACTION, "more": ACTION}}, "actions.more"),
    "no action": ({"actions": {}}, "actions"),
    "another duration": ({"actions": {"stop": {**ACTION, "parameters": {"duration": "PT12H"}}}}, "actions.stop.parameters.duration"),
    "another order": ({"actions": {"stop": {**ACTION, "startAfter": ["more"]}}}, "startAfter"),
    "no stop conditions": ({"stopConditions": [{"source": "none"}]}, "stopConditions"),
    "one stop condition less": ({"stopConditions": COMPILED["stopConditions"][:1]}, "stopConditions"),
    "another role": ({"roleArn": "arn:aws:iam::123456789012:role/production"}, "roleArn"),
    "another run's tag": ({"tags": {**COMPILED["tags"], "squall:execution": "run-2"}}, "tag squall:execution"),
    "a tag of Squall's more": ({"tags": {**COMPILED["tags"], "squall:more": "x"}}, "tag squall:more"),
    "no tags": ({"tags": {}}, "tag squall:stack"),
    "targets in other accounts": ({"experimentOptions": {**COMPILED["experimentOptions"], "accountTargeting": "multi-account"}}, "account"),
    "other accounts configured": ({"targetAccountConfigurationsCount": 1}, "targetAccountConfigurationsCount"),
    "empty targets skipped": ({"experimentOptions": {**COMPILED["experimentOptions"], "emptyTargetResolutionMode": "skip"}}, "empty"),
    "another mode": ({"experimentOptions": {**COMPILED["experimentOptions"], "actionsMode": "skip-all"}}, "actionsMode"),
    "logs": ({"logConfiguration": {"logSchemaVersion": 2}}, "logConfiguration"),
}


@pytest.mark.parametrize(("changes", "words"), CHANGED.values(), ids=CHANGED)
def test_every_change_is_told(changes: dict[str, Any], words: str) -> None:
    differences = find_differences(COMPILED, answer(**changes))
    assert len(differences) >= 1
    assert any(words in difference for difference in differences), differences


def test_a_template_that_is_gone_differs_and_the_list_of_differences_is_short() -> None:
    assert find_differences(COMPILED, None) == ("FIS has no such template",)
    assert 1 <= len(find_differences(COMPILED, {})) <= 5
