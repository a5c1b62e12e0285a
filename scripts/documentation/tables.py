"""Markdown of the generated pages: tables, cells and the texts that they take from the code."""

import ast
import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def make_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [columns, ["---"] * len(columns), *(tuple(_make_cell(cell) for cell in row) for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def make_code(text: str) -> str:
    """A text in the code font; nothing for an empty one."""
    return f"`{text}`" if text else ""


def read_docstrings(path: str, class_name: str) -> dict[str, str]:
    """The docstrings below the attributes of a class, on one line each, by the attribute's name."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    body = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == class_name).body
    docstrings = {}
    for attribute, text in itertools.pairwise(body):
        name = _name_of(attribute)
        if name and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            docstrings[name] = " ".join(str(text.value.value).split())
    return docstrings


def _name_of(node: ast.stmt) -> str:
    target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0] if isinstance(node, ast.Assign) else None
    return target.id if isinstance(target, ast.Name) else ""


def _make_cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
