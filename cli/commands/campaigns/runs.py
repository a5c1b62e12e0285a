"""`squall campaign run|status|abort|show`: campaigns of the deployed stack."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cli import output, reports, session
from cli.arguments import durations
from cli.arguments.names import make_name, parse_execution_id
from cli.ci.findings import Found
from cli.errors import CommandError, NameInUseError
from cli.exits import Exit, exit_code
from cli.render import make_table, style_word
from cli.text import clean_document, clean_line, safe_text
from squall.domain.campaign.result import CampaignResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from cli.aws.stack import Deployment
    from cli.ci.files import RunFiles
    from cli.session import Options
    from squall.domain.campaign.record import CampaignRecord

LOOKS_EVERY_SECONDS = 5.0
RECORDED_WITHIN_SECONDS = 180.0
"""How long after the end of an execution its campaign may have no record: the watchdog writes one within seconds."""
REASON_CHARACTERS = 500
NEWEST = 20


def run_campaign(
    options: Options,
    campaign: str,
    name: str | None,
    changes: Mapping[str, Any],
    *,
    follow: bool,
    wait_timeout: str | None,
    files: RunFiles | None = None,
) -> int:
    """Returns the exit code of the verdict; 0 if the campaign is only started. `changes`: mode and overrides of a run over several
    Regions. `files`: where to write its findings."""
    if files and files.wanted:
        if not follow:
            raise CommandError("A campaign that is not followed has no result to write.", "Leave --no-follow out.", code=Exit.REFUSED)
        files.prepare()
    timeout = durations.parse_seconds(wait_timeout) if wait_timeout else None
    deployment = session.find_deployment(options)
    campaign_id = parse_execution_id(name) if name else make_name(campaign, datetime.now(UTC))
    # Step Functions forgets a name after 90 days, but records are kept for years.
    if deployment.campaign(campaign_id) is not None:
        raise NameInUseError(campaign_id)
    deployment.start_campaign(campaign_id, {"campaign": campaign, **changes, "requested_by": deployment.caller()[:256]})
    if not follow:
        if options.json:
            output.write_json({"campaign_id": campaign_id})
        else:
            output.make_console().print(campaign_id, soft_wrap=True)
        return Exit.VALIDATED
    output.write_note(f"Started campaign {campaign_id} in {deployment.region}.")
    record = follow_campaign(deployment, campaign_id, timeout)
    code = show_ending(options, deployment, record)
    if files and files.wanted:
        _write_findings(deployment, record, files)
    return code


def show_campaigns(options: Options, campaign_id: str | None) -> int:
    """Returns 0, also if there is none."""
    deployment = session.find_deployment(options)
    if campaign_id is not None:
        record = find_campaign(deployment, parse_execution_id(campaign_id))
        if options.json:
            output.write_json(make_document(record))
        else:
            _print_record(record)
        return Exit.VALIDATED
    records = deployment.newest_campaigns(NEWEST)
    if options.json:
        output.write_json([make_document(record) for record in records])
        return Exit.VALIDATED
    console = output.make_console()
    if not records:
        console.print(f"There is no campaign in stack {deployment.stack}, {deployment.region}.")
        return Exit.VALIDATED
    table = make_table("Campaigns", "Campaign", "Id", "State", "Runs", "Started")
    for record in records:
        state = style_word((record.verdict or record.status).value)
        started = f"{record.started_at:%Y-%m-%d %H:%M:%S}"
        table.add_row(safe_text(record.campaign), safe_text(record.id), state, str(len(record.runs)), started)
    console.print(table)
    return Exit.VALIDATED


def abort_campaign(options: Options, campaign_id: str, reason: str, wait_timeout: str | None) -> int:
    """Returns 0 once the campaign is over."""
    timeout = durations.parse_seconds(wait_timeout) if wait_timeout else None
    deployment = session.find_deployment(options)
    record = find_campaign(deployment, parse_execution_id(campaign_id))
    answer = deployment.abort_campaign(record.id, clean_line(reason, REASON_CHARACTERS), deployment.caller())
    steps = [str(step.get("execution_id")) for step in answer.get("steps", ()) if step.get("recorded") or step.get("stopped")]
    asked = [
        f"{step.get('member') or step.get('region')} is asked to abort {step.get('execution_id')}"
        for step in answer.get("steps", ())
        if step.get("asked")
    ]
    done = [*([f"aborted {', '.join(steps)}"] if steps else []), *(clean_line(str(line)) for line in asked)]
    unreached = [step for step in answer.get("steps", ()) if step.get("asked") is False]
    stopped = ", ".join(done) if done else "no other step of it had to be aborted" if unreached else "no step of it had to be aborted"
    output.write_note(f"No further step of {record.id} starts; {stopped}.")
    for step in unreached:
        missed = f"{step.get('member')} was not reached to abort {step.get('execution_id')} ({step.get('error')}). Home goes on trying."
        output.write_note(f"{clean_line(missed)} With credentials there: {clean_line(str(step.get('command')))}")
    if record.resume_at and not record.final:
        output.write_note(f"It pauses, and ends by itself at {record.resume_at:%Y-%m-%d %H:%M:%S} UTC.")
    return show_ending(options, deployment, follow_campaign(deployment, record.id, timeout), code=Exit.VALIDATED)


def show_result(
    options: Options,
    campaign: str,
    *,
    html: str | None = None,
    browse: bool = False,
    markdown: bool = False,
    files: RunFiles | None = None,
) -> int:
    """Returns the exit code of the campaign's outcome; 0 with the report that the options ask for."""
    if sum([options.json, markdown, bool(html or browse)]) > 1:
        raise CommandError("Use only one of --json, --markdown, and --html with --open.", "", code=Exit.REFUSED)
    deployment = session.find_deployment(options)
    record = find_campaign(deployment, parse_execution_id(campaign))
    if files and files.wanted:
        _write_findings(deployment, record, files)
    if not (html or browse or markdown):
        return show_ending(options, deployment, record)
    if not record.final:
        hint = f"`squall campaign status {record.id}` shows its state."
        raise CommandError(f"{record.id} is still running.", hint, code=Exit.REFUSED)
    name = "report.md" if markdown else reports.PAGE
    text = reports.fetch_report(deployment, record.id, name, make=deployment.make_campaign_report)
    if markdown:
        sys.stdout.write(clean_document(text))
    else:
        reports.show_page(text, html or f"squall-{record.id}.html", browse=browse)
    return Exit.VALIDATED


