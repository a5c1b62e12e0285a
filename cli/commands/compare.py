"""`squall compare`: what got better or worse from one run to another."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from pydantic import ValidationError
from rich.console import Group
from rich.text import Text

from cli import output, session
from cli.commands.status import find
from cli.comparison import MetricChange, directions, facts, metric_changes
from cli.errors import CommandError
from cli.exits import Exit
from cli.names import execution_id
from cli.render import quantity, table
from cli.text import clean, number, safe
from cli.watch import parsed_result
from squall.domain.documents.definition import Definition
from squall.domain.documents.series import SeriesDocument
from squall.domain.experiment.sentences import sentences
from squall.domain.problems import InvalidInput

if TYPE_CHECKING:
    from rich.console import RenderableType

    from cli.aws import Deployment
    from cli.comparison import Direction, Fact
    from cli.session import Options
    from squall.domain.documents.result import Result

METHOD = "p: Mann-Whitney, corrected for autocorrelation and for the number of metrics. Under five points a side nothing is said."
_STYLES = {"better": "green", "worse": "bold red", "higher": "yellow", "lower": "yellow", "same": "dim", "unknown": "dim"}


def run(options: Options, first: str, second: str) -> int:
    """0, whatever changed."""
    deployment = session.deployment(options)
    ids = execution_id(first), execution_id(second)
    before, after = (_result(deployment, one) for one in ids)
    notes = _differences(before, after)
    changes = _metrics(deployment, *ids, notes)
    told = facts(before, after)
    if options.json:
        lists = {"notes": notes, "facts": [asdict(one) for one in told], "metrics": [asdict(one) for one in changes]}
        output.write_json({"before": ids[0], "after": ids[1], **lists})
        return Exit.VALIDATED
    output.console().print(view(ids, notes, told, changes))
    return Exit.VALIDATED


def _result(deployment: Deployment, wanted: str) -> Result:
    find(deployment, wanted)
    result = parsed_result(deployment.document(wanted, "result"))
    if result is None:
        said = f"{wanted} has no result yet, or one of another version."
        raise CommandError(said, f"`squall status {wanted}` says how it stands.", code=Exit.REFUSED)
    return result


def _differences(before: Result, after: Result) -> list[str]:
    """Why the two may not be the same question."""
    notes = []
    if before.experiment_name != after.experiment_name:
        notes.append(f"Two experiments: {before.experiment_name} and {after.experiment_name}.")
    elif before.definition_hash != after.definition_hash:
        notes.append("The definition changed between them.")
    if before.environment != after.environment:
        notes.append(f"Two environments: {before.environment} and {after.environment}.")
    return notes


def _metrics(deployment: Deployment, before: str, after: str, notes: list[str]) -> list[MetricChange]:
    raw = [deployment.document(one, "series") for one in (before, after)]
    try:
        series = [SeriesDocument.model_validate(one) for one in raw if one is not None]
    except ValidationError:
        series = []
    if len(series) < 2:
        notes.append("One of them measured nothing, or in a form this version can't read: metrics are not compared.")
        return []
    return metric_changes(series[0], series[1], _better(deployment, after))


def _better(deployment: Deployment, execution: str) -> dict[str, Direction]:
    raw = deployment.document(execution, "definition")
    if raw is None:
        return {}
    try:
        return directions(sentences(Definition.model_validate(raw).experiment))
    except (ValidationError, InvalidInput):
        return {}


def view(ids: tuple[str, str], notes: list[str], told: list[Fact], changes: list[MetricChange]) -> RenderableType:
    """What changed, as a person reads it."""
    parts: list[RenderableType] = [safe(f"! {note}", "yellow") for note in notes]
    outcomes = table(f"{ids[0]} → {ids[1]}", "", "Before", "After", "")
    for fact in told:
        outcomes.add_row(safe(fact.name), safe(fact.before.replace("_", " ")), safe(fact.after.replace("_", " ")), _word(fact.change))
    parts.append(outcomes)
    if changes:
        metrics = table("During the fault", "Metric", "Before", "After", "Shift, 95 % interval", "p", "Points", "")
        for one in changes:
            metrics.add_row(
                safe(one.metric),
                quantity(one.before, one.unit),
                quantity(one.after, one.unit),
                _interval(one),
                "—" if one.p_adjusted is None else f"{one.p_adjusted:.2g}",
                f"{one.n[0]}, {one.n[1]}",
                _word(one.change),
            )
        parts += [metrics, Text(METHOD, style="dim")]
    return Group(*parts)


def _interval(one: MetricChange) -> str:
    if one.shift is None:
        return "—"
    low, high = ("unbounded" if value is None else number(value) for value in (one.low, one.high))
    return f"{quantity(one.shift, one.unit)} ({low} to {high})"


def _word(change: str) -> Text:
    return Text({"unknown": "can't tell"}.get(change, clean(change)), style=_STYLES.get(change, ""))
