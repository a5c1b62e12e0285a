"""Home's decision about a run over several Regions: whether the parts start their faults. It is taken once.

The Decide function does this whenever a part says that it is ready or has ended, and home's pulse tries again once a
minute. What it does after the decision only makes things quicker: every part reads the decision itself.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from squall.application.regions.peers import see_region
from squall.domain.campaign.record import CampaignRecord
from squall.domain.regions.barrier import Decision, decide_start
from squall.errors import Refused, Unavailable
from squall.wiring import Wiring

REASON_CHARACTERS = 2000


def answer_request(w: Wiring, event: Mapping[str, Any]) -> dict[str, Any]:
    """Decide about the run that the event names by `campaign_id`, if it is time to, and wake whoever waits for it. Raises
    Unavailable if home's own table can't be read or written."""
    run = str(event.get("campaign_id"))
    record = w.campaigns.get(run)
    if record is None or record.start_by is None:
        return {"campaign_id": run, "ignored": "there is no run over several Regions of this id"}
    decision = decide_about(w, record)
    woken = [*wake_parts(w, record, decision), *wake_home(w, record)]
    return {
        "campaign_id": run,
        "decided": decision.start if decision else None,
        "reason": decision.reason if decision else "",
        "woken": woken,
    }


def decide_about(w: Wiring, record: CampaignRecord) -> Decision | None:
    """The decision that stands; None while home has to wait. `record` was read before the parts are: whoever aborts the run
    writes that into it, then aborts the parts."""
    home = record.execution_arn.split(":")[3]
    if (decided := w.regions.read_decision(home, record.id)) is not None:
        return decided
    if record.abort is not None or record.final:
        reason = record.abort.reason if record.abort else "the run is over"
        return w.regions.decide(record.id, Decision(start=False, reason=reason[:REASON_CHARACTERS], until=w.clock.now()))
    sights = [see_region(w, record.id, run.step) for run in record.runs]
    now = w.clock.now()
    decision = decide_start(sights, now, record.start_by or now)
    return None if decision is None else w.regions.decide(record.id, decision)


def wake_parts(w: Wiring, record: CampaignRecord, decision: Decision | None) -> list[str]:
    """Wake the parts that wait for this decision. Returns their Regions. One that can't be woken asks by itself."""
    woken = []
    for run in record.runs if decision else ():
        with suppress(Unavailable, Refused):
            part = w.regions.read_part(run.step, run.execution_id)
            waits = part is not None and part.task_token and not part.final and part.fault_started_at is None
            if part is not None and waits and w.regions.wake_part(run.step, part.task_token or ""):
                woken.append(run.step)
    return woken


def wake_home(w: Wiring, record: CampaignRecord) -> list[str]:
    """Wake the run's own execution, once every part has ended. Returns what was woken."""
    if not record.task_token or record.final or not all(_has_ended(w, run.step, run.execution_id) for run in record.runs):
        return []
    return ["home"] if w.workflow.wake(record.task_token) else []


def _has_ended(w: Wiring, region: str, execution_id: str) -> bool:
    try:
        part = w.regions.read_part(region, execution_id)
    except Unavailable:
        w.logger.exception("whether a part has ended could not be read", extra={"region": region, "execution_id": execution_id})
        return False
    return part is not None and part.final
