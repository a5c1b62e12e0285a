"""The message that asks people to approve a run: everything they need to decide, and the exact command."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from squall.domain.approval.votes import Ask, Vote, describe_need
from squall.domain.commands import shell_command
from squall.domain.documents.definition import Definition
from squall.domain.documents.discovery import Discovery
from squall.domain.documents.plan import Plan
from squall.domain.documents.safety import Safety
from squall.domain.messages.run_ended import LONGEST_ATTRIBUTE, LONGEST_SUBJECT, one_line
from squall.domain.metrics.periods import spoken
from squall.domain.resources.base import Resource
from squall.domain.safety.cost import of_template
from squall.domain.vocabulary import Status

_COVERED = ("definition_hash", "environment", "pinned", "targets", "actions", "guards")


@dataclass(frozen=True)
class Request:
    """What the message is made of."""

    execution_id: str
    stack: str
    plan: Plan
    definition: Definition
    discovery: Discovery
    safety: Safety
    ask: Ask
    url: str
    """Where the execution is seen."""
    votes: tuple[Vote, ...] = ()
    requested_by: str = ""
    changed: tuple[str, ...] = ()
    """What is not as it was when people were asked before."""


def cost_of(plan: Plan) -> dict[str, float]:
    """What the run would cost at most."""
    return of_template({"actions": plan.actions}, alarm_metrics=sum(len(guard.metrics) for guard in plan.guards))


def differences(before: Plan, now: Plan) -> tuple[str, ...]:
    """What of the plan has changed, in words."""
    changed = [name for name in _COVERED if getattr(before, name) != getattr(now, name)]
    said = {"pinned": f"targets were {', '.join(before.pinned)}, are {', '.join(now.pinned)}"}
    return tuple(said.get(name, f"{name.replace('_', ' ')} changed") for name in changed)


def message(request: Request) -> tuple[str, str, dict[str, str]]:
    """Subject, body and message attributes."""
    experiment, environment = request.definition.experiment, request.definition.environment
    subject = one_line(f"Squall: approval needed: {experiment.name} in {environment.name}")[:LONGEST_SUBJECT]
    sections = [_head(request), _changed(request), _plan(request), _judged(request), _checks(request), _answer(request)]
    attributes = {
        "status": Status.AWAITING_APPROVAL.value,
        "verdict": "none",
        "environment": environment.name,
        "experiment": one_line(experiment.name)[:LONGEST_ATTRIBUTE],
    }
    return subject, "\n\n".join("\n".join(section) for section in sections if section), attributes


def _head(request: Request) -> list[str]:
    experiment, ask = request.definition.experiment, request.ask
    return [
        f"{experiment.name}: awaiting approval in {request.definition.environment.name}",
        f"Hypothesis: {experiment.hypothesis}",
        experiment.description,
        "",
        f"Needed: {describe_need(ask, request.votes)}, until {ask.expires_at:%Y-%m-%d %H:%M:%S} UTC; then it is rejected.",
        f"Who may: {', '.join(ask.who) or 'anybody of this account who may invoke the Approve function'}",
        f"Started by: {request.requested_by or 'not said'} (a label)" + (f", trigger {t}" if (t := request.definition.trigger) else ""),
    ]


def _changed(request: Request) -> list[str]:
    if request.ask.round == 1:
        return []
    return [
        f"Asked for the {request.ask.round}. time: what was shown before has changed, and no earlier approval counts.",
        *_listed(request.changed),
    ]


def _listed(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _plan(request: Request) -> list[str]:
    experiment, plan = request.definition.experiment, request.plan
    cost = cost_of(plan)
    return [
        f"What would be done: {experiment.type.value} for {spoken(experiment.length)}, radius {experiment.blast_radius.value}",
        *(f"  target {_target(resource)}" for resource in request.discovery.pinned),
        *(f"  action {name}: {_action(action)}" for name, action in plan.actions.items()),
        f"  cost: at most about ${cost['total_usd']:.2f} ({cost['action_minutes']:g} FIS action-minutes)",
        f"  rollback plan: {experiment.rollback_plan}",
    ]


def _target(resource: Resource) -> str:
    zone = f" in {resource.zone}" if resource.zone else ""
    return f"{resource.arn}{zone}" + (f", of {resource.belongs_to}" if resource.belongs_to else "")


def _action(action: dict[str, Any]) -> str:
    given = ", ".join(f"{name}={value}" for name, value in action.get("parameters", {}).items())
    return f"{action.get('actionId', '?')} {given}".strip()


def _judged(request: Request) -> list[str]:
    return [
        "Promised, and stopped when",
        *(f"  expect {criterion.text}" for criterion in request.definition.experiment.criteria),
        *(f"  abort if {guard.condition} (after {guard.reaction_seconds} s at most)" for guard in request.plan.guards),
    ]


def _checks(request: Request) -> list[str]:
    return [
        f"Safety checks at {request.safety.at:%H:%M:%S} UTC; all are made again after the approval and right before the fault",
        *(f"  [{check.outcome.value}] {check.name}: {check.detail}" for check in request.safety.checks),
    ]


def _answer(request: Request) -> Iterable[str]:
    region = request.definition.region
    where = shell_command("--stack", request.stack, "--region", region)
    return [
        "To answer, with your own AWS credentials",
        f'  {shell_command("squall", "approve", request.execution_id)} --comment "…" {where}',
        f'  {shell_command("squall", "reject", request.execution_id)} --comment "…" {where}',
        f"plan {request.ask.plan}",
        f"execution {request.plan.execution_arn}",
        f"look: {request.url}",
    ]
