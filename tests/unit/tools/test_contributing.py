"""docs/contributing.md names only places that exist, and every room of the domain."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "contributing.md").read_text()
MAP = PAGE.split("## Where to look")[1].partition("\n## ")[0]
CHANGES = [line for line in MAP.splitlines() if line.startswith("| ") and not line.startswith("| change")]
DOMAIN = ROOT / "lambdas" / "squall" / "domain"


def test_the_page_answers_the_ten_questions() -> None:
    assert len(CHANGES) >= 10


@pytest.mark.parametrize("line", CHANGES, ids=lambda line: line.split("|")[1].strip())
def test_every_place_named_exists(line: str) -> None:
    named = re.findall(r"`([a-z]\w*/[\w./]*)`", line)
    assert named, "a change without a place to make it"
    assert [place for place in named if not (ROOT / place).exists()] == []


def test_every_room_of_the_domain_is_in_the_table() -> None:
    rooms = {path.name for path in DOMAIN.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert rooms == set(re.findall(r"^\| `(\w+)/` \|", PAGE, re.MULTILINE))


@pytest.mark.parametrize(
    "room", ["domain", "domain/approval", "domain/run", "domain/messages", "application", "application/stopping", "adapters", "handlers"]
)
def test_packages_on_the_stop_paths_import_nothing_by_themselves(room: str) -> None:
    text = (DOMAIN.parent / room / "__init__.py").read_text()
    assert not [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import | ast.ImportFrom)]
