"""Reads the plan of a campaign, and refuses it if it is not the one that was admitted."""

from squall.domain.campaign.plan import CampaignPlan
from squall.domain.campaign.record import CampaignRecord
from squall.errors import Refused
from squall.wiring import Wiring


def read_plan(w: Wiring, record: CampaignRecord) -> CampaignPlan:
    """The plan. Raises `Refused` if there is none, or if it is not the one whose hash the record has."""
    plan = w.documents.get(record.id, CampaignPlan)
    if plan is None or plan.digest != record.plan_hash:
        raise Refused("squall", "ReadPlan", "NotAsAdmitted", f"results/{record.id}/campaign.json is not the plan that was admitted")
    return plan
