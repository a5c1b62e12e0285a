"""FIS templates whose action the policy lists among its custom actions."""

import json
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from squall.domain.base.vocabulary import FaultType
from squall.domain.policy.custom_actions import CustomAction
from tests.unit.admission.test_public_templates import admit, load, refuse
from tests.unit.builders import ACCOUNT, REGION

IMPAIR: dict[str, Any] = {
    "description": "Impair a queue",
    "resource_type": "aws:ec2:autoscaling-group",
    "document": "Impair-Queue",
    "version": "3",
    "assume_role": f"arn:aws:iam::{ACCOUNT}:role/impair",
    "parameters": {"queue": "orders|bills"},
    "touches": {"tags": {"app": "web"}},
    "self_reverting": True,
}
PAUSE: dict[str, Any] = {
    "description": "Pause the replication of a table",
    "resource_type": "aws:ec2:instance",
    "action": "aws:ec2:freeze-instances",
    "target_key": "Instances",
    "lasts": True,
    "parameters": {"depth": r"\d+"},
    "self_reverting": True,
    "iam": [{"actions": ["ec2:RebootInstances"], "resources": ["arn:aws:ec2:*:*:instance/*"]}],
}
ACTION = "fis_template_id.actions.a"
TOLD = f"{ACTION}.parameters.documentParameters"


def queue(*, kind: str = "service_unavailable", told: dict[str, Any] | None = None, **parameters: str) -> dict[str, Any]:
    """The template that starts the document, with other parameters of the action or of the document."""
    case = load("13")
    case["experiment"]["type"] = kind
    given = case["template"]["actions"]["a"]["parameters"]
    given |= parameters
    if told is not None:
        given["documentParameters"] = json.dumps(told)
    return case


def listing(**entries: dict[str, Any]) -> dict[str, Any]:
    return {"custom_actions": entries}


@pytest.mark.parametrize("kind", ["service_unavailable", "custom"])
@pytest.mark.parametrize(
    "told", [{"queue": "orders"}, {"queue": ["orders"]}, {"queue": "orders", "AutomationAssumeRole": IMPAIR["assume_role"]}]
)
def test_an_automation_that_the_policy_lists_is_adopted_with_what_it_touches(kind: str, told: dict[str, Any]) -> None:
    adopted = admit(queue(kind=kind, told=told), listing(impair=IMPAIR))
    assert (adopted.type, adopted.length) == (FaultType.CUSTOM, timedelta(minutes=10))
    assert adopted.parameters == {"action": "impair", "values": {"queue": "orders"}}
    assert adopted.target is not None
    assert adopted.target.model_dump(mode="json", exclude_defaults=True) == {
        "resource_type": "aws:ec2:autoscaling-group",
        "tags": {"app": "web"},
        "select": "all",
    }


def test_of_several_entries_it_is_the_one_that_allows_the_values() -> None:
    other = {**IMPAIR, "parameters": {"queue": "bills"}}
    assert admit(queue(), listing(other=other, impair=IMPAIR)).parameters["action"] == "impair"
    assert "is the same as each of again, impair" in refuse(queue(), listing(again=IMPAIR, impair=IMPAIR))[f"{ACTION}.actionId"]


@pytest.mark.parametrize(
    ("case", "entry", "path", "said"),
    [
        (queue(), {"touches": None}, "fis_template_id.targets", "does not say what it touches"),
        (queue(), {"document": "Other"}, f"{ACTION}.actionId", '"document": "Impair-Queue"'),
        (
            queue(),
            {"document": f"arn:aws:ssm:{REGION}:999999999999:document/Impair-Queue"},
            f"{ACTION}.actionId",
            '"document": "Impair-Queue"',
        ),
        (queue(), {"parameters": {"queue": "bills"}}, f"{TOLD}.queue", "'orders' is refused"),
        (queue(), {"fixed": {"Depth": "1"}}, f"{TOLD}.Depth", "is not given; the policy's impair always has 1"),
        (queue(told={"queue": "orders", "Depth": "2"}), {"fixed": {"Depth": "1"}}, f"{TOLD}.Depth", 'is "2"; the policy'),
        (queue(told={"queue": "orders", "AutomationAssumeRole": "x"}), {}, f"{TOLD}.AutomationAssumeRole", "always has arn:aws:iam"),
        (queue(told={"queue": "orders", "more": "x"}), {}, f"{TOLD}.more", "impair has no such value"),
        (queue(told={"queue": ["orders", "bills"]}), {}, f"{TOLD}.queue", "is not one value"),
        (queue(told={"queue": "$targets"}), {}, f"{TOLD}.queue", "would mean the pinned targets"),
        (queue(told={}), {}, f"{TOLD}.queue", "is missing"),
        (queue(documentVersion="9"), {}, f"{ACTION}.parameters.documentVersion", "was not reviewed"),
        (queue(maxDuration="PT5M"), {}, f"{ACTION}.parameters.maxDuration", "lasts 5 min, the experiment 10 min"),
        (queue(targetLocations="x"), {}, f"{ACTION}.parameters.targetLocations", "not known of"),
        (queue(), {"self_reverting": False}, "fis_template_id.rollback", "does not undo itself"),
    ],
)
def test_an_automation_is_refused_for_one_reason(case: dict[str, Any], entry: dict[str, Any], path: str, said: str) -> None:
    problems = refuse(case, listing(impair={**IMPAIR, **entry}))
    assert list(problems) == [path], problems
    assert said in problems[path]


def test_the_reviewed_version_runs_where_the_template_names_it_or_none() -> None:
    for version in ("3", "$DEFAULT", ""):
        assert admit(queue(documentVersion=version), listing(impair=IMPAIR)).type is FaultType.CUSTOM


