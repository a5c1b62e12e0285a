"""What an editor shows of a field: a description, and an example or a default."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from scripts import schemas
from squall.domain.campaign.definition import Campaign
from squall.domain.experiment.execution_input import ExecutionInput
from squall.domain.experiment.experiment import Experiment
from squall.domain.policy.environment import Environment

WRITTEN: dict[str, type[BaseModel]] = {
    "experiment": Experiment,
    "environment": Environment,
    "campaign": Campaign,
    "input": ExecutionInput,
}
"""What people write; a result is only read."""
RESERVED = {"ramp"}


def list_fields(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Each field of a schema with its path; conditions on the type of a fault are no fields."""
    if isinstance(schema, list):
        for index, part in enumerate(schema):
            yield from list_fields(part, f"{path}[{index}]")
    elif isinstance(schema, dict):
        for name, part in schema.items():
            if name == "properties" and not path.endswith((".if", ".then")):
                yield from ((f"{path}.{field}", value) for field, value in part.items())
            yield from list_fields(part, f"{path}.{name}")


def has_example(field: dict[str, Any]) -> bool:
    return bool(field.get("examples")) or field.get("default") not in (None, "", {}, []) or bool({"const", "enum"} & field.keys())


@pytest.mark.parametrize("name", WRITTEN)
def test_every_field_has_a_description_and_an_example_or_a_default(name: str) -> None:
    fields = dict(list_fields(schemas.make_schema(name)))
    assert len(fields) > 10
    assert [path for path, field in fields.items() if not field.get("description", "").endswith(".")] == []
    assert [path for path, field in fields.items() if not has_example(field) and path.rpartition(".")[2] not in RESERVED] == []


@pytest.mark.parametrize("name", WRITTEN)
def test_the_examples_are_valid(name: str) -> None:
    documents = list(yaml.safe_load_all((schemas.EXAMPLES / f"{name}.yaml").read_text()))
    assert documents
    for document in documents:
        WRITTEN[name].model_validate(document)


def test_every_definition_that_ships_names_its_schema() -> None:
    folders = (
        "experiments",
        "environments",
        "campaigns",
        "local/campaigns",
        "local/fleet_campaigns",
        "local/experiments",
        "local/environments",
        "schemas/examples",
    )
    files = [file for folder in folders for file in sorted((schemas.ROOT / folder).glob("*.yaml")) if file.stem != "parameters"]
    assert len(files) > 40
    for file in files:
        first = file.read_text().splitlines()[0]
        assert first.startswith("# yaml-language-server: $schema="), file
        assert (file.parent / first.partition("=")[2]).is_file(), file
