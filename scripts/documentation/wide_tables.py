"""Wide tables of the site: on a phone, each is shown as a list of rows, in which a cell has its column's name."""

import re

WIDE = 4
"""Columns from which a table is wide."""
_TABLE = re.compile(r"<table>.*?</table>", re.DOTALL)
_HEADING, _ROW = re.compile(r"<th[^>]*>(.*?)</th>", re.DOTALL), re.compile(r"<tr>.*?</tr>", re.DOTALL)
_TAG = re.compile(r"<[^>]+>")


def label_tables(html: str) -> str:
    """The page's HTML, with `data-wide` on each wide table and the column's name as `data-label` in each of its cells."""
    return _TABLE.sub(lambda match: _label_cells(match.group(0)), html)


def _label_cells(table: str) -> str:
    headings = [_TAG.sub("", heading).strip().replace('"', "&quot;") for heading in _HEADING.findall(table)]
    if len(headings) < WIDE:
        return table

    def label_row(row: re.Match[str]) -> str:
        names = iter(headings)
        return re.sub("<td", lambda _: f'<td data-label="{next(names, "")}"', row.group(0))

    return _ROW.sub(label_row, table).replace("<table>", "<table data-wide>", 1)
