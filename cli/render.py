"""Tables, bars and panels. All text from outside goes through `safe_text`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.measure import Measurement
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cli.text import clean_line, format_number, format_seconds, safe_text
from squall.domain.run.timeline import EventName

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from datetime import timedelta

    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.table import Column

    from cli.following.readings import Reading
    from squall.domain.documents.false_aborts import FalseAborts
    from squall.domain.documents.judgement import CriterionResult
    from squall.domain.documents.result import Result, TimelineEvent
    from squall.domain.documents.safety import SafetyCheck

EVENT_STYLES: dict[str, str] = {
    EventName.APPROVAL_REQUESTED: "bold yellow",
    EventName.APPROVED: "green",
    EventName.APPROVAL_REFUSED: "bold red",
    EventName.VOTE_NOT_CONFIRMED: "bold red",
    EventName.FAULT_STARTED: "bold yellow",
    EventName.FAULT_OVER: "green",
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
_BORDER_WIDTH = 3
"""What a column of a table takes beside its text."""
_LONGEST_LINE = 10_000
"""More characters than any cell has: its natural width is measured."""
_UNITS = {"percent": " %", "seconds": " s", "per_second": " /s", "bytes": " B"}
_BLOCKS = {True: "▁▂▃▄▅▆▇█", False: "_.-=+*#@"}


def style_word(value: str) -> Text:
    """A status, verdict or outcome in its colour."""
    return safe_text(value.replace("_", " "), _STYLES.get(value, ""))


def format_quantity(value: float | None, unit: str) -> str:
    """A value with its unit; a dash for None."""
    return format_number(value) + (_UNITS.get(unit, "") if value is not None else "")


class WordTable(Table):
    """A table that folds between words only, so that ids and ARNs can be read and copied.

    Where the longest words of its columns don't fit side by side, each row becomes lines of `Column: value`.
    """

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        ranges = [self._measure_cells(console, options, column) for column in self.columns]
        shortest = sum(least for least, _ in ranges)
        free = options.max_width - _BORDER_WIDTH * len(ranges)
        if self.row_count and shortest > free:
            yield from self._list_lines()
            return
        spare, by_need = free - shortest, sorted(zip(self.columns, ranges, strict=True), key=lambda pair: pair[1][1] - pair[1][0])
        for place, (column, (least, most)) in enumerate(by_need):  # what short columns leave goes to the long ones
            given = min(most - least, spare // (len(by_need) - place))
            column.width, spare = least + given, spare - given
        yield from super().__rich_console__(console, options)

    def _measure_cells(self, console: Console, options: ConsoleOptions, column: Column) -> tuple[int, int]:
        """The lengths of the longest word and of the longest line of a column, with its header."""
        measured = [Measurement.get(console, options.update(max_width=_LONGEST_LINE), cell) for cell in (column.header, *column.cells)]
        return max(cell.minimum for cell in measured), max(cell.maximum for cell in measured)

    def _list_lines(self) -> Iterator[RenderableType]:
        if self.title:
            yield self.title
        for cells in zip(*(column.cells for column in self.columns), strict=True):
            yield Text()
            for column, cell in zip(self.columns, cells, strict=True):
                label = f"{column.header}: " if column.header else ""
                yield Text.assemble((label, "bold"), cell if isinstance(cell, Text) else str(cell))


def make_table(title: str, *columns: str) -> Table:
    """An empty table in the style of this command line."""
    table = WordTable(title=safe_text(title, "bold"), title_justify="left", header_style="bold", expand=False, pad_edge=False)
    for column in columns:
        table.add_column(column)
    return table


def make_checks_view(checks: Sequence[SafetyCheck], title: str = "Safety checks") -> RenderableType:
    """The checks that did not simply pass, each with the detail that decided it; how many passed."""
    remarkable = [check for check in checks if check.outcome.value != "passed"]
    counted = f"{title}: {len(checks) - len(remarkable)} of {len(checks)} passed"
    if not remarkable:
        return safe_text(counted)
    table = make_table(counted, "Check", "Outcome", "Detail")
    for check in remarkable:
        table.add_row(safe_text(check.name), style_word(check.outcome.value), safe_text(check.detail))
    return table


def make_guards_table(forecasts: Iterable[FalseAborts]) -> Table:
    """How often each guard would have aborted a run without a fault."""
    table = make_table("Guards on healthy runs", "Guard", "Aborts", "Counted", "At most 1 % with")
    for forecast in forecasts:
        share = safe_text(forecast.share, "yellow" if forecast.exceeds_advice or forecast.told != "told" else "")
        counted, instead = forecast.why or forecast.history, " or ".join(forecast.instead) or "—"
        table.add_row(safe_text(forecast.condition), share, safe_text(counted), safe_text(instead))
    return table


def make_progress(states: Sequence[str], current: str, *, ended: bool = False, skipped: Collection[str] = ()) -> Columns:
    """The workflow's states in rows: done, skipped, the current one, and those to come."""
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
        cells.append(safe_text(f"▶ {clean_line(current, 40)}", "bold reverse cyan"))
    return Columns(cells, padding=(0, 2))


def make_fault_bar(elapsed: timedelta, total_seconds: int, name: str = "fault") -> RenderableType:
    """The elapsed part of the duration of the fault, or of its observation."""
    elapsed_seconds = elapsed.total_seconds()
    grid = Table.grid(padding=(0, 1))
    grid.add_row(
        Text(name, style="bold yellow"),
        ProgressBar(total=max(total_seconds, 1), completed=min(elapsed_seconds, max(total_seconds, 1)), width=40),
        Text(f"{format_seconds(elapsed_seconds)} of {format_seconds(total_seconds)}"),
    )
    return grid


