"""FIS templates that send a Run Command document of their own, or one of AWS in a version or of a name that no module knows."""

import json
from datetime import timedelta
from typing import Any

import pytest
import yaml

from squall.domain.base.vocabulary import FaultType
from squall.domain.policy.custom_actions import CustomAction
from tests.unit.admission.test_public_templates import admit, load, refuse
from tests.unit.builders import ACCOUNT, REGION
from tests.unit.domain.policy.test_commands import KILL, STRESS
from tests.unit.domain.policy.test_custom import ROLLBACKS

ACTION = "fis_template_id.actions.a"
TOLD = f"{ACTION}.parameters.documentParameters"
OWN = f"arn:aws:ssm:{REGION}:{ACCOUNT}:document/Our-Stress"


def sending(arn: str = OWN, told: dict[str, Any] | None = None, kind: str = "custom", **parameters: str) -> dict[str, Any]:
    """The template that sends this document to one instance for ten minutes."""
    case = load("16")
    case["experiment"]["type"] = kind
    given = {"Load": "80", "DurationSeconds": "600"} if told is None else told
    document = {"documentArn": arn, "documentParameters": json.dumps(given), "duration": "PT11M"}
    case["template"]["actions"]["a"]["parameters"] = {**document, **parameters}
    return case


def listing(**entries: dict[str, Any]) -> dict[str, Any]:
    return {"custom_actions": entries}


@pytest.mark.parametrize("kind", ["custom", "cpu_stress"])
@pytest.mark.parametrize("told", [{"Load": "80", "DurationSeconds": "600"}, {"Load": ["80"], "DurationSeconds": ["600"]}])
@pytest.mark.parametrize("version", ["", "$DEFAULT", "4"])
def test_a_document_that_the_policy_lists_is_adopted_on_the_template_s_targets(kind: str, told: dict[str, Any], version: str) -> None:
    adopted = admit(sending(told=told, kind=kind, documentVersion=version), listing(stress=STRESS))
    assert (adopted.type, adopted.length) == (FaultType.CUSTOM, timedelta(minutes=10))
    assert adopted.parameters == {"action": "stress", "values": {"Load": "80"}}
    assert adopted.target is not None
    assert adopted.target.tags == {"app": "web"}


@pytest.mark.parametrize(
    ("case", "entry", "path", "said"),
    [
        (sending(documentVersion="9"), {}, f"{ACTION}.parameters.documentVersion", "version 9 of the document was not reviewed"),
        (sending(told={"Load": "180", "DurationSeconds": "600"}), {}, f"{TOLD}.Load", "'180' is refused"),
        (sending(told={"Load": "80", "DurationSeconds": "300"}), {}, f"{TOLD}.DurationSeconds", "lasts 5 min, the experiment 10 min"),
        (sending(told={"Load": "80"}), {}, f"{TOLD}.DurationSeconds", "lasts no time"),
        (sending(told={"Load": "80", "DurationSeconds": "600", "More": "x"}), {}, f"{TOLD}.More", "stress has no such value"),
        (sending(duration="PT5M"), {}, f"{ACTION}.parameters.duration", "FIS would report the command as completed after 5 min"),
        (sending(maxDuration="PT5M"), {}, f"{ACTION}.parameters.maxDuration", "not known of aws:ssm:send-command"),
        (sending(), {"self_reverting": False}, "fis_template_id.rollback", "does not undo itself"),
        (sending(), {"success_is_proof": False}, "fis_template_id.fault_signal", "did anything"),
        (sending(arn=OWN.replace(ACCOUNT, "999999999999")), {}, f"{ACTION}.parameters.documentArn", "of the account 999999999999"),
        (sending(arn=OWN.replace(REGION, "us-east-1")), {}, f"{ACTION}.parameters.documentArn", "is a document of the Region us-east-1"),
    ],
)
def test_a_command_is_refused_for_one_reason(case: dict[str, Any], entry: dict[str, Any], path: str, said: str) -> None:
    problems = refuse(case, listing(stress={**STRESS, **entry}))
    assert list(problems) == [path], problems
    assert said in problems[path]


def test_a_shared_document_is_adopted_where_an_entry_has_its_arn() -> None:
    arn = OWN.replace(ACCOUNT, "999999999999")
    assert admit(sending(arn=arn), listing(stress={**STRESS, "command": arn})).parameters["action"] == "stress"


def test_without_an_entry_the_refusal_has_one_to_paste() -> None:
    told = {"Load": "80.5", "DurationSeconds": "600"}
    problems = refuse(sending(told=told))
    assert list(problems) == [f"{ACTION}.actionId"]
    assert "aws:ssm:send-command with Our-Stress: Squall does not know what it does" in problems[f"{ACTION}.actionId"]
    drafted = yaml.safe_load(problems[f"{ACTION}.actionId"].partition("such as ")[2])
    assert set(drafted) == {"custom_actions"}
    entry = drafted["custom_actions"]["our-stress"]
    blanks = {name for name, value in entry.items() if "REPLACE" in str(value)}
    assert blanks == {"description", "version", "success_is_proof", "self_reverting"}
    filled = {**entry, "description": "x", "version": "4", "success_is_proof": True, "self_reverting": True}
    assert CustomAction.model_validate(filled).length is not None
    assert admit(sending(told=told), listing(ours=filled)).parameters == {"action": "ours", "values": {"Load": "80.5"}}


