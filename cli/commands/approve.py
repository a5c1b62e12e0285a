"""`squall approve` and `squall reject`: show what is asked, then say it, signed with the caller's own credentials."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Group

from cli import output, session
from cli.commands.status import find
from cli.errors import CommandError
from cli.exits import Exit
from cli.names import execution_id
from cli.render import checks_table, table
from cli.text import clean, clean_block, safe
from cli.watch import lenient
from squall.domain.approval.votes import describe_need
from squall.domain.documents.definition import Definition
from squall.domain.documents.plan import Plan
from squall.domain.documents.safety import Safety
from squall.domain.experiment.hashes import document_hash
from squall.domain.messages.approval_request import cost_of
from squall.domain.metrics.periods import format_length
from squall.domain.model import digest

if TYPE_CHECKING:
    from rich.console import RenderableType

    from cli.aws import Deployment
    from cli.session import Options
    from squall.domain.approval.votes import Ask, Decision
    from squall.domain.run.record import ExecutionRecord

COMMENT_CHARACTERS = 500


def run(options: Options, execution: str, comment: str, decision: Decision, *, yes: bool) -> int:
    """0 if it is recorded, 3 if it was refused: with the sentence why."""
    wanted = execution_id(execution)
    said = clean(comment, COMMENT_CHARACTERS).strip()
    if not said:
        raise CommandError("A comment is needed: it stands in the record.", "Say it with `--comment`.", code=Exit.REFUSED)
    deployment = session.deployment(options)
    record = find(deployment, wanted)
    if record.ask is None or record.final:
        state = record.status.value.replace("_", " ")
        raise CommandError(f"{wanted} asks for no approval; it is {state}.", f"`squall status {wanted}` says more.", code=Exit.REFUSED)
    shown = what_is_asked(deployment, record, record.ask)
    if not options.json:
        output.console().print(shown)
    if not yes:
        _confirm(decision)
    answer = deployment.vote(record.execution_arn, wanted, record.ask.plan, decision, said)
    if not isinstance(answer, dict) or not isinstance(answer.get("recorded"), bool):
        raise CommandError(f"The approve function answered something else: {clean(answer, 500)}", f"Look with `squall status {wanted}`.")
    if options.json:
        output.write_json(answer)
    else:
        word = f"{decision.value} is recorded" if answer["recorded"] else "NOT RECORDED"
        who = f" for {answer['person']}" if answer.get("person") else ""
        output.console().print(clean(f"{word}{who}: {answer.get('message', '')}", 1000), soft_wrap=True)
    return Exit.VALIDATED if answer["recorded"] else Exit.REFUSED


def _confirm(decision: Decision) -> None:
    """Raises CommandError unless a person at a terminal answers yes. Text from a pipe is nobody's consent."""
    if sys.stdin is None or not sys.stdin.isatty():
        message = f"Nothing was recorded: without a terminal nobody can be asked whether to {decision.value}."
        raise CommandError(message, f"Read what is asked, then run the command with `--yes` to {decision.value} it.", code=Exit.REFUSED)
    if not typer.confirm(f"{decision.value.capitalize()} this?", err=True):
        raise CommandError("Nothing was recorded.", code=Exit.REFUSED)


def what_is_asked(deployment: Deployment, record: ExecutionRecord, ask: Ask) -> RenderableType:
    """The plan in full; refuses one that is not what the record asks for, or not of the definition it names."""
    raw, definition = deployment.document(record.id, "plan"), deployment.document(record.id, "definition")
    if (
        raw is None
        or definition is None
        or digest(raw) != ask.plan
        or document_hash(definition["experiment"]) != raw.get("definition_hash")
    ):
        raise CommandError(
            f"What {record.id} asks for could not be read whole, or has just changed.", "Try again in a moment.", code=Exit.REFUSED
        )
    plan, known = lenient(raw, Plan), lenient(definition, Definition)
    safety = lenient(deployment.document(record.id, "safety"), Safety)
    if plan is None or known is None:  # of another version of Squall: all of it, as it is
        return clean_block(json.dumps([definition["experiment"], raw], indent=2, ensure_ascii=False), 100_000)
    parts: list[RenderableType] = [_facts(record, ask, plan, known), _actions(plan)]
    return Group(*parts, *([checks_table(safety.checks)] if safety else []))


def _facts(record: ExecutionRecord, ask: Ask, plan: Plan, known: Definition) -> RenderableType:
    experiment, cost = known.experiment, cost_of(plan)
    made = table(f"{record.id} awaits approval", "What", "")
    rows = [
        ("experiment", f"{experiment.name} in {known.environment.name}"),
        ("hypothesis", experiment.hypothesis),
        ("fault", f"{experiment.type.value} for {format_length(experiment.length)}, radius {experiment.blast_radius.value}"),
        ("targets", ", ".join(plan.pinned)),
        ("expect", "; ".join(criterion.text for criterion in experiment.criteria)),
        ("abort if", "; ".join(guard.condition for guard in plan.guards)),
        ("rollback plan", experiment.rollback_plan),
        ("cost", f"at most about ${cost['total_usd']:.2f}"),
        ("started by", f"{record.requested_by or 'not said'} (a label)"),
        ("needs", f"{describe_need(ask, record.votes)}, until {ask.expires_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("said so far", "; ".join(f"{vote.decision.value} by {vote.arn}: {vote.comment}" for vote in record.votes) or "nothing"),
        ("plan", ask.plan),
    ]
    for name, value in rows:
        made.add_row(safe(name), safe(value))
    return made


def _actions(plan: Plan) -> RenderableType:
    made = table("FIS actions", "Action", "What", "Parameters")
    for name, action in plan.actions.items():
        parameters: dict[str, Any] = action.get("parameters", {})
        made.add_row(safe(name), safe(str(action.get("actionId"))), safe(", ".join(f"{key}={value}" for key, value in parameters.items())))
    return made
