"""A handler reads its inputs, calls one function of the application and returns one word (docs/architecture.md)."""

from __future__ import annotations

import ast
from functools import cached_property
from pathlib import Path

import pytest

from squall.application import step as step_module
from squall.wiring import Wiring
from tests.unit.tools.test_asl import OUTSIDE

HANDLERS = {path.stem: path.read_text() for path in (Path(__file__).parents[3] / "lambdas" / "squall" / "handlers").glob("[a-z]*.py")}
MOST_STATEMENTS = 8
LOOPS = (ast.For, ast.While, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
BRANCHES = (ast.If, ast.IfExp, ast.Match)
NEVER = (*LOOPS, ast.Try, ast.With, ast.Lambda, ast.Raise)


def handler_of(tree: ast.Module) -> ast.FunctionDef:
    (function,) = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    return function


def broken_rules(source: str) -> set[str]:
    """Which of the rules a handler's module breaks."""
    tree = ast.parse(source)
    body = [node for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom | ast.Expr)]
    broken = set()
    if [type(node) for node in body if not _is_protocol(node)] != [ast.FunctionDef]:
        return {"defines something beside its handler"}
    function = handler_of(tree)
    nodes = [node for statement in function.body for node in ast.walk(statement)]
    if any(isinstance(node, NEVER) for node in nodes):
        broken.add("loops, catches or raises")
    if sum(isinstance(node, BRANCHES) for node in nodes) > (0 if is_state(function) else 1):
        broken.add("decides")
    if sum(isinstance(node, ast.stmt) for node in nodes) > (2 if is_state(function) else MOST_STATEMENTS):
        broken.add("is long")
    imported = {node.module or "" for node in tree.body if isinstance(node, ast.ImportFrom)}
    if any(module.startswith("squall.") and not module.startswith(("squall.application.", "squall.wiring")) for module in imported):
        broken.add("reaches past the application")
    return broken


def is_state(function: ast.FunctionDef) -> bool:
    """Whether it is a state's handler, made by `@step(…)`."""
    return bool(function.decorator_list)


def _is_protocol(node: ast.stmt) -> bool:
    return isinstance(node, ast.ClassDef) and [ast.unparse(base) for base in node.bases] == ["Protocol"]


@pytest.mark.parametrize("name", sorted(HANDLERS))
def test_a_handler_only_calls_the_application(name: str) -> None:
    assert broken_rules(HANDLERS[name]) == set()


def test_every_state_but_admit_is_made_by_step() -> None:
    states = {name for name, source in HANDLERS.items() if is_state(handler_of(ast.parse(source)))}
    assert set(HANDLERS) - states == {"admit"} | OUTSIDE


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ("@step('A')\ndef handler(step):\n    if step.x:\n        return END", "decides"),
        ("@step('A')\ndef handler(step):\n    a(step)\n    b(step)\n    return NEXT", "is long"),
        ("@step('A')\ndef handler(step):\n    return [one for one in step]", "loops, catches or raises"),
        ("def handler(event, context):\n    try:\n        return a()\n    except KeyError:\n        return {}", "loops, catches or raises"),
        ("def handler(event, context):\n    return _a(event)\n\ndef _a(event):\n    return event", "defines something beside its handler"),
        ("from squall.domain.base.model import Model\n\ndef handler(event, context):\n    return Model()", "reaches past the application"),
    ],
)
def test_a_handler_that_does_more_is_found_out(source: str, rule: str) -> None:
    assert broken_rules(source) == {rule}


SOURCES = {**HANDLERS, "step": (Path(step_module.__file__)).read_text()}


@pytest.mark.parametrize("name", [name for name, source in SOURCES.items() if "prepare(" in source])
def test_what_is_prepared_at_import_is_a_port(name: str) -> None:
    """A port that can't be built is passed over, so a misspelt one would be, too."""
    calls = [node for node in ast.walk(ast.parse(SOURCES[name])) if isinstance(node, ast.Call) and ast.unparse(node.func) == "prepare"]
    ports = [argument.value for call in calls for argument in call.args if isinstance(argument, ast.Constant)]
    assert ports
    assert all(isinstance(vars(Wiring).get(str(port)), cached_property) for port in ports), ports
