"""Reads the plan of a campaign, and refuses it if it is not the one that was admitted."""

from contextlib import suppress

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


def find_plan(w: Wiring, record: CampaignRecord) -> CampaignPlan | None:
    """The plan; None if the campaign was refused, or if the document is not the admitted one. Raises Unavailable."""
    if not record.plan_hash:
        return None
    with suppress(Refused, ValueError):  # ValueError: the document was replaced by something else
        return read_plan(w, record)
    return None
