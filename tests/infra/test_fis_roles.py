"""The FIS roles: one an environment, able to touch only what opted in to that environment."""

import pytest

from squall.domain.vocabulary import FaultType
from squall.faults import registry
from tests.infra.template import Resources, Statement, text

pytestmark = pytest.mark.xdist_group("infra")  # one worker: the shared template is made once


def role(stack: Resources, environment: str) -> str:
    (name,) = (name for name in stack.of_type("AWS::IAM::Role") if name.startswith(f"FisRole{environment}"))
    return name


def grants(stack: Resources, environment: str) -> list[Statement]:
    name = role(stack, environment)
    policies = [key for key, policy in stack.of_type("AWS::IAM::ManagedPolicy").items() if {"Ref": name} in policy["Roles"]]
    return [statement for policy in policies for statement in stack.statements(policy)]


def test_only_fis_running_an_experiment_of_this_account_may_assume_it(stack: Resources) -> None:
    (trust,) = stack.of_type("AWS::IAM::Role")[role(stack, "Staging")]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "fis.amazonaws.com"}
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": "123456789012"}
    assert text(trust["Condition"]["ArnLike"]["aws:SourceArn"]).endswith(":fis:eu-central-1:123456789012:experiment/*")


def test_whatever_disturbs_an_instance_is_conditioned_on_the_environment_in_its_tag(stack: Resources) -> None:
    for environment, tag in (("Staging", "staging"), ("PreProd", "pre-prod")):
        disturbing = [found for found in grants(stack, environment) if any(":instance/" in one for one in found.resources)]
        assert disturbing
        for statement in disturbing:
            assert statement.conditions == {"StringEquals": {"aws:ResourceTag/squall:environment": tag}}


def documents(stack: Resources, environment: str) -> list[Statement]:
    return [found for found in grants(stack, environment) if any(":document/" in one for one in found.resources)]


def test_documents_stand_in_statements_of_their_own_as_aws_documents_have_no_tags(stack: Resources) -> None:
    for statement in documents(stack, "Staging"):
        assert statement.conditions == {}
        assert statement.actions == ("ssm:SendCommand",)


@pytest.mark.parametrize(
    ("environment", "types"), [("Staging", registry.available()), ("PreProd", (FaultType.NETWORK_LATENCY, FaultType.CPU_STRESS))]
)
def test_each_allowed_fault_is_granted_its_own_document_and_no_other(
    stack: Resources, environment: str, types: tuple[FaultType, ...]
) -> None:
    sent = [document for fault in registry.faults() if fault.type in types for document in fault.ssm_documents]
    found = [resource for statement in documents(stack, environment) for resource in statement.resources]
    assert sorted(found) == sorted(f"arn:aws:ssm:eu-central-1::document/{name}" for name in sent)
    assert len(found) == len(sent)


def test_a_role_holds_fewer_policies_than_iam_attaches(stack: Resources) -> None:
    for environment in ("Staging", "PreProd"):
        held = [
            policy for policy in stack.of_type("AWS::IAM::ManagedPolicy").values() if {"Ref": role(stack, environment)} in policy["Roles"]
        ]
        assert 1 <= len(held) <= 10


def test_a_fault_the_policy_does_not_allow_is_not_granted(stack: Resources) -> None:
    actions = {action for statement in grants(stack, "PreProd") for action in statement.actions}
    assert "ec2:TerminateInstances" not in actions
    assert "ssm:SendCommand" in actions


def test_only_create_template_knows_the_roles_and_may_pass_them_to_fis(stack: Resources) -> None:
    roles = {name for name in stack.of_type("AWS::IAM::Role") if name.startswith("FisRole")}
    (passing,) = (found for found in stack.statements() if "iam:PassRole" in found.actions)
    assert {resource.removeprefix("${").removesuffix(".Arn}") for resource in passing.resources} == roles
    assert passing.conditions == {"StringEquals": {"iam:PassedToService": "fis.amazonaws.com"}}
    assert [name for name, found in stack.functions().items() if "SQUALL_FIS_ROLE_ARNS" in found["Environment"]["Variables"]] == [
        "create_template"
    ]
