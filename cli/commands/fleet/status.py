"""`squall fleet status`: what runs in every stack of a fleet, which are halted, and which are of another version."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cli import output
from cli.aws.versions import describe_difference
from cli.aws.visits import Outcome
from cli.commands.fleet.places import begin_round, find_exit, make_documents, write_outcomes
from cli.text import clean_line, format_seconds
from infra.account.fleet import HOME
from squall.domain.policy.environment import SHORTEST_DEADLINE
from squall.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.aws.stack import Deployment
    from cli.session import Options

_SHOWN = 3


def show_fleet(options: Options, file: str, only: Sequence[str], seconds: float) -> int:
    """Returns 0 if every stack answered, halted or not; otherwise 5."""
    taken = begin_round(file, only, seconds)
    visits = taken.visit(lambda _: "viewer", read_state)
    if options.json:
        output.write_json(make_documents(taken, visits))
    else:
        columns = {"State": _describe_state, "Running": _describe_runs, "Version": _describe_version}
        write_outcomes(taken, visits, f"The fleet {taken.fleet.name}", columns)
        for name, visit in visits.items():
            if visit.outcome is not Outcome.ANSWERED:
                continue
            halt = visit.answer["halt"]
            if halt is None:
                output.write_note(f"{name}: the halt flag could not be read; the stack counts as halted until it can be.")
            elif halt["engaged"]:
                output.write_note(f"{name}: halted by {halt['by'] or 'somebody who gave no name'}: {halt['reason'] or 'no reason given'}")
            if difference := describe_difference(taken.place(name).stack, visit.answer["version"]):
                output.write_note(f"{name}: {difference}")
            if name != HOME and "contact" in taken.fleet.members[name].grants and not was_seen_lately(visit.answer["home_seen"]):
                output.write_note(f"{name}: home's last word there: {clean_line(visit.answer['home_seen'], 300)}")
    return find_exit(visits)


def read_state(deployment: Deployment) -> dict[str, Any]:
    """What runs in a stack, as plain data; `halt` is None if the flag could not be read."""
    now = datetime.now(UTC)
    halted = deployment.halted()
    return {
        "version": deployment.version,
        "home_seen": deployment.home_seen(),
        "halt": None if halted is None else {"engaged": halted.engaged, "reason": halted.reason, "by": halted.by},
        "running": [
            {
                "id": record.id,
                "experiment": record.experiment,
                "environment": record.environment,
                "status": record.status.value,
                "seconds": round((now - record.started_at).total_seconds()),
            }
            for record in deployment.open_records()
        ],
    }


def was_seen_lately(seen: str) -> bool:
    """Whether home has written to a member within what every deadline allows."""
    try:
        return datetime.now(UTC) - datetime.fromisoformat(seen) < SHORTEST_DEADLINE
    except ValueError:
        return False


def _describe_state(answer: dict[str, Any]) -> str:
    if answer["halt"] is None:
        return "counts as halted"
    if answer["halt"]["engaged"]:
        return "HALTED"
    return "running" if answer["running"] else "idle"


def _describe_runs(answer: dict[str, Any]) -> str:
    runs = [f"{run['id']} ({run['status']}, {format_seconds(run['seconds'])})" for run in answer["running"]]
    more = f" and {len(runs) - _SHOWN} more" if len(runs) > _SHOWN else ""
    return ", ".join(runs[:_SHOWN]) + more or "nothing"


def _describe_version(answer: dict[str, Any]) -> str:
    version = answer["version"] or "not said"
    return version if version == VERSION else f"{version} (here {VERSION})"
