"""The names of a timeline's events have one home, and what is stored under them stays readable."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from squall.adapters.dynamodb.items import from_item, to_item
from squall.domain.base.vocabulary import Status
from squall.domain.run.fis_state import TERMINAL_FIS_STATUSES
from squall.domain.run.record import Event
from squall.domain.run.timeline import DECIDES, EventName, UnknownEvent, fis_ended
from tests.unit.builders import record

ROOT = Path(__file__).parents[4]
HOME = ROOT / "lambdas" / "squall" / "domain" / "run" / "timeline.py"
OWN_PROTOCOL = ("local/workload/", "local/kubernetes/")
"""The processes of the local workload have events of their own, in lines of JSON."""
SAME_WORD = {"cli/commands": {"left_alone"}, "domain/result": {"not_recovered"}, "application/stopping": {"left_alone"}}
"""By folder: a kind of finding, and a key of the abort function's answer, that are called as an event is."""
STORED = set(
    re.findall(
        r"\w+",
        """
abort_requested action_started admitted alarm announced approval_given approval_holds approval_refused approval_requested approved
baseline_captured chats_not_reached
closed compared discovered failed fault_not_proven fault_over fault_proven fault_started finally_safe finding_not_remembered
fis_cancelled fis_completed fis_failed fis_stopped guards_armed guards_not_removed guards_removed instance_replaced invalid judged
late_start_stopped
left_alone left_behind locked locking not_announced not_answered not_recovered not_stopped notified part_ready peers_told planned queued
pins_proven recorded recovered redrive_refused rejected report_failed reported requester_proven resolved_targets_unknown rollback_ended
rollback_overdue rollback_started
rollback_starting rollback_verified safety_checked sentinel_restarted sentinel_started slot_taken starting state_failed stop_requested
template_created template_deleted unrecorded vote_not_confirmed
""",
    )
)


def sources() -> list[Path]:
    result = (path for folder in ("lambdas", "cli", "local", "bench", "infra", "scripts") for path in (ROOT / folder).rglob("*.py"))
    return [path for path in result if path != HOME and not str(path.relative_to(ROOT)).startswith(OWN_PROTOCOL)]


def literals(node: ast.AST) -> Iterator[str]:
    """Every string literal anywhere in a node."""
    yield from (part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str))


def values(node: ast.AST) -> Iterator[str]:
    """The words among what an expression may be, or is compared with; a sentence is no event's name."""
    if isinstance(node, ast.IfExp):
        yield from (text for part in (node.body, node.orelse) for text in values(part))
    elif isinstance(node, ast.BoolOp):
        yield from (text for part in node.values for text in values(part))
    elif isinstance(node, ast.Tuple | ast.Set | ast.List):
        yield from (text for part in node.elts for text in values(part))
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
        yield node.value


def is_event(node: ast.expr) -> bool:
    by_name = isinstance(node, ast.Attribute) and node.attr == "event"
    by_key = isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and node.slice.value == "event"
    return by_name or by_key


def event_positions(tree: ast.AST) -> Iterator[ast.AST]:
    """What is written as an event's name, or compared with one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id if isinstance(node.func, ast.Name) else ""
            if name in {"note", "happened"} or (name == "event" and isinstance(node.func, ast.Attribute)):
                yield from node.args[:1]
            if name == "Event":
                yield from node.args[1:2]
            yield from (keyword.value for keyword in node.keywords if keyword.arg == "event" and name in {"Event", "decide", "replace"})
        if isinstance(node, ast.Compare) and any(map(is_event, [node.left, *node.comparators])):
            yield from (side for side in [node.left, *node.comparators] if not is_event(side))


def test_no_event_is_written_or_compared_as_a_literal() -> None:
    results = {(path.name, text) for path in sources() for node in event_positions(ast.parse(path.read_text())) for text in values(node)}
    assert results == set()


def test_a_name_that_can_only_be_an_events_stands_in_its_home_alone() -> None:
    names = {name.value for name in EventName if "_" in name}
    for path in sources():
        used = names & set(literals(ast.parse(path.read_text())))
        assert used <= SAME_WORD.get("/".join(path.parts[-3:-1]), set()), path


def test_the_check_finds_a_literal() -> None:
    tree = ast.parse('step.note("a" if x else "b")\nEvent(now, "c")\nx = event.event == "d"\ny = event["event"] in ("e", "f")')
    assert sorted(text for node in event_positions(tree) for text in values(node)) == ["a", "b", "c", "d", "e", "f"]


def test_stored_names_do_not_change() -> None:
    assert {name.value for name in EventName} == STORED


def test_exactly_the_events_that_are_read_again_decide_something() -> None:
    asked: set[str] = set()
    for path in (ROOT / "lambdas" / "squall").rglob("*.py"):
        for function in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)):
            calls = [node for node in ast.walk(function) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
            asked |= {ast.unparse(argument) for call in calls if call.func.attr == "happened" for argument in call.args}  # type: ignore[attr-defined]
    by_name = {text.removeprefix("EventName.") for text in asked if text.startswith("EventName.")}
    by_variable = {EventName.NOTIFIED, EventName.ANNOUNCED, EventName.REPORTED, EventName.REPORT_FAILED}
    assert by_name | {name.name for name in by_variable} == {name.name for name in DECIDES}


def test_every_terminal_status_of_fis_has_its_event() -> None:
    assert {fis_ended(status).value for status in TERMINAL_FIS_STATUSES} == {f"fis_{status}" for status in TERMINAL_FIS_STATUSES}


@pytest.mark.parametrize("status", [Status.REJECTED, Status.FAILED, Status.PLANNED])
def test_a_decided_status_is_an_event(status: Status) -> None:
    assert EventName(status.value)


def test_an_event_of_another_version_is_still_readable() -> None:
    now = datetime(2030, 1, 7, tzinfo=UTC)
    stored = to_item(record(events=(Event(now, EventName.ADMITTED), Event(now, UnknownEvent("from_the_future"), "detail"))))
    read = from_item(stored)
    assert [(event.event, event.detail) for event in read.events] == [("admitted", ""), ("from_the_future", "detail")]
    assert isinstance(read.events[0].event, EventName)
    assert to_item(read) == stored


def test_the_names_load_without_pydantic() -> None:
    code = "import sys, squall.domain.run.timeline, squall.domain.run.record; print('pydantic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT / "lambdas")
    assert done.stdout.strip() == "False"
