"""How a followed execution looks: lines everywhere, and on a terminal a live region below them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol, Self

from rich.console import Group
from rich.live import Live
from rich.panel import Panel

from cli import render
from cli.text import clean, safe, seconds
from cli.watch import APPROVAL, STATES
from squall.domain.approval.votes import standing
from squall.domain.vocabulary import Status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from rich.console import Console, RenderableType

    from cli.readings import Reading
    from cli.watch import Snapshot

_STOP, _JUDGE = STATES.index("StopFault"), STATES.index("Judge")
_METRICS_EVERY = timedelta(seconds=10)


class View(Protocol):
    """Shows snapshots while it is entered."""

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...

    def show(self, snapshot: Snapshot) -> None: ...


class Lines:
    """One line for each event and state, the safety checks once, metrics now and then."""

    def __init__(self, console: Console, *, metrics: bool = True) -> None:
        self._console, self._metrics = console, metrics
        self._phase = ""
        self._shown: set[str] = set()
        self._measured_at: datetime | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return None

    def show(self, snapshot: Snapshot) -> None:
        for at, text, style in sorted(self._news(snapshot), key=lambda line: line[0]):
            self._line(at, text, style)
        self._checks("Safety checks", snapshot)
        self._readings(snapshot)
        if snapshot.trouble and snapshot.trouble not in self._shown:
            self._shown.add(snapshot.trouble)
            self._line(snapshot.now, f"cannot look just now: {clean(snapshot.trouble)}", "yellow")

    def _news(self, snapshot: Snapshot) -> Iterator[tuple[datetime, str, str]]:
        record = snapshot.record
        if record is not None and record.phase != self._phase:
            self._phase = record.phase
            yield record.phase_since or snapshot.now, f"→ {clean(record.phase, 40)}", "bold"
        for event in snapshot.new_events:
            yield event.at, f"{clean(event.event, 40):<22} {clean(event.detail)}".rstrip(), render.EVENT_STYLES.get(event.event, "")

    def _checks(self, title: str, snapshot: Snapshot) -> None:
        for name, safety in ((title, snapshot.safety), ("Final check", snapshot.final_check)):
            if safety is None or name in self._shown:
                continue
            self._shown.add(name)
            # The second look repeats the first: only what it found wrong is news.
            checks = safety.checks if name == title else safety.failures
            if checks:
                self._console.print(render.checks_table(checks, name))

    def _readings(self, snapshot: Snapshot) -> None:
        if not (self._metrics and snapshot.readings):
            return
        if self._measured_at is not None and snapshot.now - self._measured_at < _METRICS_EVERY:
            return
        self._measured_at = snapshot.now
        parts = [_reading(reading) for reading in snapshot.readings]
        self._line(snapshot.now, "metrics  " + " · ".join(parts), "dim")

    def _line(self, at: datetime, text: str, style: str = "") -> None:
        self._console.print(safe(f"{at:%H:%M:%S}  {text}", style), soft_wrap=True)


def _reading(reading: Reading) -> str:
    state = {None: "", False: "", True: " ABORT" if reading.role == "guard" else " not met"}[reading.breached]
    return f"{clean(reading.text, 80)}: {render.quantity(reading.value, reading.unit)}{state}"


class Terminal(Lines):
    """The lines above, and below them what moves: elapsed time, states, metrics against thresholds."""

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
            self._live.update(self.region(snapshot), refresh=True)

    def _skipped(self, snapshot: Snapshot) -> tuple[str, ...]:
        """States a run leaves out that ends before its fault: from the furthest one seen on, all but StopFault."""
        record = snapshot.record
        if record is None:
            return ()
        place = STATES.index(record.phase) if record.phase in STATES else -1
        if place < _STOP:
            self._furthest = max(self._furthest, place)
        unasked = () if record.ask else APPROVAL
        if record.fis_experiment_id or not (place >= _STOP or record.final):
            return unasked
        return (*unasked, *(state for state in STATES[self._furthest + 1 : _JUDGE] if state != STATES[_STOP]))

    def region(self, snapshot: Snapshot) -> RenderableType:
        """The moving part."""
        record = snapshot.record
        phase, ended = (record.phase, record.final) if record else ("", False)
        parts: list[RenderableType] = [render.progress(STATES, phase, ended=ended, skipped=self._skipped(snapshot))]
        if record is not None and record.status is Status.AWAITING_APPROVAL and record.ask:
            stands = standing(record.ask, record.votes, snapshot.now)[1]
            parts.append(safe(f"waiting for people: {stands}: squall approve {record.id} --comment …", "bold yellow"))
        if record is not None and record.fault_started_at and not record.fault_ended_at:
            parts.append(render.fault_bar(snapshot.now - record.fault_started_at, record.fault_seconds))
        if snapshot.readings:
            parts.append(render.readings_table(snapshot.readings, unicode=self._console.encoding.startswith("utf")))
        elapsed = seconds((snapshot.now - record.started_at).total_seconds()) if record else "starting"
        environment = record.environment if record else ""
        header = " · ".join(clean(part, 100) for part in (self._title, snapshot.execution_id, environment, self._place, elapsed) if part)
        return Panel(Group(*parts), title=safe(header, "bold"), title_align="left", border_style="cyan")


def view_for(console: Console, title: str, place: str) -> View:
    """A live region where there is a terminal, lines elsewhere."""
    return Terminal(console, title, place) if console.is_terminal and not console.is_dumb_terminal else Lines(console)
