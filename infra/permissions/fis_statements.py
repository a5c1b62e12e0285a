"""What faults declare that FIS needs, as statements of an environment's FIS role."""

from dataclasses import dataclass
from typing import Any

from aws_cdk import Stack
from aws_cdk.aws_iam import PolicyStatement

from squall.domain.policy.custom_actions import Grant
from squall.domain.policy.environment import Environment
from squall.faults.base import AnyFault
from squall.faults.grants import FaultGrant

FOLDER = "{lambda_fault_configuration}"
"""The placeholder of the folder in S3 for faults of functions."""


@dataclass(frozen=True)
class Scope:
    """What the grants of one environment are narrowed to: the values of their placeholders."""

    partition: str
    region: str
    account: str
    opt_in_tag: str
    environment: str
    """The value of the opt-in tag."""
    lambda_fault_configuration: str | None = None
    """Folder in S3 for faults of functions, as an ARN that ends in a slash; None: the policy names none."""

    @classmethod
    def of(cls, stack: Stack, policy: Environment, opt_in_tag: str) -> "Scope":
        """The scope of an environment in a stack."""
        return cls(stack.partition, stack.region, stack.account, opt_in_tag, policy.name, policy.lambda_fault_configuration)

    def statements(self, fault: AnyFault) -> list[PolicyStatement]:
        """What FIS needs for a fault; nothing if the fault needs a folder and the policy names none."""
        grants = fault.grants()
        needs_folder = any(FOLDER in resource for grant in grants for resource in grant.resources)
        return [] if needs_folder and self.lambda_fault_configuration is None else [self.statement(grant) for grant in grants]

    def statement(self, grant: Grant) -> PolicyStatement:
        """The IAM statement of a grant. Placeholders are filled in; only grants of faults have any, those of custom actions
        do not."""
        own = isinstance(grant, FaultGrant)
        conditions: dict[str, Any] = dict(self._fill(grant.conditions)) if isinstance(grant, FaultGrant) else {}
        if grant.tagged:
            conditions["StringEquals"] = {f"aws:ResourceTag/{self.opt_in_tag}": self.environment}
        resources = self._fill(list(grant.resources)) if own else list(grant.resources)
        return PolicyStatement(actions=list(grant.actions), resources=resources, conditions=conditions or None)

    def _fill(self, template: Any) -> Any:
        """The template with its placeholders filled in, in all its parts."""
        if isinstance(template, dict):
            return {key: self._fill(value) for key, value in template.items()}
        return [self._fill(value) for value in template] if isinstance(template, list) else template.format(**vars(self))
