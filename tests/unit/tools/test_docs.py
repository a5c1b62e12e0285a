"""What the pages name exists: pages, headings, files, pictures, targets of make, commands of squall and their options."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from cli.main import squall
from infra.settings import Settings
from scripts.documentation.pages import PAGES, SCHEMAS
from scripts.documentation.tables import read_docstrings

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *sorted(DOCS.rglob("*.md")))}
GENERATED = {f"docs/{path}" for path in (*PAGES, *SCHEMAS)}
FENCED = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
SPAN = re.compile(r"`([^`\n]+)`")
COMMAND = re.compile(r"^(?:\.venv/bin/)?(squall|make) ")


def prose(text: str) -> str:
    return FENCED.sub("", text)


def anchors(text: str) -> set[str]:
    """The ids that MkDocs gives to the headings of a page."""
    results: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE):
        plain = re.sub(r"[^\w\s-]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)).strip().lower()
        slug = re.sub(r"[-\s]+", "-", plain)
        number = next(number for number in range(len(results) + 1) if (f"{slug}_{number}" if number else slug) not in results)
        results.add(f"{slug}_{number}" if number else slug)
    return results


def broken_links(name: str, text: str) -> Iterator[str]:
    folder = (ROOT / name).parent
    for link in LINK.findall(SPAN.sub("``", prose(text))):
        target, _, anchor = link.partition("#")
        if target.startswith(("https:", "mailto:")):
            continue
        path = (folder / target).resolve() if target else ROOT / name
        known = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else link
        if (known not in GENERATED and not path.exists()) or (anchor and known in TEXTS and anchor not in anchors(TEXTS[known])):
            yield link


def commands(text: str) -> Iterator[list[str]]:
    """Each `squall …` and `make …` of a page, as words."""
    lines = [line.strip() for language, block in FENCED.findall(text) if language in {"sh", "text"} for line in block.splitlines()]
    for line in [*lines, *SPAN.findall(prose(text))]:
        for command in re.split(r" && |; | \| ", line.partition(" #")[0].replace("…", "")):
            if COMMAND.match(command):
                words = shlex.split(command)
                yield [words[0].rpartition("/")[2], *words[1:]]


@cache
def targets() -> frozenset[str]:
    return frozenset(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def options(command: Any) -> set[str]:
    return {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts) if name.startswith("-")}


@cache
def root() -> Any:
    """The command `squall`, with its commands."""
    return typer.main.get_command(squall)


def unknown(words: list[str]) -> list[str]:
    """What a command names that does not exist."""
    if words[0] == "make":
        return [word for word in words[1:] if re.fullmatch(r"[a-z-]+", word) and word not in targets()]
    command = root()
    known = options(command) | {"--help"}
    missing = []
    for word in words[1:]:
        if word.startswith("-"):
            missing += [word] if word.partition("=")[0] not in known | options(command) else []
        elif hasattr(command, "commands") and re.fullmatch(r"[a-z-]+", word):
            if word not in command.commands:
                return [*missing, word]
            command = command.commands[word]
    return missing


@pytest.mark.parametrize("name", TEXTS)
def test_every_link_and_anchor_leads_somewhere(name: str) -> None:
    assert list(broken_links(name, TEXTS[name])) == []


@pytest.mark.parametrize("name", TEXTS)
def test_every_command_and_option_exists(name: str) -> None:
    assert [(words, missing) for words in commands(TEXTS[name]) if (missing := unknown(words))] == []


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("`squall fly`", ["fly"]),
        ("`squall run x --fast`", ["--fast"]),
        ("```sh\n.venv/bin/squall --local local sideways\n```", ["sideways"]),
        ("`make fly`", ["fly"]),
        ("`squall --local run x --duration=45s`", []),
        ('`make deploy CONTEXT="a=b"`', []),
    ],
)
def test_what_does_not_exist_is_found(text: str, missing: list[str]) -> None:
    assert [word for words in commands(text) for word in unknown(words)] == missing


@pytest.mark.parametrize("link", ["nowhere.md", "policy.md#nowhere", "#nowhere", "images/nowhere.png", "../nowhere.py"])
def test_a_broken_link_is_found(link: str) -> None:
    assert list(broken_links("docs/faults.md", f"[text]({link})")) == [link]


@pytest.mark.parametrize("name", TEXTS)
def test_each_test_that_a_page_names_exists(name: str) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXTS[name])
    assert [f"{file}::{test}" for file, test in named if f"\ndef {test}(" not in (ROOT / file).read_text(encoding="utf-8")] == []


def test_each_page_stands_once_in_the_navigation() -> None:
    pages = re.findall(r"[\w/-]+\.md", str(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]))
    assert sorted(pages) == sorted([*(name.removeprefix("docs/") for name in TEXTS if name != "README.md"), *PAGES])


def test_every_setting_has_a_meaning() -> None:
    assert set(Settings.model_fields) - set(read_docstrings("infra/settings.py", "Settings")) == set()


def test_the_readme_is_short() -> None:
    assert len(TEXTS["README.md"].splitlines()) < 120
