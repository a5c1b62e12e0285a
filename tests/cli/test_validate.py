"""`squall validate`: every problem at once, where it stands, and no terminal is steered by a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.arguments import definitions
from tests.cli.conftest import Squall

REL12 = Path(__file__).parents[2] / "local" / "data" / "seed-experiment.json"
BAD = """\
name: Bad
description: x
type: instance_terminatio
hypothesis: h
blast_radius: single_instance
target_resources: [i-1234567890abcdef0]
duration_minutes: -5
rollback_plan: none
unknown_key: 1
success_criteria:
  - System availability >> 99%
abort_conditions: ["System availability < 95 bananas"]
environment: staging
"""


def _file(folder: Path, text: str, name: str = "experiment.yaml") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def test_rel12_bp05_is_valid_as_it_stands(squall: Squall) -> None:
    done = squall("validate", str(REL12))
    assert (done.exit_code, done.stdout) == (0, f"{REL12}: valid\n")


def test_every_problem_is_told_at_once_with_line_found_and_caret(squall: Squall, tmp_path: Path) -> None:
    path = _file(tmp_path, BAD)
    done = squall("validate", path)
    assert done.exit_code == 3
    for line in (3, 7, 9, 11, 12):
        assert f"{path}:{line}: " in done.stdout
    assert 'found     "instance_terminatio"' in done.stdout
    sentence, caret = done.stdout.split("      System availability < 95 bananas\n")[0], done.stdout.splitlines()
    assert sentence
    pointer = caret[caret.index("      System availability < 95 bananas") + 1]
    assert pointer.index("^") == "      System availability < 95 bananas".index("bananas")


def test_one_bad_file_among_good_ones_decides(squall: Squall, tmp_path: Path) -> None:
    done = squall("validate", str(REL12), _file(tmp_path, BAD), "--json")
    document = json.loads(done.stdout)
    assert done.exit_code == 3
    assert [file["valid"] for file in document["files"]] == [True, False]
    assert {problem["path"] for problem in document["files"][1]["problems"]} >= {
        "type",
        "duration_minutes",
        "unknown_key",
        "abort_conditions[0]",
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: 1\na: 2\n", "given twice"),
        ("a: [1", "is not YAML"),
        ("a: &x [1]\nb: *x\n", "aliases"),
        ("- 1\n", "expected"),
        ("", "expected"),
        ("a: !!python/object/apply:os.system [true]\n", "is not YAML"),
        ("a: " + "[" * 3000, "YAML"),
        ("a" * 70_000, "at most"),
    ],
)
def test_what_is_no_definition_is_an_error_not_a_crash(squall: Squall, tmp_path: Path, content: str, message: str) -> None:
    done = squall("validate", _file(tmp_path, content))
    assert done.exit_code == 3
    assert message in done.stdout
    assert "Traceback" not in done.output


def test_bad_json_names_its_line(squall: Squall, tmp_path: Path) -> None:
    path = _file(tmp_path, '{\n "name": \n}', "experiment.json")
    assert f"{path}:3: $: is not JSON" in squall("validate", path).stdout


def test_missing_and_binary_files(squall: Squall, tmp_path: Path) -> None:
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    done = squall("validate", str(tmp_path / "none.yaml"), str(binary), str(tmp_path))
    assert done.exit_code == 3
    assert "no such file" in done.stdout
    assert "UTF-8" in done.stdout


def test_a_hostile_file_steers_no_terminal(squall: Squall, tmp_path: Path) -> None:
    text = BAD.replace("instance_terminatio", '"[red]x[/] \\u001b[31m \\u202e\\u0007"')
    done = squall("validate", _file(tmp_path, text))
    assert done.exit_code == 3
    assert "[red]x[/]" in done.stdout
    assert not set("\x1b\x07\u202e") & set(done.stdout)


def test_dates_stay_text(tmp_path: Path) -> None:
    source = definitions.read_source(_file(tmp_path, "when: 2026-01-01\n"))
    assert source.raw == {"when": "2026-01-01"}


@pytest.mark.parametrize(("path", "line"), [("a.b[1]", 4), ("a.b[1].missing", 4), ("nothing", None), ("$", None)])
def test_a_field_is_found_by_its_path(tmp_path: Path, path: str, line: int | None) -> None:
    source = definitions.read_source(_file(tmp_path, "a:\n  b:\n    - one\n    - two\n"))
    assert source.line(path) == line


def test_found_follows_a_path(tmp_path: Path) -> None:
    source = definitions.read_source(_file(tmp_path, "a:\n  b:\n    - one\n    - two\n"))
    found: Any = source.value_at("a.b[1]")
    assert (found, source.value_at("a.c"), source.value_at("a.b[7]")) == ("two", None, None)


@pytest.mark.parametrize("content", ["? [a, b]\n: c\n", "? {a: b}\n: c\n"])
def test_a_key_that_is_no_text_is_a_finding(squall: Squall, tmp_path: Path, content: str) -> None:
    file = tmp_path / "odd.yaml"
    file.write_text(content)
    done = squall("validate", str(file))
    assert done.exit_code == 3
    assert "a key is a list or an object" in done.output
