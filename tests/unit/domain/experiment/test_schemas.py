"""The schemas on disk are what the models say, and say what the models check."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from scripts import schemas

ROOT = Path(__file__).parents[4]
REL12: dict[str, Any] = json.loads((ROOT / "tests/data/seed-experiment.json").read_text())


def validator(name: str) -> Draft202012Validator:
    document = json.loads(schemas.schema_path(name).read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(document)
    return Draft202012Validator(document)


def test_schemas_are_current() -> None:
    assert schemas.list_stale() == []


def test_rel12_bp05_is_valid() -> None:
    validator("experiment").validate(REL12)
    validator("input").validate({"definition": REL12, "mode": "plan"})


@pytest.mark.parametrize("name", schemas.list_names())
def test_unknown_keys_are_refused(name: str) -> None:
    assert any("'colour' was unexpected" in error.message for error in validator(name).iter_errors({"colour": "red"}))


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "flood"},
        {"duration_minutes": -1},
        {"duration": "PT10M"},
        {"success_criteria": []},
        {"success_criteria": [{"critical": True}]},
        {"name": 5},
        {"target_resources": ["x"]},
    ],
)
def test_what_the_model_refuses_the_schema_refuses(changes: dict[str, Any]) -> None:
    assert not validator("experiment").is_valid({**REL12, **changes})


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("experiments", "experiment"),
        ("local/experiments", "experiment"),
        ("tests/data/experiments-scheduled", "experiment"),
        ("environments", "environment"),
        ("campaigns", "campaign"),
        ("local/campaigns", "campaign"),
        ("local/fleet_campaigns", "campaign"),
        ("local/environments", "environment"),
    ],
)
def test_what_ships_is_valid(folder: str, name: str) -> None:
    files = sorted((ROOT / folder).glob("*.yaml"))
    assert files
    for file in files:
        validator(name).validate(yaml.safe_load(file.read_text()))
