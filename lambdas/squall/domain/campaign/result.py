"""`campaign_result.json`: what people and machines read about a campaign that ended."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar

from pydantic import Field

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import FaultType, Status, Verdict
from squall.domain.campaign.confidence import NO_ANSWER, compute_confidence, describe_confidence
from squall.domain.campaign.coverage import CoveredFault, cover_faults
from squall.domain.campaign.outcome import PromptOutcome, StepOutcome
from squall.domain.campaign.plan import CampaignPlan, PlannedStep, explain_skipped
from squall.domain.campaign.record import CampaignRecord, PromptRun, StepRun
from squall.domain.campaign.regions import combine_parts
from squall.domain.documents.document import Document
from squall.domain.documents.finding import Finding
from squall.domain.experiment.published import DefinitionSource


class StepResult(Model):
    """One execution of a campaign, or a step that did not run."""

    number: int | None
    """From 1, over all executions; None for a step that did not run."""
    step: str
    experiment: str
    environment: str
    fault_type: str
    resource_type: str
    overrides: dict[str, Any] = {}
    execution_id: str | None = None
    outcome: StepOutcome | None = None
    """None if it did not run, or if the campaign ended without its outcome."""
    begun_at: datetime | None = None
    ended_at: datetime | None = None
    reason: str = ""
    region: Annotated[str, Field(exclude_if=lambda value: not value)] = ""
    """The other Region in which it ran, whose stack has its documents; empty if it ran in this one."""
    member: Annotated[str, Field(exclude_if=lambda value: not value)] = ""
    """The member of the fleet in whose stack it ran or would have run, which has its documents; empty if in this one."""
    execution_arn: Annotated[str, Field(exclude_if=lambda value: not value)] = ""
    """The execution in the member; empty if it was not started there."""


class NoteWritten(Model):
    """What somebody wrote, or how they answered a prompt. `by` is a label that proves nothing."""

    at: datetime
    by: str
    text: str
    answers: str = ""
    stops: bool = False


class PromptShown(Model):
    """A prompt of a game day and how it ended."""

    step: str
    prompt: str
    asked_at: datetime
    ended_at: datetime | None
    outcome: PromptOutcome | None


class RampAnswer(Model):
    """The answer of a ramp."""

    parameter: str
    doses: tuple[float, ...] = ()
    """Every dose that could be run, in rising order."""
    holds_to: float | None
    """The largest dose below `fails_from` that holds; None if none is known."""
    fails_from: float | None
    """The smallest dose that fails; None if none is known."""
    confidence: float | None
    """The probability that the limit lies between the two, under the assumption that `statement` names. None if neither is
    known."""
    statement: str


@dataclass(frozen=True)
class Compared:
    """The answer of a ramp beside that of the last campaign of its name."""

    sentence: str
    """How the answer has moved, or why it is not compared."""
    findings: tuple[Finding, ...] = ()


class CampaignResult(Document):
    NAME: ClassVar[str] = "campaign_result"

    campaign_id: str
    campaign: str
    name: str
    """The campaign's name for people."""
    kind: str
    status: Status
    verdict: Verdict | None
    reason: str
    hypothesis_validated: Annotated[bool | None, Field(exclude_if=lambda value: value is None)] = None
    """Of a run over several Regions: false if it is false in one of them. None: nothing is known, or it is another campaign."""
    start_time: datetime
    end_time: datetime | None
    requested_by: str = ""
    source: Annotated[DefinitionSource | None, Field(exclude_if=lambda value: value is None)] = None
    """The published version that was admitted; None for a deployed campaign."""
    steps: tuple[StepResult, ...] = ()
    comparison: str = ""
    """How the answer of a ramp has moved since the last campaign of this name, or why it is not compared; empty if there is
    nothing to compare."""
    findings: tuple[Finding, ...] = ()
    coverage: tuple[CoveredFault, ...] = ()
    """What a suite covered; empty for a ramp."""
    ramp: RampAnswer | None = None
    notes: Annotated[tuple[NoteWritten, ...], Field(exclude_if=lambda value: not value)] = ()
    """What people had written when the campaign ended."""
    prompts: Annotated[tuple[PromptShown, ...], Field(exclude_if=lambda value: not value)] = ()
    """The prompts of a game day that were shown."""


