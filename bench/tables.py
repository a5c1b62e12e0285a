"""Tables of figures: for a terminal, and as Markdown for docs/bench.md."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from rich.console import Group
from rich.table import Table as RichTable
from rich.text import Text

PROSE_WIDTH = 120
"""Characters in a line of prose in docs/."""


@dataclass(frozen=True)
class Table:
    """A table of figures; the first column has names, the others numbers."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    """How the figures were measured, and their limits."""
    words: bool = False
    """Whether the other columns contain words, too."""

    def rich(self) -> Group:
        """The table for a terminal."""
        table = RichTable()
        for index, column in enumerate(self.columns):
            table.add_column(column, justify="right" if index and self._numeric(index) else "left", overflow="fold")
        for row in self.rows:
            table.add_row(*row)
        return Group(Text(self.title, "bold"), table, *(Text(note) for note in self.notes))

    def markdown(self) -> str:
        """The table as a section of a Markdown document."""
        marks = ["---:" if index and self._numeric(index) else "---" for index in range(len(self.columns))]
        lines = [_table_line(self.columns), _table_line(marks), *(_table_line(row) for row in self.rows)]
        return "\n\n".join([f"## {self.title}", "\n".join(lines), *map(_wrap_prose, self.notes)]) + "\n"

    def _numeric(self, index: int) -> bool:
        return not self.words and all(len(row[index]) <= 24 for row in self.rows)


def _wrap_prose(text: str) -> str:
    """The text in lines as long as those of the documentation."""
    return textwrap.fill(text, PROSE_WIDTH, break_long_words=False, break_on_hyphens=False)


@dataclass(frozen=True)
class Spread:
    """Several measurements of the same quantity."""

    values: tuple[float, ...]
    digits: int = 1

    @property
    def median(self) -> float:
        return median(self.values)

    def __str__(self) -> str:
        """`median (min to max)`, or a dash where nothing was measured."""
        if not self.values:
            return "–"
        if len(self.values) == 1:
            return self._text(self.values[0])
        return f"{self._text(self.median)} ({self._text(min(self.values))} to {self._text(max(self.values))})"

    def _text(self, value: float) -> str:
        return f"{value:.{self.digits}f}"


def read_load() -> float:
    """The load average of the last minute, as a number."""
    return os.getloadavg()[0]


def describe_load(at_start: float) -> str:
    """The load of the machine, in words for the note under figures that depend on it."""
    return f"load average {at_start:.1f} at the start and {read_load():.1f} at the end on {os.cpu_count()} cores"


def _table_line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
