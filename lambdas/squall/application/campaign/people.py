"""What people say during a campaign: notes at any time, and the answers to the prompts of a game day.

A prompt waits in Step Functions on a task token, so that waiting enters no states. A note is written first, and then the
token is used; the token is stored first, and then the notes are read. Whatever the order, at least one of the two sees the
other. If both were lost, the wait has an end of its own.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from squall.application.campaign.plan import find_plan
from squall.application.messages import send_message
from squall.application.regions.decide import wake_home
from squall.application.step import UnrecordedError, is_redriven
from squall.domain.base.printable import one_line
from squall.domain.campaign.record import MOST_NOTES, CampaignRecord, Note, PromptRun, cut_note
from squall.domain.messages.prompt import make_answer_command, make_message
from squall.errors import Refused, Unavailable
from squall.wiring import Wiring

_TRIES = 5


def wait_for_answer(w: Wiring, event: Mapping[str, Any]) -> dict[str, Any]:
    """Store the token of the state that waits for an answer. If there is nothing to wait for any more, or the token could
    not be stored, wake it at once: the next state asks again. A run over several Regions waits here for its parts."""
    token, campaign_id = str(event["task_token"]), event["run"]["id"]
    for _ in range(_TRIES):
        record = w.campaigns.get(campaign_id)
        if record is None:
            raise UnrecordedError(campaign_id)
        if is_redriven(event) or not _is_waiting(record):
            break
        if w.campaigns.save(replace(record, task_token=token)):
            if record.start_by is not None:  # the last part may have ended before it could find the token
                wake_home(w, replace(record, task_token=token))
            else:
                _tell_if_possible(w, campaign_id)
            return {"waiting": True}
    w.workflow.wake(token)
    return {"waiting": False}


def _is_waiting(record: CampaignRecord) -> bool:
    if record.start_by is not None:  # also after an abort: its parts still have to end
        return bool(record.running) and not record.final
    return record.awaits_answer


def _tell_if_possible(w: Wiring, campaign_id: str) -> None:
    """Tell people of the prompt. If that fails, the wait goes on, and the pulse tells them a minute later."""
    try:
        tell_of_prompt(w, campaign_id)
    except (Unavailable, Refused):
        w.logger.exception("people were not told of the prompt", extra={"campaign_id": campaign_id})


def tell_of_prompt(w: Wiring, campaign_id: str) -> str:
    """Tell people and machines of the open prompt, if they have to be told now: once when it is asked, and once again
    shortly before its wait ends without an answer. Returns what was done; empty if nothing had to be.

    The message is sent first and noted then: it is better to be told twice than not at all. Raises Unavailable or Refused if
    nobody could be told.
    """
    record = w.campaigns.get(campaign_id)
    asked = record.open_prompt if record else None
    if record is None or asked is None or not record.awaits_answer or not asked.needs_message(w.clock.now()):
        return ""
    plan, stack = find_plan(w, record), w.settings.stack
    send_message(w, make_message(record, asked, plan, stack=stack, bucket=w.settings.bucket))
    _note_message(w, campaign_id, asked)
    question = plan.find_step(asked.step).prompt if plan else ""
    w.campaign_events.ask(record, asked, question, make_answer_command(record, asked, stack))
    return f"told people of the prompt {asked.step}"


def _note_message(w: Wiring, campaign_id: str, asked: PromptRun) -> None:
    """Write into the record that people were told of the prompt. Somebody may write a note at the same time."""
    for _ in range(_TRIES):
        record = w.campaigns.get(campaign_id)
        if record is None or record.open_prompt != asked:
            return
        if w.campaigns.save(replace(record, prompts=(*record.prompts[:-1], asked.mark_message(w.clock.now())))):
            return


def record_note(w: Wiring, event: Mapping[str, Any]) -> dict[str, Any]:
    """Record what somebody wrote about a campaign: `{"campaign_id", "text", "requested_by", "answers"?, "stops"?}`.

    `answers` is the name of the open prompt; the state that waits for it goes on. Who wrote it is a label, and proves
    nothing. The answer says whether it was `recorded`, and why not.
    """
    campaign_id, text = str(event.get("campaign_id")), cut_note(one_line(str(event.get("text") or ""), 1000))
    answers, by = str(event.get("answers") or ""), one_line(str(event.get("requested_by") or ""), 256) or "somebody"
    record = w.campaigns.get(campaign_id)
    if why := _explain_refusal(record, text, answers):
        return {"campaign_id": campaign_id, "recorded": False, "message": why}
    note = Note(w.clock.now(), by, text, answers, stops=bool(answers) and event.get("stops") is True)
    if not w.campaigns.add_note(campaign_id, note):
        return {"campaign_id": campaign_id, "recorded": False, "message": f"a campaign has at most {MOST_NOTES} notes"}
    if answers:
        wake_campaign(w, campaign_id)
    return {"campaign_id": campaign_id, "recorded": True, "message": "recorded"}


def _explain_refusal(record: CampaignRecord | None, text: str, answers: str) -> str:
    if record is None:
        return "there is no such campaign"
    if not text:
        return "a note has a text"
    if not answers:
        return ""
    asked = record.open_prompt
    if record.final or record.abort is not None:
        return "the campaign asks nothing any more: no further step starts"
    if asked is None or asked.step != answers:
        return f"{asked.step} is the prompt that waits" if asked else "no prompt waits for an answer"
    given = record.find_answer(answers)
    return f"{given.by} has answered already" if given else ""


def wake_campaign(w: Wiring, campaign_id: str) -> None:
    """Let the state that waits for people go on, if one does. Raises Unavailable or Refused."""
    record = w.campaigns.get(campaign_id)
    if record is not None and record.task_token and record.open_prompt:
        w.workflow.wake(record.task_token)