def build_campaign_result(record: CampaignRecord, plan: CampaignPlan | None, compared: Compared | None = None) -> CampaignResult:
    """The result of a final record. Without a plan, as for a campaign that was refused, it has no steps."""
    steps = tuple(_list_steps(record, plan)) if plan else ()
    return CampaignResult(
        campaign_id=record.id,
        campaign=record.campaign,
        name=plan.campaign.name if plan else record.campaign or record.id,
        kind=record.kind,
        status=record.status,
        verdict=record.verdict,
        reason=record.reason,
        hypothesis_validated=_find_hypothesis(record),
        start_time=record.started_at,
        end_time=record.ended_at,
        requested_by=record.requested_by,
        source=plan.source if plan else None,
        comparison=compared.sentence if compared else "",
        findings=compared.findings if compared else (),
        steps=steps,
        coverage=_cover_suite(steps) if plan and plan.campaign.ramp is None else (),
        ramp=_answer_ramp(record, plan) if plan and plan.campaign.ramp else None,
        notes=tuple(NoteWritten(**asdict(note)) for note in record.notes),
        prompts=tuple(_show_prompt(plan, prompt) for prompt in record.prompts) if plan else (),
    )


def _find_hypothesis(record: CampaignRecord) -> bool | None:
    return combine_parts(record.runs).hypothesis_validated if record.start_by and record.runs else None


def _cover_suite(steps: Iterable[StepResult]) -> tuple[CoveredFault, ...]:
    """What the steps covered. Of a fault in a member home does not know the resource type, so each member has its own rows: the fault,
    or the name of the experiment if it has not said which one it was. A Region that carried the load of others belongs to their fault:
    without it that is not validated."""
    known = [_name_away(step) for step in steps]
    hit = next(((step.resource_type, step.fault_type) for step in known if step.fault_type != FaultType.NO_FAULT), ("", ""))
    covered = [hit if step.fault_type == FaultType.NO_FAULT else (step.resource_type, step.fault_type) for step in known]
    return cover_faults((*pair, step.outcome, step.execution_id is not None) for pair, step in zip(covered, known, strict=True))


def _name_away(step: StepResult) -> StepResult:
    if not step.member:
        return step
    return step.model_copy(update={"resource_type": f"in {step.member}", "fault_type": step.fault_type or step.experiment})


def _show_prompt(plan: CampaignPlan, prompt: PromptRun) -> PromptShown:
    text = plan.find_step(prompt.step).prompt
    return PromptShown(step=prompt.step, prompt=text, asked_at=prompt.asked_at, ended_at=prompt.ended_at, outcome=prompt.outcome)


def _list_steps(record: CampaignRecord, plan: CampaignPlan) -> Iterator[StepResult]:
    for run in record.runs:
        yield _make_step(plan.find_step(run.step), run)
    begun = {run.step for run in record.runs}
    for name, reason in explain_skipped(plan, record.runs).items():
        if name not in begun:
            yield _make_step(plan.find_step(name), None, reason)


def _make_step(planned: PlannedStep, run: StepRun | None, reason: str = "") -> StepResult:
    return StepResult(
        number=run.number if run else None,
        step=planned.name,
        experiment=planned.experiment,
        environment=planned.environment,
        fault_type=planned.fault_type or (run.fault_type if run else ""),
        resource_type=planned.resource_type,
        overrides=planned.overrides,
        execution_id=run.execution_id if run else None,
        outcome=run.outcome if run else None,
        begun_at=run.begun_at if run else None,
        ended_at=run.ended_at if run else None,
        reason=run.reason if run else reason,
        region=run.region if run else "",
        member=planned.member,
        execution_arn=run.arn if run else "",
    )


def _answer_ramp(record: CampaignRecord, plan: CampaignPlan) -> RampAnswer | None:
    ramp = plan.campaign.ramp
    if ramp is None:
        return None
    tallies, bracket = plan.tally(record.runs)
    known = bracket.holds is not None or bracket.fails is not None
    confidence = compute_confidence(tallies, bracket) if known else None
    return RampAnswer(
        parameter=ramp.parameter,
        doses=ramp.doses,
        holds_to=None if bracket.holds is None else ramp.doses[bracket.holds],
        fails_from=None if bracket.fails is None else ramp.doses[bracket.fails],
        confidence=None if confidence is None else round(confidence, 4),
        statement=NO_ANSWER if confidence is None else describe_confidence(confidence),
    )
