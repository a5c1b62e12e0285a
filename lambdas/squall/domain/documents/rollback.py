"""`automation.json` and `rollback.json`: the rollback document that was run, and the proof that each target is restored."""

from datetime import datetime

from squall.domain.documents.document import Document
from squall.domain.model import Model
from squall.domain.vocabulary import (
    RollbackOutcome,
)


class Proof(Model):
    """Whether the fault provably happened to a target, and by what evidence."""

    target: str
    proven: bool
    kind: str
    """state, mechanism or signal."""
    detail: str
    at: datetime | None = None
    """By a mechanism: when it took effect on the target. By state: when that was seen."""
    until: datetime | None = None
    """When the mechanism ended; None: it lasts, it has none, or nothing tells."""


class AutomationRun(Document):
    """`automation.json`, written before it starts: the Automation execution of the experiment's rollback document."""

    NAME = "automation"

    rollback: str
    """Its name in the environment's policy."""
    document: str
    version: str
    parameters: dict[str, tuple[str, ...]]
    timeout_seconds: int
    execution_id: str | None = None
    status: str = "Starting"
    """Systems Manager's word; or Starting, Refused, Unknown."""
    detail: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def over(self) -> bool:
        return self.ended_at is not None

    @property
    def succeeded(self) -> bool:
        return self.over and self.status in {"Success", "CompletedWithSuccess"}


class RollbackReport(Document):
    """`rollback.json`, by VerifyRollback: proof of fault and what became of each target."""

    NAME = "rollback"

    at: datetime
    proofs: tuple[Proof, ...]
    outcome: RollbackOutcome
    differences: tuple[str, ...]
    leftovers: tuple[str, ...] = ()
    could_have_lasted_until: datetime | None = None
    """Until when the fault would have lasted had nobody been able to stop it; None: it ended in the moment, or never began."""
    automation: AutomationRun | None = None
    """The experiment's own rollback document; None: it declares none."""
