"""Drafts an experiment from a few answers: valid as it is, and careful until somebody makes it bolder."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from squall.admission.experiment import parse_experiment
from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import BlastRadius, FaultType, ResourceType
from squall.domain.resources.types import type_named
from squall.faults import registry

MINUTES = 10
"""Long enough for the baseline's metrics and a guard of one-minute periods."""
JUDGEMENT: dict[str, Any] = {
    "success_criteria": [{"text": "System availability > 99%", "critical": True}, "Response time < 2 seconds"],
    "abort_conditions": ["System availability < 95%", "Response time > 5 seconds"],
}
"""Criteria and guards to begin with."""
HINTS = """\
# Further fields, each with an example in your editor: owner, schedule, recovery, steady_state, stop_alarms, metrics, rollback.
# `service: arn:aws:elasticloadbalancing:…` names the target group whose users are guarded, where the targets are in none themselves.
# Next: squall validate FILE, then squall plan NAME, which does everything except the fault.
"""


@dataclass(frozen=True)
class Answers:
    """What the author of an experiment has to say."""

    name: str
    type: FaultType
    environment: str
    targets: tuple[str, ...] = ()
    """Ids or ARNs."""
    tags: dict[str, str] = field(default_factory=dict)
    filters: dict[str, tuple[str, ...]] = field(default_factory=dict)
    resource_type: ResourceType | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    owner: str | None = None

    @property
    def hits(self) -> ResourceType:
        """The type of the targets: the declared one, else the one that their names show, else EC2 instances."""
        return self.resource_type or next((kind for name in self.targets if (kind := type_named(name))), ResourceType.INSTANCE)


def list_required_parameters(fault_type: FaultType, hits: ResourceType) -> list[str]:
    """The parameters that this fault requires on this type of target; none if there is no such fault."""
    if hits not in registry.resource_types(fault_type):
        return []
    try:
        registry.get_fault(fault_type, hits).parse({})
    except InvalidInput as error:
        return [problem.path.rpartition(".")[2] for problem in error.problems]
    return []


def draft_experiment(answers: Answers) -> dict[str, Any]:
    """The experiment as plain data. Raises InvalidInput with every problem of the answers."""
    words = answers.hits.words
    document: dict[str, Any] = {
        "name": answers.name,
        "description": f"Tests whether users notice {answers.type.value.replace('_', ' ')} on one {words}",
        "type": answers.type.value,
        "hypothesis": f"Users notice nothing, because the workload goes on without the {words} that is disturbed",
        "blast_radius": (BlastRadius.SINGLE_AZ if answers.hits is ResourceType.SUBNET else BlastRadius.SINGLE_INSTANCE).value,
        **_draft_targets(answers),
        **({"parameters": answers.parameters} if answers.parameters else {}),
        "duration_minutes": MINUTES,
        "rollback_plan": "The fault ends by itself, or at once with squall abort; say here what to do if something stays broken",
        **JUDGEMENT,
        "environment": answers.environment,
        **({"owner": answers.owner} if answers.owner else {}),
    }
    parse_experiment(document)
    return document


def _draft_targets(answers: Answers) -> dict[str, Any]:
    if not (answers.tags or answers.filters or answers.resource_type):
        return {"target_resources": list(answers.targets)}
    target: dict[str, Any] = {"resource_type": answers.hits.value}
    if answers.targets:
        target["arns"] = list(answers.targets)
    if answers.tags:
        target["tags"] = dict(answers.tags)
    if answers.filters:
        target["filters"] = {name: list(values) for name, values in answers.filters.items()}
    return {"target": target}
