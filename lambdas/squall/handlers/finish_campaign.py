"""FinishCampaign makes the record of a campaign final, and tells people and machines how it ended."""

from collections.abc import Mapping
from typing import Any

from squall.application.campaign.finish import finish_campaign
from squall.application.step import Outcome
from squall.wiring import get_wiring, prepare

prepare("campaigns", "documents", "logger")


def handler(event: Mapping[str, Any], context: object) -> Outcome:
    return finish_campaign(get_wiring(), event)
