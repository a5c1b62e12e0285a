"""The message that a game day asks people something: the question, until when, what an answer starts, and the command."""

from collections.abc import Iterator

from squall.domain.campaign.plan import CampaignPlan, PlannedStep
from squall.domain.campaign.record import CampaignRecord, PromptRun
from squall.domain.messages.console import ExecutionConsole
from squall.domain.messages.message import Link, Message, Section, facts_of
from squall.domain.run.commands import shell_command


def make_message(record: CampaignRecord, asked: PromptRun, plan: CampaignPlan | None, *, stack: str, bucket: str) -> Message:
    """The prompt as it is shown, or again if people were told of it before. `plan` is None if it could not be read: then the
    message names the prompt only."""
    again, name = asked.told_at is not None, plan.campaign.name if plan else record.campaign
    answer = make_answer_command(record, asked, stack)
    abort = shell_command("squall", "campaign", "abort", record.id, "--reason", "…", *_place(record, stack))
    return Message(
        subject=f"Squall: {'still no answer' if again else 'answer needed'}: {name}",
        facts=facts_of(_list_facts(record, asked, plan, again=again)),
        sections=(
            Section("To answer", facts_of([answer])),
            Section("To answer that no further step starts", facts_of([f"{answer} --stop"])),
            Section("To abort the game day", facts_of([abort])),
        ),
        links=(Link("execution", ExecutionConsole(record.execution_arn, bucket).execution),),
        attributes={"status": record.status.value, "verdict": "none", "campaign": record.campaign or "none"},
        thread=record.id,
        commands=(answer, f"{answer} --stop", abort),
    )


def make_answer_command(record: CampaignRecord, asked: PromptRun, stack: str) -> str:
    """The command that answers this prompt, and no later one; its text is to be filled in."""
    return shell_command("squall", "campaign", "answer", record.id, "…", "--step", asked.step, *_place(record, stack))


def _list_facts(record: CampaignRecord, asked: PromptRun, plan: CampaignPlan | None, *, again: bool) -> Iterator[str]:
    step = plan.find_step(asked.step) if plan else None
    yield f"{plan.campaign.name if plan else record.campaign} asks: {step.prompt if step else asked.step}"
    then = "the next step follows" if step and step.goes_on else "no further step starts"
    yield f"{'Nobody has answered yet. ' if again else ''}It waits until {asked.until:%Y-%m-%d %H:%M:%S} UTC; without an answer {then}."
    if plan:
        yield f"After an answer: {_describe_next(plan, asked.step)}."
    yield f"prompt {asked.step} of campaign {record.id}, started by {record.requested_by or 'not said'} (a label)"


def _describe_next(plan: CampaignPlan, name: str) -> str:
    """What an answer starts: whoever answers should know that a fault follows."""
    names = [step.name for step in plan.steps]
    following = plan.steps[names.index(name) + 1 :]
    return _describe_step(following[0]) if following else "the game day ends"


def _describe_step(step: PlannedStep) -> str:
    if step.prompt:
        return f"the prompt {step.name}"
    return f"{step.name} starts, with the fault {step.fault_type} in {step.environment}"


def _place(record: CampaignRecord, stack: str) -> tuple[str, ...]:
    return "--stack", stack, "--region", record.execution_arn.split(":")[3]
