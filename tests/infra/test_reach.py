"""docs/safety.md says of every role what it may write and which promises it could break alone: as the grants are now."""

from __future__ import annotations

import pytest

from infra.places import ROOT
from tests.infra.reach import PROMISES, UnknownPowerError, breakers, powers, role_rows
from tests.infra.template import Resources, Statement

pytestmark = pytest.mark.xdist_group("infra")


def section() -> list[str]:
    text = (ROOT / "docs" / "safety.md").read_text()
    return text.partition("## One compromised role")[2].partition("\n## ")[0].splitlines()


def test_the_page_says_of_every_role_what_it_may_write(stack: Resources) -> None:
    rows = [line for line in section() if line.startswith("| ") and line.count(" | ") == 2 and line.split(" | ")[0] != "| role"]
    of_roles = [line for line in rows if line.split(" | ")[0].removeprefix("| ") not in PROMISES]
    assert [line for line in of_roles if not line.startswith("| promise")] == role_rows(stack)


def test_the_page_names_for_every_promise_the_roles_that_can_break_it(stack: Resources) -> None:
    named = {line.split(" | ")[0].removeprefix("| "): line.split(" | ")[1] for line in section() if line.startswith("| ")}
    assert {promise: named.get(promise) for promise in PROMISES} == {name: ", ".join(roles) for name, roles in breakers(stack).items()}


def test_what_nobody_has_thought_about_fails() -> None:
    with pytest.raises(UnknownPowerError, match="ec2x:RunInstances"):
        powers([Statement("role", ("ec2x:RunInstances",), ("*",), {})])


def test_an_update_that_is_bound_to_nothing_breaks_what_rests_on_the_table() -> None:
    result = powers([Statement("role", ("dynamodb:UpdateItem",), ("table",), {})])
    assert {promise for power in result for promise in power.breaks} == {"approval", "stop", "verdict", "told", "halt"}
