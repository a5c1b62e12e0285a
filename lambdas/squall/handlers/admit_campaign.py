"""AdmitCampaign validates a campaign and all its steps, and opens its record."""

from collections.abc import Mapping
from typing import Any

from squall.application.campaign.admit import admit_campaign
from squall.application.step import Outcome
from squall.wiring import get_wiring, prepare

prepare("campaigns", "documents", "logger")


def handler(event: Mapping[str, Any], context: object) -> Outcome:
    return admit_campaign(get_wiring(), event)
