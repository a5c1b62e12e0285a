"""Identifies people, and decides who may approve or reject a run: pure functions of STS's answer and the policy's
patterns."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

_SSO_ROLE = re.compile(r"AWSReservedSSO_.+_[0-9a-f]{16}")
_SSO_SUFFIX = re.compile(r"(AWSReservedSSO_[^/]*_)\.\*/")
_STACK_CHARACTERS = 24
"""How much of a long stack name CloudFormation surely keeps in the names of its resources."""


class Kind(StrEnum):
    """Kinds of identity: the first part of a person's key."""

    USER = "user"
    SSO = "sso"
    ROLE = "role"

    @property
    def words(self) -> str:
        """The kind with its article, such as `an IAM user`."""
        return _WORDS[self]


_WORDS = {Kind.USER: "an IAM user", Kind.SSO: "an Identity Center user", Kind.ROLE: "a role that the policy names"}


@dataclass(frozen=True)
class Caller:
    """Who signed, as STS answered."""

    account: str
    arn: str
    user_id: str


def identify_person(caller: Caller) -> tuple[str, str]:
    """The person's key and an empty sentence; or an empty key and the sentence why the caller does not count as a
    person.

    An IAM user is a person, by its unique id. A user of IAM Identity Center is a person, by name, in any permission set
    and account. The sessions of any other role are one person together, because the caller who assumes the role chooses
    the session's name.
    """
    service, _, resource = caller.arn.partition(f":{caller.account}:")
    kind, _, rest = resource.partition("/")
    if service.endswith(":iam:") and kind == "user" and rest:
        return f"{Kind.USER}:{caller.user_id}", ""
    role, _, session = rest.partition("/")
    if service.endswith(":sts:") and kind == "assumed-role" and session:
        if _SSO_ROLE.fullmatch(role):
            return f"{Kind.SSO}:{session.lower()}", ""
        return f"{Kind.ROLE}:{caller.user_id.partition(':')[0]}", ""
    return (
        "",
        f"{caller.arn} does not identify a person: approve as an IAM or Identity Center user, or a role that the policy names",
    )


def is_own_role(caller: Caller, stack: str) -> bool:
    """Whether the caller is a role of this stack. CloudFormation composes role names from the stack's name, which it
    may cut."""
    role = caller.arn.partition(":assumed-role/")[2].partition("/")[0]
    return role.startswith(f"{stack}-"[:_STACK_CHARACTERS])


def may_take_part(caller: Caller, who: Sequence[str], account: str) -> bool:
    """Whether the caller may approve, or claim to be the requester: a claim is worth as much as an approval.

    Without patterns, the IAM users and Identity Center users of the stack's own account may. Users of other accounts
    may not, because anybody who reaches the function could relay their proof.
    """
    person, _ = identify_person(caller)
    return bool(person) and (bool(who) or caller.account == account) and is_named(person, caller.arn, who)


def may_reject(caller: Caller, who: Sequence[str], account: str) -> bool:
    """Whether the caller may reject: anybody in the stack's account, and everybody who may approve."""
    return caller.account == account or may_take_part(caller, who, account)


def is_named(person: str, arn: str, who: Sequence[str]) -> bool:
    """Whether one of the patterns names the person. Without patterns every user does; an ordinary role counts only where
    the policy names exactly this role, because no pattern for users lets a role in."""
    kind = find_kind(person)
    if kind is Kind.ROLE:
        return f"{arn.rpartition('/')[0]}/*" in who
    return kind is not None and (not who or any(_matches_arn(pattern, arn) for pattern in who))


def find_kind(person: str) -> Kind | None:
    """The kind of identity in a person's key; None for a key that names no kind."""
    kind = person.partition(":")[0]
    return Kind(kind) if kind in list(Kind) else None


def _matches_arn(pattern: str, arn: str) -> bool:
    regex = ".*".join(map(re.escape, pattern.split("*")))
    # Identity Center ends a role's name with 16 digits: `AWSReservedSSO_SRE_*/` is the permission set SRE, not SRE_ReadOnly.
    return re.fullmatch(_SSO_SUFFIX.sub(r"\1[0-9a-f]{16}/", regex), arn) is not None
