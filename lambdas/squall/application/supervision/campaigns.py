"""The pulse looks after every campaign that has not ended and told, so that none depends on an event or on its workflow. It also
tells people of prompts that nobody has answered.

The steps of a campaign are runs like any other, and the pulse looks after them before it looks here.
"""

from datetime import timedelta

from squall.application.campaign.away import look_after_steps
from squall.application.campaign.close import close_campaign
from squall.application.campaign.finish import end_campaign
from squall.application.campaign.outcomes import StepReading, read_steps
from squall.application.campaign.people import tell_of_prompt
from squall.application.regions.home import look_after_parts
from squall.application.stopping.abort_campaign import abort_steps
from squall.application.stopping.abort_members import require_reached
from squall.application.stopping.cleanup import Cleanup
from squall.application.supervision.run_cleanup import SETTLED_AFTER
from squall.domain.campaign.record import CampaignRecord
from squall.domain.run.commands import shell_command
from squall.domain.run.execution_state import SUCCEEDED, is_broken_off
from squall.wiring import Wiring

TELLS_ITSELF = timedelta(minutes=1)
"""How long the state that waits for people has to tell them itself."""


def look_after_campaigns(w: Wiring, work: Cleanup) -> dict[str, str]:
    """Look after each open campaign. Maps its id to what was done."""
    done = {}
    for campaign_id in work.attempt("the list of open campaigns", "squall campaign status", w.campaigns.list_open) or ():
        command = shell_command("squall", "campaign", "status", campaign_id)
        outcome = work.attempt(f"campaign {campaign_id}", command, look_after_campaign, w, campaign_id)
        if outcome is not None:
            done[campaign_id] = outcome
    return done


def look_after_campaign(w: Wiring, campaign_id: str) -> str:
    """Close a campaign whose execution has ended, and tell how it ended if nobody has. Finish an abort of one that runs.
    Returns what was done."""
    record = w.campaigns.get(campaign_id)
    if record is None or record.told:
        return "over"  # the index lags behind
    now = w.clock.now()
    if record.final:
        if now - (record.ended_at or record.started_at) <= SETTLED_AFTER:
            return "whoever ended it tells people"
        end_campaign(w, record)
        return "told"
    status = w.workflow.status(record.execution_arn)
    if is_broken_off(status, record.started_at, now):
        reason = f"the campaign's execution is {status or 'unknown to Step Functions'}"
        return close_campaign(w, record, reason, failed=status != "ABORTED", by="the pulse")
    if status == SUCCEEDED:
        return close_campaign(w, record, "the campaign's execution ended without recording", failed=True, by="the pulse")
    # Before the abort is finished: a member that is not reached must not keep the steps in others from being seen.
    work = Cleanup(w)
    away = work.attempt("the steps in members", shell_command("squall", "campaign", "status", campaign_id), look_after_steps, w, record)
    record = w.campaigns.get(campaign_id) or record
    said = _finish_abort(w, record) or _tell_of_prompt(w, record) or (look_after_parts(w, record) if record.start_by else "")
    if work.failures:  # what could not be seen or woken keeps no step from being aborted
        raise work.failures[0]
    return "; ".join(filter(None, (away, said))) or "alive"


def _tell_of_prompt(w: Wiring, record: CampaignRecord) -> str:
    """Tell people again of a prompt whose wait is nearly over, and for the first time if the state that waits could not. Returns
    what was done; empty if nothing had to be."""
    asked = record.open_prompt
    if asked is None or (asked.told_at is None and w.clock.now() - asked.asked_at <= TELLS_ITSELF):
        return ""
    return tell_of_prompt(w, record.id)


def _finish_abort(w: Wiring, record: CampaignRecord) -> str:
    """Abort the running steps that an abort of the campaign has not reached: whoever aborts a campaign writes the reason
    first, and may die after that. The steps come first, because a wait for people that can't be woken has an end of its own.
    Returns what was done; empty if nothing had to be."""
    if record.abort is None:
        return ""
    missed = [reading.run for reading in read_steps(w, None, record.running) if reading.live and _misses_abort(reading)]
    if missed:
        require_reached(abort_steps(w, record, missed, record.abort.source, record.abort.reason, "the pulse"))
    if record.open_prompt and record.task_token:
        w.workflow.wake(record.task_token)
    return f"aborted {', '.join(run.execution_id for run in missed)}" if missed else ""


def _misses_abort(reading: StepReading) -> bool:
    """Whether an abort of the campaign has not reached the step, as far as home can tell: of a member that says nothing it can't."""
    if reading.stored is None:
        return bool(reading.run.member)
    return reading.stored.abort is None
