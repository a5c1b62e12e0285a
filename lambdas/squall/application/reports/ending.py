"""Reports what has ended: a run or a campaign."""

from collections.abc import Mapping
from typing import Any

from squall.application.reports.campaign import report_campaign
from squall.application.reports.run import report_run
from squall.wiring import Wiring


def report_ending(w: Wiring, ended: Mapping[str, Any]) -> dict[str, Any]:
    """Write the report of the run `execution_id` or of the campaign `campaign_id`. Returns what to log."""
    if "campaign_id" in ended:
        return report_campaign(w, str(ended["campaign_id"]))
    return report_run(w, str(ended["execution_id"]))