def draw_sparkline(values: Sequence[float], *, unicode: bool = True) -> str:
    """The values as one line of blocks, scaled to their own range."""
    blocks = _BLOCKS[unicode]
    if not values:
        return ""
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    flat = high - low < 1e-9 * max(abs(high), 1.0)
    return "".join(blocks[0 if flat else round((value - low) / span * (len(blocks) - 1))] for value in values)


def make_readings_table(readings: Iterable[Reading], *, unicode: bool = True) -> Table:
    """Each reading with its sentence, newest value, history and state."""
    grid = Table.grid(padding=(0, 2))
    for reading in readings:
        style = "" if reading.breached is None else "bold red" if reading.breached else "green"
        state = {None: "no data", True: "ABORT" if reading.role == "guard" else "not met", False: "ok"}[reading.breached]
        grid.add_row(
            Text("abort if" if reading.role == "guard" else "expect", style="dim"),
            safe_text(clean_line(reading.text, 60)),
            Text(format_quantity(reading.value, reading.unit), style=style, justify="right"),
            Text(draw_sparkline(reading.history, unicode=unicode), style=style),
            Text(state, style=style),
        )
    return grid


def make_criteria_table(criteria: Iterable[CriterionResult]) -> Table:
    """Every criterion with the numbers that decided it."""
    table = make_table("Criteria", "Criterion", "Outcome", "Measured", "Threshold", "Points", "Why")
    for criterion in criteria:
        table.add_row(
            safe_text(f"{criterion.text}{' (critical)' if criterion.critical else ''}{_name_window(criterion)}"),
            style_word(criterion.outcome.value),
            format_quantity(criterion.measured, criterion.unit),
            f"{clean_line(criterion.comparator or '', 4)} {format_quantity(criterion.threshold, criterion.unit)}".strip()
            if criterion.threshold is not None
            else "—",
            f"{len(criterion.points)}/{criterion.expected_points}" if criterion.expected_points else "—",
            safe_text(criterion.reason),
        )
    return table


def _name_window(criterion: CriterionResult) -> str:
    """The window over which it was judged, where that is a longer one than the fault's."""
    return " [over the observation]" if criterion.window and criterion.window.name == "observation" else ""


def make_timeline_table(events: Iterable[TimelineEvent]) -> Table:
    """The events in their order."""
    table = make_table("Timeline", "UTC", "Event", "Detail")
    for event in events:
        table.add_row(f"{event.at:%H:%M:%S}", safe_text(event.event, EVENT_STYLES.get(event.event, "")), safe_text(event.detail))
    return table


def make_result_view(result: Result, url: str, *, report: str = "", timeline: bool = True) -> RenderableType:
    """The result of an execution that is over. `url` and `report` say where the result and the report are."""
    parts: list[RenderableType] = []
    if timeline and result.timeline:
        parts.append(make_timeline_table(result.timeline))
    if any(check.outcome.value != "passed" for check in result.safety_checks):
        parts.append(make_checks_view(result.safety_checks))
    if result.criteria:
        parts.append(make_criteria_table(result.criteria))
    parts.append(make_verdict_panel(result, url, report))
    return Group(*parts)


def make_verdict_panel(result: Result, url: str, report: str = "") -> Panel:
    """The verdict with its reason, the state of the workload, the cost, and where the documents are."""
    headline = (result.verdict or result.status).value
    colour = _STYLES.get(headline, "")
    reason = clean_line(result.reason, REASON_CHARACTERS)
    lines = [Text(reason, style="bold")]
    lines += [safe_text(f"• {problem.path}: {problem.message}") for problem in result.problems]
    for mark, style, remarks in (
        ("•", "", result.observations),
        ("!", "red", result.issues_discovered),
        ("→", "cyan", result.improvements_identified),
    ):
        # Remarks that repeat the reason above are left out.
        lines += [
            safe_text(f"{mark} {clean_line(remark, REASON_CHARACTERS)}", style)
            for remark in remarks
            if reason[:100] not in clean_line(remark)
        ]
    for label, value in _list_facts(result):
        lines.append(Text.assemble((f"{label:<11}", "dim"), safe_text(value)))
    lines += [Text.assemble((f"{label:<11}", "dim"), safe_text(place)) for label, place in (("result", url), ("report", report)) if place]
    title = Text.assemble(
        safe_text(headline.replace("_", " ").upper(), f"bold {colour}"), " · ", safe_text(result.experiment_name or result.execution_id)
    )
    return Panel(Group(*lines), title=title, title_align="left", border_style=colour or "white")


def _list_facts(result: Result) -> list[tuple[str, str]]:
    facts = [("execution", result.execution_id), ("status", result.status.value)]
    if result.source is not None and result.source.kind == "published":
        facts.append(("definition", str(result.source)))
    if result.end_time is not None:
        facts.append(("took", format_seconds((result.end_time - result.start_time).total_seconds())))
    if result.rollback is not None:
        leftovers = f"; left over: {', '.join(result.rollback.leftovers)}" if result.rollback.leftovers else ""
        facts.append(("rollback", result.rollback.outcome.value.replace("_", " ") + leftovers))
    if result.recovery is not None:
        taken = result.recovery.seconds_to_recover
        after = f"{format_seconds(taken)} after the fault took effect: " if taken is not None else ""
        facts.append(("recovery", after + result.recovery.detail))
    if result.cost:
        facts.append(("cost", ", ".join(f"{name.replace('_', ' ')} {format_number(value)}" for name, value in result.cost.items())))
    return facts
