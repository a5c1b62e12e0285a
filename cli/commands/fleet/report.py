"""`squall fleet report`: the runs of a period in every stack of a fleet, one row each."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cli import output
from cli.arguments.spans import parse_period
from cli.commands.fleet.places import begin_round, find_exit, make_documents, write_outcomes
from squall.domain.history.period_report import PeriodReport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.aws.stack import Deployment
    from cli.session import Options


def report_fleet(options: Options, file: str, only: Sequence[str], seconds: float, days: int) -> int:
    """Returns 0 if every stack answered; otherwise 5, and the table says which did not: their runs are not in it."""
    since, until = parse_period(days, None, None, datetime.now(UTC))
    taken = begin_round(file, only, seconds)

    def read(deployment: Deployment) -> Any:
        answer = deployment.report_period({"start": since.isoformat(), "end": until.isoformat(), "filters": {}})
        return PeriodReport.model_validate(answer["report"]).model_dump(mode="json")

    with output.show_waiting("Reading the period's runs …"):
        visits = taken.visit(lambda _: "viewer", read)
    if options.json:
        output.write_json(make_documents(taken, visits))
    else:
        columns = {
            "Runs": lambda report: str(report["total_experiments"]),
            "Judged": lambda report: f"{report['success_rate']:g} %",
            "Validated": lambda report: f"{report['hypothesis_validation_rate']:g} %",
            "Findings": lambda report: str(len(report["findings"])),
            "Weakest workload": _describe_weakest,
            "Never run": lambda report: str(len(report["never_run"])),
        }
        write_outcomes(taken, visits, f"The fleet {taken.fleet.name}, {since:%Y-%m-%d} to {until:%Y-%m-%d}", columns)
    return find_exit(visits)


def _describe_weakest(report: dict[str, Any]) -> str:
    """Reports list the weakest first."""
    return f"{report['workloads'][0]['workload']} ({report['workloads'][0]['score']:.0f})" if report["workloads"] else ""
