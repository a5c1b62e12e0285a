"""`squall fleet report`: the runs of a period in every stack of a fleet, and how far their workloads are covered.

Of a member that does not answer, home's own copies are reported (see `squall.application.fleet.collect`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cli import output
from cli.arguments.spans import parse_period
from cli.aws.visits import Outcome, visit_one
from cli.commands.fleet.places import begin_round, find_exit, make_documents, write_outcomes
from cli.render import make_table
from cli.text import clean_line, safe_text
from infra.account.fleet import HOME
from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.history.counts import compute_percent
from squall.domain.history.period import Period
from squall.domain.history.period_report import PeriodReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from cli.aws.stack import Deployment
    from cli.aws.visits import Visit
    from cli.commands.fleet.places import Round
    from cli.session import Options

_WEAKEST = 10
"""How many workloads the terminal shows; `--json` has all."""


def _describe_weakest(report: dict[str, Any]) -> str:
    """Reports list the weakest first."""
    return f"{report['workloads'][0]['workload']} ({report['workloads'][0]['score']:.0f})" if report["workloads"] else ""


_COLUMNS: dict[str, Callable[[dict[str, Any]], str]] = {
    "Runs": lambda report: str(report["total_experiments"]),
    "Judged": lambda report: f"{report['success_rate']:g} %",
    "Validated": lambda report: f"{report['hypothesis_validation_rate']:g} %",
    "Findings": lambda report: str(len(report["findings"])),
    "Weakest workload": _describe_weakest,
}


def report_fleet(options: Options, file: str, only: Sequence[str], seconds: float, days: int) -> int:
    """Returns 0 if every stack answered; otherwise 5. Of a member that did not, home's copies are shown, with the time of the
    last one; if there are none, its runs are in no number."""
    since, until = parse_period(days, None, None, datetime.now(UTC))
    taken = begin_round(file, only, seconds)

    def read(deployment: Deployment) -> Any:
        answer = deployment.report_period({"start": since.isoformat(), "end": until.isoformat(), "filters": {}})
        return PeriodReport.model_validate(answer["report"]).model_dump(mode="json")

    with output.show_waiting("Reading the period's runs …"):
        visits = taken.visit(lambda _: "viewer", read)
        copies = _read_copies(taken, visits, since, until)
    reports = {name: visit.answer for name, visit in visits.items() if visit.outcome is Outcome.ANSWERED}
    reports |= {name: copy.answer["report"] for name, copy in copies.items() if copy.answer is not None}
    if options.json:
        shown = {name: {"problem": copy.problem, **(copy.answer or {})} for name, copy in copies.items()}
        output.write_json({**make_documents(taken, visits), "copies": shown, "fleet_report": _sum_up(reports)})
    else:
        title = f"The fleet {taken.fleet.name}, {since:%Y-%m-%d} to {until:%Y-%m-%d}"
        write_outcomes(taken, visits, title, {**_COLUMNS, "Never run": lambda report: str(len(report["never_run"]))})
        _write_copies(copies)
        _write_sum(_sum_up(reports))
    return find_exit(visits)


def _read_copies(taken: Round, visits: Mapping[str, Visit], since: datetime, until: datetime) -> dict[str, Visit]:
    """Home's copies of the members that did not answer. An answer has `report`, `at` and `complete`."""
    silent = [name for name, visit in visits.items() if visit.outcome is not Outcome.ANSWERED and name != HOME]
    if not silent:
        return {}
    home = visit_one(HOME, lambda name: taken.door.enter(name, "viewer", taken.caller))
    if home.outcome is not Outcome.ANSWERED:
        return dict.fromkeys(silent, home)
    return {name: visit_one(name, lambda name: _report_copy(taken, home.answer, name, since, until)) for name in silent}


def _report_copy(taken: Round, home: Deployment, name: str, since: datetime, until: datetime) -> dict[str, Any] | None:
    """The report of home's copies of a member's runs; None if home has never copied any."""
    period = Period(since, until)
    mark, runs = home.collected(taken.fleet.members[name].joined_key, period.lookback, until)
    if mark is None:
        return None
    for run in runs:
        period.add(run)
    return {"report": period.report().model_dump(mode="json"), "at": mark.at.isoformat(), "complete": mark.complete}


def _write_copies(copies: Mapping[str, Visit]) -> None:
    table = make_table("From home's copies", "Stack of", "As of", *_COLUMNS)
    for name, copy in copies.items():
        if copy.outcome is not Outcome.ANSWERED:
            output.write_note(f"{name}: home's copies of its runs could not be read: {clean_line(copy.problem, 300)}")
        elif copy.answer is None:
            output.write_note(f"{name}: home has no copies of its runs.")
        else:
            as_of = copy.answer["at"] + ("" if copy.answer["complete"] else ", not complete")
            table.add_row(*(safe_text(cell) for cell in (name, as_of, *(column(copy.answer["report"]) for column in _COLUMNS.values()))))
    if table.row_count:
        output.make_console().print(table)


def _sum_up(reports: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The numbers of all stacks together, and every workload, the weakest first. A workload belongs to one stack."""
    total = sum(report["total_experiments"] for report in reports.values())
    completed = sum(report["by_status"].get(Status.COMPLETED.value, 0) for report in reports.values())
    validated = sum(report["by_verdict"].get(Verdict.VALIDATED.value, 0) for report in reports.values())
    return {
        "stacks": list(reports),
        "total_experiments": total,
        "success_rate": compute_percent(completed, total),
        "hypothesis_validation_rate": compute_percent(validated, total),
        "workloads": sorted(_list_workloads(reports), key=lambda entry: (entry["score"], entry["stack"], entry["workload"])),
    }


def _list_workloads(reports: Mapping[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for name, report in reports.items():
        yield from ({"stack": name, **workload} for workload in report["workloads"])


def _write_sum(fleet: dict[str, Any]) -> None:
    output.write_note(
        f"In all: {fleet['total_experiments']} runs in {len(fleet['stacks'])} stacks, {fleet['success_rate']:g} % judged, "
        f"{fleet['hypothesis_validation_rate']:g} % validated."
    )
    table = make_table("The weakest workloads", "Stack of", "Workload", "Score", "Runs", "Not covered")
    for entry in fleet["workloads"][:_WEAKEST]:
        gaps = ", ".join(kind for kind, cell in entry["types"].items() if cell["state"] != "validated")
        table.add_row(*(safe_text(cell) for cell in (entry["stack"], entry["workload"], f"{entry['score']:.0f}", str(entry["runs"]), gaps)))
    if table.row_count:
        output.make_console().print(table)
