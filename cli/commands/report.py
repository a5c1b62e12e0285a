"""`squall report`: shows the experiments of a period together."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from cli import output, session
from cli.arguments.spans import parse_period
from cli.errors import CommandError
from cli.exits import Exit
from cli.render import draw_sparkline, make_table, style_word
from cli.text import clean_line, format_seconds, safe_text
from squall.domain.history.period_report import PeriodReport

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType
    from rich.table import Table

    from cli.aws.stack import Deployment
    from cli.session import Options
    from squall.domain.history.period_report import Cell, Filters

_CELLS = {
    "validated": ("✓", "green"),
    "refuted": ("✗", "bold red"),
    "undecided": ("?", "yellow"),
    "stale": ("old", "yellow"),
    "never": ("·", "dim"),
}


def report_period(options: Options, days: int, start: str | None, end: str | None, filters: Filters, html: Path | None = None) -> int:
    """Returns 0, also if nothing ran."""
    since, until = parse_period(days, start, end, datetime.now(UTC))
    deployment = session.find_deployment(options)
    period = {"start": since.isoformat(), "end": until.isoformat(), "filters": filters.model_dump(exclude_none=True)}
    with output.show_waiting("Reading the period's runs …"):
        answer = deployment.report_period(period)
    report = PeriodReport.model_validate(answer["report"])
    page = next(key for key in answer["files"] if key.endswith(".html"))
    if html is not None:
        _save_page(deployment, page, html)
    if options.json:
        output.write_json(answer["report"])
        return Exit.VALIDATED
    console = output.make_console()
    console.print(make_view(report, unicode=console.encoding.startswith("utf")))
    console.print(safe_text(f"page: s3://{deployment.bucket}/{page}", "dim"))
    return Exit.VALIDATED


def _save_page(deployment: Deployment, key: str, path: Path) -> None:
    page = deployment.object_text(key)
    if page is None:
        raise CommandError(f"The page s3://{deployment.bucket}/{key} does not exist.", "Try again.")
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise CommandError(
            f"{clean_line(path)} can't be written: {error.strerror}.", "Name a file in a folder that exists.", code=Exit.REFUSED
        ) from error
    output.write_note(f"Written: {path}")


def make_view(report: PeriodReport, *, unicode: bool = True) -> RenderableType:
    """The report of a period for a terminal."""
    filters = ", ".join(f"{name} {value}" for name, value in report.filters.model_dump().items() if value)
    parts: list[RenderableType] = [
        safe_text(f"{report.start:%Y-%m-%d} to {report.end:%Y-%m-%d %H:%M} UTC" + (f", {filters}" if filters else ""), "bold")
    ]
    if report.message:
        parts.append(safe_text(report.message))
    else:
        parts += [_make_numbers(report), safe_text(_draw_trend(report, unicode=unicode))]
    if report.workloads:
        legend = Text("✓ validated  ✗ refuted, or aborted by a guard  ? ran, undecided  old: validated too long ago  · never", style="dim")
        parts += [_make_coverage_table(report), legend]
    if report.findings:
        parts.append(_make_findings_table(report))
    if report.regional:
        parts.append(_make_regional_table(report))
    if report.never_run:
        parts.append(safe_text(f"Not run in the period: {', '.join(report.never_run)}"))
    parts += [safe_text(f"→ {sentence}", "cyan") for sentence in report.recommendations]
    return Group(*(Padding(part, (0, 0, 1, 0)) for part in parts))


def _make_numbers(report: PeriodReport) -> Text:
    shares = f"{report.success_rate:g} % judged to the end, {report.hypothesis_validation_rate:g} % validated"
    line = Text(f"{report.total_experiments} experiments, {shares}: ")
    for index, (name, count) in enumerate(_count_outcomes(report)):
        line.append(", " if index else "").append(f"{count} ").append_text(style_word(name))
    return line


def _count_outcomes(report: PeriodReport) -> Iterable[tuple[str, int]]:
    """The number of runs by verdict, or by status where there is no verdict; most frequent first."""
    totals: dict[str, int] = {}
    for bucket in report.trend:
        for name, count in bucket.verdicts.items():
            totals[name] = totals.get(name, 0) + count
    return sorted(totals.items(), key=lambda pair: -pair[1])


def _draw_trend(report: PeriodReport, *, unicode: bool) -> str:
    runs = draw_sparkline([bucket.runs for bucket in report.trend], unicode=unicode)
    medians = [bucket.recovery_median_seconds for bucket in report.trend if bucket.recovery_median_seconds is not None]
    recovery = f"   recovery {draw_sparkline(medians, unicode=unicode)} median {format_seconds(medians[-1])} lately" if medians else ""
    return f"runs {runs}{recovery}"


def _make_coverage_table(report: PeriodReport) -> Table:
    types = list(report.workloads[0].types)
    table = make_table("Workloads, weakest first", "Workload", "Score", *(name.replace("_", " ") for name in types))
    for workload in report.workloads:
        table.add_row(safe_text(workload.workload), f"{workload.score:.0f}", *(_style_cell(workload.types[name]) for name in types))
    return table


def _style_cell(cell: Cell) -> Text:
    mark, style = _CELLS[cell.state]
    return Text(f"{mark} {cell.last_decided:%m-%d}" if cell.last_decided else mark, style=style)


def _make_regional_table(report: PeriodReport) -> Table:
    table = make_table("Runs over several Regions", "Began (UTC)", "Run", "Experiment", "Ended", "Parts")
    for run in report.regional:
        ended = style_word(run.outcome) if run.outcome else safe_text(f"home knows: {run.home}", "dim")
        parts = "; ".join(f"{part.execution_id}: {part.outcome}" for part in run.parts)
        table.add_row(f"{run.started_at:%m-%d %H:%M}", safe_text(run.id), safe_text(run.experiment), ended, safe_text(parts))
    return table


def _make_findings_table(report: PeriodReport) -> Table:
    table = make_table("Findings, open ones first", "Severity", "Finding", "Seen", "Last", "State", "Id")
    for finding in report.findings:
        table.add_row(
            safe_text(finding.severity),
            safe_text(finding.title),
            f"{finding.occurrences}×",
            f"{finding.last_seen:%Y-%m-%d}",
            Text("open", style="red") if finding.open else Text("closed", style="green"),
            safe_text(finding.id, "dim"),
        )
    return table
