"""`report.md`: the run for a pull request or a chat, short enough to be read there."""

import re
from collections.abc import Iterable

from squall.reporting.elements import Table, Word
from squall.reporting.formatting import plain
from squall.reporting.view import Page

_MARKS = {"good": "✅", "bad": "❌", "open": "❔", "stopped": "🛑", "plain": "▫️"}
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_ACTIVE = re.compile(r"([\\`*_\[\]#|~$]|^[-+=:])")
_NUMBERED = re.compile(r"^(\d+)([.)])")
_BROKEN = "\u200b"
_REFERENCES = re.compile(r"([@#])(?=\w)|(?<=:)(?=//)|(?<=www)(?=\.)|(?<=gh)(?=-\d)", re.IGNORECASE)
"""What GitHub and chats turn into mentions, references and links after rendering, whatever was escaped."""


def escaped(value: object) -> str:
    """Text of anybody as text in Markdown: one line, nothing in it is markup, a table's cell, a mention, a reference or a link."""
    line = _REFERENCES.sub(lambda found: found[0] + _BROKEN, " ".join(plain(value).split()))
    return _NUMBERED.sub(r"\1\\\2", _ACTIVE.sub(r"\\\1", line).translate(_ENTITIES))


def markdown(page: Page) -> str:
    """`report.md`."""
    blocks = [
        f"## {_MARKS[page.word.tone]} {escaped(page.title)}: {escaped(page.word.text)}",
        f"**{escaped(page.reason)}**",
        f"{escaped(page.hypothesis)}: “{escaped(page.hypothesis_text)}”" if page.hypothesis_text else "",
        escaped(page.story),
        _table(page.criteria, (0, 1, 2, 3, 5)),
        "\n".join(f"- {escaped(tile.label)}: **{escaped(tile.value)}** {escaped(tile.note)}".rstrip() for tile in page.tiles),
        *_lists(page),
        "### Where to look\n\n" + "\n".join([*(f"- [{escaped(link.label)}]({link.url})" for link in page.links), *_paths(page)]),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _lists(page: Page) -> Iterable[str]:
    findings = [f"{finding.severity.text}: {finding.title}. {finding.detail}" for finding in page.findings]
    compared = [f"{one.title}: {sentence}" for one in page.compared for sentence in one.sentences]
    refused = [f"{row[0]}: {row[2]}" for row in page.checks_failed.rows]
    for title, items in (
        ("Refused", [*page.problems, *refused]),
        ("Compared with before", compared),
        ("Findings", findings),
        ("What to do", page.improvements),
    ):
        if items:
            yield f"### {title}\n\n" + "\n".join(f"- {escaped(item)}" for item in items)


def _table(made: Table, chosen: tuple[int, ...]) -> str:
    if not made.rows:
        return ""
    lines = [[made.columns[index] for index in chosen], ["---"] * len(chosen)]
    lines += [[_cell(row[index]) for index in chosen] for row in made.rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    return f"{_MARKS[value.tone]} {escaped(value.text)}" if isinstance(value, Word) else escaped(value)


def _paths(page: Page) -> Iterable[str]:
    return (f"- `{file}`" for file in page.files)
