"""`plan.json`: the plan that people approve, and their approvals."""

from datetime import datetime
from typing import Any

from squall.domain.base.model import Model, hash_document
from squall.domain.documents.document import Document
from squall.domain.documents.guards import GuardSpec
from squall.domain.policy.environment import Environment


class Plan(Document):
    """`plan.json`, by AskApproval: everything that an approval covers. If any part changes, it is another plan."""

    NAME = "plan"

    execution_arn: str
    started_at: datetime
    definition_hash: str
    environment: Environment
    """The policy it runs under."""
    pinned: tuple[str, ...]
    """ARNs of the pinned targets."""
    targets: dict[str, Any]
    actions: dict[str, Any]
    """Targets and actions of the FIS template."""
    guards: tuple[GuardSpec, ...]

    @property
    def hash(self) -> str:
        """SHA-256 of the plan as canonical JSON."""
        return hash_document(self.model_dump(mode="json"))


class Approvals(Model):
    """The request for approval and the votes, as the result keeps them."""

    plan: str
    asked_at: datetime
    expires_at: datetime
    votes: tuple[dict[str, str], ...]
    """arn, decision, comment, at."""
