"""`squall compare`: shows what became better or worse from one run to another."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from pydantic import ValidationError
from rich.console import Group
from rich.text import Text

from cli import output, session
from cli.arguments.names import parse_execution_id
from cli.commands.status import find_record
from cli.comparison import MetricChange, compare_metrics, compare_results, find_directions
from cli.errors import CommandError
from cli.exits import Exit
from cli.following.watch import parse_result
from cli.render import format_quantity, make_table
from cli.text import clean_line, format_number, safe_text
from squall.domain.base.problems import InvalidInput
from squall.domain.documents.definition import Definition
from squall.domain.documents.series import SeriesDocument
from squall.domain.experiment.sentences import parse_sentences

if TYPE_CHECKING:
    from rich.console import RenderableType

    from cli.aws.stack import Deployment
    from cli.comparison import Direction, Fact
    from cli.session import Options
    from squall.domain.documents.result import Result

METHOD = "p: Mann-Whitney, corrected for autocorrelation and for the number of metrics. It needs at least five points of each run."
_STYLES = {"better": "green", "worse": "bold red", "higher": "yellow", "lower": "yellow", "same": "dim", "unknown": "dim"}


def compare_runs(options: Options, first: str, second: str) -> int:
    """Returns 0, whatever changed."""
    deployment = session.find_deployment(options)
    ids = parse_execution_id(first), parse_execution_id(second)
    before, after = (_read_result(deployment, execution_id) for execution_id in ids)
    notes = _note_differences(before, after)
    changes = _compare_series(deployment, *ids, notes)
    facts = compare_results(before, after)
    if options.json:
        lists = {"notes": notes, "facts": [asdict(fact) for fact in facts], "metrics": [asdict(change) for change in changes]}
        output.write_json({"before": ids[0], "after": ids[1], **lists})
        return Exit.VALIDATED
    output.make_console().print(make_view(ids, notes, facts, changes))
    return Exit.VALIDATED


def _read_result(deployment: Deployment, execution_id: str) -> Result:
    find_record(deployment, execution_id)
    result = parse_result(deployment.document(execution_id, "result"))
    if result is None:
        message = f"{execution_id} has no result yet, or one that another version of Squall wrote."
        raise CommandError(message, f"`squall status {execution_id}` shows its state.", code=Exit.REFUSED)
    return result


def _note_differences(before: Result, after: Result) -> list[str]:
    """Differences that make the two runs less comparable."""
    notes = []
    if before.experiment_name != after.experiment_name:
        notes.append(f"Two experiments: {before.experiment_name} and {after.experiment_name}.")
    elif before.definition_hash != after.definition_hash:
        notes.append("The definition changed between them.")
    if before.environment != after.environment:
        notes.append(f"Two environments: {before.environment} and {after.environment}.")
    return notes


def _compare_series(deployment: Deployment, before: str, after: str, notes: list[str]) -> list[MetricChange]:
    documents = [deployment.document(execution_id, "series") for execution_id in (before, after)]
    try:
        series = [SeriesDocument.model_validate(document) for document in documents if document is not None]
    except ValidationError:
        series = []
    if len(series) < 2:
        notes.append("One of the runs has no measurements that this version can read: metrics are not compared.")
        return []
    return compare_metrics(series[0], series[1], _read_directions(deployment, after))


def _read_directions(deployment: Deployment, execution_id: str) -> dict[str, Direction]:
    raw = deployment.document(execution_id, "definition")
    if raw is None:
        return {}
    try:
        return find_directions(parse_sentences(Definition.model_validate(raw).experiment))
    except (ValidationError, InvalidInput):
        return {}


def make_view(ids: tuple[str, str], notes: list[str], facts: list[Fact], changes: list[MetricChange]) -> RenderableType:
    """The comparison as tables."""
    parts: list[RenderableType] = [safe_text(f"! {note}", "yellow") for note in notes]
    outcomes = make_table(f"{ids[0]} → {ids[1]}", "", "Before", "After", "")
    for fact in facts:
        before, after = (safe_text(outcome.replace("_", " ")) for outcome in (fact.before, fact.after))
        outcomes.add_row(safe_text(fact.name), before, after, _style_change(fact.change))
    parts.append(outcomes)
    if changes:
        metrics = make_table("During the fault", "Metric", "Before", "After", "Shift, 95 % interval", "p", "Points", "")
        for change in changes:
            metrics.add_row(
                safe_text(change.metric),
                format_quantity(change.before, change.unit),
                format_quantity(change.after, change.unit),
                _format_interval(change),
                "—" if change.p_adjusted is None else f"{change.p_adjusted:.2g}",
                f"{change.n[0]}, {change.n[1]}",
                _style_change(change.change),
            )
        parts += [metrics, Text(METHOD, style="dim")]
    return Group(*parts)


def _format_interval(change: MetricChange) -> str:
    if change.shift is None:
        return "—"
    low, high = ("unbounded" if value is None else format_number(value) for value in (change.low, change.high))
    return f"{format_quantity(change.shift, change.unit)} ({low} to {high})"


def _style_change(change: str) -> Text:
    return Text({"unknown": "can't tell"}.get(change, clean_line(change)), style=_STYLES.get(change, ""))
