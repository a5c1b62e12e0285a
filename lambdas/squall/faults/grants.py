"""The permissions that FIS's role needs for a fault, in terms that fit every account. infra fills in the
placeholders."""

from typing import Any

from pydantic import field_validator

from squall.domain.policy.custom_actions import Grant

API_FAULT_ROLES = "{api_fault_roles}"
"""The placeholder of the roles that API faults may hit."""


class FaultGrant(Grant):
    """A statement of the environment's FIS role that one fault needs.

    Resources and the values of conditions may contain `{partition}`, `{region}`, `{account}`, `{opt_in_tag}` and
    `{lambda_fault_configuration}`, and in place of an entry `{api_fault_roles}`, all roles of the policy. If the policy names
    no folder, or no roles, a fault with such a grant is granted nothing.
    """

    resources: tuple[str, ...]
    conditions: dict[str, dict[str, Any]] = {}
    """Conditions besides the environment's tag, as IAM writes them."""

    @field_validator("actions")
    @classmethod
    def _refuse_harmful(cls, actions: tuple[str, ...]) -> tuple[str, ...]:
        """Custom entries must not create tags, but these grants are reviewed with the code, so FIS may tag the network
        ACL that it creates."""
        return actions


def grant_tagged(action: str, service: str, resource: str) -> FaultGrant:
    """A grant of an action on the resources of this account and Region that carry the environment's tag."""
    return FaultGrant(actions=(action,), resources=(format_arn(service, resource),))


def grant_untagged(*actions: str, resources: tuple[str, ...] = ("*",)) -> FaultGrant:
    """A grant of actions that do not depend on tags: reads, and calls on resources that have none."""
    return FaultGrant(actions=actions, resources=resources, tagged=False)


def grant_injection(action: str, fis_action: str, targets: str) -> FaultGrant:
    """The grant of an API by which FIS makes calls fail. It authorizes on no resource: condition keys of its service name
    the FIS action and the ARNs of its targets; there is none for tags."""
    service = action.partition(":")[0]
    conditions = {
        "StringEquals": {f"{service}:FisActionId": fis_action},
        "ForAllValues:ArnLike": {f"{service}:FisTargetArns": [targets]},
        "Null": {f"{service}:FisTargetArns": "false"},
    }
    return FaultGrant(actions=(action,), resources=("*",), tagged=False, conditions=conditions)


def grant_volume_keys() -> FaultGrant:
    """The grant that EC2 asks of whoever starts an instance: to let EC2 use the KMS keys of encrypted volumes.

    Keys of other accounts are included, because their own policies decide. In China a service's name ends like its
    endpoint.
    """
    services = [f"ec2.{{region}}.{suffix}" for suffix in ("amazonaws.com", "amazonaws.com.cn")]
    return FaultGrant(
        actions=("kms:CreateGrant",),
        resources=("arn:{partition}:kms:{region}:*:key/*",),
        tagged=False,
        conditions={"Bool": {"kms:GrantIsForAWSResource": "true"}, "StringEquals": {"kms:ViaService": services}},
    )


def format_arn(service: str, resource: str) -> str:
    """The ARN of resources in this account and Region."""
    return f"arn:{{partition}}:{service}:{{region}}:{{account}}:{resource}"


def aws_documents(names: tuple[str, ...]) -> tuple[str, ...]:
    """The ARNs of AWS's own Systems Manager documents, which have no account."""
    return tuple(f"arn:{{partition}}:ssm:{{region}}::document/{name}" for name in names)
