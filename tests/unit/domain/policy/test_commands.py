"""Commands that the policy lists: the reviewed document on the pinned instances, proven by its commands."""

import json
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from squall.domain.base.vocabulary import CheckOutcome, RollbackOutcome
from squall.domain.policy.custom_actions import CustomAction
from squall.domain.policy.environment import Environment
from squall.domain.run.ssm_state import CommandState
from squall.faults import registry
from squall.faults.base import AnyFault
from tests.unit.builders import ACCOUNT, NOW, REGION, before, discovery, instance, workload
from tests.unit.domain.policy.test_custom import ROLLBACKS, RUNBOOK, SIGNAL, admitted, raw, refused, template
from tests.unit.faults.asking import prerequisites, prove, verify
from tests.unit.faults.test_faults import assert_accepted

STRESS: dict[str, Any] = {
    "description": "Stress with a document of our own",
    "resource_type": "aws:ec2:instance",
    "command": "Our-Stress",
    "version": "4",
    "parameters": {"Load": r"[1-9]\d?"},
    "length": {"parameter": "DurationSeconds", "unit": "seconds", "undoing_minutes": 2},
    "success_is_proof": True,
    "self_reverting": True,
}
KILL: dict[str, Any] = {key: value for key, value in STRESS.items() if key != "length"} | {"command": "Our-Kill", "parameters": {}}
FIXED = {key: value for key, value in STRESS.items() if key != "parameters"}
VALUES = {"Load": "80"}
POLICY = {"stress": STRESS, "kill": KILL}
LENGTH = timedelta(minutes=10)


def bound(**changes: Any) -> AnyFault:
    return registry.bind_listed("stress", CustomAction.model_validate({**STRESS, **changes}))


def sent(status: str, **changes: Any) -> CommandState:
    return CommandState("c-1", "i-1", "Our-Stress", status, NOW, **{"started_at": NOW, **changes})


def test_the_reviewed_version_is_sent_to_the_pinned_instances_and_told_the_fault_s_length() -> None:
    many = [instance(f"i-{number}") for number in range(6)]
    body = template(admitted(raw("stress", VALUES), custom_actions=POLICY), *many)
    assert_accepted(body)
    assert list(body["actions"]) == ["custom", "custom2"]
    assert [len(target["resourceArns"]) for target in body["targets"].values()] == [5, 1]
    action = body["actions"]["custom"]
    assert (action["actionId"], action["targets"]) == ("aws:ssm:send-command", {"Instances": "Instances"})
    assert json.loads(action["parameters"].pop("documentParameters")) == {"Load": "80", "DurationSeconds": "600"}
    arn = f"arn:aws:ssm:{REGION}:{ACCOUNT}:document/Our-Stress"
    assert action["parameters"] == {"documentArn": arn, "documentVersion": "4", "duration": "PT12M"}


def test_a_value_with_spaces_reaches_the_document_in_a_parameter_without_spaces() -> None:
    """FIS documents values of parameters as text without white space; the JSON in one may escape it."""
    entry = {**STRESS, "parameters": {"commands": ".+"}, "fixed": {"why": "a test of ours"}}
    body = template(admitted(raw("stress", {"commands": "kill $(pgrep -f 'a b')"}), custom_actions={"stress": entry}), instance("i-1"))
    assert_accepted(body)
    told = body["actions"]["custom"]["parameters"]["documentParameters"]
    assert " " not in told
    assert json.loads(told) == {"commands": "kill $(pgrep -f 'a b')", "why": "a test of ours", "DurationSeconds": "600"}


def test_a_document_that_is_not_told_its_length_has_a_wait_beside_it() -> None:
    body = template(admitted(raw("kill"), custom_actions=POLICY))
    assert_accepted(body)
    assert json.loads(body["actions"]["custom"]["parameters"]["documentParameters"]) == {}
    durations = {name: action["parameters"]["duration"] for name, action in body["actions"].items()}
    assert durations == {"custom": "PT11M", "observe": "PT11M"}


@pytest.mark.parametrize(
    ("document", "arn"),
    [
        ("AWSFIS-Run-IO-Stress", f"arn:aws:ssm:{REGION}::document/AWSFIS-Run-IO-Stress"),
        ("AmazonCloudWatch-ManageAgent", f"arn:aws:ssm:{REGION}::document/AmazonCloudWatch-ManageAgent"),
        (f"arn:aws:ssm:{REGION}:999999999999:document/Shared", f"arn:aws:ssm:{REGION}:999999999999:document/Shared"),
    ],
)
def test_a_document_of_aws_belongs_to_no_account_and_a_shared_one_to_its_own(document: str, arn: str) -> None:
    body = template(admitted(raw("stress", VALUES), custom_actions={"stress": {**STRESS, "command": document}}))
    assert body["actions"]["custom"]["parameters"]["documentArn"] == arn
    assert bound(command=document).ssm_documents == (arn.rpartition("/")[2],)


def test_success_that_says_nothing_asks_for_a_signal() -> None:
    listed = {"custom_actions": {"stress": {**STRESS, "success_is_proof": False}}}
    assert list(refused(raw("stress", VALUES), **listed)) == ["fault_signal"]
    assert admitted(raw("stress", VALUES, fault_signal=SIGNAL), **listed).experiment.fault_signal is not None
    runbook = {"custom_actions": {"runbook": {**RUNBOOK, "success_is_proof": False}}}
    assert list(refused(raw("runbook", {"InstanceIds": "i-1", "Service": "web"}), **runbook)) == ["fault_signal"]


