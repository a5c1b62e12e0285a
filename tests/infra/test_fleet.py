"""The roles across accounts, both ways: what a member's role lets home do, and who may assume it; evaluated by the IAM of the
local account."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ministack.core.iam_evaluator import EvalContext, evaluate, evaluate_trust_policy, parse_policy_document

from infra.account.fleet import parse_fleet
from infra.settings import SettingsError, read_context
from squall.domain.run.stack import stack_parameter
from tests.infra.conftest import CONTEXT, DEFINITIONS
from tests.infra.template import Resources, text
from tests.infra.test_people import OF_A_STACKSET, PLACE, function, resolve_references

pytestmark = pytest.mark.xdist_group("infra")

HOME, STRANGER = "111122223333", "999999999999"
EXTERNAL_ID = "6f1c6f4e-2f0f-4f0e-9a53-9d0c53c1f0aa"
ALL = ("viewer", "halt", "operator", "resume", "contact", "results", "campaign")
PEOPLE = ALL[:4]
EXAMPLE = Path(__file__).parents[2] / "schemas" / "examples" / "fleet.yaml"


@pytest.fixture(scope="module")
def member(tmp_path_factory: pytest.TempPathFactory) -> Resources:
    from tests.infra.conftest import make  # noqa: PLC0415 - the fixture of the session makes another template

    context = {"fleet_home_account": HOME, "fleet_external_id": EXTERNAL_ID, "fleet_grants": ",".join(ALL)}
    return make(tmp_path_factory.mktemp("member"), **context)


def roles(stack: Resources) -> dict[str, dict[str, Any]]:
    """The fleet's roles by their grant."""
    found = {text(role.get("RoleName", "")): role for role in stack.of_type("AWS::IAM::Role").values()}
    return {name.rpartition("-")[2]: role for name, role in found.items() if name.startswith("Squall-eu-central-1-")}


def is_trusted(role: dict[str, Any], account: str, **context: str) -> bool:
    trust = json.loads(json.dumps(role["AssumeRolePolicyDocument"]), object_hook=_resolve_text)
    principal = f"arn:aws:sts::{account}:assumed-role/Admin/ada"
    subject = EvalContext(
        principal_arn=principal,
        principal_type="AssumedRole",
        principal_account=account,
        action="sts:AssumeRole",
        resource_arn="arn:aws:iam::123456789012:role/x",
        region="eu-central-1",
        service_context={key: value for key, value in context.items() if value},
    )
    return bool(evaluate_trust_policy(trust, principal, subject))


def _resolve_text(value: dict[str, Any]) -> Any:
    return text(value).replace("${AWS::Partition}", "aws") if {"Fn::Join", "Ref"} & value.keys() else value


def test_without_the_setting_nobody_comes_from_another_account(stack: Resources) -> None:
    assert roles(stack) == {}


@pytest.mark.parametrize("grant", ALL)
def test_home_comes_in_with_the_right_external_id_and_nobody_else_does(member: Resources, grant: str) -> None:
    role = roles(member)[grant]
    assert is_trusted(role, HOME, **{"sts:externalid": EXTERNAL_ID})
    assert not is_trusted(role, HOME, **{"sts:externalid": "another-external-id"})
    assert not is_trusted(role, HOME)
    assert not is_trusted(role, STRANGER, **{"sts:externalid": EXTERNAL_ID})


