"""The members of a fleet, each entered in a role of its account by the STS of this Region."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call, make_client_as
from squall.domain.run.home import contact_parameter

if TYPE_CHECKING:
    from squall.domain.run.home import Member

SESSION = "squall-home"
"""The name of home's sessions, as the CloudTrail of a member shows it."""


class RoleMembers:
    def __init__(self, sts: Any) -> None:
        self._sts = sts

    def greet(self, member: Member, text: str) -> None:
        name = contact_parameter(member.stack)
        call(self._enter(member, "ssm"), "put_parameter", refusable=True, Name=name, Type="String", Overwrite=True, Value=text)

    def _enter(self, member: Member, service: str) -> Any:
        """A client in the member. The role is assumed anew each time: a session that lives on would hide that the member has
        taken the role back."""
        entered = call(
            self._sts,
            "assume_role",
            refusable=True,
            RoleArn=member.role_arn,
            RoleSessionName=SESSION,
            ExternalId=member.external_id,
            DurationSeconds=900,
        )
        return make_client_as(entered["Credentials"], service, member.region, member.endpoint_url)
