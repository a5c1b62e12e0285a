"""How a followed run looks on a terminal and elsewhere, and what the watcher makes of what it reads."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from rich.console import Console

from cli import render
from cli.aws.stack import Machine
from cli.errors import CommandError
from cli.following.readings import Reading, make_reading
from cli.following.views import Lines, Terminal, choose_view
from cli.following.watch import STATES, Snapshot, Watcher
from cli.text import clean_line, format_number, format_seconds
from local.demo import describe_changes, describe_reaction
from squall.domain.base.vocabulary import CheckOutcome, Status
from squall.domain.documents.result import TimelineEvent
from squall.domain.documents.safety import Safety, SafetyCheck
from squall.domain.language.parse import parse_criterion
from squall.domain.language.sentences import Threshold
from tests.cli.fakes import HOSTILE, START, FakeDeployment, event, record

GUARD = Reading("guard", "System availability < 95%", "percent", 95.0, 99.2, (99.0, 98.5, 99.2), breached=False)
FAILING = Reading("criterion", "Response time < 2 seconds", "seconds", 2.0, 3.5, (1.0, 3.5), breached=True)


def _console(width: int = 120) -> Console:
    return Console(record=True, width=width, file=StringIO(), force_terminal=True, markup=False, emoji=False, highlight=False)


def _snapshot(**changes: object) -> Snapshot:
    values: dict[str, object] = {
        "execution_id": "run-1",
        "now": START + timedelta(seconds=42),
        "record": record(),
        "readings": (GUARD, FAILING),
    }
    return Snapshot(**{**values, **changes})  # type: ignore[arg-type]


def test_the_region_shows_state_elapsed_and_metrics_against_thresholds() -> None:
    console = _console()
    snapshot = _snapshot(record=record(fault_started_at=START + timedelta(seconds=12), fault_seconds=45))
    console.print(Terminal(console, "Instance termination", "us-east-1").make_region(snapshot))
    text = console.export_text()
    for words in (
        "Instance termination · run-1 · staging · us-east-1 · 42 s",
        "✓ FinalCheck",
        "▶ WatchFault",
        "· StopFault",
        "30 s of 45 s",
    ):
        assert words in text
    assert "99.2 %" in text
    assert "3.5 s" in text
    assert "not met" in text


def test_the_live_view_leaves_the_lines_and_takes_the_region_away() -> None:
    console = _console()
    with Terminal(console, "x", "here") as view:
        view.show(_snapshot(new_events=(event("fault_started", 12, "EXP1"),)))
    assert "fault_started" in console.export_text()


@pytest.mark.parametrize("width", [40, 80, 200])
def test_any_width_works(width: int) -> None:
    console = _console(width)
    console.print(Terminal(console, HOSTILE, "here").make_region(_snapshot()))
    assert "\x07" not in console.export_text()


def test_checks_are_shown_once() -> None:
    console = _console()
    safety = Safety(at=START, checks=(SafetyCheck(name="rollback_plan", outcome=CheckOutcome.FAILED, detail=HOSTILE),))
    lines = Lines(console)
    lines.show(_snapshot(safety=safety))
    lines.show(_snapshot(safety=safety))
    text = console.export_text()
    assert text.count("rollback_plan") == 1
    assert "[bold red]evil[/]" in text


def test_a_pipe_gets_lines_and_a_terminal_a_live_view() -> None:
    assert type(choose_view(Console(file=StringIO()), "x", "y")) is Lines
    assert type(choose_view(_console(), "x", "y")) is Terminal


def test_every_state_is_in_the_progress_and_an_unknown_one_too() -> None:
    console = _console()
    console.print(render.make_progress(STATES, "Judge"), render.make_progress(STATES, "Elsewhere"))
    text = console.export_text()
    assert all(f" {state}" in text for state in STATES)
    assert "▶ Elsewhere" in text


def test_a_run_that_ended_before_its_fault_claims_no_state_it_left_out() -> None:
    console = _console()
    view = Terminal(console, "x", "here")
    view.make_region(_snapshot(record=record(phase="CheckSafety")))
    console.print(view.make_region(_snapshot(record=record(phase="Release", status=Status.REJECTED))))
    text = console.export_text()
    for words in ("✓ CheckSafety", "– AcquireLock", "– StartFault", "✓ StopFault", "– WatchRecovery", "✓ Release"):
        assert words in text


@pytest.mark.parametrize("state", ["StopFault", "Compare", "Judge"])
def test_a_state_named_after_the_fault_says_so_if_there_was_none(state: str) -> None:
    """Every run passes these states, also a plan. A run whose fault may have started is told nothing of the kind."""
    console = _console(200)
    never, begun = record(phase=state, only_plans=True), record(phase=state, fis_experiment_id="EXP1")
    Lines(console).show(_snapshot(record=never))
    console.print(Terminal(console, "x", "here").make_region(_snapshot(record=never)))
    assert console.export_text().count("no fault was started") == 2
    Lines(console).show(_snapshot(record=begun))
    assert "no fault was started" not in console.export_text()


@pytest.mark.parametrize(("values", "line"), [((), ""), ((1.0, 1.0), "▁▁"), ((0.0, 1.0), "▁█"), ((0.0, 0.5, 1.0), "▁▅█")])
def test_sparkline(values: tuple[float, ...], line: str) -> None:
    assert render.draw_sparkline(values) == line
    assert len(render.draw_sparkline(values, unicode=False)) == len(values)


def _threshold(text: str) -> Threshold:
    parsed = parse_criterion(text)
    assert isinstance(parsed, Threshold)
    return parsed


def test_a_guard_breaches_when_it_holds_and_a_criterion_when_it_does_not() -> None:
    assert make_reading("guard", _threshold("System availability < 95%"), [99.0, 90.0], None).breached is True
    assert make_reading("criterion", _threshold("System availability > 99%"), [99.0, 90.0], None).breached is True
    assert make_reading("criterion", _threshold("System availability > 99%"), [99.5], None).breached is False
    assert make_reading("guard", _threshold("System availability < 95%"), [], None).breached is None


def test_a_relative_criterion_is_compared_with_the_baseline() -> None:
    threshold = _threshold("Response time increases by < 20% vs baseline")
    reading = make_reading("criterion", threshold, [1.1], 1.0)
    assert reading.value == pytest.approx(10.0)
    assert make_reading("criterion", threshold, [1.1], None).value is None


def test_events_are_told_once_however_often_the_record_is_read() -> None:
    source = FakeDeployment(scripts={"run-1": [record(events=(event("a"),)), record(events=(event("a"), event("b")))]})
    watcher = Watcher(source, "run-1")
    assert [e.event for e in watcher.look(START).new_events] == ["a"]
    assert [e.event for e in watcher.look(START).new_events] == ["b"]
    assert watcher.look(START).new_events == ()


def test_the_end_is_when_the_workflow_has_released_everything() -> None:
    source = FakeDeployment(scripts={"run-1": [record(status=Status.COMPLETED)]}, machines={"run-1": Machine("RUNNING")})
    watcher = Watcher(source, "run-1")
    assert not watcher.look(START).over
    source.machines["run-1"] = Machine("SUCCEEDED")
    assert watcher.look(START).over


def test_an_execution_that_died_without_a_record_is_an_error() -> None:
    watcher = Watcher(FakeDeployment(machines={"run-1": Machine("FAILED", "Boom", "it broke")}), "run-1")
    watcher.look(START)
    with pytest.raises(CommandError, match=r"ended FAILED in Step Functions.*Boom it broke") as caught:
        watcher.look(START + timedelta(seconds=20))
    assert caught.value.code == 5


def test_an_execution_stopped_from_outside_is_waited_for_until_it_is_closed() -> None:
    running, closed = record(), record(status=Status.ABORTED)
    watcher = Watcher(FakeDeployment(scripts={"run-1": [running, running, closed]}, machines={"run-1": Machine("ABORTED")}), "run-1")
    assert not watcher.look(START).over
    assert not watcher.look(START + timedelta(seconds=100)).over
    assert watcher.look(START + timedelta(seconds=101)).over


def test_a_failed_look_is_told_and_the_run_followed_on() -> None:
    source = FakeDeployment(scripts={"run-1": [record()]})
    watcher = Watcher(source, "run-1")
    watcher.look(START)
    failing = [True]
    ordinary = source.record

    def sometimes(execution_id: str) -> object:
        if failing[0]:
            raise CommandError("AWS is throttling GetItem.")
        return ordinary(execution_id)

    source.record = sometimes  # type: ignore[method-assign, assignment]
    assert watcher.look(START + timedelta(seconds=1)).trouble == "AWS is throttling GetItem."
    failing[0] = False
    assert watcher.look(START + timedelta(seconds=2)).trouble == ""
    failing[0] = True
    watcher.look(START + timedelta(seconds=3))
    with pytest.raises(CommandError):
        watcher.look(START + timedelta(seconds=200))


def test_text_from_outside_is_one_harmless_line() -> None:
    assert clean_line("a\nb\x1b[2J\u202e\u200bc") == "a b[2Jc"
    assert clean_line("x" * 50, 10) == "x" * 9 + "…"


@pytest.mark.parametrize(("value", "text"), [(None, "—"), (99.87, "99.87"), (12345.6, "12,346"), (0.5, "0.5")])
def test_numbers(value: float | None, text: str) -> None:
    assert format_number(value) == text


@pytest.mark.parametrize(("value", "text"), [(45, "45 s"), (600, "10 min"), (725, "12 min 5 s"), (7260, "2 h 1 min")])
def test_lengths_of_time(value: float, text: str) -> None:
    assert format_seconds(value) == text


def test_the_demo_counts_seconds_from_alarm_to_stop_in_the_timeline() -> None:
    names = (("abort_requested", 10.0), ("stop_requested", 10.4), ("fis_stopped", 12.0))
    timeline = [TimelineEvent(at=START + timedelta(seconds=at), event=name) for name, at in names]
    assert describe_reaction(timeline) == [
        "FIS was asked to stop 0.4 s after the alarm",
        "the workflow saw FIS stopped 2.0 s after the alarm",
    ]
    assert describe_reaction(timeline, START + timedelta(seconds=11))[-1] == "FIS had stopped 1.0 s after the alarm, by its own clock"
    assert describe_reaction(timeline[1:]) == []


def test_the_demo_names_killed_and_new_processes() -> None:
    before: dict[str, dict[str, object]] = {"i-1": {"pid": 10}, "i-2": {"pid": 11}}
    after: dict[str, dict[str, object]] = {"i-1": {"pid": None}, "i-2": {"pid": 11}, "i-3": {"pid": 12, "zone": "us-east-1a"}}
    assert describe_changes(before, after) == ["process 10 of i-1 was killed", "process 12 of i-3 (us-east-1a) took its place"]