CALLS: list[tuple[str, str, frozenset[str]]] = [
    ("cloudformation:DescribeStacks", f"arn:aws:cloudformation:{PLACE}:stack/Squall/1", frozenset({*PEOPLE, "results", "campaign"})),
    ("cloudformation:DescribeStacks", f"arn:aws:cloudformation:{PLACE}:stack/Other/1", frozenset()),
    ("cloudformation:DescribeStacks", OF_A_STACKSET, frozenset({*PEOPLE, "results", "campaign"})),
    ("ssm:GetParameter", f"arn:aws:ssm:{PLACE}:parameter/squall/Squall/stack", frozenset({*PEOPLE, "results", "campaign"})),
    ("ssm:PutParameter", f"arn:aws:ssm:{PLACE}:parameter/squall/Squall/stack", frozenset()),
    ("lambda:InvokeFunction", function("Halt"), frozenset({"halt", "operator"})),
    ("lambda:InvokeFunction", function("Resume"), frozenset({"resume"})),
    ("lambda:InvokeFunction", function("Abort"), frozenset({"operator", "campaign"})),
    ("lambda:InvokeFunction", function("Report"), frozenset({"viewer", "operator"})),
    ("lambda:InvokeFunction", function("Approve"), frozenset()),
    ("lambda:InvokeFunction", function("StartFault"), frozenset()),
    ("states:StartExecution", f"arn:aws:states:{PLACE}:stateMachine:Squall-Experiment", frozenset({"operator", "campaign"})),
    ("states:StartExecution", f"arn:aws:states:{PLACE}:stateMachine:Squall-Campaign", frozenset({"operator"})),
    ("states:DescribeExecution", f"arn:aws:states:{PLACE}:execution:Squall-Experiment:a", frozenset({"viewer", "operator", "campaign"})),
    ("states:DescribeExecution", f"arn:aws:states:{PLACE}:execution:Squall-Campaign:a", frozenset({"viewer", "operator"})),
    ("states:StopExecution", f"arn:aws:states:{PLACE}:execution:Squall-Experiment:a", frozenset()),
    ("dynamodb:Query", "arn:aws:dynamodb:eu-central-1:123456789012:table/table/index/open", frozenset({"viewer", "operator"})),
    ("dynamodb:Query", "arn:aws:dynamodb:eu-central-1:123456789012:table/table/index/period", frozenset({"viewer", "operator", "results"})),
    ("dynamodb:Query", "arn:aws:dynamodb:eu-central-1:123456789012:table/table", frozenset({"viewer", "operator"})),
    ("dynamodb:GetItem", "arn:aws:dynamodb:eu-central-1:123456789012:table/table", frozenset({"viewer", "operator", "campaign"})),
    ("dynamodb:UpdateItem", "arn:aws:dynamodb:eu-central-1:123456789012:table/table", frozenset()),
    ("ssm:PutParameter", f"arn:aws:ssm:{PLACE}:parameter/squall/Squall/halt", frozenset()),
    ("ssm:PutParameter", f"arn:aws:ssm:{PLACE}:parameter/squall/Squall/home", frozenset({"contact"})),
    ("ssm:PutParameter", f"arn:aws:ssm:{PLACE}:parameter/squall/Other/home", frozenset()),
    ("ssm:GetParameter", f"arn:aws:ssm:{PLACE}:parameter/squall/Squall/home", frozenset({"viewer", "operator"})),
    ("ssm:DeleteParameter", f"arn:aws:ssm:{PLACE}:parameter/squall/Squall/home", frozenset()),
    ("fis:StartExperiment", f"arn:aws:fis:{PLACE}:experiment-template/EXT1", frozenset()),
    ("fis:StopExperiment", f"arn:aws:fis:{PLACE}:experiment/EXP1", frozenset()),
    ("sts:AssumeRole", "arn:aws:iam::123456789012:role/any", frozenset()),
    ("iam:PassRole", "arn:aws:iam::123456789012:role/fis", frozenset()),
]


@pytest.mark.parametrize(
    ("action", "resource", "who"), CALLS, ids=[f"{action} {resource.rpartition(':')[2]}" for action, resource, _ in CALLS]
)
def test_a_role_allows_its_grant_and_nothing_else(member: Resources, action: str, resource: str, who: frozenset[str]) -> None:
    allowed = {grant for grant, role in roles(member).items() if _is_allowed(_list_policies(member, role), action, resource)}
    assert allowed == who


def _list_policies(stack: Resources, role: dict[str, Any]) -> list[list[Any]]:
    """The parsed policies of a role: attached, and its own."""
    managed = stack.of_type("AWS::IAM::ManagedPolicy")
    documents = [managed[reference["Ref"]]["PolicyDocument"] for reference in role.get("ManagedPolicyArns", [])]
    (name,) = [name for name, properties in stack.of_type("AWS::IAM::Role").items() if properties is role]
    own = stack.of_type("AWS::IAM::Policy").values()
    documents += [policy["PolicyDocument"] for policy in own if {"Ref": name} in policy["Roles"]]
    return [parse_policy_document(json.dumps(resolve_references(stack, document))) for document in documents]


