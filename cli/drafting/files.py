"""Writes a draft to a file, with the comment by which editors find its schema."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml

from cli.errors import CommandError
from cli.exits import Exit
from infra.places import ROOT

SCHEMAS = ROOT / "schemas"


def write_draft(path: Path, kind: str, document: dict[str, Any], hints: str, *, comments: str = "", replace: bool = False) -> None:
    """Writes the document as YAML, below the comments, and beside its folder the schema, if none is there. Raises
    CommandError; replaces a file only with `replace`."""
    schema = Path("..") / "schemas" / f"{kind}.schema.json"
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w" if replace else "x", encoding="utf-8") as file:
            file.write(f"# yaml-language-server: $schema={schema.as_posix()}\n{comments}{text}{hints}")
        beside = path.parent / schema
        if not beside.exists():
            beside.parent.mkdir(exist_ok=True)
            shutil.copyfile(SCHEMAS / schema.name, beside)
    except FileExistsError:
        raise CommandError(f"{path} exists already.", "Name another FILE.", code=Exit.REFUSED) from None
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.", code=Exit.REFUSED) from error
