"""The home of a fleet as its members know it: when it wrote to them last. Dataclasses only.

Home writes a parameter into each member. So a member that asks whether home is there reads in its own account and Region,
and the time is AWS's there: no clock of home's is believed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

HEARTBEAT_EVERY = timedelta(minutes=1)
"""How often home writes to each member."""


@dataclass(frozen=True)
class Contact:
    """What a stack knows of its fleet's home."""

    home: str
    """The id of home's account."""
    seen: datetime | None
    """When home wrote last; None if it never did."""


@dataclass(frozen=True)
class Member:
    """Another stack as functions enter it: a member, by those at home, or a stack whose records are a proof."""

    name: str
    region: str
    stack: str
    role_arn: str
    """The role in the member's account."""
    external_id: str
    endpoint_url: str | None = None
    """The address of all AWS services there; None: AWS's own."""

    @property
    def account(self) -> str:
        """The id of the account."""
        return self.role_arn.split(":")[4]

    @property
    def key(self) -> str:
        """What tells this stack from every other, whatever people call it."""
        return f"{self.account}:{self.region}:{self.stack}"


def contact_parameter(stack: str) -> str:
    """The name of the parameter in a member that home writes."""
    return f"/squall/{stack}/home"
