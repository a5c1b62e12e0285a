"""The page of a period: what its experiments say together, as one file that needs nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from squall.domain.history.period_report import Bucket, Cell, Coverage, PeriodReport
from squall.reporting.elements import Table, Tile, Word
from squall.reporting.formatting import length, words
from squall.reporting.page import assembled

STACKED = ("validated", "refuted", "failed", "aborted", "inconclusive", "invalid", "rejected")
"""Outcomes from the bottom of a bar to its top."""
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
    never_run: tuple[str, ...]
    trend: Table
    stale_days: int
    legend: tuple[Word, ...]
    island: Mapping[str, Any] | None
    """None: nothing to draw."""


def render(report: PeriodReport) -> str:
    """The page."""
    page = page_of(report)
    return assembled("period.html.j2", "period.js", {"page": page}, page.island)


def page_of(report: PeriodReport) -> PeriodPage:
    """Everything the page says, in its order."""
    asked = [f"{name} {value}" for name, value in report.filters.model_dump().items() if value]
    return PeriodPage(
        title="Chaos experiments",
        subtitle=(f"{report.start:%-d %B %Y} to {report.end:%-d %B %Y, %H:%M} UTC", *asked),
        message=report.message or "",
        story=_story(report),
        tiles=tuple(_tiles(report)),
        recommendations=report.recommendations,
        coverage=_coverage(report),
        findings=_findings(report),
        never_run=report.never_run,
        trend=_trend(report),
        stale_days=report.stale_days,
        legend=tuple(map(Word.of, outcomes(report))),
        island=_island(report) if report.total_experiments else None,
    )


def outcomes(report: PeriodReport) -> dict[str, int]:
    """Runs by verdict, or by status where there is none, in the order of `STACKED`."""
    found: dict[str, int] = {}
    for bucket in report.trend:
        for word, count in bucket.verdicts.items():
            found[word] = found.get(word, 0) + count
    return {word: found[word] for word in (*STACKED, *sorted(set(found) - set(STACKED))) if word in found}


def _story(report: PeriodReport) -> str:
    if report.message:
        return ""
    counted = ", ".join(f"{count} {words(word)}" for word, count in outcomes(report).items())
    still = sum(finding.open for finding in report.findings)
    found = f" {still} finding{' is' if still == 1 else 's are'} open." if still else " No finding is open."
    weakest = report.workloads[0] if report.workloads else None
    weak = f" {weakest.workload} scores lowest, {weakest.score:.0f} of 100." if weakest else ""
    return f"{report.total_experiments} experiment{'' if report.total_experiments == 1 else 's'} ended: {counted}.{found}{weak}"


def _tiles(report: PeriodReport) -> list[Tile]:
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
        tiles.append(Tile("Recovery, lately", length(last.recovery_median_seconds), "median"))
    return tiles


def _coverage(report: PeriodReport) -> Table:
    kinds = tuple(report.workloads[0].types) if report.workloads else ()
    rows = tuple((one.workload, f"{one.score:.0f}", *(_cell(one.types[kind]) for kind in kinds)) for one in report.workloads)
    return Table(columns=("Workload", "Score", *(words(kind) for kind in kinds)), rows=rows, numeric=(1,))


def _cell(cell: Cell) -> Word:
    tone = "open" if cell.state in _UNSURE else Word.of(cell.state).tone
    return Word(f"{cell.state} {cell.last_decided:%-d %b}" if cell.last_decided else cell.state, tone)


def _findings(report: PeriodReport) -> Table:
    rows = tuple(
        (
            Word.of(one.severity),
            one.title,
            str(one.occurrences),
            f"{one.last_seen:%-d %b}",
            Word("open", "bad") if one.open else Word("closed", "good"),
            ", ".join(one.experiments),
        )
        for one in report.findings
    )
    return Table(columns=("Severity", "Finding", "Runs", "Last seen", "State", "Experiments"), rows=rows, numeric=(2,))


def _trend(report: PeriodReport) -> Table:
    """The charts as numbers, for those who can't see them; days without a run are left out."""
    found = outcomes(report)
    rows = tuple(
        (
            f"{bucket.start:%-d %B}",
            *(str(bucket.verdicts.get(word, 0)) for word in found),
            _seconds(bucket.recovery_median_seconds),
            _seconds(bucket.recovery_p95_seconds),
        )
        for bucket in report.trend
        if bucket.runs
    )
    columns = ("From", *(words(word) for word in found), "Recovery, median", "Recovery, p95")
    return Table(columns=columns, rows=rows, numeric=tuple(range(1, len(columns))))


def _seconds(value: float | None) -> str:
    return "—" if value is None else length(value)


def _island(report: PeriodReport) -> dict[str, Any]:
    """What the charts draw: times in epoch seconds, one list of counts an outcome, recovery in seconds."""

    def recovery(which: str) -> list[float | None]:
        return [getattr(bucket, which) for bucket in report.trend]

    step = (report.trend[1].start - report.trend[0].start).total_seconds() if len(report.trend) > 1 else 86_400
    return {
        "times": [_epoch(bucket) for bucket in report.trend],
        "step": step,
        "runs": [
            {"word": words(word), "tone": Word.of(word).tone, "counts": [bucket.verdicts.get(word, 0) for bucket in report.trend]}
            for word in outcomes(report)
        ],
        "recovery": {"median": recovery("recovery_median_seconds"), "p95": recovery("recovery_p95_seconds")},
    }


def _epoch(bucket: Bucket) -> int:
    return int(bucket.start.timestamp())
