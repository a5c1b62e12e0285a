"""Tables, bars and panels. Everything from outside goes through `safe`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cli.text import clean, number, safe, seconds
from squall.domain.run.timeline import EventName

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import timedelta

    from cli.readings import Reading
    from squall.domain.documents.judgement import CriterionResult
    from squall.domain.documents.result import Result, TimelineEvent
    from squall.domain.documents.safety import SafetyCheck

EVENT_STYLES: dict[str, str] = {
    EventName.APPROVAL_REQUESTED: "bold yellow",
    EventName.APPROVED: "green",
    EventName.APPROVAL_REFUSED: "bold red",
    EventName.FAULT_STARTED: "bold yellow",
    EventName.ALARM: "bold red",
    EventName.ABORT_REQUESTED: "bold red",
    EventName.STOP_REQUESTED: "yellow",
    EventName.FIS_STOPPED: "yellow",
    EventName.INSTANCE_REPLACED: "green",
    EventName.RECOVERED: "green",
}
_STYLES = {
    "ok": "green", "slow": "yellow", "unknown": "yellow",
    "passed": "green", "met": "green", "validated": "green", "planned": "green", "completed": "green",
    "failed": "red", "not_met": "red", "refuted": "red", "rejected": "red",
    "aborted": "magenta", "warned": "yellow", "not_evaluated": "yellow", "cannot_tell": "yellow", "inconclusive": "yellow",
    "invalid": "yellow",
}  # fmt: skip
REASON_CHARACTERS = 600
_UNITS = {"percent": " %", "seconds": " s", "per_second": " /s", "bytes": " B"}
_BLOCKS = {True: "▁▂▃▄▅▆▇█", False: "_.-=+*#@"}


def word(value: str) -> Text:
    """A word of a closed set in its colour."""
    return safe(value.replace("_", " "), _STYLES.get(value, ""))


def quantity(value: float | None, unit: str) -> str:
    """A value with its unit; a dash for none."""
    return number(value) + (_UNITS.get(unit, "") if value is not None else "")


def table(title: str, *columns: str) -> Table:
    """An empty table as all of ours look."""
    made = Table(title=safe(title, "bold"), title_justify="left", header_style="bold", expand=False, pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def checks_table(checks: Iterable[SafetyCheck], title: str = "Safety checks") -> Table:
    """Every check with what decided it."""
    made = table(title, "Check", "Outcome", "What decided")
    for check in checks:
        made.add_row(safe(check.name), word(check.outcome.value), safe(check.detail))
    return made


def progress(states: Sequence[str], current: str, *, ended: bool = False, skipped: Collection[str] = ()) -> Columns:
    """The workflow's states in rows: done, left out, the one it is in, and those to come."""
    reached = states.index(current) if current in states else -1
    cells = []
    for place, state in enumerate(states):
        if state in skipped:
            cells.append(Text(f"– {state}", style="dim strike"))
        elif place < reached or ended:
            cells.append(Text(f"✓ {state}", style="green"))
        elif place == reached:
            cells.append(Text(f"▶ {state}", style="bold reverse cyan"))
        else:
            cells.append(Text(f"· {state}", style="dim"))
    if reached < 0 and current:
        cells.append(safe(f"▶ {clean(current, 40)}", "bold reverse cyan"))
    return Columns(cells, padding=(0, 2))


def fault_bar(elapsed: timedelta, total_seconds: int) -> RenderableType:
    """How much of the fault has passed."""
    spent = elapsed.total_seconds()
    grid = Table.grid(padding=(0, 1))
    grid.add_row(
        Text("fault", style="bold yellow"),
        ProgressBar(total=max(total_seconds, 1), completed=min(spent, max(total_seconds, 1)), width=40),
        Text(f"{seconds(spent)} of {seconds(total_seconds)}"),
    )
    return grid


def sparkline(values: Sequence[float], *, unicode: bool = True) -> str:
    """The course of a metric in one line, scaled to its own range."""
    blocks = _BLOCKS[unicode]
    if not values:
        return ""
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    flat = high - low < 1e-9 * max(abs(high), 1.0)
    return "".join(blocks[0 if flat else round((value - low) / span * (len(blocks) - 1))] for value in values)


