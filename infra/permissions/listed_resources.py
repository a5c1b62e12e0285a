"""What the deployed environments' policies list by name: FIS templates, rollback documents, calendars, pipelines."""

from collections.abc import Collection
from typing import TypedDict

from aws_cdk import Stack

from squall.domain.actions.table import ACTIONS
from squall.domain.policy.environment import Environment


class ListedNames(TypedDict):
    """The fields of `infra.permissions.names.Names` that the policies decide; lists are sorted and without
    repetition."""

    fis_templates: tuple[str, ...]
    rollback_documents: tuple[tuple[str, str], ...]
    rollback_role_arns: tuple[str, ...]
    calendar_arns: tuple[str, ...]
    pipeline_arns: tuple[str, ...]
    deployment_group_arns: tuple[str, ...]
    disturbs_functions: bool
    fis_action_targets: tuple[str, ...]
    api_fault_roles: tuple[str, ...]
    proof_role_arns: tuple[str, ...]


def list_names(stack: Stack, policies: Collection[Environment]) -> ListedNames:
    """Collects what the policies list; a name that is not an ARN is one of the stack's own account and Region."""
    rollbacks = [document for policy in policies for document in policy.rollback_documents.values()]
    calendars = {name for policy in policies for name in policy.change_calendars}
    pipelines = {name for policy in policies for name in policy.calm.pipelines}
    groups = {name for policy in policies for name in policy.calm.deployment_groups}
    proofs = {policy.promotion.stack.role_arn for policy in policies if policy.promotion and policy.promotion.stack}
    return {
        "fis_templates": tuple(sorted({template for policy in policies for template in policy.fis_templates})),
        "rollback_documents": tuple(sorted({(document.document, document.version) for document in rollbacks})),
        "rollback_role_arns": tuple(sorted({document.assume_role for document in rollbacks})),
        "calendar_arns": tuple(sorted(_format_arn(stack, "ssm", name, "document/") for name in calendars)),
        "pipeline_arns": tuple(sorted(_format_arn(stack, "codepipeline", name) for name in pipelines)),
        "deployment_group_arns": tuple(sorted(_format_arn(stack, "codedeploy", name, "deploymentgroup:") for name in groups)),
        "disturbs_functions": any(policy.lambda_fault_configuration for policy in policies),
        "fis_action_targets": tuple(sorted(_list_targets(policies))),
        "api_fault_roles": tuple(sorted({role for policy in policies for role in policy.api_fault_roles})),
        "proof_role_arns": tuple(sorted(proofs)),
    }


def _list_targets(policies: Collection[Environment]) -> set[str]:
    """The types of what FIS actions that are allowed by their ids hit, and of what custom actions hit or are felt by: a run has to
    read them."""
    allowed = {kind for policy in policies for kind in policy.allowed_types if kind.is_fis_action}
    entries = [entry for policy in policies for entry in policy.custom_actions.values()]
    felt = {entry.beside[0].value for entry in entries if entry.beside is not None}
    return {str(ACTIONS[kind.value].resource_type) for kind in allowed} | {entry.resource_type.value for entry in entries} | felt


def list_fault_folders(policies: Collection[Environment]) -> list[str]:
    """The S3 folders for faults of functions, as ARNs."""
    return sorted({policy.lambda_fault_configuration for policy in policies if policy.lambda_fault_configuration})


def _format_arn(stack: Stack, service: str, name: str, kind: str = "") -> str:
    return name if name.startswith("arn:") else f"arn:{stack.partition}:{service}:{stack.region}:{stack.account}:{kind}{name}"
