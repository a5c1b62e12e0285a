"""The message that asks people to approve a run. It contains everything they need to decide, and the exact command."""

from dataclasses import dataclass
from typing import Any

from squall.domain.approval.standing import describe_need
from squall.domain.approval.votes import Ask, Vote
from squall.domain.base.vocabulary import CheckOutcome, Status
from squall.domain.documents.definition import Definition
from squall.domain.documents.discovery import Discovery
from squall.domain.documents.plan import Plan
from squall.domain.documents.safety import Safety
from squall.domain.messages.message import Fact, Link, Message, Section, facts_of
from squall.domain.messages.scenario import describe_faults
from squall.domain.metrics.periods import describe_lengths
from squall.domain.resources.base import Resource
from squall.domain.run.commands import shell_command
from squall.domain.safety.cost import estimate_cost

_COVERED = ("definition_hash", "environment", "pinned", "targets", "actions", "guards")


@dataclass(frozen=True)
class Request:
    """What the request for approval is made of."""

    execution_id: str
    stack: str
    plan: Plan
    definition: Definition
    discovery: Discovery
    safety: Safety
    ask: Ask
    url: str
    """The execution in the console."""
    votes: tuple[Vote, ...] = ()
    requested_by: str = ""
    changed: tuple[str, ...] = ()
    """What differs from the plan that people were asked about before."""


def cost_of(plan: Plan) -> dict[str, float]:
    """The highest possible cost of the run, in US$ by part; `total_usd` is their sum."""
    return estimate_cost({"actions": plan.actions}, alarm_metrics=sum(len(guard.metrics) for guard in plan.guards))


def list_differences(before: Plan, now: Plan) -> tuple[str, ...]:
    """What has changed in the plan, one phrase for each part."""
    changed = [name for name in _COVERED if getattr(before, name) != getattr(now, name)]
    phrases = {"pinned": f"targets were {', '.join(before.pinned)}, are {', '.join(now.pinned)}"}
    return tuple(phrases.get(name, f"{name.replace('_', ' ')} changed") for name in changed)


def make_message(request: Request) -> Message:
    """The request for approval."""
    experiment, environment = request.definition.experiment, request.definition.environment
    return Message(
        subject=f"Squall: approval needed: {experiment.name} in {environment.name}",
        facts=_head_facts(request),
        sections=(
            _changes_section(request),
            _plan_section(request),
            _promises_section(request),
            _checks_section(request),
            _commands_section(request),
        ),
        links=(Link("execution", request.url),),
        thread=request.execution_id,
        commands=(*_list_answers(request), f"{shell_command('squall', 'abort', request.execution_id)} {_name_place(request)}"),
        attributes={
            "status": Status.AWAITING_APPROVAL.value,
            "verdict": "none",
            "environment": environment.name,
            "experiment": experiment.name,
        },
    )


def _head_facts(request: Request) -> tuple[Fact, ...]:
    experiment, ask = request.definition.experiment, request.ask
    trigger = f", trigger {request.definition.trigger}" if request.definition.trigger else ""
    return facts_of(
        [
            f"{experiment.name}: awaiting approval in {request.definition.environment.name}",
            f"Hypothesis: {experiment.hypothesis}",
            f"Description: {experiment.description}" if experiment.description else "",
            f"Definition: {request.definition.source}, hash {request.definition.definition_hash[:12]}",
            f"Needed: {describe_need(ask, request.votes)}, until {ask.expires_at:%Y-%m-%d %H:%M:%S} UTC; then it is rejected.",
            f"Who may: {', '.join(ask.who) or 'anybody of this account who may invoke the Approve function'}",
            f"Started by: {request.requested_by or 'not said'} (a label){trigger}",
        ]
    )


def _changes_section(request: Request) -> Section:
    if request.ask.round == 1:
        return Section("", ())
    again = f"Asked for the {request.ask.round}. time: what was shown before has changed, and no earlier approval counts."
    return Section("What has changed", facts_of([again, *request.changed]))


def _plan_section(request: Request) -> Section:
    experiment, plan = request.definition.experiment, request.plan
    cost = cost_of(plan)
    return Section(
        f"What would be done: {experiment.words} for {describe_lengths(experiment)}, radius {experiment.blast_radius.value}",
        facts_of(
            [
                *(f"fault {line}" for line in describe_faults(experiment, request.discovery)),
                *(f"target {_describe_target(resource)}" for resource in request.discovery.pinned),
                *(f"felt by {_describe_target(resource)}" for resource in request.discovery.touched),
                *(f"action {name}: {_describe_action(action)}" for name, action in plan.actions.items()),
                f"cost: at most about ${cost['total_usd']:.2f} ({cost['action_minutes']:g} FIS action-minutes)",
                f"rollback plan: {experiment.rollback_plan}",
            ]
        ),
    )


def _describe_target(resource: Resource) -> str:
    zone = f" in {resource.zone}" if resource.zone else ""
    return f"{resource.arn}{zone}" + (f", of {resource.belongs_to}" if resource.belongs_to else "")


def _describe_action(action: dict[str, Any]) -> str:
    parameters = ", ".join(f"{name}={value}" for name, value in action.get("parameters", {}).items())
    return f"{action.get('actionId', '?')} {parameters}".strip()


def _promises_section(request: Request) -> Section:
    return Section(
        "Success criteria and abort conditions",
        facts_of(
            [
                *(f"expect {criterion.text}" for criterion in request.definition.experiment.criteria),
                *(f"abort if {guard.condition} (after {guard.reaction_seconds} s at most)" for guard in request.plan.guards),
            ]
        ),
    )


def _checks_section(request: Request) -> Section:
    return Section(
        f"Safety checks at {request.safety.at:%H:%M:%S} UTC; all are made again after the approval and right before the fault",
        facts_of(
            [
                f"{sum(check.outcome is CheckOutcome.PASSED for check in request.safety.checks)} of {len(request.safety.checks)} passed",
                *(
                    f"[{check.outcome.value}] {check.name}: {check.detail}"
                    for check in request.safety.checks
                    if check.outcome is not CheckOutcome.PASSED
                ),
            ]
        ),
    )


def _name_place(request: Request) -> str:
    return shell_command("--stack", request.stack, "--region", request.definition.region)


def _list_answers(request: Request) -> tuple[str, ...]:
    place = _name_place(request)
    return tuple(f'{shell_command("squall", word, request.execution_id)} --comment "…" {place}' for word in ("approve", "reject"))


def _commands_section(request: Request) -> Section:
    return Section(
        "To answer, with your own AWS credentials",
        facts_of(
            [
                *_list_answers(request),
                f"plan {request.ask.plan}",
                f"execution {request.plan.execution_arn}",
            ]
        ),
    )
