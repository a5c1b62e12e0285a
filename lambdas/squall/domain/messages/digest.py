"""The report of a period as a short message: outcomes, weak workloads, open findings, and what to do next."""

from collections.abc import Iterable

from squall.domain.history.period_report import PeriodReport, WorkloadReport
from squall.domain.messages.message import Link, Message, Section, facts_of

MOST = 5
"""Entries of each list; the page has all of them."""


def make_message(report: PeriodReport, page: str) -> Message:
    """The digest of a period's report. `page` is where the full report can be found."""
    span = f"{report.start:%Y-%m-%d} to {report.end:%Y-%m-%d}"
    subject = f"Squall report {span}: {report.total_experiments} experiments, {report.hypothesis_validation_rate:g} % validated"
    outcomes = ", ".join(f"{count} {word}" for word, count in report.outcomes.items())
    return Message(
        subject=f"Squall report {span}: no experiments" if report.message else subject,
        facts=facts_of(
            [report.message or f"{report.total_experiments} experiments: {outcomes}.", *_recovery_facts(report), *_never_run(report)]
        ),
        sections=() if report.message else (_weakest_section(report), _open_findings(report), _next_section(report)),
        links=(Link("report", page),),
        attributes={"status": "report"},
    )


def _recovery_facts(report: PeriodReport) -> Iterable[str]:
    medians = [bucket.recovery_median_seconds for bucket in report.trend if bucket.recovery_median_seconds is not None]
    if len(medians) > 1:
        yield f"Median recovery: {medians[0]:.0f} s at first, {medians[-1]:.0f} s lately."


def _weakest_section(report: PeriodReport) -> Section:
    return Section("Weakest workloads (score of 100):", facts_of(map(_describe_workload, report.workloads[:MOST])))


def _describe_workload(workload: WorkloadReport) -> str:
    refuted = [kind for kind, cell in workload.types.items() if cell.state == "refuted"]
    uncovered = sum(cell.state not in {"validated", "refuted"} for cell in workload.types.values())
    remarks = [f"refuted: {', '.join(refuted)}"] if refuted else []
    remarks += [f"{uncovered} fault types not covered"] if uncovered else []
    return f"{workload.workload}: {workload.score:.0f}" + (f" ({'; '.join(remarks)})" if remarks else "")


def _open_findings(report: PeriodReport) -> Section:
    findings = [finding for finding in report.findings if finding.open]
    lines = (f"{finding.severity}: {finding.title}, {finding.occurrences} ×" for finding in findings[:MOST])
    return Section(f"Open findings ({len(findings)}):", facts_of(lines))


def _never_run(report: PeriodReport) -> Iterable[str]:
    if report.never_run:
        more = len(report.never_run) - MOST
        yield "Not run in the period: " + ", ".join(report.never_run[:MOST]) + (f" and {more} more" if more > 0 else "")


def _next_section(report: PeriodReport) -> Section:
    return Section("What to do next", facts_of(report.recommendations))
