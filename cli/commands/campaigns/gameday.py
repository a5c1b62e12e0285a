"""`squall campaign note|answer|follow|retrospective`: what people do during and after a game day."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli import output, session
from cli.arguments import durations
from cli.arguments.names import parse_execution_id
from cli.commands.campaigns.runs import find_campaign, follow_campaign, show_ending
from cli.errors import CommandError
from cli.exits import Exit
from cli.following.watch import parse_leniently, parse_result
from cli.text import clean_document, clean_line
from squall.domain.campaign.plan import CampaignPlan
from squall.reporting.campaign.live import render_live_page
from squall.reporting.campaign.retrospective import write_retrospective

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.aws.stack import Deployment
    from cli.session import Options
    from squall.domain.campaign.record import CampaignRecord
    from squall.domain.documents.result import Result


def write_note(options: Options, campaign: str, text: str) -> int:
    """Records what somebody sees. Returns 0 if it was recorded, otherwise 3."""
    deployment = session.find_deployment(options)
    return _send(options, deployment, find_campaign(deployment, parse_execution_id(campaign)), text)


def answer_prompt(options: Options, campaign: str, text: str, *, step: str | None, stops: bool) -> int:
    """Answers the prompt that waits, so that the game day goes on; or ends with `stops`. Returns 0 if the answer was
    recorded, otherwise 3."""
    deployment = session.find_deployment(options)
    record = find_campaign(deployment, parse_execution_id(campaign))
    prompt = record.open_prompt
    if step is None and prompt is None:
        hint = f"`squall campaign note {record.id} …` records what you see at any time."
        raise CommandError(f"No prompt of {record.id} waits for an answer.", hint, code=Exit.REFUSED)
    return _send(options, deployment, record, text, answers=step or (prompt.step if prompt else ""), stops=stops)


def _send(options: Options, deployment: Deployment, record: CampaignRecord, text: str, *, answers: str = "", stops: bool = False) -> int:
    answer: Any = deployment.write_note(record.id, text, deployment.caller(), answers=answers, stops=stops)
    done = isinstance(answer, dict) and answer.get("recorded") is True
    message = clean_line(answer.get("message", "")) if isinstance(answer, dict) else ""
    if not done:
        raise CommandError(f"Nothing was recorded: {message}.", f"`squall campaign status {record.id}` shows its state.", code=Exit.REFUSED)
    if options.json:
        output.write_json(answer)
    elif answers:
        output.write_note(f"Answered {answers}: {'no further step starts' if stops else 'it goes on'}.")
    else:
        output.write_note("Recorded.")
    return Exit.VALIDATED


def follow(options: Options, campaign: str, page: str | None, wait_timeout: str | None) -> int:
    """Follows a campaign to its end; with `page`, keeps a live page of it. Returns the exit code of the verdict."""
    timeout = durations.parse_seconds(wait_timeout) if wait_timeout else None
    deployment = session.find_deployment(options)
    record = find_campaign(deployment, parse_execution_id(campaign))
    ended = follow_campaign(deployment, record.id, timeout, on_look=make_page_writer(deployment, page) if page else None)
    return show_ending(options, deployment, ended)


def make_page_writer(deployment: Deployment, page: str) -> Callable[[CampaignRecord], None]:
    """Writes the live page anew at every look. What can't be read then is read at the next look; if there is none, because the
    campaign is over, it is said that the page does not show the end."""
    file = Path(page)
    if not file.parent.is_dir():
        raise CommandError(f"There is no folder {file.parent}.", "Name a file in a folder that exists.", code=Exit.REFUSED)
    output.write_note(f"The live page is {file.absolute().as_uri()}; it reads itself again every few seconds.")

    def write(record: CampaignRecord) -> None:
        try:
            text = render_live_page(record, find_plan(deployment, record), read_results(deployment, record), datetime.now(UTC))
        except CommandError as error:
            if record.final:
                again = f"`squall campaign follow {record.id} --page …` writes it again."
                output.write_note(f"The live page does not show the end: {error} {again}")
            return
        fresh = file.with_name(f".{file.name}.new")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(file)

    return write


def write_day(options: Options, campaign: str, file: str | None) -> int:
    """Prints the retrospective of a game day as Markdown, or saves it. Returns 0."""
    deployment = session.find_deployment(options)
    record = find_campaign(deployment, parse_execution_id(campaign))
    text = clean_document(write_retrospective(record, find_plan(deployment, record), read_results(deployment, record)))
    if file is None:
        sys.stdout.write(text)
        return Exit.VALIDATED
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{file} can't be written: {error.strerror}.", "Name another file.", code=Exit.REFUSED) from error
    output.write_note(f"Saved {file}.")
    return Exit.VALIDATED


def find_plan(deployment: Deployment, record: CampaignRecord) -> CampaignPlan:
    """The plan of a campaign. Raises CommandError if there is none."""
    raw = deployment.document(record.id, CampaignPlan.NAME)
    plan = None if raw is None else parse_leniently(raw, CampaignPlan)
    if plan is None:
        hint = f"`squall campaign show {record.id}` says how it ended."
        raise CommandError(f"{record.id} has no plan that this version of squall reads.", hint, code=Exit.REFUSED)
    return plan


def read_results(deployment: Deployment, record: CampaignRecord) -> dict[str, Result]:
    """The results of the runs that have ended, by their id."""
    found = {}
    for run in record.runs:
        if run.outcome is not None and (result := parse_result(deployment.document(run.execution_id, "result"))):
            found[run.execution_id] = result
    return found
