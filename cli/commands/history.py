"""`squall history`: shows the runs of one experiment or of all, newest first."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cli import output, session
from cli.arguments.invocation import as_typed
from cli.errors import CommandError
from cli.exits import Exit
from cli.render import draw_sparkline, make_table, style_word
from cli.text import format_seconds, safe_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table
    from rich.text import Text

    from cli.aws.stack import Deployment
    from cli.session import Options
    from squall.domain.history.summary import RunSummary

LIMITS = (1, 1000)


def show_history(options: Options, experiment: str | None, days: int, limit: int) -> int:
    """Returns 0, also if nothing ran."""
    if not LIMITS[0] <= limit <= LIMITS[1]:
        raise CommandError(f"--limit {limit} is out of range.", f"It takes {LIMITS[0]} to {LIMITS[1]}.", code=Exit.REFUSED)
    deployment = session.find_deployment(options)
    now = datetime.now(UTC)
    if experiment is not None:
        runs = list(deployment.runs_of(experiment, limit))
    else:
        newest_first = sorted(deployment.runs_between(now - timedelta(days=days), now), key=lambda run: run.started_at, reverse=True)
        runs = newest_first[:limit]
    runs = [_complete(deployment, run) for run in runs]
    if options.json:
        output.write_json([asdict(run) for run in runs])
        return Exit.VALIDATED
    if not runs:
        subject = f"No run of {experiment!r}" if experiment is not None else f"No run in {days} days"
        output.write_note(f"{subject} in stack {deployment.stack}, {deployment.region}.")
        return Exit.VALIDATED
    console = output.make_console()
    console.print(make_history_table(runs))
    if any(run.whole for run in runs):
        console.print(_make_regional_table(deployment, runs))
    console.print(safe_text(_draw_recoveries(runs, unicode=console.encoding.startswith("utf")), "dim"))
    return Exit.VALIDATED


def _complete(deployment: Deployment, run: RunSummary) -> RunSummary:
    """The run, marked if it is a plan, and with the run over several Regions that it belongs to. A run that goes on, or whose
    report is not written yet, has both on its record only."""
    if run.summarised:
        return run
    record = deployment.record(run.execution_id)
    if record is None:
        return run
    whole, home = (record.part.run, record.part.home) if record.part else ("", "")
    return replace(run, plan=run.plan or record.only_plans, whole=whole, home=home)


def _make_regional_table(deployment: Deployment, runs: Sequence[RunSummary]) -> Table:
    """The runs over several Regions that these parts belong to. How one ended is read where it is known: at home."""
    table = make_table("Runs over several Regions", "Run", "Ended", "Parts")
    for run in {run.whole: run for run in runs if run.whole}.values():
        record = deployment.campaign(run.whole)
        if record is None:
            command = as_typed(f"`squall show {run.whole} --region {run.home}`")
            table.add_row(safe_text(run.whole), safe_text(f"{command} knows", "dim"), safe_text(run.execution_id))
        else:
            table.add_row(
                safe_text(run.whole),
                style_word((record.verdict or record.status).value),
                safe_text(", ".join(part.execution_id for part in record.runs)),
            )
    return table


def make_history_table(runs: Sequence[RunSummary]) -> Table:
    """One row per run. Plans are dim, and say that they are plans."""
    table = make_table("History", "Started (UTC)", "Execution", "Experiment", "Environment", "Ended", "Recovered in", "Findings")
    for summary in runs:
        table.add_row(
            f"{summary.started_at:%Y-%m-%d %H:%M}",
            safe_text(summary.execution_id),
            safe_text(summary.experiment),
            safe_text(summary.environment),
            _describe_end(summary),
            "—" if summary.recovery_seconds is None else format_seconds(summary.recovery_seconds),
            safe_text(_describe_findings(summary)),
            style="dim" if summary.plan else "",
        )
    return table


def _describe_end(summary: RunSummary) -> Text:
    word = style_word((summary.verdict or summary.status).value)
    return safe_text(f"plan: {word.plain}") if summary.plan else word


def _describe_findings(summary: RunSummary) -> str:
    titles = [finding.title for finding in summary.findings if not finding.closed]
    closed = sum(finding.closed for finding in summary.findings)
    parts = [f"{len(titles)}: {'; '.join(titles)}" if titles else "", f"{closed} closed" if closed else ""]
    return ", ".join(part for part in parts if part) or ("none" if summary.summarised else "—")


def _draw_recoveries(runs: Sequence[RunSummary], *, unicode: bool) -> str:
    """The recovery times as a sparkline, oldest first; empty with fewer than two."""
    times: list[Any] = [summary.recovery_seconds for summary in reversed(runs) if summary.recovery_seconds is not None]
    if len(times) < 2:
        return ""
    span = f"{format_seconds(min(times))} to {format_seconds(max(times))}"
    return f"recovery, oldest to newest: {draw_sparkline(times, unicode=unicode)}  {span}"
