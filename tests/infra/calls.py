"""Which methods of which port a handler can reach, read from the source: the application's functions are followed by name."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from infra.places import ROOT

PACKAGE = ROOT / "lambdas" / "squall"
STEP = PACKAGE / "application" / "step.py"
Definition = ast.FunctionDef | ast.ClassDef
Call = tuple[str, str]


@dataclass
class Module:
    definitions: dict[str, Definition] = field(default_factory=dict)
    imported: dict[str, tuple[Path, str]] = field(default_factory=dict)
    """Local name to the application module and the name there; the empty name is the module itself."""


@cache
def ports() -> dict[str, frozenset[str]]:
    """Attribute of the wiring to the methods of its protocol."""
    wiring = ast.parse((PACKAGE / "wiring.py").read_text())
    protocols = {
        node.name: frozenset(entry.name for entry in node.body if isinstance(entry, ast.FunctionDef))
        for module in sorted((PACKAGE / "ports").glob("*.py"))
        for node in ast.parse(module.read_text()).body
        if isinstance(node, ast.ClassDef)
    }
    returned = {
        node.name: node.returns.id for node in ast.walk(wiring) if isinstance(node, ast.FunctionDef) and isinstance(node.returns, ast.Name)
    }
    results = {name: protocols[protocol] for name, protocol in returned.items() if protocol in protocols}
    if not results:
        raise AssertionError("no port was found in wiring.py: every test that asks what a function reaches would pass")
    return results


def reachable(handler: str) -> frozenset[Call]:
    """Port methods that anything in the handler's module can reach, as `("faults", "start")`."""
    path = PACKAGE / "handlers" / f"{handler}.py"
    results: set[Call] = set()
    observed: set[tuple[Path, str]] = set()
    pending = [(path, name) for name in parse(path).definitions]
    while pending:
        place = pending.pop()
        module = parse(place[0])
        if place in observed or place[1] not in module.definitions:
            continue
        observed.add(place)
        for node in _inside(place, module.definitions[place[1]]):
            results |= _port_call(node)
            pending += _followed(node, place[0], module)
    return frozenset(results)


def _inside(place: tuple[Path, str], definition: Definition) -> Iterator[ast.AST]:
    """Of `Step` only its fields: whoever holds one calls it `step`, and what is called of it is followed by name."""
    if place != (STEP, "Step"):
        return ast.walk(definition)
    return (node for part in definition.body if not isinstance(part, ast.FunctionDef) for node in ast.walk(part))


@cache
def parse(path: Path) -> Module:
    """Definitions of a module, methods of its classes included, and what it takes from the application."""
    module = Module()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            module.definitions[node.name] = node
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("squall.application"):
            for alias in node.names:
                module.imported[alias.asname or alias.name] = _source(node.module, alias.name)
    return module


def _source(module: str, name: str) -> tuple[Path, str]:
    folder = PACKAGE.parent / Path(*module.split("."))
    return (folder / f"{name}.py", "") if folder.is_dir() else (folder.with_suffix(".py"), name)


def _port_call(node: ast.AST) -> set[Call]:
    if not isinstance(node, ast.Attribute):
        return set()
    owner = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
    return {(owner, node.attr)} if node.attr in ports().get(owner, ()) else set()


def _followed(node: ast.AST, path: Path, module: Module) -> list[tuple[Path, str]]:
    if isinstance(node, ast.Name):
        return [module.imported.get(node.id, (path, node.id))]
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        owner = node.value.id
        source, name = module.imported.get(owner, (path, owner))
        if owner in ("step", "self"):
            return [(STEP, node.attr)]
        return [(source, node.attr)] if not name else []
    return []