def _is_allowed(policies: list[list[Any]], action: str, resource: str) -> bool:
    subject = EvalContext(
        principal_arn="arn:aws:sts::123456789012:assumed-role/x/ada",
        principal_type="AssumedRole",
        principal_account="123456789012",
        action=action,
        resource_arn=resource,
        region="eu-central-1",
        service_context={},
    )
    return bool(evaluate(subject, policies).decision == "Allow")


def test_a_member_makes_no_other_role_than_it_grants(synthesize: Callable[..., Resources]) -> None:
    made = synthesize(fleet_home_account=HOME, fleet_external_id=EXTERNAL_ID)
    assert set(roles(made)) == {"viewer", "halt"}
    assert {name for name in made.outputs if name.startswith("Fleet")} == {"FleetViewerRoleArn", "FleetHaltRoleArn"}


def test_home_may_assume_the_roles_of_the_file_and_no_others(synthesize: Callable[..., Resources]) -> None:
    made = synthesize(fleet_file=str(EXAMPLE))
    policies = {
        name: made.of_type("AWS::IAM::ManagedPolicy")[output["Value"]["Ref"]]
        for name, output in made.outputs.items()
        if name.startswith("Fleet")
    }
    statements = {name: policy["PolicyDocument"]["Statement"] for name, policy in policies.items()}
    assert set(statements) == {"FleetViewerPolicyArn", "FleetHaltPolicyArn", "FleetOperatorPolicyArn"}
    assert {(statement["Action"], statement["Effect"]) for (statement,) in statements.values()} == {("sts:AssumeRole", "Allow")}
    payments, search = "arn:aws:iam::444455556666:role/Payments-eu-west-1", "arn:aws:iam::777788889999:role/Squall-us-east-1"
    assert statements["FleetHaltPolicyArn"][0]["Resource"] == [f"{payments}-halt", f"{search}-halt"]
    assert statements["FleetOperatorPolicyArn"][0]["Resource"] == f"{payments}-operator"


def test_home_leaves_its_word_in_the_members_that_let_it_and_does_nothing_else(
    synthesize: Callable[..., Resources], tmp_path: Path
) -> None:
    raw = yaml.safe_load(EXAMPLE.read_text())
    raw["members"]["payments"]["grants"].append("contact")
    (tmp_path / "fleet.yaml").write_text(yaml.safe_dump(raw))
    made = synthesize(fleet_file=str(tmp_path / "fleet.yaml"))
    role = made.role_of("heartbeat")
    allowed = [
        statement for statement in made.statements(role) if not {"logs:PutLogEvents", "xray:PutTraceSegments"} & set(statement.actions)
    ]
    assert [(statement.actions, statement.resources) for statement in allowed] == [
        (("sts:AssumeRole",), ("arn:aws:iam::444455556666:role/Payments-eu-west-1-contact",))
    ]
    (schedule,) = [entry for entry in made.of_type("AWS::Scheduler::Schedule").values() if entry["Name"] == "heartbeat"]
    assert (schedule["ScheduleExpression"], schedule["State"]) == ("rate(1 minute)", "ENABLED")
    assert any("Heartbeat failed" in alarm["AlarmDescription"] for alarm in made.of_type("AWS::CloudWatch::Alarm").values())
    assert not [name for name in made.outputs if "Presence" in name], "no person assumes this role"


def test_home_copies_runs_into_a_part_of_its_table_and_writes_nothing_else(synthesize: Callable[..., Resources], tmp_path: Path) -> None:
    raw = yaml.safe_load(EXAMPLE.read_text())
    raw["members"]["search"]["grants"] = ["results"]
    (tmp_path / "fleet.yaml").write_text(yaml.safe_dump(raw))
    made = synthesize(fleet_file=str(tmp_path / "fleet.yaml"))
    allowed = [
        statement
        for statement in made.statements(made.role_of("collect"))
        if not {"logs:PutLogEvents", "xray:PutTraceSegments"} & set(statement.actions)
    ]
    assert [(statement.actions, statement.conditions) for statement in allowed] == [
        (("sts:AssumeRole",), {}),
        (("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"), {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["MEMBER#*"]}}),
    ]
    assert allowed[0].resources == ("arn:aws:iam::777788889999:role/Squall-us-east-1-results",)
    (schedule,) = [entry for entry in made.of_type("AWS::Scheduler::Schedule").values() if entry["Name"] == "collecting"]
    assert schedule["ScheduleExpression"] == "rate(5 minutes)"


