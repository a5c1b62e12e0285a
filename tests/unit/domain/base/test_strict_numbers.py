"""A number is a number in everything that people write: `true` and "5" are refused, as the schemas say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from infra.account.fleet import Fleet
from squall.domain.campaign.definition import Campaign
from squall.domain.experiment.execution_input import ExecutionInput
from squall.domain.experiment.experiment import Experiment
from squall.domain.policy.environment import Environment
from squall.faults import registry

WRITTEN: tuple[type[BaseModel], ...] = (Experiment, Environment, Campaign, Fleet, ExecutionInput)


def find_lax(schema: Any, path: str = "") -> Iterator[str]:
    """The places of numbers and switches that would take something else for one."""
    if isinstance(schema, list | tuple):
        for inner in schema:
            yield from find_lax(inner, path)
    if not isinstance(schema, dict):
        return
    if schema.get("type") in {"int", "float", "bool"} and not schema.get("strict"):
        yield path
    for key, inner in schema.items():
        if key == "fields":
            for name, field in inner.items():
                yield from find_lax(field, f"{path}.{name}")
        elif key not in {"metadata", "serialization", "default"}:
            yield from find_lax(inner, path)


@pytest.mark.parametrize("model", WRITTEN, ids=lambda model: model.__name__)
def test_numbers_and_switches_of_what_people_write_are_strict(model: type[BaseModel]) -> None:
    assert sorted(set(find_lax(model.__pydantic_core_schema__))) == []


def test_parameters_of_faults_are_strict() -> None:
    lax = {
        f"{fault.type.value}{place}" for fault in registry.list_faults() for place in find_lax(fault.parameters.__pydantic_core_schema__)
    }
    assert lax == set()


def test_a_lax_number_is_found() -> None:
    class Inner(BaseModel):
        share: float

    class Outer(BaseModel):
        inner: dict[str, tuple[Inner, int]] = {}

    assert set(find_lax(Outer.__pydantic_core_schema__)) == {".inner.share", ".inner"}
