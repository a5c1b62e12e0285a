"""`squall history`: the runs of an experiment, or of everything, newest first."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cli import output, session
from cli.errors import CommandError
from cli.exits import Exit
from cli.render import sparkline, table, word
from cli.text import safe, seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from cli.session import Options
    from squall.domain.history.summary import RunSummary

LIMITS = (1, 1000)


def run(options: Options, experiment: str | None, days: int, limit: int) -> int:
    """0, also when nothing ran."""
    if not LIMITS[0] <= limit <= LIMITS[1]:
        raise CommandError(f"--limit {limit} is out of range.", f"It takes {LIMITS[0]} to {LIMITS[1]}.", code=Exit.REFUSED)
    deployment = session.deployment(options)
    now = datetime.now(UTC)
    if experiment is not None:
        runs = list(deployment.runs_of(experiment, limit))
    else:
        found = sorted(deployment.runs_between(now - timedelta(days=days), now), key=lambda one: one.started_at, reverse=True)
        runs = found[:limit]
    if options.json:
        output.write_json([asdict(one) for one in runs])
        return Exit.VALIDATED
    if not runs:
        what = f"No run of {experiment!r}" if experiment is not None else f"No run in {days} days"
        output.note(f"{what} in stack {deployment.stack}, {deployment.region}.")
        return Exit.VALIDATED
    console = output.console()
    console.print(listing(runs))
    console.print(safe(_course(runs, unicode=console.encoding.startswith("utf")), "dim"))
    return Exit.VALIDATED


def listing(runs: Sequence[RunSummary]) -> Table:
    """One row a run."""
    made = table("History", "Started (UTC)", "Execution", "Experiment", "Environment", "Ended", "Recovered in", "Findings")
    for one in runs:
        made.add_row(
            f"{one.started_at:%Y-%m-%d %H:%M}",
            safe(one.execution_id),
            safe(one.experiment),
            safe(one.environment),
            word((one.verdict or one.status).value),
            "—" if one.recovery_seconds is None else seconds(one.recovery_seconds),
            safe(_findings(one)),
        )
    return made


def _findings(one: RunSummary) -> str:
    still = [finding.title for finding in one.findings if not finding.closed]
    fixed = sum(finding.closed for finding in one.findings)
    parts = [f"{len(still)}: {'; '.join(still)}" if still else "", f"{fixed} closed" if fixed else ""]
    return ", ".join(part for part in parts if part) or ("none" if one.summarised else "—")


def _course(runs: Sequence[RunSummary], *, unicode: bool) -> str:
    """How the recovery went over time, oldest first."""
    taken: list[Any] = [one.recovery_seconds for one in reversed(runs) if one.recovery_seconds is not None]
    if len(taken) < 2:
        return ""
    return f"recovery, oldest to newest: {sparkline(taken, unicode=unicode)}  {seconds(min(taken))} to {seconds(max(taken))}"