def test_home_s_campaigns_enter_the_members_that_let_them_and_only_by_the_functions_that_run_them(
    synthesize: Callable[..., Resources], tmp_path: Path
) -> None:
    raw = yaml.safe_load(EXAMPLE.read_text())
    raw["members"]["search"]["grants"] = ["campaign"]
    (tmp_path / "fleet.yaml").write_text(yaml.safe_dump(raw))
    made = synthesize(fleet_file=str(tmp_path / "fleet.yaml"))
    role = "arn:aws:iam::777788889999:role/Squall-us-east-1-campaign"
    entering = {
        name
        for name in made.functions()
        for statement in made.statements(made.role_of(name))
        if "sts:AssumeRole" in statement.actions and role in statement.resources
    }
    assert entering == {"abort", "choose_steps", "finish_campaign", "pulse", "watchdog"}
    for name in entering:
        assert made.functions()[name]["Environment"]["Variables"]["AWS_STS_REGIONAL_ENDPOINTS"] == "regional"
    assert not [name for name in made.outputs if "Campaign" in name and name.startswith("Fleet")], "no person assumes this role"
    assert [member["role_arn"] for member in parse_fleet(raw).list_deployed()["campaign"]] == [role]


def test_the_functions_at_home_know_the_members_that_let_them_in() -> None:
    raw = yaml.safe_load(EXAMPLE.read_text())
    raw["members"]["search"]["grants"] = ["contact"]
    (member,) = parse_fleet(raw).list_deployed()["contact"]
    assert member == {
        "name": "search",
        "region": "us-east-1",
        "stack": "Squall",
        "role_arn": "arn:aws:iam::777788889999:role/Squall-us-east-1-contact",
        "external_id": "0f8ad9b1-17c8-4b87-8c4c-b0fd8a1d6a3e",
        "endpoint_url": "http://127.0.0.1:4566",
    }


def test_only_what_decides_whether_a_run_starts_reads_the_word_of_home(member: Resources, stack: Resources) -> None:
    readers = {
        name
        for name in member.functions()
        for statement in member.statements(member.role_of(name))
        if any(resource.endswith(":parameter/squall/Squall/home") for resource in statement.resources)
    }
    assert readers == {"check_safety", "acquire_slot", "final_check"}
    assert "heartbeat" not in member.functions()
    variables = [made.functions()["check_safety"]["Environment"]["Variables"].get("SQUALL_FLEET_HOME") for made in (member, stack)]
    assert variables == [HOME, None]


def test_a_policy_that_waits_for_a_word_that_home_may_not_leave_is_refused(synthesize: Callable[..., Resources], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(DEFINITIONS / "environments", tmp_path / "environments"))
    policy = yaml.safe_load((folder / "staging.yaml").read_text())
    (folder / "staging.yaml").write_text(yaml.safe_dump({**policy, "home_deadline": "30m"}))
    member = {"fleet_home_account": HOME, "fleet_external_id": EXTERNAL_ID, "environments_dir": str(folder)}
    with pytest.raises(SettingsError, match="has no 'contact', and staging asks for it"):
        synthesize(**member)


def test_the_roles_of_the_file_are_those_that_the_member_makes(synthesize: Callable[..., Resources]) -> None:
    raw = {
        "name": "shop",
        "home": {"account": HOME, "region": "eu-central-1"},
        "members": {"a": {"account": "123456789012", "region": "eu-central-1", "owner": "a", "external_id": EXTERNAL_ID}},
    }
    made = synthesize(fleet_home_account=HOME, fleet_external_id=EXTERNAL_ID)
    named = {parse_fleet(raw).members["a"].role_arn(grant).rpartition("/")[2] for grant in ("viewer", "halt")}
    assert named == {text(role["RoleName"]) for role in roles(made).values()}


