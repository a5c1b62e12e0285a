"""No folder of the sources is too full to find a place in, and no `__init__.py` holds anything but a docstring."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CODE = ("lambdas", "infra", "scripts", "cli", "discovery", "local", "bench", "tests")
SOURCES = (*CODE, "docs", "experiments", "environments", "schemas", "statemachines")
MOST = 20
EXCEPTIONS = {
    "docs": "one page for each subject, whose address is the file's name; the navigation in mkdocs.yml sorts them",
    "docs/how-to": "one page for each task, whose address is the file's name, as in docs",
    "lambdas/squall/handlers": "one module for each state and each other function, named as in the state machine",
    "experiments": "the catalogue: files of one kind, and a file's name is the name that people start",
    "local/experiments": "the catalogue of the local account: files of one kind, and a file's name is the name that people start",
}
"""Folders that may hold more, each with the reason. The root is not in SOURCES: tools expect their files there."""


def list_entries(folder: Path) -> list[str]:
    """Files and folders, without what Python and tools write, and without `__init__.py`, which nobody looks for."""
    names = (path.name for path in folder.iterdir())
    return sorted(name for name in names if name not in {"__init__.py", "__pycache__"} and not name.startswith("."))


def walk(folder: Path) -> Iterator[Path]:
    yield folder
    for name in list_entries(folder):
        if (folder / name).is_dir():
            yield from walk(folder / name)


@pytest.mark.parametrize("source", SOURCES)
def test_no_folder_holds_more_than_twenty_entries(source: str) -> None:
    folders = {folder.relative_to(ROOT).as_posix(): len(list_entries(folder)) for folder in walk(ROOT / source)}
    too_full = {name: count for name, count in folders.items() if count > MOST and name not in EXCEPTIONS}
    assert not too_full, f"these folders need rooms (docs/contributing.md): {too_full}"


@pytest.mark.parametrize("folder", EXCEPTIONS)
def test_an_exception_is_still_one(folder: str) -> None:
    assert len(list_entries(ROOT / folder)) > MOST


@pytest.mark.parametrize("source", CODE)
def test_a_package_holds_nothing_but_a_docstring(source: str) -> None:
    packages = sorted((ROOT / source).rglob("__init__.py"))
    assert packages
    not_empty = [path.relative_to(ROOT).as_posix() for path in packages if not is_docstring(ast.parse(path.read_text()))]
    assert not_empty == []


def is_docstring(tree: ast.Module) -> bool:
    """Whether a module holds nothing but a docstring, or nothing at all."""
    return len(tree.body) == (ast.get_docstring(tree) is not None)
