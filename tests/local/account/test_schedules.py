"""Which schedule a call of EventBridge Scheduler is about, as IAM sees it."""

from __future__ import annotations

from typing import Any

import pytest

from local.account.iam import schedule_resource

DEFAULT = "arn:aws:scheduler:us-east-1:000000000000:schedule/default/web"
OF_GROUP = "arn:aws:scheduler:us-east-1:000000000000:schedule/squall-Squall.published/web"


@pytest.mark.parametrize(
    ("query", "body", "resource"),
    [
        ({"groupName": ["squall-Squall.published"]}, b"", OF_GROUP),
        ({"groupName": "squall-Squall.published"}, b"", OF_GROUP),
        ({}, b'{"GroupName": "squall-Squall.published", "State": "ENABLED"}', OF_GROUP),
        ({}, b"", DEFAULT),
        ({}, b'{"State": "ENABLED"}', DEFAULT),
        ({}, b"[]", DEFAULT),
    ],
)
def test_a_schedule_is_one_of_its_group(query: dict[str, Any], body: bytes, resource: str) -> None:
    assert schedule_resource(DEFAULT, query, body) == resource


def test_a_listing_and_a_group_are_left_as_they_are() -> None:
    group = "arn:aws:scheduler:us-east-1:000000000000:schedule-group/x"
    assert [schedule_resource(arn, {"groupName": ["x"]}, b"") for arn in ("*", group)] == ["*", group]
