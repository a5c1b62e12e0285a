"""FIS templates and experiments as FIS reports them, as plain values. Dataclasses only, because the abort path must start
fast."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

TERMINAL_FIS_STATUSES = frozenset({"completed", "stopped", "failed", "cancelled"})
"""Every terminal status of a FIS experiment; each maps to an outcome."""
WAIT = "aws:fis:wait"
"""The action that does nothing but last."""


@dataclass(frozen=True)
class ActionState:
    name: str
    action_id: str
    status: str
    """pending initiating running completed cancelled stopping stopped failed skipped"""
    reason: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def injects(self) -> bool:
        """Whether the action is a fault, and no wait."""
        return self.action_id != WAIT


@dataclass(frozen=True)
class FisExperiment:
    """A FIS experiment as GetExperiment describes it. One from ListExperiments has no actions."""

    id: str
    template_id: str
    status: str
    reason: str = ""
    error_code: str | None = None
    actions: tuple[ActionState, ...] = ()
    started_at: datetime | None = None
    ended_at: datetime | None = None
    tags: dict[str, str] = field(default_factory=dict)
    created_at: datetime | None = None
    answer: Mapping[str, Any] = field(default_factory=dict)
    """FIS's whole answer: what the experiment does to which targets, its role, and what stops it."""

    @property
    def terminal(self) -> bool:
        return self.status in TERMINAL_FIS_STATUSES

    @property
    def stoppable(self) -> bool:
        """Whether the experiment still has to be asked to stop."""
        return not self.terminal and self.status != "stopping"

    def belongs_to(self, stack: str, execution_id: str) -> bool:
        """Whether the tags say so. Nothing else says whose an experiment is."""
        return self.tags.get("squall:stack") == stack and self.tags.get("squall:execution") == execution_id


@dataclass(frozen=True)
class ResolvedTarget:
    """A resource that FIS resolved for a target of an experiment."""

    target: str
    """The target's name in the template."""
    names: frozenset[str]
    """Everything that FIS says about the resource, without AWS's undocumented keys."""


@dataclass(frozen=True)
class FisTemplate:
    """A FIS template with the tags of this stack."""

    id: str
    execution_id: str
    created_at: datetime