def test_two_automations_at_once_are_two_faults() -> None:
    case = queue()
    case["experiment"]["blast_radius"] = "single_region"
    actions = case["template"]["actions"]
    actions["b"] = {**actions["a"]}
    first, second = admit(case, listing(impair=IMPAIR)).plan
    assert (first.type, second.type, second.after) == (FaultType.CUSTOM, FaultType.CUSTOM, ())
    assert first.parameters == second.parameters == {"action": "impair", "values": {"queue": "orders"}}


def test_nothing_follows_a_document_because_nobody_knows_when_it_ends() -> None:
    case = queue()
    actions = case["template"]["actions"]
    actions["b"] = {**actions["a"], "startAfter": ["pause"]}
    actions["pause"] = {"actionId": "aws:fis:wait", "parameters": {"duration": "PT10M"}, "startAfter": ["a"]}
    assert "begins when the document of a has ended" in refuse(case, listing(impair=IMPAIR))["fis_template_id.actions.b.startAfter"]


def test_a_wait_after_a_document_counts_from_when_it_has_to_end() -> None:
    case = queue()
    case["template"]["actions"]["after"] = {"actionId": "aws:fis:wait", "parameters": {"duration": "PT5M"}, "startAfter": ["a"]}
    assert admit(case, listing(impair=IMPAIR)).observation == timedelta(minutes=15)


def test_a_document_s_own_parameter_may_be_called_duration() -> None:
    entry = {**IMPAIR, "parameters": {"queue": "orders", "duration": r"PT\dM"}}
    adopted = admit(queue(told={"queue": "orders", "duration": "PT5M"}), listing(impair=entry))
    assert adopted.parameters["values"] == {"queue": "orders", "duration": "PT5M"}
    with pytest.raises(ValidationError, match="length of the fault"):
        CustomAction.model_validate({**PAUSE, "parameters": {"duration": "PT5M"}})


def test_another_action_that_the_policy_lists_is_adopted_with_its_own_targets() -> None:
    case = load("10")
    case["experiment"]["type"] = "custom"
    case["template"]["actions"]["a"] |= {"actionId": PAUSE["action"], "parameters": {"duration": "PT10M", "depth": "4"}}
    adopted = admit(case, listing(pause=PAUSE))
    assert (adopted.type, adopted.parameters) == (FaultType.CUSTOM, {"action": "pause", "values": {"depth": "4"}})
    assert adopted.target is not None
    assert adopted.target.tags == {"app": "web"}
    case["template"]["actions"]["a"]["parameters"]["duration"] = "PT5M"
    assert list(refuse(case, listing(pause=PAUSE))) == [f"{ACTION}.parameters.duration"]


def test_an_action_by_its_id_is_adopted_where_a_signal_shows_it() -> None:
    case = load("10")
    case["experiment"]["type"] = "aws:ec2:reboot-instances"
    case["template"]["actions"]["a"] |= {"actionId": "aws:ec2:reboot-instances", "parameters": {}}
    assert list(refuse(case)) == ["catalogue.case.fault_signal"]
    signal = {"namespace": "Shop", "metric_name": "RoundTrip", "dimensions": {"InstanceId": "$target"}, "by": 20.0}
    case["experiment"]["fault_signal"] = signal
    assert admit(case).type is FaultType.REBOOT_INSTANCES


def told_length(unit: str, **told: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The template that tells the document its length, and the entry that says how."""
    entry = {**IMPAIR, "length": {"parameter": "Length", "unit": unit, "undoing_minutes": 7}}
    return queue(told={"queue": "orders", **told}), listing(impair=entry)


@pytest.mark.parametrize(("unit", "value"), [("iso", "PT10M"), ("seconds", "600"), ("minutes", "10")])
def test_a_document_that_is_told_its_length_may_have_any_longest_duration(unit: str, value: str) -> None:
    case, policy = told_length(unit, Length=value)
    for longest in ("PT10M", "PT3H"):
        case["template"]["actions"]["a"]["parameters"]["maxDuration"] = longest
        adopted = admit(case, policy)
        assert (adopted.length, adopted.parameters["values"]) == (timedelta(minutes=10), {"queue": "orders"})


@pytest.mark.parametrize(
    ("value", "longest", "path", "said"),
    [
        ("PT5M", "PT3H", f"{TOLD}.Length", "lasts 5 min, the experiment 10 min"),
        ("600", "PT3H", f"{TOLD}.Length", "lasts 600, the experiment 10 min"),
        (None, "PT3H", f"{TOLD}.Length", "lasts no time"),
        ("PT10M", "PT9M", f"{ACTION}.parameters.maxDuration", "FIS would stop the document after 9 min, which is to last 10 min"),
    ],
)
def test_a_told_length_that_is_not_the_experiment_s_is_refused(value: str | None, longest: str, path: str, said: str) -> None:
    case, policy = told_length("iso", **({} if value is None else {"Length": value}))
    case["template"]["actions"]["a"]["parameters"]["maxDuration"] = longest
    problems = refuse(case, policy)
    assert list(problems) == [path]
    assert said in problems[path]


def test_a_fault_may_follow_a_document_that_is_told_its_length() -> None:
    case, policy = told_length("iso", Length="PT10M")
    actions = case["template"]["actions"]
    actions["b"] = {**actions["a"], "startAfter": ["a"]}
    case["experiment"]["blast_radius"] = "single_region"
    first, second = admit(case, policy).plan
    assert (second.after, second.start, first.length) == ((first.name,), timedelta(minutes=10), timedelta(minutes=10))
