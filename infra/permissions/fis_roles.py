"""One FIS role per environment: FIS can touch only what carries the opt-in tag with the environment's name as its
value.

Each fault type that an environment allows is a managed policy of its own: a role's inline policies are too small for
all of them. The faults of that type declare what is in it.
"""

from collections.abc import Mapping, Sequence

from aws_cdk import Stack
from aws_cdk.aws_iam import ManagedPolicy, PolicyStatement, Role, ServicePrincipal
from constructs import Construct

from infra.permissions.fis_statements import Scope
from infra.permissions.names import automation_arns
from squall.domain.base.vocabulary import FaultType
from squall.domain.policy.custom_actions import CustomAction
from squall.domain.policy.environment import Environment
from squall.domain.run.fis_state import WAIT
from squall.faults import registry


class FisRoles:
    """The roles by environment, and the FIS actions that they allow."""

    def __init__(self, scope: Construct, environments: Mapping[str, Environment], opt_in_tag: str) -> None:
        self.roles: dict[str, Role] = {}
        self.actions: set[str] = {WAIT}
        self.wildcards: set[str] = set()
        """Resources with an asterisk that the policies' custom actions list."""
        for name, environment in sorted(environments.items()):
            types = [fault_type for fault_type in registry.list_types() if fault_type in environment.allowed_types]
            self.roles[name] = _make_role(scope, environment, types, opt_in_tag)
            self.actions |= {action for fault in registry.list_faults() if fault.type in types for action in fault.fis_actions}
            self._add_fis_actions(self.roles[name], environment, opt_in_tag)
            if FaultType.CUSTOM in environment.allowed_types:
                self._add_custom_actions(self.roles[name], environment, opt_in_tag)

    @property
    def arns(self) -> dict[str, str]:
        """Environment to the ARN of its role."""
        return {name: role.role_arn for name, role in self.roles.items()}

    def _add_fis_actions(self, role: Role, environment: Environment, opt_in_tag: str) -> None:
        """All FIS actions that the policy allows by id are one managed policy: IAM attaches only ten to a role."""
        faults = [fault for fault in registry.list_action_faults() if fault.type in environment.allowed_types]
        scope = Scope.of(Stack.of(role), environment, opt_in_tag)
        granted = {fault: statements for fault in faults if (statements := scope.statements(fault))}
        self.actions |= {action for fault in granted for action in fault.fis_actions}
        statements = [statement for own in granted.values() for statement in own]
        if statements:
            description = f"FIS actions on {opt_in_tag}={environment.name}, as the policy allows them by id"
            ManagedPolicy(role, "FisActions", description=description, statements=statements, roles=[role])

    def _add_custom_actions(self, role: Role, environment: Environment, opt_in_tag: str) -> None:
        actions = environment.custom_actions.values()
        scope = Scope.of(Stack.of(role), environment, opt_in_tag)
        self.actions |= {action.fis_action for action in actions}
        self.wildcards |= {resource for action in actions for grant in action.iam for resource in grant.resources if "*" in resource}
        statements = [statement for action in actions for statement in custom_statements(action, scope)]
        if statements:
            description = f"Custom actions on {opt_in_tag}={environment.name}, as the policy lists them"
            ManagedPolicy(role, "Custom", description=description, statements=statements, roles=[role])


def custom_statements(action: CustomAction, scope: Scope) -> list[PolicyStatement]:
    """Exactly what the policy's entry declares; for a command: to send and to cancel it; for an Automation document: to start,
    read and stop it, and to pass its role."""
    if action.document is None:
        return scope.statements(registry.bind_listed("custom", action))
    executions = f"arn:{scope.partition}:ssm:{scope.region}:{scope.account}:automation-execution/*"
    documents = automation_arns(scope.partition, scope.region, scope.account, action.document, str(action.version))
    return [
        PolicyStatement(actions=["ssm:StartAutomationExecution"], resources=[*documents, executions]),
        PolicyStatement(actions=["ssm:GetAutomationExecution", "ssm:StopAutomationExecution"], resources=[executions]),
        PolicyStatement(
            actions=["iam:PassRole"],
            resources=[str(action.assume_role)],
            conditions={"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}},
        ),
    ]


def to_pascal_case(name: str) -> str:
    """`pre-prod` becomes `PreProd`."""
    return "".join(part.capitalize() for part in name.replace("_", "-").split("-"))


def _make_role(scope: Construct, policy: Environment, types: Sequence[FaultType], opt_in_tag: str) -> Role:
    stack, environment = Stack.of(scope), policy.name
    role = Role(
        scope,
        f"FisRole{to_pascal_case(environment)}",
        description=f"AWS FIS may disturb what is tagged {opt_in_tag}={environment}",
        assumed_by=ServicePrincipal(
            "fis.amazonaws.com",
            conditions={
                "StringEquals": {"aws:SourceAccount": stack.account},
                "ArnLike": {"aws:SourceArn": f"arn:{stack.partition}:fis:{stack.region}:{stack.account}:experiment/*"},
            },
        ),
    )
    narrowed = Scope.of(stack, policy, opt_in_tag)
    for fault_type in types:
        faults = [fault for fault in registry.list_faults() if fault.type is fault_type]
        statements = [statement for fault in faults for statement in narrowed.statements(fault)]
        if statements:
            ManagedPolicy(
                role,
                to_pascal_case(fault_type.value),
                description=f"{fault_type.value.replace('_', ' ').capitalize()} on {opt_in_tag}={environment}",
                statements=statements,
                roles=[role],
            )
    return role
