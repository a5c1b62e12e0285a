"""Makes, validates and orders the proposed experiments."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from discovery.proposals.databases import propose_for_databases
from discovery.proposals.functions import propose_for_functions
from discovery.proposals.idea import Idea, Obstacle, Surroundings, Users, choose_minutes, choose_recovery_minutes
from discovery.proposals.instances import propose_for_instances
from discovery.proposals.pods import propose_for_pods
from discovery.proposals.sentences import choose_stop_alarms, declare_metrics, write_criteria, write_guards
from discovery.proposals.tags import list_tag_commands
from discovery.proposals.tasks import propose_for_tasks
from discovery.proposals.users import find_users
from squall.admission.experiment import parse_experiment
from squall.domain.base.model import Model
from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import Risk
from squall.faults.registry import get_fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from discovery.analysis.services import Service
    from squall.domain.policy.environment import Timing

MOST = 5
"""Proposals for one service. The next scan proposes others, once these have run."""
_RISKS: Mapping[Risk, int] = {"low": 0, "medium": 3, "high": 6}
"""What the risk of a fault subtracts from the score."""
_BY_KIND: Mapping[str, Callable[[Service, Users, Surroundings], Iterator[Idea | Obstacle]]] = {
    "auto_scaling": propose_for_instances,
    "instances": propose_for_instances,
    "ecs": propose_for_tasks,
    "eks": propose_for_pods,
    "function": propose_for_functions,
    "database": propose_for_databases,
}


class Proposal(Model):
    """An experiment that `squall validate` accepts, with what people need to decide about it."""

    name: str
    """The name of its file without `.yaml`, which is its name in the catalogue."""
    service: str
    title: str
    why: str
    risk: Risk
    score: int
    """What it would teach, minus its risk. Proposals are sorted by it, the highest first."""
    basis: str
    """The present level from which the criteria were made, in words."""
    tag_commands: tuple[str, ...]
    needs: tuple[str, ...]
    definition: dict[str, Any]


def propose_experiments(around: Surroundings) -> tuple[tuple[Proposal, ...], tuple[Obstacle, ...]]:
    """The proposals, the highest score first, at most `MOST` for each service; and what can't be proposed, with the
    reason."""
    chosen: list[Proposal] = []
    obstacles: list[Obstacle] = []
    for service in around.services:
        made = list(_propose_for(service, around))
        obstacles += [entry for entry in made if isinstance(entry, Obstacle)]
        proposals = [entry for entry in made if isinstance(entry, Proposal)]
        chosen += sorted(proposals, key=_rank)[:MOST]
    return _make_names_unique(sorted(chosen, key=_rank)), tuple(obstacles)


def _rank(proposal: Proposal) -> tuple[int, str]:
    return -proposal.score, proposal.name


def _propose_for(service: Service, around: Surroundings) -> Iterator[Proposal | Obstacle]:
    propose = _BY_KIND.get(service.kind)
    if propose is None:
        return
    users = find_users(service, around)
    if isinstance(users, str):
        yield Obstacle(service.id, "Experiments", users)
        return
    for idea in propose(service, users, around):
        yield _make_proposal(idea, users, around) if isinstance(idea, Idea) else idea


def _make_proposal(idea: Idea, users: Users, around: Surroundings) -> Proposal | Obstacle:
    environment = around.environment_of(idea.service)
    definition = write_definition(idea, users, environment, around.timing_of(idea.service))
    try:
        parse_experiment(definition)
    except InvalidInput as invalid:  # for example a name or an address that the language can't express
        problems = "; ".join(f"{problem.path}: {problem.message}" for problem in invalid.problems[:3])
        return Obstacle(idea.service.id, idea.title, f"it would not be valid: {problems}")
    risk = get_fault(idea.fault, idea.resource).risk
    return Proposal(
        name=make_name(idea.service.name, idea.name),
        service=idea.service.id,
        title=idea.title,
        why=idea.why,
        risk=risk,
        score=idea.teaches - _RISKS[risk],
        basis=_describe_level(users),
        tag_commands=list_tag_commands(idea.service, environment, around.lookup),
        needs=idea.needs,
        definition=definition,
    )


def write_definition(idea: Idea, users: Users, environment: str, timing: Timing) -> dict[str, Any]:
    """The experiment, field by field in the order of the documentation."""
    guards = write_guards(idea, users, timing)
    metrics = declare_metrics(users)
    alarms = choose_stop_alarms(users, len(guards))
    criteria = write_criteria(idea, users, timing)
    floor = str(criteria[0]["text"]).partition(">= ")[2]
    definition: dict[str, Any] = {
        "name": idea.title[:128],
        "description": f"Proposed by squall discover: {idea.condition}",
        "type": idea.fault.value,
        "hypothesis": (f"If {idea.condition}, the {users.front.name} workload will {idea.mitigation} to maintain availability of {floor}"),
        "blast_radius": idea.radius.value,
        **idea.target,
    }
    if users.front.id != idea.service.id or len(users.front.target_groups) > 1:
        definition["service"] = users.group.arn
    definition |= {"parameters": idea.parameters} if idea.parameters else {}
    definition |= {"metrics": metrics} if metrics else {}
    definition |= {
        "duration_minutes": choose_minutes(timing),
        "rollback_plan": idea.rollback_plan,
        "success_criteria": criteria,
        "abort_conditions": guards,
    }
    definition |= {"stop_alarms": alarms} if alarms else {}
    return {**definition, "environment": environment, "recovery": f"PT{choose_recovery_minutes(timing)}M"}


def make_name(service: str, suffix: str) -> str:
    """A name as the catalogue accepts it: lower-case letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", f"{service}-{suffix}".lower()).strip("-")[:80].rstrip("-")


def _make_names_unique(proposals: Iterable[Proposal]) -> tuple[Proposal, ...]:
    """The proposals with unique names: a number is added to a name that an earlier proposal has."""
    uses: dict[str, int] = {}
    renamed = []
    for proposal in proposals:
        number = uses[proposal.name] = uses.get(proposal.name, 0) + 1
        renamed.append(proposal if number == 1 else proposal.model_copy(update={"name": f"{proposal.name}-{number}"}))
    return tuple(renamed)


def _describe_level(users: Users) -> str:
    level = users.level
    if level.requests_per_second is None:
        return "The present level could not be read: the thresholds are defaults, check them against your own numbers."
    parts = [f"{level.requests_per_second:.3g} requests per second"]
    if level.availability_percent is not None:
        parts.append(f"availability {level.availability_percent:.4g} %")
    if level.response_seconds is not None:
        parts.append(f"response time up to {level.response_seconds:.3g} s on average in an hour")
    if level.response_p99_seconds is not None:
        parts.append(f"p99 up to {level.response_p99_seconds:.3g} s")
    return f"{users.front.name} over the last day: {', '.join(parts)}."
