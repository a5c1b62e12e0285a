"""Where a source says something that an experiment can't say, a person decides; nothing milder or harsher is chosen for them."""

import json
from typing import Any

import pytest
import yaml

from cli.importing.experiment import Refused
from cli.importing.values import REPLACE
from squall.admission.experiment import parse_experiment
from squall.domain.base.problems import InvalidInput
from tests.cli.importing.importing import import_document, only
from tests.cli.importing.test_listed import BY_TAG, OWN_STRESS, document, listed, sending, template
from tests.unit.domain.policy.test_commands import STRESS

DATABASES = {"resourceType": "aws:rds:db", "resourceTags": {"app": "shop"}, "selectionMode": "ALL"}


@pytest.mark.parametrize("forced", ["false", "False", "FALSE"])
def test_a_reboot_without_failover_never_becomes_one_with_failover(forced: str) -> None:
    reboot = {"actionId": "aws:rds:reboot-db-instances", "parameters": {"forceFailover": forced}, "targets": {"DBInstances": "Some"}}
    made = only(import_document(template({"Some": DATABASES}, reboot=reboot)))
    assert (made.document["type"], made.document["parameters"], made.losses) == (
        "aws:rds:reboot-db-instances",
        {"forceFailover": False},
        (),
    )


def test_whether_a_reboot_fails_over_is_left_to_a_person_if_it_is_no_constant() -> None:
    reboot = {"actionId": "aws:rds:reboot-db-instances", "parameters": {"forceFailover": "${FAIL}"}, "targets": {"DBInstances": "Some"}}
    made = only(import_document(template({"Some": DATABASES}, reboot=reboot)))
    assert made.document["type"] == "aws:rds:reboot-db-instances"
    assert made.document["parameters"] == {"forceFailover": {REPLACE: "${FAIL}"}}


SCRIPT = {**STRESS, "command": "Our-Script", "parameters": {"commands": ".*"}}
SCRIPT_ARN = OWN_STRESS.replace("Our-Stress", "Our-Script")


@pytest.mark.parametrize("commands", [["stop a", "stop b"], {"a": 1}, None])
def test_a_document_that_would_be_told_less_is_not_valid_until_somebody_decides(commands: Any) -> None:
    source = sending(SCRIPT_ARN, {"commands": commands, "DurationSeconds": "600"})
    made = only(import_document(source, listed={"script": SCRIPT}))
    assert set(made.document["parameters"]["values"]["commands"]) == {REPLACE}
    assert any(loss.path.endswith("documentParameters.commands") for loss in made.losses)
    with pytest.raises(InvalidInput, match="commands"):
        parse_experiment(made.document)


def test_a_value_that_the_entry_does_not_allow_stands_in_the_file_for_a_person() -> None:
    made = only(import_document(sending(), listed={"stress": {**STRESS, "parameters": {"Load": "50"}}}))
    assert made.document["parameters"]["values"] == {"Load": {REPLACE: "80"}}


def test_a_document_is_told_text_with_spaces() -> None:
    source = sending(SCRIPT_ARN, {"commands": ["docker kill $(docker ps -q)"], "DurationSeconds": "600"})
    made = only(import_document(source, listed={"script": SCRIPT}))
    assert made.losses == ()
    assert made.document["parameters"]["values"] == {"commands": "docker kill $(docker ps -q)"}


@pytest.mark.parametrize("told", ["${TOLD}", "{not json"])
def test_parameters_that_nobody_can_read_are_left_to_a_person(told: str) -> None:
    for entries, arn in (({"stress": STRESS}, OWN_STRESS), ({}, "arn:aws:ssm:eu-west-1::document/AWSFIS-Run-CPU-Stress")):
        source = sending(arn)
        source["actions"]["hit"]["parameters"]["documentParameters"] = told
        made = only(import_document(source, "eu-west-1", listed=entries))
        parameters = made.document["parameters"]
        assert REPLACE in (parameters["values"] if entries else parameters)
        assert any(loss.path.endswith("documentParameters") for loss in made.losses)
        assert not any("is no length" in loss.why for loss in made.losses)


@pytest.mark.parametrize("role", ["<ROLE>", "arn:aws:iam::<ACCOUNT>:role/impair", "arn:aws:iam::${ACCOUNT_ID}:role/impair"])
def test_a_blank_role_is_the_one_of_the_entry(role: str) -> None:
    made = only(import_document(template(impair=document(told={"queue": "orders", "AutomationAssumeRole": role})), listed=listed()))
    assert made.losses == ()


def test_a_length_that_is_none_is_said_and_not_called_unknown() -> None:
    cut = {"actionId": "aws:network:disrupt-connectivity", "parameters": {"duration": "5", "scope": "all"}, "targets": {"Subnets": "S"}}
    subnets = {"resourceType": "aws:ec2:subnet", "resourceTags": {"app": "web"}, "selectionMode": "ALL"}
    made = only(import_document(template({"S": subnets}, cut=cut)))
    assert set(made.document["duration"]) == {REPLACE}
    assert 'actions.cut.parameters.duration: "5": is no length that an experiment can have' in [str(loss) for loss in made.losses]


