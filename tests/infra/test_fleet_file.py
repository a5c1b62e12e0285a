"""A fleet is checked at once: its shape, and that no stack is named twice."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.account.fleet import GRANTS, parse_fleet
from infra.settings import SettingsError, read_context
from squall.domain.base.problems import InvalidInput
from squall.domain.policy.places import name_role
from squall.domain.policy.promotion import PROOFS

EXAMPLE = Path(__file__).parents[2] / "schemas" / "examples" / "fleet.yaml"


def fleet(**changes: Any) -> dict[str, Any]:
    return {**yaml.safe_load(EXAMPLE.read_text()), **changes}


def member(**changes: Any) -> dict[str, Any]:
    return {**fleet()["members"]["payments"], **changes}


def refusals(raw: object) -> dict[str, str]:
    with pytest.raises(InvalidInput) as refused:
        parse_fleet(raw)
    told: dict[str, str] = {}
    for problem in refused.value.problems:
        told[problem.path] = f"{told.get(problem.path, '')} {problem}"
    return told


def test_a_role_is_named_by_stack_region_and_grant_in_the_members_own_partition() -> None:
    payments = parse_fleet(fleet()).members["payments"]
    assert payments.role_arn("halt") == "arn:aws:iam::444455556666:role/Payments-eu-west-1-halt"
    china = parse_fleet(fleet(members={"a": member(region="cn-north-1")})).members["a"]
    assert china.role_arn("halt").startswith("arn:aws-cn:iam::")


@pytest.mark.parametrize("grant", [*GRANTS, PROOFS])
def test_the_longest_name_of_a_role_is_one_that_iam_takes(grant: Any) -> None:
    assert len(name_role("S" * 40, "ap-southeast-1", grant)) <= 64


def test_every_problem_is_told_at_once_with_its_place() -> None:
    wrong = member(account=444455556666, region="Ireland", external_id="short", grants=["halts"], owners=["x"])
    told = refusals(fleet(members={"payments": wrong, "Search": member()}, nmae="shop"))
    for path, words in {
        "members.payments.account": "",
        "members.payments.region": "eu-central-1",
        "members.payments.external_id": "16 to 1224",
        "members.payments.grants[0]": "halt",
        "members.payments.owners": "owner",
        "nmae": "name",
    }.items():
        assert words in told[path]
    assert any("lower case" in text for text in told.values())


@pytest.mark.parametrize("stack", ["squall-payments", "Squall-Prod", "9lives", "a" * 41])
def test_a_stack_has_a_name_that_it_can_be_deployed_under(stack: str) -> None:
    """What synth refuses as `stack_name`, the file is refused for as well."""
    with pytest.raises(SettingsError, match="stack_name"):
        read_context({"stack_name": stack})
    told = refusals(fleet(home={"account": "111122223333", "region": "eu-central-1", "stack": stack}, members={"a": member(stack=stack)}))
    assert {"home.stack", "members.a.stack"} <= told.keys()
    if stack.lower().startswith("squall-"):
        assert "guard alarms of other stacks are recognized by that prefix" in told["members.a.stack"]


def test_a_stack_is_named_once_home_included() -> None:
    told = refusals(
        fleet(members={"a": member(), "b": member(), "c": member(account="111122223333", region="eu-central-1", stack="Squall")})
    )
    assert "is the stack of members.a" in told["members.b"]
    assert "is the stack of home" in told["members.c"]
    assert "given twice" in refusals(fleet(members={"a": member(grants=["halt", "halt"])}))["members.a.grants"]


def test_no_member_has_the_name_of_home() -> None:
    """Commands would enter home in its place, and halt one stack of the two."""
    assert "what home's own stack is called" in refusals(fleet(members={"home": member()}))["members.home"]


def test_a_repeated_stack_is_told_beside_another_problem() -> None:
    assert {"members.b", "members.b.owner"} <= refusals(fleet(members={"a": member(), "b": member(owner="")})).keys()


@pytest.mark.parametrize("raw", [None, [], "fleet", {}, {"name": "x", "home": 1, "members": []}, {"home": {}, "members": {"a": None}}])
def test_anything_else_is_refused_with_a_sentence(raw: object) -> None:
    assert refusals(raw)


def test_a_fleet_without_members_is_refused() -> None:
    assert "members" in refusals(fleet(members={}))
