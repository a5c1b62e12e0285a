"""`squall report`: what the experiments of a period say together."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from cli import output, session
from cli.errors import CommandError
from cli.exits import Exit
from cli.render import sparkline, table, word
from cli.spans import span
from cli.text import clean, safe, seconds
from squall.domain.history.period_report import PeriodReport

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType
    from rich.table import Table

    from cli.session import Options
    from squall.domain.history.period_report import Cell, Filters

_CELLS = {
    "validated": ("✓", "green"),
    "refuted": ("✗", "bold red"),
    "undecided": ("?", "yellow"),
    "stale": ("old", "yellow"),
    "never": ("·", "dim"),
}


def run(options: Options, days: int, start: str | None, end: str | None, filters: Filters, html: Path | None = None) -> int:
    """0, also when nothing ran."""
    since, until = span(days, start, end, datetime.now(UTC))
    deployment = session.deployment(options)
    asked = {"start": since.isoformat(), "end": until.isoformat(), "filters": filters.model_dump(exclude_none=True)}
    with output.waiting("Reading the period's runs …"):
        answer = deployment.report_period(asked)
    found = PeriodReport.model_validate(answer["report"])
    page = next(key for key in answer["files"] if key.endswith(".html"))
    if html is not None:
        _write(html, deployment.object_text(page))
    if options.json:
        output.write_json(answer["report"])
        return Exit.VALIDATED
    console = output.console()
    console.print(view(found, unicode=console.encoding.startswith("utf")))
    console.print(safe(f"page: s3://{deployment.bucket}/{page}", "dim"))
    return Exit.VALIDATED


def _write(path: Path, page: str) -> None:
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise CommandError(
            f"{clean(path)} can't be written: {error.strerror}.", "Name a file in a folder that exists.", code=Exit.REFUSED
        ) from error
    output.note(f"Written: {path}")


def view(found: PeriodReport, *, unicode: bool = True) -> RenderableType:
    """The period as a person reads it in a terminal."""
    asked = ", ".join(f"{name} {value}" for name, value in found.filters.model_dump().items() if value)
    parts: list[RenderableType] = [
        safe(f"{found.start:%Y-%m-%d} to {found.end:%Y-%m-%d %H:%M} UTC" + (f", {asked}" if asked else ""), "bold")
    ]
    if found.message:
        parts.append(Text(found.message))
    else:
        parts += [_numbers(found), safe(_course(found, unicode=unicode))]
    if found.workloads:
        parts += [_coverage(found), Text("✓ validated  ✗ refuted  ? ran, undecided  old: validated too long ago  · never", style="dim")]
    if found.findings:
        parts.append(_findings(found))
    if found.never_run:
        parts.append(safe(f"Never run in the period: {', '.join(found.never_run)}"))
    parts += [safe(f"→ {sentence}", "cyan") for sentence in found.recommendations]
    return Group(*(Padding(part, (0, 0, 1, 0)) for part in parts))


def _numbers(found: PeriodReport) -> Text:
    shares = f"{found.success_rate:g} % judged to the end, {found.hypothesis_validation_rate:g} % validated"
    line = Text(f"{found.total_experiments} experiments, {shares}: ")
    for index, (name, count) in enumerate(_outcomes(found)):
        line.append(", " if index else "").append(f"{count} ").append_text(word(name))
    return line


def _outcomes(found: PeriodReport) -> Iterable[tuple[str, int]]:
    """Verdicts, and statuses of what has none."""
    totals: dict[str, int] = {}
    for bucket in found.trend:
        for name, count in bucket.verdicts.items():
            totals[name] = totals.get(name, 0) + count
    return sorted(totals.items(), key=lambda pair: -pair[1])


def _course(found: PeriodReport, *, unicode: bool) -> str:
    runs = sparkline([bucket.runs for bucket in found.trend], unicode=unicode)
    medians = [bucket.recovery_median_seconds for bucket in found.trend if bucket.recovery_median_seconds is not None]
    recovery = f"   recovery {sparkline(medians, unicode=unicode)} median {seconds(medians[-1])} lately" if medians else ""
    return f"runs {runs}{recovery}"


def _coverage(found: PeriodReport) -> Table:
    kinds = list(found.workloads[0].types)
    made = table("Workloads, weakest first", "Workload", "Score", *(kind.replace("_", " ") for kind in kinds))
    for workload in found.workloads:
        made.add_row(safe(workload.workload), f"{workload.score:.0f}", *(_cell(workload.types[kind]) for kind in kinds))
    return made


def _cell(cell: Cell) -> Text:
    mark, style = _CELLS[cell.state]
    return Text(f"{mark} {cell.last_decided:%m-%d}" if cell.last_decided else mark, style=style)


def _findings(found: PeriodReport) -> Table:
    made = table("Findings, open ones first", "Severity", "Finding", "Seen", "Last", "State", "Id")
    for one in found.findings:
        made.add_row(
            safe(one.severity),
            safe(one.title),
            f"{one.occurrences}×",
            f"{one.last_seen:%Y-%m-%d}",
            Text("open", style="red") if one.open else Text("closed", style="green"),
            safe(one.id, "dim"),
        )
    return made
