"""The text of an imported experiment: what was lost of its source, and the definition."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from cli.importing.values import REPLACE
from squall.domain.base.printable import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.importing.experiment import Imported

WIDTH = 110


def render_comments(imported: Imported) -> str:
    """The comments above the definition. Text of the source can't end a comment early: it is made one line."""
    return "".join(f"{line}\n" for line in _list_lines(imported))


def _list_lines(imported: Imported) -> Iterator[str]:
    yield from _wrap(f"Imported by `squall import` from {imported.origin}.")
    if imported.losses:
        yield from _wrap(f"LOST: {len(imported.losses)}. Each is something that the source says and this experiment does not:")
        for loss in imported.losses:
            yield from _wrap(f"- {loss}", indent="  ")
    if REPLACE in str(imported.document):
        yield from _wrap(f"It is not valid until there is a value wherever it says {REPLACE}.")
    if imported.replaced:
        yield from _wrap("Not carried over, because it is replaced:")
        for words in imported.replaced:
            yield from _wrap(f"- {words}", indent="  ")
    if imported.added:
        yield from _wrap(f"The source has no {', '.join(imported.added)}: what stands here is an example, put in yours.")


def _wrap(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(one_line(text), WIDTH, initial_indent=f"# {indent}", subsequent_indent=f"# {indent}{'  ' if indent else ''}")