def test_the_rollback_of_the_entry_has_to_be_the_experiment_s() -> None:
    undone = {"document": "start", "parameters": {}}
    listed = {"custom_actions": {"kill": {**KILL, "self_reverting": False, "rollback": undone}}}
    assert 'undone by start, as its entry in the policy says: {"document": "start"}' in refused(raw("kill"), **listed)["rollback"]
    assert admitted(raw("kill", rollback="start"), **listed).experiment.rollback is not None
    other = {"other": {**ROLLBACKS["start"], "document": "Other"}, **ROLLBACKS}
    assert "undone by start" in refused(raw("kill", rollback="other"), rollback_documents=other, **listed)["rollback"]
    with pytest.raises(ValidationError, match="which rollback_documents does not list"):
        Environment.model_validate({"name": "staging", **listed})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"version": None}, "would decide what is run"),
        ({"success_is_proof": None}, "does a command that succeeded prove"),
        ({"resource_type": "aws:ec2:subnet"}, "FIS sends commands to instances"),
        ({"assume_role": RUNBOOK["assume_role"]}, "acts as the instance that runs it"),
        ({"iam": [{"actions": ["ec2:RebootInstances"], "resources": ["*"]}]}, "acts as the instance that runs it"),
        ({"target_key": "Instances"}, "acts as the instance that runs it"),
        ({"lasts": True}, "acts as the instance that runs it"),
        ({"touches": {"tags": {"app": "web"}}}, "`touches` needs the type of what else feels it"),
        ({"touches": {"resource_type": "aws:rds:cluster"}}, "says what is touched twice, or not at all"),
        ({"document": "Other"}, "names several things to run, or none"),
        ({"action": "aws:ec2:reboot-instances"}, "names several things to run, or none"),
        ({"command": None}, "names several things to run, or none"),
        ({"parameters": {"DurationSeconds": ".*"}}, "which Squall sets"),
        ({"rollback": "start"}, "nothing has to be undone, and something undoes it"),
    ],
)
def test_an_entry_that_says_too_much_or_half_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        CustomAction.model_validate({**STRESS, **changes})


@pytest.mark.parametrize(
    ("command", "proven"),
    [
        (sent("InProgress"), True),
        (sent("Success", ended_at=NOW), True),
        (sent("Cancelled", ended_at=NOW), True),
        (sent("Failed", ended_at=NOW), False),
        (sent("Cancelled", started_at=None), False),
        (sent("TimedOut", detail="DeliveryTimedOut"), False),
    ],
)
def test_the_command_on_each_target_is_the_proof(command: CommandState, proven: bool) -> None:
    fleet = [instance("i-1")]
    result = discovery(workload(fleet), fleet)
    (proof,) = prove(bound(), result.pinned, result.workload, {"i-1": [command]}, None)
    assert (proof.proven, proof.kind) == (proven, "mechanism")
    assert not prove(bound(), result.pinned, result.workload, {}, None)[0].proven


def test_the_effect_of_a_document_without_a_length_does_not_end_with_its_command() -> None:
    fleet = [instance("i-1")]
    result = discovery(workload(fleet), fleet)
    told, untold = bound(), bound(length=None)
    commands = {"i-1": [sent("Success", ended_at=NOW + LENGTH)]}
    assert prove(told, result.pinned, result.workload, commands, None)[0].until == NOW + LENGTH
    assert prove(untold, result.pinned, result.workload, commands, None)[0].until is None
    assert told.lasts(told.parse({"action": "stress", "values": VALUES}))
    assert not untold.lasts(untold.parse({"action": "stress", "values": VALUES}))


@pytest.mark.parametrize("status", ["Pending", "InProgress", "Delayed", "Cancelling"])
def test_a_command_that_still_runs_is_left_over(status: str) -> None:
    fleet = [instance("i-1")]
    result = discovery(workload(fleet), fleet)
    report = verify(bound(), before(result), result.workload, result.workload, {"i-1": [sent(status)]}, None, NOW, LENGTH)
    assert (report.outcome, report.leftovers) == (RollbackOutcome.NOT_RESTORED, (f"command c-1 is still {status} on i-1",))
    assert report.could_have_lasted_until == NOW + LENGTH
    untold = verify(bound(length=None), before(result), result.workload, result.workload, {"i-1": [sent(status)]}, None, NOW, LENGTH)
    assert untold.could_have_lasted_until is None
    over = verify(bound(), before(result), result.workload, result.workload, {"i-1": [sent("Success")]}, None, NOW, LENGTH)
    assert over.outcome is RollbackOutcome.RESTORED


@pytest.mark.parametrize(("changes", "name"), [({"managed": False}, "systems_manager_online"), ({"state": "stopped"}, "targets_usable")])
def test_a_target_has_to_run_and_to_be_online(changes: dict[str, Any], name: str) -> None:
    fault = bound()
    parameters = fault.parse({"action": "stress", "values": VALUES})
    target = instance("i-1", **changes)
    outcomes = {check.name: check.outcome for check in prerequisites(fault, workload([target]), [target], parameters)}
    assert outcomes.pop(name) is CheckOutcome.FAILED
    assert set(outcomes.values()) == {CheckOutcome.PASSED}


def test_nothing_follows_a_command_of_which_nothing_says_when_it_ends() -> None:
    faults = {
        "first": {"type": "custom", "target_resources": ["i-1"], "parameters": {"action": "kill"}},
        "then": {"type": "instance_termination", "target_resources": ["i-1"], "after": ["first"]},
    }
    scenario = {key: value for key, value in raw().items() if key not in {"type", "parameters", "target_resources"}} | {"faults": faults}
    assert "which nothing says beforehand" in refused(scenario, custom_actions=POLICY)["faults.then.after"]
