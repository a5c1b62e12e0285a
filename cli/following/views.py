"""The views of a followed execution: lines everywhere, and on a terminal also a live region below them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol, Self

from rich.console import Group
from rich.live import Live
from rich.panel import Panel

from cli import render
from cli.arguments.invocation import as_typed
from cli.following.watch import APPROVAL_STATES, PEER_STATES, STATES, describe_state
from cli.text import clean_line, format_seconds, safe_text
from squall.domain.approval.standing import find_standing
from squall.domain.base.vocabulary import Status
from squall.domain.run.timeline import EventName

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

    from rich.console import Console, RenderableType

    from cli.following.readings import Reading
    from cli.following.watch import Snapshot
    from squall.domain.run.record import ExecutionRecord

_STOP, _JUDGE = STATES.index("StopFault"), STATES.index("Judge")
_METRICS_EVERY = timedelta(seconds=60)
"""How often the metrics are written as a line while none of them crosses its threshold."""


class View(Protocol):
    """A context manager that shows snapshots."""

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...

    def show(self, snapshot: Snapshot) -> None: ...


class Lines:
    """Writes a line for each event and state, the safety checks once, and the metrics once a minute and when one of them
    crosses its threshold."""

    def __init__(self, console: Console, *, metrics: bool = True) -> None:
        self._console, self._metrics = console, metrics
        self._phase = ""
        self._shown: set[str] = set()
        self._measured_at: datetime | None = None
        self._states: tuple[bool | None, ...] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return None

    def show(self, snapshot: Snapshot) -> None:
        for at, text, style in sorted(self._list_news(snapshot), key=lambda line: line[0]):
            self._write_line(at, text, style)
        self._write_checks(snapshot)
        self._write_readings(snapshot)
        if snapshot.trouble and snapshot.trouble not in self._shown:
            self._shown.add(snapshot.trouble)
            self._write_line(snapshot.now, f"AWS cannot be read at the moment: {clean_line(snapshot.trouble)}", "yellow")

    def _list_news(self, snapshot: Snapshot) -> Iterator[tuple[datetime, str, str]]:
        record = snapshot.record
        if record is not None and record.phase != self._phase:
            self._phase = record.phase
            yield record.phase_since or snapshot.now, f"→ {clean_line(describe_state(record), 100)}", "bold"
        for event in snapshot.new_events:
            yield (
                event.at,
                f"{clean_line(event.event, 40):<22} {clean_line(event.detail)}".rstrip(),
                render.EVENT_STYLES.get(event.event, ""),
            )

    def _write_checks(self, snapshot: Snapshot) -> None:
        # The final check repeats the safety checks, so only its failures are shown.
        checks_by_title = {
            "Safety checks": snapshot.safety and snapshot.safety.checks,
            "Final check": snapshot.final_check and snapshot.final_check.failures,
        }
        for title, checks in checks_by_title.items():
            if checks is not None and title not in self._shown:
                self._shown.add(title)
                if checks:
                    self._console.print(render.make_checks_view(checks, title))

    def _write_readings(self, snapshot: Snapshot) -> None:
        if not (self._metrics and snapshot.readings):
            return
        states = tuple(reading.breached for reading in snapshot.readings)
        if self._measured_at is not None and states == self._states and snapshot.now - self._measured_at < _METRICS_EVERY:
            return
        self._measured_at, self._states = snapshot.now, states
        parts = [_format_reading(reading) for reading in snapshot.readings]
        self._write_line(snapshot.now, "metrics  " + " · ".join(parts), "dim")

    def _write_line(self, at: datetime, text: str, style: str = "") -> None:
        self._console.print(safe_text(f"{at:%H:%M:%S}  {text}", style), soft_wrap=True)


def _format_reading(reading: Reading) -> str:
    state = {None: "", False: "", True: " ABORT" if reading.role == "guard" else " not met"}[reading.breached]
    return f"{clean_line(reading.text, 80)}: {render.format_quantity(reading.value, reading.unit)}{state}"


class Terminal(Lines):
    """Writes the same lines, and below them a live region with the elapsed time, the states and the metrics."""

    def __init__(self, console: Console, title: str, place: str) -> None:
        super().__init__(console, metrics=False)
        self._title, self._place = title, place
        self._live: Live | None = None
        self._furthest = 0

    def __enter__(self) -> Self:
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._live.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._live is not None:
            self._live.__exit__(kind, error, trace)

    def show(self, snapshot: Snapshot) -> None:
        super().show(snapshot)
        if self._live is not None:
            self._live.update(self.make_region(snapshot), refresh=True)

    def _list_skipped(self, snapshot: Snapshot) -> tuple[str, ...]:
        """The states that a run skips.

        If a run ends before its fault, these are all states after the last one that it reached, except StopFault.
        """
        record = snapshot.record
        if record is None:
            return ()
        place = STATES.index(record.phase) if record.phase in STATES else -1
        if place < _STOP:
            self._furthest = max(self._furthest, place)
        skipped = (*(() if record.ask else APPROVAL_STATES), *(() if record.part else PEER_STATES))
        if record.fis_experiment_id or not (place >= _STOP or record.final):
            return skipped
        return (*skipped, *(state for state in STATES[self._furthest + 1 : _JUDGE] if state != STATES[_STOP]))

    def make_region(self, snapshot: Snapshot) -> RenderableType:
        """The content of the live region."""
        record = snapshot.record
        phase, ended = (record.phase, record.final) if record else ("", False)
        parts: list[RenderableType] = [render.make_progress(STATES, phase, ended=ended, skipped=self._list_skipped(snapshot))]
        if record is not None and (meaning := describe_state(record)) != record.phase:
            parts.append(safe_text(meaning, "dim"))
        if record is not None and record.status is Status.AWAITING_APPROVAL and record.ask:
            state = find_standing(record.ask, record.confirmed_votes, snapshot.now)[1]
            hint = as_typed(f"`squall approve {record.id} --comment …`")
            parts.append(safe_text(f"waiting for people: {state}: {hint}", "bold yellow"))
        if record is not None and record.fault_started_at and not record.fault_ended_at:
            parts.extend(_make_bars(record, snapshot.now))
        if snapshot.readings:
            parts.append(render.make_readings_table(snapshot.readings, unicode=self._console.encoding.startswith("utf")))
        elapsed = format_seconds((snapshot.now - record.started_at).total_seconds()) if record else "starting"
        environment = record.environment if record else ""
        header = " · ".join(
            clean_line(part, 100) for part in (self._title, snapshot.execution_id, environment, self._place, elapsed) if part
        )
        return Panel(Group(*parts), title=safe_text(header, "bold"), title_align="left", border_style="cyan")


def _make_bars(record: ExecutionRecord, now: datetime) -> Iterable[RenderableType]:
    """How much of the fault has passed, until it is known to be over; and of its observation, if that is longer."""
    if record.begins_at is None:
        return
    elapsed = max(now - record.begins_at, timedelta(0))
    if over := record.happened(EventName.FAULT_OVER):
        yield safe_text(f"the fault is over since {over[0].at:%H:%M:%S} UTC, the run is still observed", "green")
    else:
        yield render.make_fault_bar(elapsed, record.fault_seconds)
    if record.observation_seconds:
        yield render.make_fault_bar(elapsed, record.observation_seconds, "observation")


def choose_view(console: Console, title: str, place: str) -> View:
    """A view with a live region on a terminal, lines elsewhere."""
    return Terminal(console, title, place) if console.is_terminal and not console.is_dumb_terminal else Lines(console)
