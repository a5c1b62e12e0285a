"""Every shape of the zoo walks from Discover to the verdict, and what Squall says agrees with what users lost."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from squall.domain.base.vocabulary import CheckOutcome, Status, Verdict
from tests.accounts.account import Account
from tests.accounts.run import run
from tests.accounts.zoo import balancers, containers, databases, functions, kubernetes, scaling
from tests.accounts.zoo.shape import SHAPES, Shape

if TYPE_CHECKING:
    from squall.domain.documents.result import Result

KINDS = (balancers, containers, databases, functions, kubernetes, scaling)
ROOT = Path(__file__).parents[2]
LOST = 0.6
"""The share of requests that fails where users lose something."""


def walk(shape: Shape, failing: float) -> Result:
    account = Account()
    definition = {key: value for key, value in shape.build(account, failing).items() if value is not None}
    return run(account, definition, **shape.policy)


def explain(result: Result) -> str:
    failed = [check.detail for check in result.safety_checks if check.outcome not in {CheckOutcome.PASSED, CheckOutcome.WARNED}]
    return "; ".join([result.reason, *failed, *(problem.message for problem in result.problems)])


def choose(shapes: list[Shape]) -> list[Any]:
    return [pytest.param(shape, id=shape.name, marks=[] if shape.fast else pytest.mark.soak) for shape in shapes]


JUDGED = [shape for shape in SHAPES.values() if not shape.refused]
REFUSED = [shape for shape in SHAPES.values() if shape.refused]


def test_the_zoo_has_every_kind() -> None:
    assert len(SHAPES) >= 50
    assert len(JUDGED) >= 30
    for module in KINDS:
        own = [shape for shape in SHAPES.values() if shape.build.__module__ == module.__name__]
        assert any(shape.fast for shape in own), f"no shape of {module.__name__} walks in the fast suite"


def test_every_test_that_the_page_of_shapes_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "shapes.md").read_text()))
    written = {name for path in (ROOT / "tests").rglob("test_*.py") for name in re.findall(r"def (test_\w+)", path.read_text())}
    assert len(named) >= 15
    assert named <= written, named - written


@pytest.mark.parametrize("shape", choose(JUDGED))
def test_an_outage_refutes(shape: Shape) -> None:
    result = walk(shape, LOST)
    assert result.verdict is Verdict.REFUTED, explain(result)


@pytest.mark.parametrize("shape", choose(JUDGED))
def test_a_loss_of_nothing_validates(shape: Shape) -> None:
    result = walk(shape, 0.0)
    assert result.verdict is Verdict.VALIDATED, explain(result)


@pytest.mark.parametrize("shape", choose(REFUSED))
def test_what_can_not_be_attributed_is_refused_and_said(shape: Shape) -> None:
    result = walk(shape, LOST)
    assert result.status is Status.REJECTED, explain(result)
    assert shape.refused in explain(result)
