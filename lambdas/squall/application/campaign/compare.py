"""Compares the answer of a ramp with that of the last campaign of its name that had one."""

from squall.application.campaign.plan import find_plan
from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.campaign.plan import CampaignPlan
from squall.domain.campaign.record import CampaignRecord
from squall.domain.campaign.result import CampaignResult, Compared
from squall.domain.result.limit_comparison import Answer, compare_answers
from squall.errors import Refused, Unavailable
from squall.wiring import Wiring

MOST_STEPS_BACK = 200
"""How many campaigns without an answer are passed over; each is one read of some milliseconds."""
_ANSWERED = frozenset({Verdict.VALIDATED, Verdict.REFUTED})


def compare_with_last(w: Wiring, record: CampaignRecord, plan: CampaignPlan | None) -> Compared:
    """What there is to say about the answer of this campaign beside the last one; nothing for a suite, or for a ramp without
    an answer. It never stands in the way of the ending: what can't be read is said."""
    if plan is None or plan.campaign.ramp is None or not _has_answer(record):
        return Compared("")
    try:
        return _compare(w, record, plan)
    except (Unavailable, Refused):
        w.logger.exception("the last campaign could not be read", extra={"campaign_id": record.id})
        return Compared("not compared: the last campaign could not be read")


def _compare(w: Wiring, record: CampaignRecord, plan: CampaignPlan) -> Compared:
    earlier = w.campaigns.get(record.previous) if record.previous else None
    for _ in range(MOST_STEPS_BACK):
        if earlier is None:
            return Compared("")
        if _has_answer(earlier):
            before = find_plan(w, earlier)
            if before is None:
                return Compared(f"not compared with {earlier.id}: its plan is not the one that was admitted")
            if before.campaign.ramp is None:
                return Compared(f"not compared with {earlier.id}: it was no ramp")
            return compare_answers(_read_answer(w, earlier, before), _make_answer(record, plan))
        earlier = w.campaigns.get(earlier.previous) if earlier.previous else None
    return Compared(
        f"not compared: the last {MOST_STEPS_BACK} campaigns of this name had no answer, so a limit that fell before them is not known"
    )


def _has_answer(record: CampaignRecord) -> bool:
    return record.status is Status.COMPLETED and record.verdict in _ANSWERED


def _read_answer(w: Wiring, record: CampaignRecord, plan: CampaignPlan) -> Answer:
    result = w.documents.get(record.id, CampaignResult)
    return _make_answer(record, plan, result)


def _make_answer(record: CampaignRecord, plan: CampaignPlan, result: CampaignResult | None = None) -> Answer:
    doses = plan.campaign.ramp.doses if plan.campaign.ramp else ()
    _, bracket = plan.tally(record.runs)
    return Answer(
        campaign_id=record.id,
        plan=plan,
        started_at=record.started_at,
        holds_to=None if bracket.holds is None else doses[bracket.holds],
        fails_from=None if bracket.fails is None else doses[bracket.fails],
        findings=result.findings if result else (),
    )
