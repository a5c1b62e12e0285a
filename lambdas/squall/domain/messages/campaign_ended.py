"""The message that a campaign ended: the verdict first, then the steps, then what to do."""

from collections.abc import Iterator

from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.campaign.record import CampaignRecord
from squall.domain.campaign.result import CampaignResult, StepResult
from squall.domain.judging.verdict import exit_code
from squall.domain.messages.console import ExecutionConsole
from squall.domain.messages.message import Fact, Link, Message, Section, facts_of
from squall.domain.run.commands import shell_command

MOST_STEPS = 40
"""How many steps a message lists."""
_NEXT = {
    Verdict.VALIDATED: "Nothing has to be done.",
    Verdict.REFUTED: "Look at the reports of the steps that failed, fix what they show, and run the campaign again.",
    Verdict.INCONCLUSIVE: "Look at the steps that were not validated, and run them or the campaign again.",
    Verdict.ABORTED: "Check that the workload is healthy, and find out why the campaign was aborted.",
}


def make_message(result: CampaignResult, record: CampaignRecord, bucket: str) -> Message:
    """How a campaign ended."""
    outcome = (result.verdict or result.status).value
    return Message(
        subject=f"Squall: campaign {outcome}: {result.name}",
        facts=facts_of(
            [
                f"Campaign {result.name}: {outcome}",
                result.reason,
                result.ramp.statement if result.ramp else "",
                result.comparison,
                f"Campaign: {result.source}" if result.source else "",
                f"status {result.status.value}, exit code {exit_code(result.status, result.verdict)}, campaign {result.campaign_id}",
            ]
        ),
        sections=(
            Section("Steps", tuple(_list_steps(result))),
            Section("Prompts", tuple(_list_prompts(result))),
            Section("Findings", tuple(_list_findings(result))),
            Section("What to do next", facts_of([_next_step(result)])),
            Section(
                "Without a browser",
                facts_of([shell_command("aws", "s3", "cp", f"s3://{bucket}/results/{record.id}/campaign_result.json", "-")]),
            ),
        ),
        links=tuple(_list_links(record, bucket)),
        thread=record.id,
        commands=(shell_command("squall", "campaign", "show", record.id),),
        attributes={
            "status": result.status.value,
            "verdict": result.verdict.value if result.verdict else "none",
            "campaign": result.campaign or "none",
        },
    )


def _list_links(record: CampaignRecord, bucket: str) -> Iterator[Link]:
    console = ExecutionConsole(record.execution_arn, bucket)
    yield Link("execution", console.execution)
    yield Link("result", console.file_of(record.id, "campaign_result.json"))
    yield Link("report", console.file_of(record.id, "report.html"), "there within a minute")


def _list_findings(result: CampaignResult) -> Iterator[Fact]:
    for finding in result.findings:
        if finding.closed_by is None:
            yield Fact(f"{finding.severity.value}: {finding.title}", finding.detail)


def _list_prompts(result: CampaignResult) -> Iterator[Fact]:
    """Each prompt with who answered what; a name is the label that the command of whoever answered has sent."""
    answers = {note.answers: f"{note.by}: {note.text}" for note in reversed(result.notes) if note.answers}
    for prompt in result.prompts:
        outcome = prompt.outcome.words if prompt.outcome else "no outcome"
        yield Fact(f"[{outcome}] {prompt.step}: {prompt.prompt}", answers.get(prompt.step, ""))


def _list_steps(result: CampaignResult) -> Iterator[Fact]:
    for step in result.steps[:MOST_STEPS]:
        place = f" in {step.member}" if step.member else ""
        yield Fact(f"[{_outcome(step)}] {step.step}{place}" + (f" as {step.execution_id}" if step.execution_id else ""), step.reason)
    if left_off := len(result.steps) - MOST_STEPS:
        yield from facts_of([f"{left_off} more steps"] if left_off > 0 else [])


def _outcome(step: StepResult) -> str:
    if step.outcome:
        return step.outcome.words
    return "no outcome" if step.execution_id else "not run"


def _next_step(result: CampaignResult) -> str:
    if result.verdict:
        return _NEXT.get(result.verdict, _NEXT[Verdict.INCONCLUSIVE])
    if result.status is Status.REJECTED:
        return "No fault was started. Fix what the reason names, then start the campaign again."
    return "Squall itself failed. Check that nothing is left running with squall status, then look at the execution in Step Functions."
