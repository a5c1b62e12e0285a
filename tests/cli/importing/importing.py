"""The sources under `tests/data/import`, and what becomes of one."""

import copy
import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from cli.importing.experiment import Imported, Refused, import_source
from cli.importing.reading import read_file
from cli.importing.sources import list_sources
from squall.domain.base.problems import InvalidInput
from squall.domain.policy.environment import Environment

FOLDER = Path(__file__).parents[2] / "data" / "import"
FILES = sorted(path.name for path in FOLDER.iterdir())


def read(name: str) -> Any:
    return read_file(str(FOLDER / name))


def import_document(
    document: Any, region: str | None = None, listed: dict[str, Any] | None = None, **more: Any
) -> list[Imported | Refused]:
    """What becomes of the document, with these custom actions, and more, in the policy. Raises InvalidInput if it is no source."""
    policy = Environment.model_validate({"name": "staging", "custom_actions": listed or {}, **more})
    return [made for source in list_sources(copy.deepcopy(document), "source") for made in import_source(source, policy, region)]


def only(made: list[Imported | Refused]) -> Imported:
    """The one experiment."""
    (imported,) = made
    assert isinstance(imported, Imported), imported
    return imported


def show_outcome(made: list[Imported | Refused]) -> str:
    """Everything that people see of the outcome."""
    parts: list[str] = []
    for each in made:
        if isinstance(each, Imported):
            lost = [json.dumps(loss.value, default=str) for loss in each.losses]
            parts += [json.dumps(each.document, default=str), *(str(loss) for loss in each.losses), *lost, *each.replaced]
        else:
            parts += [str(problem) for problem in each.problems]
    return "\n".join(parts)


def walk(value: Any, without: Collection[str] = ()) -> Iterator[dict[str, Any]]:
    """Every object in the value, apart from what is below these keys."""
    if isinstance(value, dict):
        yield value
        for key, inner in value.items():
            if key not in without:
                yield from walk(inner, without)
    for inner in value if isinstance(value, list) else ():
        yield from walk(inner, without)


def show_import(document: Any) -> str:
    """What people see, also if the document is no source."""
    try:
        return show_outcome(import_document(document))
    except InvalidInput as invalid:
        return str(invalid)
