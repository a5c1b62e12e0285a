"""The proof elsewhere that an environment asks for before an experiment runs in it."""

from typing import Annotated

from pydantic import Field

from squall.domain.base.model import Model
from squall.domain.base.problems import ENVIRONMENT_NAME
from squall.domain.policy.places import ExternalId, Place

PROOFS = "proofs"
"""The grant by which others read which runs validated an experiment."""


class ProofStack(Place):
    """Another stack whose records are the proof."""

    external_id: ExternalId
    """The id that its role for proofs asks for, as its setting `proof_external_id` has it."""

    @property
    def role_arn(self) -> str:
        """The ARN of its role for proofs."""
        return self.name_role_arn(PROOFS)


class Promotion(Model):
    """The environment in which the experiment must have been validated before."""

    environment: Annotated[str, ENVIRONMENT_NAME]
    """The environment in which the experiment must have been validated."""
    within_days: Annotated[int, Field(ge=1, le=366, strict=True)] = 30
    """How many days ago at most."""
    stack: ProofStack | None = None
    """The stack of another account or Region in which that environment is. None: this stack."""

    @property
    def where(self) -> str:
        """The environment in words."""
        if self.stack is None:
            return self.environment
        return f"{self.environment} of the stack {self.stack.stack} in account {self.stack.account}, {self.stack.region}"
