"""Drafts the policy of an environment: careful, and valid as it is."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from squall.domain.base.problems import WHOLE, InvalidInput, list_validation_problems
from squall.domain.policy.environment import Environment

HINTS = """\
# Further fields, each with an example in your editor; docs/policy.md explains all of them.
# The policy is deployed with the stack: make deploy, or your own CDK app.
"""


def draft_environment(name: str, description: str, *, approvers: int, timezone: str | None) -> dict[str, Any]:
    """The policy as plain data. Without approvers nobody is asked; with a time zone, nothing runs in its working hours.
    Raises InvalidInput."""
    document: dict[str, Any] = {
        "name": name,
        "description": description,
        "allowed_blast_radius": ["single_instance", "single_az"],
        "maximum_duration": "PT1H",
        "minimum_healthy_percent": 60,
        "calm": {"workload_alarms": "refuse"},
    }
    if timezone is not None:
        hours = {"timezone": timezone, "days": ["mon", "tue", "wed", "thu", "fri"], "start_hour": 9, "end_hour": 17}
        document["closed_hours"] = hours
    if approvers:
        document["approval"] = {"approvers": approvers}
    try:
        Environment.model_validate(document)
    except ValidationError as error:
        raise InvalidInput(list_validation_problems(error, document, WHOLE, Environment)) from error
    return document
