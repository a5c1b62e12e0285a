"""A period's report as a message: what changed, what is open, what to do; nothing that only a page can show."""

from collections.abc import Iterable

from squall.domain.history.period import PeriodReport

MOST = 5
"""Of each list; the page has all."""


def digest(report: PeriodReport, page: str) -> tuple[str, str]:
    """Subject and body. `page` is where the whole report stands."""
    span = f"{report.start:%Y-%m-%d} to {report.end:%Y-%m-%d}"
    if report.message:
        return f"Squall report {span}: no experiments", "\n".join([report.message, *_never(report), "", page])
    subject = f"Squall report {span}: {report.total_experiments} experiments, {report.hypothesis_validation_rate:g} % validated"
    outcomes = ", ".join(f"{count} {word}" for word, count in _outcomes(report).items())
    first = f"{report.total_experiments} experiments: {outcomes}."
    sections = (_recovery(report), _weak(report), _findings(report), _never(report), _next(report))
    return subject, "\n".join([first, *(line for section in sections for line in section), "", page])


def _outcomes(report: PeriodReport) -> dict[str, int]:
    found: dict[str, int] = {}
    for bucket in report.trend:
        for word, count in bucket.verdicts.items():
            found[word] = found.get(word, 0) + count
    return dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))


def _recovery(report: PeriodReport) -> Iterable[str]:
    medians = [bucket.recovery_median_seconds for bucket in report.trend if bucket.recovery_median_seconds is not None]
    if len(medians) > 1:
        yield f"Median recovery: {medians[0]:.0f} s at first, {medians[-1]:.0f} s lately."


def _weak(report: PeriodReport) -> Iterable[str]:
    if report.workloads:
        yield from ("", "Weakest workloads (score of 100):")
        for workload in report.workloads[:MOST]:
            broken = [kind for kind, cell in workload.types.items() if cell.state == "refuted"]
            unknown = sum(cell.state not in {"validated", "refuted"} for cell in workload.types.values())
            said = [f"refuted: {', '.join(broken)}"] if broken else []
            said += [f"{unknown} fault types not covered"] if unknown else []
            yield f"  {workload.workload}: {workload.score:.0f}" + (f" ({'; '.join(said)})" if said else "")


def _findings(report: PeriodReport) -> Iterable[str]:
    still = [finding for finding in report.findings if finding.open]
    if still:
        yield from ("", f"Open findings ({len(still)}):")
        yield from (f"  {finding.severity}: {finding.title}, {finding.occurrences} ×" for finding in still[:MOST])


def _never(report: PeriodReport) -> Iterable[str]:
    if report.never_run:
        more = len(report.never_run) - MOST
        yield from ("", "Not run in the period: " + ", ".join(report.never_run[:MOST]) + (f" and {more} more" if more > 0 else ""))


def _next(report: PeriodReport) -> Iterable[str]:
    if report.recommendations:
        yield from ("", *(f"→ {sentence}" for sentence in report.recommendations))