def _write_findings(deployment: Deployment, record: CampaignRecord, files: RunFiles) -> None:
    """Write the findings of a campaign that is over. Raises CommandError."""
    raw = deployment.document(record.id, CampaignResult.NAME) if record.final else None
    if raw is None:
        hint = f"`squall campaign status {record.id}` shows its state."
        raise CommandError(f"{record.id} has no result yet.", hint, code=Exit.REFUSED)
    files.prepare()
    files.write_findings(Found.of_campaign(CampaignResult.model_validate(raw)), record.campaign)


def make_document(record: CampaignRecord) -> dict[str, Any]:
    """A record as JSON."""
    return {
        "campaign_id": record.id,
        "campaign": record.campaign,
        "kind": record.kind,
        "status": record.status.value,
        "verdict": record.verdict.value if record.verdict else None,
        "reason": record.reason,
        "abort": record.abort.reason if record.abort else None,
        "prompts": [
            {
                "step": each.step,
                "until": f"{each.until:%Y-%m-%dT%H:%M:%SZ}",
                "outcome": each.outcome.value if each.outcome else None,
            }
            for each in record.prompts
        ],
        "notes": [
            {"at": f"{note.at:%Y-%m-%dT%H:%M:%SZ}", "by": note.by, "text": note.text, "answers": note.answers or None, "stops": note.stops}
            for note in record.notes
        ],
        "steps": [
            {
                "number": run.number,
                "step": run.step,
                "execution_id": run.execution_id,
                **({"member": run.member} if run.member else {}),
                "outcome": run.outcome.value if run.outcome else None,
                "reason": run.reason,
            }
            for run in record.runs
        ],
    }


def find_campaign(deployment: Deployment, campaign_id: str) -> CampaignRecord:
    """The record of a campaign. Raises CommandError if there is none."""
    record = deployment.campaign(campaign_id)
    if record is None:
        message = f"There is no campaign {campaign_id} in stack {deployment.stack}, {deployment.region}."
        raise CommandError(message, "`squall campaign status` lists the newest.", code=Exit.REFUSED)
    return record


