"""Each document of a run has a name of its own, says it once, and nobody else says it."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from squall.domain.documents.document import Document, document_key

ROOT = Path(__file__).parents[4]
SQUALL = ROOT / "lambdas" / "squall"
CALLS = {"find", "need", "put", "get", "_document"}


def documents(parent: type[Document] = Document) -> Iterator[type[Document]]:
    for child in parent.__subclasses__():
        if child.__module__.startswith("squall.domain.documents."):  # a campaign has documents of its own
            yield child
            yield from documents(child)


@pytest.fixture(scope="module")
def known() -> list[type[Document]]:
    for path in (SQUALL / "domain" / "documents").glob("*.py"):
        import_module(f"squall.domain.documents.{path.stem}")
    return list(documents())


def test_every_document_says_a_name_of_its_own(known: list[type[Document]]) -> None:
    assert [item for item in known if "NAME" not in vars(item)] == [], "a name is not inherited"
    names = [entry.NAME for entry in known]
    assert sorted(names) == sorted(set(names))


def test_the_page_on_the_architecture_lists_every_name(known: list[type[Document]]) -> None:
    (listed,) = re.findall(r"results/<id>/\{([a-z_,]+)\}\.json", (ROOT / "docs" / "architecture.md").read_text())
    assert {entry.NAME for entry in known} == set(listed.split(","))


def test_the_key_of_a_document_is_its_name_in_the_folder_of_its_run(known: list[type[Document]]) -> None:
    assert {document_key("run-1", entry) for entry in known} == {f"results/run-1/{item.NAME}.json" for item in known}


def test_no_call_passes_the_name_and_the_model(known: list[type[Document]]) -> None:
    """A pair could disagree."""
    names, models = {entry.NAME for entry in known}, {item.__name__ for item in known}
    paths = [*SQUALL.rglob("*.py"), *(ROOT / "cli").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    pairs = [f"{path.name}:{call.lineno}" for path in paths for call in calls(path) if passes(call, names) and passes_model(call, models)]
    assert pairs == []


def calls(path: Path) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in CALLS:
            yield node


def passes(call: ast.Call, names: set[str]) -> bool:
    return any(isinstance(argument, ast.Constant) and argument.value in names for argument in call.args)


def passes_model(call: ast.Call, models: set[str]) -> bool:
    return any(getattr(argument, "id", getattr(getattr(argument, "func", None), "id", "")) in models for argument in call.args)


def test_a_pair_would_be_found() -> None:
    (call,) = (node for node in ast.walk(ast.parse('step.find("recovery", Recovery)')) if isinstance(node, ast.Call))
    assert passes(call, {"recovery"})
    assert passes_model(call, {"Recovery"})
