"""ChooseSteps reads how the last steps of a campaign ended, and chooses the next ones. With a task token it stores the
token of the state that waits for people, or starts a step in a member of the fleet and stores the token of the state that waits for
it."""

from collections.abc import Mapping
from typing import Any

from squall.application.campaign.choose import choose_next_steps
from squall.application.campaign.waiting import wait_with_token
from squall.application.step import Outcome
from squall.wiring import get_wiring, prepare

prepare("campaigns", "records", "documents", "logger")


def handler(event: Mapping[str, Any], context: object) -> Outcome:
    return wait_with_token(get_wiring(), event) if "task_token" in event else choose_next_steps(get_wiring(), event)