def test_a_parameter_that_the_action_does_not_have_is_named_also_if_it_is_called_duration() -> None:
    action = document()
    action["parameters"]["duration"] = action["parameters"].pop("maxDuration")
    made = only(import_document(template(impair=action), listed=listed()))
    assert any(str(loss).startswith('actions.impair.parameters.duration: "PT10M": not known of') for loss in made.losses)


def test_an_action_that_names_no_targets_is_refused_with_those_that_fit() -> None:
    tasks = {"resourceType": "aws:ecs:task", "resourceTags": {"app": "web"}, "selectionMode": "ALL"}
    for targets, fitting in (({"Web": tasks}, "Tasks: Web"), ({}, "Tasks: a target of type aws:ecs:task")):
        (refused,) = import_document(template(targets, hit={"actionId": "aws:ecs:task-cpu-stress", "parameters": {"duration": "PT10M"}}))
        assert isinstance(refused, Refused)
        (problem,) = refused.problems
        assert (problem.path, problem.expected) == ("actions.hit.targets", fitting)


def test_the_name_of_a_target_that_is_no_constant_is_not_called_missing() -> None:
    hit = {"actionId": "aws:ec2:stop-instances", "targets": {"Instances": "${TARGET}"}}
    (refused,) = import_document(template({"Web": BY_TAG}, hit=hit))
    assert isinstance(refused, Refused)
    assert "is no constant" in refused.problems[0].message


@pytest.mark.parametrize(
    ("action", "near", "never"),
    [
        ("aws:ecs:terminate-tasks", "aws:ecs:stop-task", "terminate-instances"),
        ("aws:dynamodb:inject-error", "aws:dynamodb:global-table-pause-replication", "aws:lambda"),
        ("aws:elasticache:interrupt-cluster-az-power", "aws:elasticache:replicationgroup-interrupt-az-power", "aws:lambda"),
        ("aws:sqs:impair", "an Automation document that does the same", "did you mean"),
    ],
)
def test_an_id_that_is_none_is_refused_with_what_works_for_that_service(action: str, near: str, never: str) -> None:
    (refused,) = import_document(template({"Web": BY_TAG}, hit={"actionId": action, "targets": {"Instances": "Web"}}))
    assert near in str(refused)
    assert never not in str(refused)


@pytest.mark.parametrize(
    ("told", "parameters", "length"),
    [
        ({"ExperimentDuration": "PT30M", "RampTime": "PT5M"}, {"RampTime": "PT5M"}, ("ExperimentDuration", "iso")),
        ({"TestDurationInMinutes": "1"}, {}, ("TestDurationInMinutes", "minutes")),
        ({"DurationSeconds": 60}, {}, ("DurationSeconds", "seconds")),
        ({"duration": "PT5M", "holdDuration": "PT5M"}, {"duration": "PT5M", "holdDuration": "PT5M"}, None),
        ({"commands": ["a", "b"]}, {"commands": "REPLACE: one text; for a list make a document of your own that holds it"}, None),
        ({"table": "<TABLE>"}, {"table": "REPLACE: a pattern of <TABLE>"}, None),
    ],
)
def test_the_entry_that_the_policy_would_need_says_all_that_the_document_is_told(
    told: dict[str, Any], parameters: dict[str, str], length: tuple[str, str] | None
) -> None:
    (refused,) = import_document(sending(told=told))
    assert isinstance(refused, Refused)
    entry = yaml.safe_load(refused.problems[0].expected.partition("such as ")[2])["custom_actions"]["our-stress"]
    assert entry.get("parameters", {}) == parameters
    assert (tuple(entry["length"].values()) if "length" in entry else None) == length


def test_words_stand_for_blanks_also_in_the_names_of_actions() -> None:
    source = json.loads(json.dumps(sending(documentVersion="9")).replace('"hit"', '"${ACTION}hit"'))
    (loss,) = only(import_document(source, listed={"stress": STRESS})).losses
    assert loss.path == "actions.${ACTION}hit.parameters.documentVersion"


def test_load_and_slow_dependencies_of_chaos_toolkit_are_refused_with_what_does_the_same() -> None:
    def act(module: str) -> dict[str, Any]:
        return {"type": "action", "name": module, "provider": {"type": "python", "module": module, "func": "run"}}

    modules = ("chaosgrafana.k6.actions", "chaostoxi.toxic.actions", "chaosk8s.pod.actions", "chaosaws.ecs.actions", "own.thing")
    (refused,) = import_document({"title": "t", "method": [act(module) for module in modules]})
    assert isinstance(refused, Refused)
    for problem, near in zip(
        refused.problems, ("load is no fault", "type: network_latency", "aws:eks:pod", "stop_task", "custom_actions"), strict=True
    ):
        assert near in problem.expected
