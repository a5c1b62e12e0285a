"""`automation.json` and `rollback.json`: the rollback document that ran, and whether each target is restored."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import (
    RollbackOutcome,
)
from squall.domain.documents.document import Document


class Proof(Model):
    """Whether the fault is proven on a target, and by which evidence."""

    target: str
    proven: bool
    kind: str
    """state, mechanism or signal."""
    detail: str
    at: datetime | None = None
    """The time at which a mechanism took effect on the target, or at which the state was seen."""
    until: datetime | None = None
    """The time at which the mechanism ended; None if it has not ended, if there is none, or if the time is unknown."""
    fault: Annotated[str, Field(exclude_if=lambda fault: not fault)] = ""
    """The fault's name in a scenario."""


class AutomationRun(Document):
    """`automation.json`: the Automation execution of the experiment's rollback document. Written before it starts."""

    NAME = "automation"

    rollback: str
    """Name of the rollback document in the environment's policy."""
    document: str
    version: str
    parameters: dict[str, tuple[str, ...]]
    timeout_seconds: int
    execution_id: str | None = None
    status: str = "Starting"
    """The status in Systems Manager; or Starting, Refused or Unknown."""
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
    """`rollback.json`, by VerifyRollback: proofs of the fault, and whether each target is as before."""

    NAME = "rollback"

    at: datetime
    proofs: tuple[Proof, ...]
    outcome: RollbackOutcome
    differences: tuple[str, ...]
    leftovers: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    """What else changed around the targets meanwhile, not by the fault: their groups were resized."""
    could_have_lasted_until: datetime | None = None
    """The end that the fault would have had if nobody could have stopped it; None if it was over at once, or never
    began."""
    automation: AutomationRun | None = None
    """The run of the experiment's rollback document; None if it declares none."""
    not_begun: Annotated[tuple[str, ...], Field(exclude_if=lambda names: not names)] = ()
    """The faults of a scenario that never began because the run was aborted before."""

    @property
    def proven(self) -> bool:
        """Whether every fault that began hit all its targets."""
        return bool(self.proofs) and all(proof.proven for proof in self.proofs)
