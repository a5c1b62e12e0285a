"""`report.md`: the report of a run for a pull request or a chat."""

import re
from collections.abc import Iterable

from squall.domain.base.printable import one_line
from squall.reporting.elements import Table, Word
from squall.reporting.view import Page

MARKS = {"good": "✅", "bad": "❌", "open": "❔", "stopped": "🛑", "broken": "💥", "plain": "▫️"}
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_ACTIVE = re.compile(r"([\\`*_\[\]#|~$]|^[-+=:])")
_NUMBERED = re.compile(r"^(\d+)([.)])")
_BREAK = "\u200b"
_REFERENCES = re.compile(r"([@#])(?=\w)|(?<=:)(?=//)|(?<=www)(?=\.)|(?<=gh)(?=-\d)", re.IGNORECASE)
"""Texts that GitHub and chats turn into mentions, references and links even if they are escaped."""


def escape_text(value: object) -> str:
    """Text from outside as one line of Markdown that contains no markup, table cell, mention, reference or link."""
    line = _REFERENCES.sub(lambda match: match[0] + _BREAK, " ".join(one_line(str(value)).split()))
    return _NUMBERED.sub(r"\1\\\2", _ACTIVE.sub(r"\\\1", line).translate(_ENTITIES))


def render_markdown(page: Page) -> str:
    """The text of `report.md`."""
    blocks = [
        f"## {MARKS[page.word.tone]} {escape_text(page.title)}: {escape_text(page.word.text)}",
        f"**{escape_text(page.reason)}**",
        f"{escape_text(page.hypothesis)}: “{escape_text(page.hypothesis_text)}”" if page.hypothesis_text else "",
        escape_text(page.story),
        _render_table(page.criteria, (0, 1, 2, 3, 5)),
        "\n".join(f"- {escape_text(tile.label)}: **{escape_text(tile.value)}** {escape_text(tile.note)}".rstrip() for tile in page.tiles),
        f"### Faults\n\n{faults}" if (faults := _render_table(page.faults, (0, 1, 2, 3, 4, 5))) else "",
        f"### Guards on healthy runs\n\n{guards}" if (guards := _render_table(page.guards, (0, 1, 2, 3))) else "",
        *_render_lists(page),
        "### Where to look\n\n" + "\n".join([*(f"- [{escape_text(link.label)}]({link.url})" for link in page.links), *_render_paths(page)]),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _render_lists(page: Page) -> Iterable[str]:
    findings = [f"{finding.severity.text}: {finding.title}. {finding.detail}" for finding in page.findings]
    comparisons = [f"{metric.title}: {sentence}" for metric in page.compared for sentence in metric.sentences]
    refused = [f"{row[0]}: {row[2]}" for row in page.checks_failed.rows]
    for title, items in (
        ("Refused", [*page.problems, *refused]),
        ("Compared with the baseline", comparisons),
        ("Findings", findings),
        ("What to do next", page.improvements),
    ):
        if items:
            yield f"### {title}\n\n" + "\n".join(f"- {escape_text(item)}" for item in items)


def _render_table(made: Table, chosen: tuple[int, ...]) -> str:
    if not made.rows:
        return ""
    lines = [[made.columns[index] for index in chosen], ["---"] * len(chosen)]
    lines += [[render_cell(row[index]) for index in chosen] for row in made.rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def render_cell(value: object) -> str:
    """A word with its mark, or a text."""
    return f"{MARKS[value.tone]} {escape_text(value.text)}" if isinstance(value, Word) else escape_text(value)


def _render_paths(page: Page) -> Iterable[str]:
    return (f"- `{file}`" for file in page.files)
