"""ChooseSteps reads how the last steps of a campaign ended, and chooses the next ones."""

from collections.abc import Mapping
from typing import Any

from squall.application.campaign.choose import choose_next_steps
from squall.application.step import Outcome
from squall.wiring import get_wiring, prepare

prepare("campaigns", "records", "documents", "logger")


def handler(event: Mapping[str, Any], context: object) -> Outcome:
    return choose_next_steps(get_wiring(), event)
