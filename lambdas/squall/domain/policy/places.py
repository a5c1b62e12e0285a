"""Where a stack of Squall is, and the roles by which others enter it."""

from typing import Annotated

from pydantic import AfterValidator

from squall.domain.base.durations import validation_error
from squall.domain.base.model import Model
from squall.domain.base.problems import require_pattern

AccountId = Annotated[str, require_pattern(r"^[0-9]{12}$", "the 12 digits of an account's id, in quotes")]
Region = Annotated[str, require_pattern(r"^[a-z]{2}(-[a-z]+)+-[0-9]$", "a Region, as eu-central-1")]


def _refuse_prefix(name: str) -> str:
    """The alarms of a stack begin with its name, as CloudFormation chooses them, and guards with `squall-`."""
    if name.lower().startswith("squall-"):
        message = "may not begin with 'squall-': guard alarms of other stacks are recognized by that prefix"
        raise validation_error(message, "another beginning")
    return name


StackName = Annotated[
    str,
    require_pattern(r"^[A-Za-z][A-Za-z0-9-]{0,39}$", "a stack's name: a letter, then letters, digits and -, at most 40 characters"),
    AfterValidator(_refuse_prefix),
]
"""The name of a stack: the setting of whoever deploys it, and wherever another one names it."""
ExternalId = Annotated[
    str, require_pattern(r"^[A-Za-z0-9_+=,.@:/-]{16,1224}$", "16 to 1224 letters, digits and _ + = , . @ : / -, as a random UUID")
]


class Place(Model):
    """A stack: its account, Region and name."""

    account: AccountId
    """The id of the account."""
    region: Region
    """The Region of the stack."""
    stack: StackName = "Squall"
    """The stack's name."""
    endpoint_url: Annotated[str, require_pattern(r"^https?://[^\s]+$", "an address, as https://…")] | None = None
    """The address of all AWS services there, where it is not AWS's own, as of a local account. None: AWS's."""

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells this stack from every other."""
        return self.account, self.region, self.stack

    @property
    def joined_key(self) -> str:
        """The same as one text, under which home keeps its copies."""
        return ":".join(self.key)

    def name_role_arn(self, grant: str) -> str:
        """The ARN of the role in the stack's account that is for one grant."""
        return f"arn:{find_partition(self.region)}:iam::{self.account}:role/{name_role(self.stack, self.region, grant)}"


def name_role(stack: str, region: str, grant: str) -> str:
    """The name of a role for others, the same in the template of its stack and where it is assumed. Roles are the account's,
    so the name holds the Region. With the longest stack name and Region it has IAM's 64 characters."""
    return f"{stack}-{region}-{grant}"


def find_partition(region: str) -> str:
    """The AWS partition of a Region."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"
