"""The Automation documents with which faults are undone: what the policy allows, and what an experiment names."""

import re
from typing import Annotated

from pydantic import Field, field_validator

from squall.domain.base.durations import validation_error
from squall.domain.base.model import Model
from squall.domain.base.problems import PLAIN, require_pattern

ROLLBACK_NAME = require_pattern(r"^[A-Za-z][A-Za-z0-9_.-]{0,127}$", "letters, digits, _ . and -, a letter first")
ParameterName = Annotated[str, require_pattern(r"^[A-Za-z][A-Za-z0-9_]{0,49}$", "letters, digits and _, a letter first")]
ParameterText = Annotated[str, Field(min_length=1, max_length=512), PLAIN]


class RollbackDocument(Model):
    """An Automation document that experiments of this environment may run after their fault, and what they may give it."""

    document: Annotated[str, require_pattern(r"^[a-zA-Z0-9_\-.:/]{3,128}$", "the name or ARN of an Automation document")]
    """The name or ARN of the Automation document."""
    version: Annotated[str, require_pattern(r"^([$]LATEST|[$]DEFAULT|[1-9][0-9]*)$", "$DEFAULT, $LATEST or a number, in quotes")] = (
        "$DEFAULT"
    )
    """A number pins what was reviewed: otherwise whoever may edit the document decides what is run."""
    assume_role: Annotated[str, require_pattern(r"^arn:[a-z-]+:iam::\d{12}:role/[\w+=,.@/-]+$", "the ARN of a role")]
    """The role with which it acts, passed to it as AutomationAssumeRole. It never acts with Squall's own role."""
    parameters: dict[ParameterName, Annotated[str, Field(min_length=1, max_length=500)]] = {}
    """Parameters an experiment may set: name to the regular expression every value matches as a whole."""
    timeout_seconds: Annotated[int, Field(ge=10, le=3600, strict=True)] = 900
    """The longest the workflow waits for it; it is watched to its end, and locks are kept as long."""

    @field_validator("parameters")
    @classmethod
    def _check_patterns(cls, value: dict[str, str]) -> dict[str, str]:
        for name, expression in value.items():
            if name == "AutomationAssumeRole":
                raise validation_error("the policy sets the role", "assume_role")
            try:
                re.compile(expression)
            except re.error as error:
                raise validation_error(f"the pattern of {name} is no regular expression: {error}") from None
        return value


class Rollback(Model):
    """The Automation document that runs after every fault: one of the environment's `rollback_documents`. A plain string
    is one without parameters."""

    document: Annotated[str, ROLLBACK_NAME]
    """Its name in the environment's `rollback_documents`."""
    parameters: dict[str, ParameterText | Annotated[tuple[ParameterText, ...], Field(min_length=1, max_length=50)]] = {}
    """Values or lists of them. `$targets`: the ids of the pinned targets; `$execution`: the execution's id."""


def expand_rollback(value: object) -> object:
    """The long form of a rollback that is only a name."""
    return {"document": value} if isinstance(value, str) else value
