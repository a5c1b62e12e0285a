"""The managed policies for people, enforced by the IAM of the local account: what each may do, and what it may not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document

from tests.infra.template import Resources, text

pytestmark = pytest.mark.xdist_group("infra")  # one worker: the shared template is made once

PLACE = "eu-central-1:123456789012"
ROLES = ("Viewer", "Operator", "Publisher", "Approver")
NEW = {"s3:if-none-match": "*"}
OF_A_STACKSET = f"arn:aws:cloudformation:{PLACE}:stack/StackSet-Squall-1/2"
"""The ARN of the CloudFormation stack in these tests, which is another name than that of the setting."""
BUCKET, TABLE = "arn:aws:s3:::bucket", f"arn:aws:dynamodb:{PLACE}:table/table"


def function(name: str) -> str:
    return f"arn:aws:lambda:{PLACE}:function:{name}"


Call = tuple[str, str, dict[str, str]]
EVERYBODY, READERS = frozenset(ROLES), frozenset({"Viewer", "Operator", "Approver"})
CALLS: list[tuple[Call, frozenset[str]]] = [
    (("cloudformation:DescribeStacks", f"arn:aws:cloudformation:{PLACE}:stack/Squall/1", {}), EVERYBODY),
    (("cloudformation:DescribeStacks", f"arn:aws:cloudformation:{PLACE}:stack/Squall-Prod/1", {}), frozenset()),
    (("cloudformation:DescribeStacks", OF_A_STACKSET, {}), EVERYBODY),
    (("ssm:GetParameter", f"arn:aws:ssm:{PLACE}:parameter/squall/Squall/stack", {}), EVERYBODY),
    (("ssm:PutParameter", f"arn:aws:ssm:{PLACE}:parameter/squall/Squall/stack", {}), frozenset()),
    # Runs are seen …
    (("dynamodb:GetItem", TABLE, {}), READERS),
    (("dynamodb:Query", f"{TABLE}/index/open", {}), READERS),
    (("s3:GetObject", f"{BUCKET}/results/run-1/result.json", {}), READERS),
    (("s3:GetObject", f"{BUCKET}/reports/2026/report.html", {}), READERS),
    (("states:DescribeExecution", f"arn:aws:states:{PLACE}:execution:Squall-Experiment:run-1", {}), READERS),
    (("ssm:GetParameter", f"arn:aws:ssm:{PLACE}:parameter/squall/Squall/halt", {}), READERS),
    (("cloudwatch:GetMetricData", "*", {}), READERS),
    # … and what was published, by everybody.
    (("s3:GetObject", f"{BUCKET}/catalogue/web/000001.json", {}), EVERYBODY),
    (("s3:ListBucket", BUCKET, {"s3:prefix": "catalogue/web/"}), EVERYBODY),
    (("s3:ListBucket", BUCKET, {"s3:prefix": "results/"}), READERS),
    (("lambda:InvokeFunction", function("Report"), {}), EVERYBODY),
    # Who runs and stops.
    (("states:StartExecution", f"arn:aws:states:{PLACE}:stateMachine:Squall-Experiment", {}), frozenset({"Operator"})),
    (("states:StartExecution", f"arn:aws:states:{PLACE}:stateMachine:Squall-Campaign", {}), frozenset({"Operator"})),
    (("states:StartExecution", f"arn:aws:states:{PLACE}:stateMachine:Another", {}), frozenset()),
    (("states:DescribeExecution", f"arn:aws:states:{PLACE}:execution:Squall-Campaign:c", {}), READERS),
    (("lambda:InvokeFunction", function("Abort"), {}), frozenset({"Operator"})),
    (("lambda:InvokeFunction", function("Halt"), {}), frozenset({"Operator"})),
    (("lambda:InvokeFunction", function("Note"), {}), frozenset({"Operator"})),
    (("states:StopExecution", f"arn:aws:states:{PLACE}:execution:Squall-Experiment:run-1", {}), frozenset()),
    # Who approves does nothing else, and who starts does not approve.
    (("lambda:InvokeFunction", function("Approve"), {}), frozenset({"Approver"})),
    (("states:SendTaskSuccess", "*", {}), frozenset()),
    # Who publishes adds versions: none is replaced, deleted or written elsewhere.
    (("s3:PutObject", f"{BUCKET}/catalogue/web/000001.json", NEW), frozenset({"Publisher"})),
    (("s3:PutObject", f"{BUCKET}/catalogue/web/000001.json", {}), frozenset()),
    (("s3:PutObject", f"{BUCKET}/results/run-1/definition.json", NEW), frozenset()),
    (("s3:DeleteObject", f"{BUCKET}/catalogue/web/000001.json", {}), frozenset()),
    (("s3:DeleteObjectVersion", f"{BUCKET}/catalogue/web/000001.json", {}), frozenset()),
    (("lambda:InvokeFunction", function("Schedule"), {}), frozenset({"Publisher"})),
    (("scheduler:CreateSchedule", f"arn:aws:scheduler:{PLACE}:schedule/squall-Squall.published/web", {}), frozenset()),
    # What none of the four may.
    (("lambda:InvokeFunction", function("Resume"), {}), frozenset()),
    (("lambda:InvokeFunction", function("StartFault"), {}), frozenset()),
    (("dynamodb:UpdateItem", TABLE, {}), frozenset()),
    (("dynamodb:PutItem", TABLE, {}), frozenset()),
    (("ssm:PutParameter", f"arn:aws:ssm:{PLACE}:parameter/squall/Squall/halt", {}), frozenset()),
    (("fis:StartExperiment", f"arn:aws:fis:{PLACE}:experiment-template/EXT1", {}), frozenset()),
    (("fis:StopExperiment", f"arn:aws:fis:{PLACE}:experiment/EXP1", {}), frozenset()),
    (("iam:PassRole", "arn:aws:iam::123456789012:role/fis", {}), frozenset()),
    (("ec2:CreateTags", f"arn:aws:ec2:{PLACE}:instance/i-1", {}), frozenset()),
]


@pytest.fixture(scope="module")
def policies(stack: Resources) -> dict[str, list[Any]]:
    """The statements of each policy, with its references as the ARNs above."""
    references = dict(_list_references(stack))
    return {
        role: parse_policy_document(json.dumps(_resolve(policy["PolicyDocument"], references)))
        for role, policy in people_policies(stack).items()
    }


def people_policies(stack: Resources) -> dict[str, dict[str, Any]]:
    """The policy of each role."""
    policies = stack.of_type("AWS::IAM::ManagedPolicy")
    return {role: policies[stack.outputs[f"{role}PolicyArn"]["Value"]["Ref"]] for role in ROLES}


def _list_references(stack: Resources) -> Iterator[tuple[str, str]]:
    for name, properties in stack.of_type("AWS::Lambda::Function").items():
        module = properties["Handler"].split(".")[-2]
        yield f"${{{name}.Arn}}", function("".join(word.capitalize() for word in module.split("_")))
    for kind, arn in (("AWS::S3::Bucket", BUCKET), ("AWS::DynamoDB::Table", TABLE)):
        (name,) = stack.of_type(kind)
        yield f"${{{name}.Arn}}", arn
    yield "${AWS::StackId}", OF_A_STACKSET
    yield "${AWS::Partition}", "aws"


def resolve_references(stack: Resources, document: Any) -> Any:
    """A policy's document with its references as the ARNs above."""
    return _resolve(document, dict(_list_references(stack)))


