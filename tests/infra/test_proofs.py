"""Proofs across accounts, both ways: what the role for proofs allows and whom it lets in; who may assume that of another stack."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from infra.settings import SettingsError, read_context
from tests.infra.conftest import CONTEXT, DEFINITIONS
from tests.infra.template import Resources, text
from tests.infra.test_fleet import EXTERNAL_ID, HOME, STRANGER, _is_allowed, _list_policies, is_trusted
from tests.infra.test_people import OF_A_STACKSET, PLACE

pytestmark = pytest.mark.xdist_group("infra")

OTHER = "777788889999"
TABLE = f"arn:aws:dynamodb:{PLACE}:table/table"
CALLS = [
    ("cloudformation:DescribeStacks", f"arn:aws:cloudformation:{PLACE}:stack/Squall/1", True),
    ("cloudformation:DescribeStacks", OF_A_STACKSET, True),
    ("ssm:GetParameter", f"arn:aws:ssm:{PLACE}:parameter/squall/Squall/stack", True),
    ("ssm:GetParameter", f"arn:aws:ssm:{PLACE}:parameter/squall/Squall/halt", False),
    ("dynamodb:Query", f"{TABLE}/index/experiment", True),
    ("dynamodb:Query", f"{TABLE}/index/period", False),
    ("dynamodb:Query", TABLE, False),
    ("dynamodb:GetItem", TABLE, False),
    ("dynamodb:UpdateItem", TABLE, False),
    ("s3:GetObject", "arn:aws:s3:::bucket/results/run-1/result.json", False),
]


@pytest.fixture(scope="module")
def proving(tmp_path_factory: pytest.TempPathFactory) -> Resources:
    from tests.infra.conftest import make  # noqa: PLC0415 - the fixture of the session makes another template

    return make(tmp_path_factory.mktemp("proving"), proof_accounts=f"{HOME},{OTHER}", proof_external_id=EXTERNAL_ID)


def test_the_role_for_proofs_lets_the_named_accounts_in_and_reads_one_index(proving: Resources) -> None:
    (role,) = [
        role for role in proving.of_type("AWS::IAM::Role").values() if text(role.get("RoleName", "")) == "Squall-eu-central-1-proofs"
    ]
    assert "ProofsRoleArn" in proving.outputs
    for account in (HOME, OTHER):
        assert is_trusted(role, account, **{"sts:externalid": EXTERNAL_ID})
        assert not is_trusted(role, account, **{"sts:externalid": "another-external-id"})
    assert not is_trusted(role, STRANGER, **{"sts:externalid": EXTERNAL_ID})
    policies = _list_policies(proving, role)
    assert [(action, resource, _is_allowed(policies, action, resource)) for action, resource, _ in CALLS] == CALLS


def test_without_the_setting_nobody_reads_proofs(stack: Resources) -> None:
    assert not [role for role in stack.of_type("AWS::IAM::Role").values() if text(role.get("RoleName", "")).endswith("-proofs")]


def test_only_what_decides_whether_a_run_starts_may_ask_the_stack_that_a_policy_names(
    synthesize: Callable[..., Resources], stack: Resources, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(DEFINITIONS / "environments", tmp_path / "environments"))
    policy = yaml.safe_load((folder / "staging.yaml").read_text())
    there = {"account": OTHER, "region": "us-east-1", "external_id": EXTERNAL_ID}
    (folder / "staging.yaml").write_text(yaml.safe_dump({**policy, "promotion": {"environment": "integration", "stack": there}}))
    made = synthesize(environments_dir=str(folder))
    asking = {
        (name, statement.resources)
        for name in made.functions()
        for statement in made.statements(made.role_of(name))
        if "sts:AssumeRole" in statement.actions
    }
    role = (f"arn:aws:iam::{OTHER}:role/Squall-us-east-1-proofs",)
    assert asking == {("check_safety", role), ("acquire_slot", role), ("final_check", role)}
    assert not [statement for statement in stack.statements() if "sts:AssumeRole" in statement.actions]


@pytest.mark.parametrize(
    ("context", "words"),
    [
        ({"proof_accounts": HOME}, "both or none"),
        ({"proof_external_id": EXTERNAL_ID}, "both or none"),
        ({"proof_accounts": "12", "proof_external_id": EXTERNAL_ID}, "proof_accounts"),
    ],
)
def test_half_a_setting_is_refused(context: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        read_context({**CONTEXT, **context})