def follow_campaign(
    deployment: Deployment, campaign_id: str, timeout: float | None, *, on_look: Callable[[CampaignRecord], None] | None = None
) -> CampaignRecord:
    """The final record. Says on stderr when a step begins or ends. Raises CommandError if the timeout passes or the
    execution died without a record."""
    told: dict[int, str] = {}
    told_people: set[str] = set()
    started = time.monotonic()
    ended: float | None = None
    while True:
        record = deployment.campaign(campaign_id)
        if record is None and (machine := deployment.campaign_machine(campaign_id)) and machine.over:
            ended = ended or time.monotonic()
            if time.monotonic() - ended > RECORDED_WITHIN_SECONDS:
                hint = "Look at the execution in the Step Functions console, and at the alarms of the stack."
                raise CommandError(f"The execution of {campaign_id} is {machine.status}, and nothing was recorded.", hint, code=Exit.FAILED)
        for run in record.runs if record else ():
            state = run.outcome.words if run.outcome else "started"
            if told.get(run.number) != state:
                told[run.number] = state
                output.write_note(f"{run.step} ({run.execution_id}): {state}")
        if record is not None:
            _tell_people(record, told_people)
            if on_look:
                on_look(record)
        if record is not None and record.final:
            return record
        if timeout is not None and time.monotonic() - started > timeout:
            hint = f"It goes on. `squall campaign status {campaign_id}` shows it, `squall campaign abort {campaign_id}` ends it."
            raise CommandError(f"{campaign_id} is not over after {timeout:g} s.", hint, code=Exit.INCONCLUSIVE)
        time.sleep(LOOKS_EVERY_SECONDS)


def _tell_people(record: CampaignRecord, told: set[str]) -> None:
    """Says once what each prompt asks and how it ended, and what people wrote."""
    lines = []
    for prompt in record.prompts:
        hint = f"`squall campaign answer {record.id} …` answers until {prompt.until:%H:%M:%S} UTC"
        lines.append(f"prompt {prompt.step}: {prompt.outcome.words if prompt.outcome else f'waits for people; {hint}'}")
    lines += [f"{note.at:%H:%M:%S} {clean_line(note.by)}: {clean_line(note.text)}" for note in record.notes]
    for line in lines:
        if line not in told:
            told.add(line)
            output.write_note(line)


def show_ending(options: Options, deployment: Deployment, record: CampaignRecord, code: Exit | None = None) -> int:
    """Shows the record, and the result if it has ended. Returns the exit code of its outcome, or `code`."""
    result: Mapping[str, Any] | None = deployment.document(record.id, "campaign_result") if record.final else None
    if options.json:
        output.write_json(result or make_document(record))
    else:
        _print_record(record)
        for line in _list_lines(result or {}):
            output.make_console().print(safe_text(line), soft_wrap=True)
        if record.final:
            output.make_console().print(safe_text(f"Report: {deployment.file_url(record.id, reports.PAGE)}"), soft_wrap=True)
            output.write_note(f"`squall campaign show {record.id} --open` shows the report in the browser.")
    return exit_code(record.status, record.verdict) if code is None else code


def _list_lines(result: Mapping[str, Any]) -> Iterator[str]:
    """What a result says besides its record."""
    if result.get("ramp"):
        yield str(result["ramp"]["statement"])
    if result.get("comparison"):
        yield str(result["comparison"])
    for finding in result.get("findings", ()):
        yield f"{'fixed' if finding.get('closed_by') else finding['severity']}: {finding['title']} ({finding['id']}): {finding['detail']}"


def _print_record(record: CampaignRecord) -> None:
    console = output.make_console()
    console.print(safe_text(f"{record.campaign} as {record.id}: "), style_word((record.verdict or record.status).value), soft_wrap=True)
    if why := record.reason or (record.abort.reason if record.abort else ""):
        console.print(safe_text(why), soft_wrap=True)
    table = make_table("Steps", "No.", "Step", "Execution", "Outcome", "Reason")
    for run in record.runs:
        outcome = safe_text(run.outcome.words) if run.outcome else safe_text("running" if not record.final else "no outcome")
        execution = f"{run.execution_id} in {run.member}" if run.member else run.execution_id
        table.add_row(str(run.number), safe_text(run.step), safe_text(execution), outcome, safe_text(run.reason))
    if record.runs:
        console.print(table)
    for run in record.runs:
        if record.kind == "regions":
            output.write_note(f"`squall show {run.execution_id} --region {run.step}` shows the part in {run.step}.")
