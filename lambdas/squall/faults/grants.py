"""What FIS's role must be granted for a fault, in terms that hold in every account: infra fills in the placeholders."""

from typing import Any

from pydantic import field_validator

from squall.domain.policy.custom_actions import Grant


class FaultGrant(Grant):
    """A statement of the environment's FIS role that a fault of Squall's own needs.

    Resources and the values of conditions may hold `{partition}`, `{region}`, `{account}`, `{opt_in_tag}` and
    `{lambda_fault_configuration}`. A fault with a grant on the last one is granted nothing where the policy names no
    such folder.
    """

    resources: tuple[str, ...]
    conditions: dict[str, dict[str, Any]] = {}
    """Conditions besides the environment's tag, as IAM writes them."""

    @field_validator("actions")
    @classmethod
    def _harmless(cls, actions: tuple[str, ...]) -> tuple[str, ...]:
        """These grants are reviewed with the code, so FIS may tag the network ACL that it makes."""
        return actions


def tagged(action: str, service: str, resource: str) -> FaultGrant:
    """An action on the resources of this account and Region that carry the environment's tag."""
    return FaultGrant(actions=(action,), resources=(arn(service, resource),))


def untagged(*actions: str, resources: tuple[str, ...] = ("*",)) -> FaultGrant:
    """Actions that look at no tag: reads, and calls on what has none."""
    return FaultGrant(actions=actions, resources=resources, tagged=False)


def arn(service: str, resource: str) -> str:
    """The ARN of resources in this account and Region."""
    return f"arn:{{partition}}:{service}:{{region}}:{{account}}:{resource}"


def aws_documents(names: tuple[str, ...]) -> tuple[str, ...]:
    """The ARNs of AWS's own Systems Manager documents, which have no account."""
    return tuple(f"arn:{{partition}}:ssm:{{region}}::document/{name}" for name in names)