def _resolve(value: Any, references: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [_resolve(entry, references) for entry in value]
    if isinstance(value, dict) and not {"Fn::Join", "Fn::GetAtt", "Ref"} & value.keys():
        return {name: _resolve(entry, references) for name, entry in value.items()}
    shown = text(value)
    for reference, arn in references.items():
        shown = shown.replace(reference, arn)
    return shown


@pytest.mark.parametrize(
    ("call", "who"),
    CALLS,
    ids=[f"{action} {resource.rpartition(':')[2]}{' new' if context == NEW else ''}" for (action, resource, context), _ in CALLS],
)
def test_each_policy_allows_its_job_and_nothing_else(policies: dict[str, list[Any]], call: Call, who: frozenset[str]) -> None:
    action, resource, context = call
    subject = EvalContext(
        principal_arn="arn:aws:iam::123456789012:user/ada",
        principal_type="User",
        principal_account="123456789012",
        action=action,
        resource_arn=resource,
        region="eu-central-1",
        service_context={name.lower(): value for name, value in context.items()},
    )
    allowed = {role for role in ROLES if evaluate(subject, [policies[role]]).decision == "Allow"}
    assert allowed == who


def test_a_policy_is_as_long_as_iam_lets_it_be(stack: Resources, synthesize: Callable[..., Resources]) -> None:
    encrypted = synthesize(kms_key_arn=f"arn:aws:kms:{PLACE}:key/11111111-2222-3333-4444-555555555555")
    for found in (stack, encrypted):
        for policy in people_policies(found).values():
            document = json.dumps(_resolve(policy["PolicyDocument"], {}), separators=(",", ":"))
            assert len(document) < 4500, "6144 characters are allowed, and references grow"


def test_a_customers_key_lets_people_read_and_the_publisher_write(synthesize: Callable[..., Resources]) -> None:
    key = f"arn:aws:kms:{PLACE}:key/11111111-2222-3333-4444-555555555555"
    found = synthesize(kms_key_arn=key)
    for role in ROLES:
        statements = found.statements(found.outputs[f"{role}PolicyArn"]["Value"]["Ref"])
        actions = {action for statement in statements if key in statement.resources for action in statement.actions}
        assert actions == ({"kms:Decrypt", "kms:GenerateDataKey"} if role == "Publisher" else {"kms:Decrypt"})


def test_no_policy_is_attached_to_anybody(stack: Resources) -> None:
    for policy in people_policies(stack).values():
        assert not {"Users", "Groups", "Roles", "ManagedPolicyName"} & policy.keys()
