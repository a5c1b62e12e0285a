"""Which IAM roles API faults may hit at all."""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated

from pydantic import AfterValidator

from squall.domain.base.durations import validation_error
from squall.domain.base.problems import require_pattern

OWN_TAG = "squall:stack"
"""The tag on everything that belongs to a stack of Squall. Its value is the stack's name."""
_UNTOUCHABLE = {
    "aws-service-role": "is a service-linked role: AWS's own services act with it",
    "aws-reserved": "is a role of IAM Identity Center: people act with it, also those who would abort the fault",
}
"""The first part of a role's path, and why no fault hits such roles."""
_PATH = re.compile(r":role/(?P<first>[^/]+)/")


def find_untouchable(arn: str) -> str:
    """Why no fault may hit the role, as what follows its name; empty if one may."""
    match = _PATH.search(arn)
    return _UNTOUCHABLE.get(match["first"], "") if match else ""


def _refuse_untouchable(arn: str) -> str:
    if reason := find_untouchable(arn):
        raise validation_error(f"{arn.rpartition('/')[2]} {reason}", "roles of the workload")
    return arn


RoleArn = Annotated[
    str, require_pattern(r"^arn:[a-z-]+:iam::\d{12}:role/[\w+=,.@/-]+$", "the ARN of a role"), AfterValidator(_refuse_untouchable)
]
"""A role that API faults may hit."""


def refuse_acting(roles: Iterable[str], acting: Mapping[str, str]) -> None:
    """Raises a validation error if a document, named by the role with which it acts, could not act while a fault hits one of
    these roles."""
    for role in roles:
        if role in acting:
            message = f"the document of {acting[role]} acts as {role.rpartition('/')[2]}, and has to work while the fault lasts"
            raise validation_error(message, "roles of the workload", at="api_fault_roles")
