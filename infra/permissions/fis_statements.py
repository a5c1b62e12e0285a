"""What faults declare that FIS needs, as statements of an environment's FIS role."""

from dataclasses import dataclass
from typing import Any

from aws_cdk import Stack
from aws_cdk.aws_iam import PolicyStatement

from squall.domain.policy.custom_actions import Grant
from squall.domain.policy.environment import Environment
from squall.faults.base import AnyFault
from squall.faults.grants import API_FAULT_ROLES, FaultGrant

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
    api_fault_roles: tuple[str, ...] = ()
    """The roles that API faults may hit."""

    @classmethod
    def of(cls, stack: Stack, policy: Environment, opt_in_tag: str) -> "Scope":
        """The scope of an environment in a stack."""
        where = stack.partition, stack.region, stack.account
        return cls(*where, opt_in_tag, policy.name, policy.lambda_fault_configuration, policy.api_fault_roles)

    def statements(self, fault: AnyFault) -> list[PolicyStatement]:
        """What FIS needs for a fault; nothing if the fault needs a folder, or roles, and the policy names none."""
        grants = fault.grants()
        text = repr([grant.model_dump() for grant in grants])
        needed = {FOLDER: self.lambda_fault_configuration, API_FAULT_ROLES: self.api_fault_roles}
        missing = [placeholder for placeholder, value in needed.items() if placeholder in text and not value]
        return [] if missing else [self.statement(grant) for grant in grants]

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
        if isinstance(template, list):
            lists = (list(self.api_fault_roles) if value == API_FAULT_ROLES else [self._fill(value)] for value in template)
            return [value for values in lists for value in values]
        return template.format(**vars(self))
