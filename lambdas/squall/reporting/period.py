"""The page of a period: its experiments in one file without dependencies."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from squall.domain.history.period_report import Bucket, Cell, Coverage, PeriodReport
from squall.reporting.elements import Table, Tile, Word
from squall.reporting.formatting import format_duration, spell_out
from squall.reporting.page import assemble_page

STACKED = ("validated", "refuted", "failed", "aborted", "inconclusive", "invalid", "rejected")
"""Outcomes from the bottom of a bar to its top."""
COVERAGE_WORDS: Mapping[str, str] = {"validated": "held", "refuted": "did not hold"}
"""What a cell says about the hypothesis. It did not hold in a refuted run, nor in one that a guard aborted."""
_UNSURE: frozenset[Coverage] = frozenset({"undecided", "stale"})


@dataclass(frozen=True)
class PeriodPage:
    title: str
    subtitle: tuple[str, ...]
    message: str
    story: str
    tiles: tuple[Tile, ...]
    recommendations: tuple[str, ...]
    coverage: Table
    findings: Table
    regional: Table
    never_run: tuple[str, ...]
    trend: Table
    stale_days: int
    legend: tuple[Word, ...]
    island: Mapping[str, Any] | None
    """Data for the charts; None if there is nothing to draw."""


def render_period(report: PeriodReport) -> str:
    """The page as HTML."""
    page = build_page(report)
    return assemble_page("period.html.j2", "period.js", {"page": page}, page.island)


def build_page(report: PeriodReport) -> PeriodPage:
    """The contents of the page, in their order."""
    filters = [f"{name} {value}" for name, value in report.filters.model_dump().items() if value]
    return PeriodPage(
        title="Chaos experiments",
        subtitle=(f"{report.start:%-d %B %Y} to {report.end:%-d %B %Y, %H:%M} UTC", *filters),
        message=report.message or "",
        story=_write_story(report),
        tiles=tuple(_make_tiles(report)),
        recommendations=report.recommendations,
        coverage=_coverage_table(report),
        findings=_findings_table(report),
        regional=_regional_table(report),
        never_run=report.never_run,
        trend=_trend_table(report),
        stale_days=report.stale_days,
        legend=tuple(map(Word.of, order_outcomes(report))),
        island=_make_island(report) if report.total_experiments else None,
    )


def order_outcomes(report: PeriodReport) -> dict[str, int]:
    """The outcomes of the report, in the order of `STACKED`."""
    runs = report.outcomes
    return {word: runs[word] for word in (*STACKED, *sorted(set(runs) - set(STACKED))) if word in runs}


def _write_story(report: PeriodReport) -> str:
    if report.message:
        return ""
    counted = ", ".join(f"{count} {spell_out(word)}" for word, count in order_outcomes(report).items())
    number = sum(finding.open for finding in report.findings)
    open_findings = f" {number} finding{' is' if number == 1 else 's are'} open." if number else " No finding is open."
    weakest = report.workloads[0] if report.workloads else None
    weak = f" {weakest.workload} scores lowest, {weakest.score:.0f} of 100." if weakest else ""
    return f"{report.total_experiments} experiment{'' if report.total_experiments == 1 else 's'} ended: {counted}.{open_findings}{weak}"


def _make_tiles(report: PeriodReport) -> list[Tile]:
    if report.message:
        return []
    last = next((bucket for bucket in reversed(report.trend) if bucket.recovery_median_seconds is not None), None)
    tiles = [
        Tile("Experiments", str(report.total_experiments), f"{report.running} running now" if report.running else ""),
        Tile("Judged to the end", f"{report.success_rate:g} %", f"{report.successful_experiments} completed"),
        Tile("Hypothesis validated", f"{report.hypothesis_validation_rate:g} %"),
        Tile("Open findings", str(sum(finding.open for finding in report.findings)), f"seen {report.total_issues_discovered} times"),
    ]
    if last is not None and last.recovery_median_seconds is not None:
        tiles.append(Tile("Latest time to recover", format_duration(last.recovery_median_seconds), "median"))
    return tiles


def _coverage_table(report: PeriodReport) -> Table:
    types = tuple(report.workloads[0].types) if report.workloads else ()
    rows = tuple(
        (row.workload, f"{row.score:.0f}", *(_coverage_cell(row.types[fault_type]) for fault_type in types)) for row in report.workloads
    )
    return Table(columns=("Workload", "Score", *(spell_out(fault_type) for fault_type in types)), rows=rows, numeric=(1,))


def _coverage_cell(cell: Cell) -> Word:
    tone, state = "open" if cell.state in _UNSURE else Word.of(cell.state).tone, COVERAGE_WORDS.get(cell.state, cell.state)
    return Word(f"{state} {cell.last_decided:%-d %b}" if cell.last_decided else state, tone)


def _findings_table(report: PeriodReport) -> Table:
    rows = tuple(
        (
            Word.of(finding.severity),
            finding.title,
            str(finding.occurrences),
            f"{finding.last_seen:%-d %b}",
            Word("open", "bad") if finding.open else Word("closed", "good"),
            ", ".join(finding.experiments),
        )
        for finding in report.findings
    )
    return Table(columns=("Severity", "Finding", "Runs", "Last seen", "State", "Experiments"), rows=rows, numeric=(2,))


def _regional_table(report: PeriodReport) -> Table:
    rows = tuple(
        (
            f"{run.started_at:%-d %b %H:%M}",
            run.id,
            run.experiment,
            Word.of(run.outcome) if run.outcome else f"home knows: {run.home}",
            "; ".join(f"{part.region or 'here'}: {spell_out(part.outcome)}" for part in run.parts),
        )
        for run in report.regional
    )
    return Table(columns=("Began (UTC)", "Run", "Experiment", "Ended", "Parts"), rows=rows)


def _trend_table(report: PeriodReport) -> Table:
    """The numbers of the charts as a table, for people who can't see charts, without days on which nothing ran."""
    outcomes = order_outcomes(report)
    rows = tuple(
        (
            f"{bucket.start:%-d %B}",
            *(str(bucket.verdicts.get(word, 0)) for word in outcomes),
            _format_seconds(bucket.recovery_median_seconds),
            _format_seconds(bucket.recovery_p95_seconds),
        )
        for bucket in report.trend
        if bucket.runs
    )
    columns = ("From", *(spell_out(word) for word in outcomes), "Recovery, median", "Recovery, p95")
    return Table(columns=columns, rows=rows, numeric=tuple(range(1, len(columns))))


def _format_seconds(value: float | None) -> str:
    return "—" if value is None else format_duration(value)


def _make_island(report: PeriodReport) -> dict[str, Any]:
    """Data for the charts: times in epoch seconds, a list of counts for each outcome, recovery times in seconds."""

    def list_recovery_times(field: str) -> list[float | None]:
        return [getattr(bucket, field) for bucket in report.trend]

    step = (report.trend[1].start - report.trend[0].start).total_seconds() if len(report.trend) > 1 else 86_400
    return {
        "times": [_bucket_epoch(bucket) for bucket in report.trend],
        "step": step,
        "runs": [
            {"word": spell_out(word), "tone": Word.of(word).tone, "counts": [bucket.verdicts.get(word, 0) for bucket in report.trend]}
            for word in order_outcomes(report)
        ],
        "recovery": {"median": list_recovery_times("recovery_median_seconds"), "p95": list_recovery_times("recovery_p95_seconds")},
    }


def _bucket_epoch(bucket: Bucket) -> int:
    return int(bucket.start.timestamp())