@pytest.mark.parametrize(
    ("context", "words"),
    [
        ({"fleet_home_account": HOME}, "both or none"),
        ({"fleet_external_id": EXTERNAL_ID}, "both or none"),
        ({"fleet_grants": "halt"}, "nothing without fleet_home_account"),
        ({"fleet_grants": "everything"}, "fleet_grants"),
        ({"fleet_grants": "halt,halt", "fleet_home_account": HOME, "fleet_external_id": EXTERNAL_ID}, "given twice"),
        ({"fleet_file": "no-such-fleet.yaml"}, "no such file"),
        ({"fleet_home_account": "12", "fleet_external_id": EXTERNAL_ID}, "fleet_home_account"),
        ({"fleet_member": "payments"}, "set both"),
        ({"fleet_member": "payments", "fleet_file": "no-such-fleet.yaml"}, "no such file"),
        ({"fleet_member": "payment", "fleet_file": str(EXAMPLE)}, 'no member .payment., did you mean "payments"'),
        ({"fleet_member": "payments", "fleet_file": __file__}, "test_fleet.py"),
        ({"fleet_member": "payments", "fleet_file": str(EXAMPLE)}, "account is 123456789012, and .*fleet.yaml says 444455556666"),
    ],
)
def test_half_a_setting_is_refused(context: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        read_context({**CONTEXT, **context})


IN_FILE: list[tuple[str, dict[str, object]]] = [
    ("home", {"account": "111122223333", "region": "eu-central-1", "stack_name": "Squall", "fleet_home_account": None}),
    (
        "payments",
        {
            "account": "444455556666",
            "region": "eu-west-1",
            "stack_name": "Payments",
            "fleet_home_account": "111122223333",
            "fleet_external_id": "6f1c6f4e-2f0f-4f0e-9a53-9d0c53c1f0aa",
            "fleet_grants": ("viewer", "halt", "operator"),
        },
    ),
]


@pytest.mark.parametrize(("name", "settings"), IN_FILE, ids=[name for name, _ in IN_FILE])
def test_the_file_has_the_settings_of_each_stack(name: str, settings: dict[str, object]) -> None:
    context = {key: value for key, value in CONTEXT.items() if key.endswith("_dir")}
    made = read_context({**context, "fleet_file": str(EXAMPLE), "fleet_member": name})
    assert {key: getattr(made, key) for key in settings} == settings
    assert (made.home_file is not None) is (name == "home"), "only home's stack has the policies of home"


def test_what_the_file_says_may_be_said_again() -> None:
    context = {key: value for key, value in CONTEXT.items() if key.endswith("_dir")}
    again = {"region": "eu-west-1", "fleet_grants": "viewer,halt,operator", "fleet_file": str(EXAMPLE), "fleet_member": "payments"}
    assert read_context({**context, **again}).region == "eu-west-1"


def test_a_member_of_the_file_makes_its_roles_and_no_policy_of_home(synthesize: Callable[..., Resources], tmp_path: Path) -> None:
    raw = yaml.safe_load(EXAMPLE.read_text())
    raw["members"]["payments"] |= {"account": CONTEXT["account"], "region": CONTEXT["region"], "stack": "Squall"}
    (tmp_path / "fleet.yaml").write_text(yaml.safe_dump(raw))
    made = synthesize(fleet_file=str(tmp_path / "fleet.yaml"), fleet_member="payments")
    assert set(roles(made)) == {"viewer", "halt", "operator"}
    assert {name for name in made.outputs if name.startswith("Fleet")} == {
        f"Fleet{grant}RoleArn" for grant in ("Viewer", "Halt", "Operator")
    }


def test_the_stack_says_which_stack_of_cloudformation_it_is(stack: Resources) -> None:
    (parameter,) = [entry for entry in stack.of_type("AWS::SSM::Parameter").values() if entry["Name"] == stack_parameter("Squall")]
    assert parameter["Value"] == {"Ref": "AWS::StackId"}
