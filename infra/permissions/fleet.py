"""Roles across the accounts of a fleet: in a member those that home may assume, in home the policies that let people assume
them.

A member decides by its own settings what home may do. Home's policies name the roles of `fleet.yaml` and nothing else.
"""

from collections.abc import Mapping, Sequence

from aws_cdk import CfnOutput, Stack
from aws_cdk.aws_iam import AccountPrincipal, CompositePrincipal, IManagedPolicy, ManagedPolicy, PolicyStatement, Role
from aws_cdk.aws_lambda import Function
from constructs import Construct

from infra.account.fleet import CAMPAIGN, PEOPLE_GRANTS, Fleet, Grant
from infra.permissions.names import Names
from infra.permissions.people import call_functions, find_stack, use_key
from infra.settings import Settings
from squall.adapters.dynamodb.elsewhere import UNREAD
from squall.domain.policy.places import name_role
from squall.domain.policy.promotion import PROOFS
from squall.domain.run.home import contact_parameter

RUN_IN_MEMBERS = "run_in_members"
"""The capability of home's functions that run the steps of campaigns in members."""


class FleetRoles(Construct):
    """The roles of a member, one for each grant. Each asks for the external id, and trusts the home account, whose own
    policies say who there may assume it."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        names: Names,
        functions: Mapping[str, Function],
        people: Mapping[str, IManagedPolicy],
    ) -> None:
        super().__init__(scope, construct_id)
        own: dict[Grant, Sequence[PolicyStatement]] = {
            "halt": (*find_stack(names), call_functions(functions["Halt"].function_arn)),
            "resume": (*find_stack(names), call_functions(functions["Resume"].function_arn)),
            # Whoever holds this role can only say that home is there: Parameter Store sets the time.
            "contact": (
                PolicyStatement(actions=["ssm:PutParameter"], resources=[names.arn("ssm", f"parameter{contact_parameter(names.stack)}")]),
            ),
            CAMPAIGN: allow_steps(names, functions["Abort"].function_arn),
            "results": (
                *find_stack(names),
                PolicyStatement(actions=["dynamodb:Query"], resources=[f"{names.table_arn}/index/period"]),
                *use_key(names, "kms:Decrypt"),
            ),
        }
        shared: dict[Grant, IManagedPolicy] = {"viewer": people["Viewer"], "operator": people["Operator"]}
        for grant in settings.fleet_grants if settings.fleet_home_account else ():
            role = Role(
                self,
                grant.capitalize(),
                role_name=name_role(settings.stack_name, names.region, grant),
                description=f"Squall: what the fleet's home may do here: {grant}",
                assumed_by=AccountPrincipal(settings.fleet_home_account),
                external_ids=[settings.fleet_external_id or ""],
                managed_policies=[shared[grant]] if grant in shared else [],
            )
            for statement in own.get(grant, ()):
                role.add_to_policy(statement)
            _write_output(self, f"Fleet{grant.capitalize()}RoleArn", role.role_arn, f"The role in which the fleet's home acts: {grant}")


def allow_steps(names: Names, abort_function_arn: str) -> Sequence[PolicyStatement]:
    """What the steps of home's campaigns need in a member: start runs of its catalogue, see how they end, and abort them."""
    conditions = {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["EXECUTION#*"]},
        "ForAllValues:StringNotEquals": {"dynamodb:Attributes": list(UNREAD)},
        "StringEqualsIfExists": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
    }
    return (
        *find_stack(names),
        PolicyStatement(actions=["states:StartExecution"], resources=[names.arn("states", f"stateMachine:{names.state_machine_name}")]),
        PolicyStatement(actions=["states:DescribeExecution"], resources=[names.arn("states", f"execution:{names.state_machine_name}:*")]),
        PolicyStatement(actions=["dynamodb:GetItem"], resources=[names.table_arn], conditions=conditions),
        *use_key(names, "kms:Decrypt"),
        call_functions(abort_function_arn),
    )


def make_proof_role(scope: Construct, settings: Settings, names: Names) -> None:
    """The role in which stacks of other accounts and Regions read what validated an experiment here."""
    if not settings.proof_accounts:
        return
    role = Role(
        scope,
        "ProofsRole",
        role_name=name_role(settings.stack_name, names.region, PROOFS),
        description="Squall: which runs validated an experiment here, for the promotion of other stacks",
        assumed_by=CompositePrincipal(*(AccountPrincipal(account) for account in settings.proof_accounts)),
        external_ids=[settings.proof_external_id or ""],
    )
    reading = PolicyStatement(actions=["dynamodb:Query"], resources=[f"{names.table_arn}/index/experiment"])
    for statement in (*find_stack(names), reading, *use_key(names, "kms:Decrypt")):
        role.add_to_policy(statement)
    _write_output(scope, "ProofsRoleArn", role.role_arn, "The role in which other stacks read what validated an experiment here")


def allow_fleet(names: Names) -> dict[str, list[PolicyStatement]]:
    """The capabilities of functions in a fleet: of a member's, and of those that home alone has."""
    word_of_home = names.arn("ssm", f"parameter{contact_parameter(names.stack)}")
    copies = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["MEMBER#*"]}}
    return {
        "read_home": [PolicyStatement(actions=["ssm:GetParameter"], resources=[word_of_home])] if names.in_fleet else [],
        "proofs_elsewhere": _assume(names.proof_role_arns),
        "heartbeat": _assume(names.heartbeat_role_arns),
        "read_members": _assume(names.collected_role_arns),
        RUN_IN_MEMBERS: _assume(names.campaign_role_arns),
        "collected": [
            PolicyStatement(
                actions=["dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem"], resources=[names.table_arn], conditions=copies
            )
        ],
    }


def _assume(roles: Sequence[str]) -> list[PolicyStatement]:
    return [PolicyStatement(actions=["sts:AssumeRole"], resources=list(roles))] if roles else []


def make_home_policies(scope: Construct, fleet: Fleet) -> None:
    """The managed policies for people at home, one for each grant that a member gives."""
    for grant in PEOPLE_GRANTS:
        if roles := fleet.list_roles(grant):
            policy = ManagedPolicy(
                scope,
                f"Fleet{grant.capitalize()}Policy",
                description=f"Squall: act in the fleet's members: {grant}",
                statements=[PolicyStatement(actions=["sts:AssumeRole"], resources=list(roles))],
            )
            description = f"The managed policy for people who act in the fleet's members: {grant}"
            _write_output(scope, f"Fleet{grant.capitalize()}PolicyArn", policy.managed_policy_arn, description)


def _write_output(scope: Construct, name: str, value: str, description: str) -> None:
    CfnOutput(Stack.of(scope), name, value=value, description=description)