def readings_table(readings: Iterable[Reading], *, unicode: bool = True) -> Table:
    """Metrics as they move: sentence, newest value, course, state."""
    made = Table.grid(padding=(0, 2))
    for reading in readings:
        style = "" if reading.breached is None else "bold red" if reading.breached else "green"
        state = {None: "no data", True: "ABORT" if reading.role == "guard" else "not met", False: "ok"}[reading.breached]
        made.add_row(
            Text("abort if" if reading.role == "guard" else "expect", style="dim"),
            safe(clean(reading.text, 60)),
            Text(quantity(reading.value, reading.unit), style=style, justify="right"),
            Text(sparkline(reading.history, unicode=unicode), style=style),
            Text(state, style=style),
        )
    return made


def criteria_table(criteria: Iterable[CriterionResult]) -> Table:
    """Every criterion with the numbers that decided it."""
    made = table("Criteria", "Criterion", "Outcome", "Measured", "Threshold", "Points", "Why")
    for criterion in criteria:
        made.add_row(
            safe(criterion.text + (" (critical)" if criterion.critical else "")),
            word(criterion.outcome.value),
            quantity(criterion.measured, criterion.unit),
            f"{clean(criterion.comparator or '', 4)} {quantity(criterion.threshold, criterion.unit)}".strip()
            if criterion.threshold is not None
            else "—",
            f"{len(criterion.points)}/{criterion.expected_points}" if criterion.expected_points else "—",
            safe(criterion.reason),
        )
    return made


def timeline_table(events: Iterable[TimelineEvent]) -> Table:
    """What happened, in order."""
    made = table("Timeline", "UTC", "Event", "Detail")
    for event in events:
        made.add_row(f"{event.at:%H:%M:%S}", safe(event.event, EVENT_STYLES.get(event.event, "")), safe(event.detail))
    return made


def result_view(result: Result, url: str, *, report: str = "", timeline: bool = True) -> RenderableType:
    """Everything a person wants to know of an execution that is over; `url` and `report`: where result and report are."""
    parts: list[RenderableType] = []
    if timeline and result.timeline:
        parts.append(timeline_table(result.timeline))
    failed = [check for check in result.safety_checks if check.outcome.value != "passed"]
    if failed:
        parts.append(checks_table(failed, "Safety checks that did not pass"))
    if result.criteria:
        parts.append(criteria_table(result.criteria))
    parts.append(verdict_panel(result, url, report))
    return Group(*parts)


def verdict_panel(result: Result, url: str, report: str = "") -> Panel:
    """The verdict, why, what became of the workload, what it cost and where the document is."""
    headline = (result.verdict or result.status).value
    colour = _STYLES.get(headline, "")
    reason = clean(result.reason, REASON_CHARACTERS)
    lines = [Text(reason, style="bold")]
    lines += [safe(f"• {problem.path}: {problem.message}") for problem in result.problems]
    for mark, style, remarks in (
        ("•", "", result.observations),
        ("!", "red", result.issues_discovered),
        ("→", "cyan", result.improvements_identified),
    ):
        # The reason stands above already.
        lines += [safe(f"{mark} {clean(remark, REASON_CHARACTERS)}", style) for remark in remarks if reason[:100] not in clean(remark)]
    for label, value in _facts(result):
        lines.append(Text.assemble((f"{label:<11}", "dim"), safe(value)))
    lines += [Text.assemble((f"{label:<11}", "dim"), safe(where)) for label, where in (("result", url), ("report", report)) if where]
    title = Text.assemble(safe(headline.replace("_", " ").upper(), f"bold {colour}"), " · ", safe(result.experiment_name))
    return Panel(Group(*lines), title=title, title_align="left", border_style=colour or "white")


def _facts(result: Result) -> list[tuple[str, str]]:
    facts = [("execution", result.execution_id), ("status", result.status.value)]
    if result.end_time is not None:
        facts.append(("took", seconds((result.end_time - result.start_time).total_seconds())))
    if result.rollback is not None:
        left = f"; left over: {', '.join(result.rollback.leftovers)}" if result.rollback.leftovers else ""
        facts.append(("rollback", result.rollback.outcome.value.replace("_", " ") + left))
    if result.recovery is not None:
        within = result.recovery.seconds_to_recover
        facts.append(("recovery", (f"in {seconds(within)}. " if within is not None else "") + result.recovery.detail))
    if result.cost:
        facts.append(("cost", ", ".join(f"{name.replace('_', ' ')} {number(value)}" for name, value in result.cost.items())))
    return facts
