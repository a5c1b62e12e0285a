"""`squall approve` and `squall reject`: show the request, ask, and send the answer, signed with the caller's own
credentials."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING

import typer
from rich.console import Group

from cli import output, session
from cli.arguments.names import parse_execution_id
from cli.commands.status import describe_confirmation, find_record
from cli.errors import CommandError
from cli.exits import Exit
from cli.following.watch import parse_leniently
from cli.render import make_checks_view, make_table
from cli.text import clean_block, clean_line, safe_text
from squall.domain.approval.standing import describe_need
from squall.domain.base.model import hash_document
from squall.domain.documents.definition import Definition
from squall.domain.documents.plan import Plan
from squall.domain.documents.safety import Safety
from squall.domain.experiment.hashes import document_hash
from squall.domain.messages.approval_request import cost_of
from squall.domain.metrics.periods import describe_lengths

if TYPE_CHECKING:
    from rich.console import RenderableType

    from cli.aws.stack import Deployment
    from cli.session import Options
    from squall.domain.approval.votes import Ask, Decision
    from squall.domain.run.record import ExecutionRecord

COMMENT_CHARACTERS = 500


def answer_request(options: Options, execution: str, comment: str, decision: Decision, *, yes: bool) -> int:
    """Returns 0 if the answer is recorded, 3 if it was refused, with the reason."""
    execution_id = parse_execution_id(execution)
    comment = clean_line(comment, COMMENT_CHARACTERS).strip()
    if not comment:
        raise CommandError("A comment is needed: it is kept in the record.", "Give it with `--comment`.", code=Exit.REFUSED)
    deployment = session.find_deployment(options)
    record = find_record(deployment, execution_id)
    if record.ask is None or record.final:
        state = record.status.value.replace("_", " ")
        hint = f"`squall status {execution_id}` shows more."
        raise CommandError(f"{execution_id} asks for no approval; it is {state}.", hint, code=Exit.REFUSED)
    request = describe_request(deployment, record, record.ask)
    if not options.json:
        output.make_console().print(request)
    if not yes:
        _confirm_answer(decision)
    answer = deployment.vote(record.execution_arn, execution_id, record.ask.plan, decision, comment)
    if not isinstance(answer, dict) or not isinstance(answer.get("recorded"), bool):
        message = f"The approve function gave an unexpected answer: {clean_line(answer, 500)}"
        raise CommandError(message, f"`squall status {execution_id}` shows whether it is recorded.")
    if options.json:
        output.write_json(answer)
    else:
        headline = f"{decision.value} is recorded" if answer["recorded"] else "NOT RECORDED"
        person = f" for {answer['person']}" if answer.get("person") else ""
        output.make_console().print(clean_line(f"{headline}{person}: {answer.get('message', '')}", 1000), soft_wrap=True)
    return Exit.VALIDATED if answer["recorded"] else Exit.REFUSED


def _confirm_answer(decision: Decision) -> None:
    """Raises CommandError unless a person at a terminal answers yes. Text from a pipe is not consent."""
    if sys.stdin is None or not sys.stdin.isatty():
        message = f"Nothing was recorded: without a terminal nobody can be asked whether to {decision.value}."
        raise CommandError(message, f"Read what is asked, then run the command with `--yes` to {decision.value} it.", code=Exit.REFUSED)
    if not typer.confirm(f"{decision.value.capitalize()} this?", err=True):
        raise CommandError("Nothing was recorded.", code=Exit.REFUSED)


def describe_request(deployment: Deployment, record: ExecutionRecord, ask: Ask) -> RenderableType:
    """The plan in full. Raises CommandError if its hash is not the one the record asks for, or if it belongs to another
    definition."""
    raw, definition = deployment.document(record.id, "plan"), deployment.document(record.id, "definition")
    if (
        raw is None
        or definition is None
        or hash_document(raw) != ask.plan
        or document_hash(definition["experiment"]) != raw.get("definition_hash")
    ):
        raise CommandError(
            f"The plan of {record.id} could not be read completely, or has just changed.", "Try again in a moment.", code=Exit.REFUSED
        )
    plan, known = parse_leniently(raw, Plan), parse_leniently(definition, Definition)
    safety = parse_leniently(deployment.document(record.id, "safety"), Safety)
    if plan is None or known is None:  # Another version of Squall wrote them: show all of it as it is.
        return clean_block(json.dumps([definition["experiment"], raw], indent=2, ensure_ascii=False), 100_000)
    parts: list[RenderableType] = [_make_facts_table(record, ask, plan, known), _make_actions_table(plan)]
    return Group(*parts, *([make_checks_view(safety.checks)] if safety else []))


def _make_facts_table(record: ExecutionRecord, ask: Ask, plan: Plan, known: Definition) -> RenderableType:
    experiment, cost = known.experiment, cost_of(plan)
    table = make_table(f"{record.id} awaits approval", "What", "")
    rows = [
        ("experiment", f"{experiment.name} in {known.environment.name}"),
        ("hypothesis", experiment.hypothesis),
        ("fault", f"{experiment.words} for {describe_lengths(experiment)}, radius {experiment.blast_radius.value}"),
        ("targets", ", ".join(_name_target(arn) for arn in plan.pinned)),
        ("expect", "; ".join(criterion.text for criterion in experiment.criteria)),
        ("abort if", "; ".join(guard.condition for guard in plan.guards)),
        ("rollback plan", experiment.rollback_plan),
        ("cost", f"at most about ${cost['total_usd']:.2f}"),
        ("started by", f"{record.requested_by or 'not said'} (a label)"),
        ("needs", f"{describe_need(ask, record.confirmed_votes)}, until {ask.expires_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("answers so far", _list_answers(record) or "nothing"),
        ("plan", ask.plan),
    ]
    for name, value in rows:
        table.add_row(safe_text(name), safe_text(value))
    return table


def _list_answers(record: ExecutionRecord) -> str:
    marks = {vote: describe_confirmation(record, vote) for vote in record.current_votes}
    return "; ".join(f"{vote.decision.value} by {vote.arn} ({mark}): {vote.comment}" for vote, mark in marks.items())


def _name_target(arn: str) -> str:
    """A target's id, then its ARN. The id comes first because 80 columns break an ARN in the middle of the id."""
    return f"{re.split('[/:]', arn)[-1]} ({arn})"


def _make_actions_table(plan: Plan) -> RenderableType:
    table = make_table("FIS actions", "Action", "FIS action", "Parameters")
    for name, action in plan.actions.items():
        parameters = ", ".join(f"{key}={value}" for key, value in action.get("parameters", {}).items())
        table.add_row(*(safe_text(value) for value in (name, action.get("actionId"), parameters)))
    return table
