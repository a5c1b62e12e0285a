"""Another stack of Squall: the role in which it is entered, and the CloudFormation stack behind its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call
from squall.domain.run.stack import stack_parameter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from squall.domain.run.home import Member


SESSION = "squall-home"
"""The name of home's sessions, as the CloudTrail of a member shows it."""


def assume_role(sts: Any, member: Member) -> Mapping[str, str]:
    """Credentials in the member. The role is assumed anew each time: a session that lives on would hide that the member has
    taken the role back. Raises Unavailable or Refused."""
    entered = call(
        sts,
        "assume_role",
        refusable=True,
        RoleArn=member.role_arn,
        RoleSessionName=SESSION,
        ExternalId=member.external_id,
        DurationSeconds=900,
    )
    credentials: Mapping[str, str] = entered["Credentials"]
    return credentials


def find_stack(client: Callable[[str], Any], name: str) -> Mapping[str, Any] | None:
    """What CloudFormation says of the stack; None if there is none. `client` makes a client for a service.

    A stack that a StackSet made has another name. Its own parameter says which one it is. Raises Unavailable or Refused.
    """
    formation = client("cloudformation")
    found = _describe(formation, name)
    if found is not None:
        return found
    said = call(client("ssm"), "get_parameter", absent={"ParameterNotFound"}, refusable=True, Name=stack_parameter(name))
    return _describe(formation, said["Parameter"]["Value"]) if said else None


def read_outputs(stack: Mapping[str, Any]) -> dict[str, str]:
    """The outputs of a stack, by their names."""
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def _describe(formation: Any, name: str) -> Mapping[str, Any] | None:
    answer = call(formation, "describe_stacks", absent={"ValidationError"}, refusable=True, StackName=name)
    stack: Mapping[str, Any] | None = answer["Stacks"][0] if answer else None
    return stack