def test_an_automation_without_an_entry_has_one_to_paste() -> None:
    problems = refuse(load("13"))
    drafted = yaml.safe_load(problems[f"{ACTION}.actionId"].partition("such as ")[2])
    (entry,) = drafted["custom_actions"].values()
    filled = {
        **entry,
        "description": "x",
        "version": "3",
        "assume_role": f"arn:aws:iam::{ACCOUNT}:role/impair",
        "resource_type": "aws:ec2:autoscaling-group",
        "touches": {"tags": {"app": "web"}},
        "self_reverting": True,
    }
    assert admit(load("13"), listing(impair=filled)).type is FaultType.CUSTOM


def test_a_version_of_a_document_of_aws_runs_where_an_entry_lists_it() -> None:
    case = load("15")
    assert "or an entry of the policy's custom_actions with command: AWSFIS-Run-CPU-Stress" in str(refuse(case))
    action = case["template"]["actions"]["a"]["parameters"]
    told = {name: ".*" for name in json.loads(action["documentParameters"]) if name != "DurationSeconds"}
    entry = {**STRESS, "command": "AWSFIS-Run-CPU-Stress", "version": action["documentVersion"], "parameters": told}
    adopted = admit(case, listing(pinned=entry))
    assert (adopted.type, adopted.parameters["action"]) == (FaultType.CUSTOM, "pinned")
    del action["documentVersion"]
    assert admit(case, listing(pinned=entry)).type is FaultType.CPU_STRESS, "the default version has a module"


def test_what_undoes_the_command_comes_from_its_entry() -> None:
    entry = {**KILL, "self_reverting": False, "rollback": "start"}
    policy = {**listing(kill=entry), "rollback_documents": ROLLBACKS}
    case = sending(OWN.replace("Stress", "Kill"), told={}, duration="PT10M")
    rollback = admit(case, policy).rollback
    assert rollback is not None
    assert rollback.document == "start"


def two_commands(**entries: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A template that kills, and that stresses afterwards, with the policy that lists both with these fields."""
    case = sending()
    case["experiment"]["blast_radius"] = "single_region"
    second = sending(OWN.replace("Stress", "Kill"), told={}, duration="PT10M")["template"]["actions"]["a"]
    case["template"]["actions"]["b"] = {**second, "startAfter": ["a"]}
    listed = {"stress": {**STRESS, **entries.get("stress", {})}, "kill": {**KILL, **entries.get("kill", {})}}
    return case, {"custom_actions": listed, "rollback_documents": {**ROLLBACKS, "other": ROLLBACKS["start"]}}


BY_START: dict[str, Any] = {"self_reverting": False, "rollback": "start"}


def test_one_rollback_that_undoes_all_commands_comes_from_their_entries() -> None:
    assert getattr(admit(*two_commands(kill=BY_START)).rollback, "document", None) == "start"
    assert getattr(admit(*two_commands(kill=BY_START, stress=BY_START)).rollback, "document", None) == "start"
    assert admit(*two_commands()).rollback is None


@pytest.mark.parametrize(
    ("stress", "said"),
    [
        ({"self_reverting": False}, "stress does not undo itself"),
        ({**BY_START, "rollback": "other"}, "stress is undone by other"),
        ({**BY_START, "rollback": {"document": "start", "parameters": {"Group": "web"}}}, "stress is undone by start"),
    ],
)
def test_a_rollback_that_undoes_one_command_of_two_is_not_taken_for_both(stress: dict[str, Any], said: str) -> None:
    problems = refuse(*two_commands(kill=BY_START, stress=stress))
    assert any(said in problem for problem in problems.values()), problems


def test_a_command_without_a_length_lasts_as_its_action_says() -> None:
    case = sending(OWN.replace("Stress", "Kill"), told={}, duration="PT5M")
    problems = refuse(case, listing(kill=KILL))
    assert list(problems) == [f"{ACTION}.parameters.duration"]
    assert "lasts 5 min, the experiment 10 min" in problems[f"{ACTION}.parameters.duration"]


def test_a_command_and_a_fault_that_squall_knows_are_one_scenario() -> None:
    case = sending()
    case["experiment"]["blast_radius"] = "single_region"
    case["template"]["actions"]["b"] = {
        "actionId": "aws:ec2:stop-instances", "parameters": {}, "targets": {"Instances": "t"}, "startAfter": ["a"]
    }  # fmt: skip
    first, second = admit(case, listing(stress=STRESS)).plan
    assert (first.type, second.type, second.after) == (FaultType.CUSTOM, FaultType.INSTANCE_TERMINATION, ("a",))
    assert "such as" in refuse(case)[f"{ACTION}.actionId"], "and without its entry the scenario is refused with it"


@pytest.mark.parametrize("number", ["11", "16"])
def test_a_document_of_another_region_is_not_taken_for_the_one_here(number: str) -> None:
    case = load(number)
    action = case["template"]["actions"]["a"]["parameters"]
    action["documentArn"] = action["documentArn"].replace(REGION, "us-east-1")
    problems = refuse(case)
    assert list(problems) == [f"{ACTION}.parameters.documentArn"]
    assert problems[f"{ACTION}.parameters.documentArn"].startswith("is a document of the Region us-east-1 / arn:aws:ssm:eu-west-1::")
