"""The answer of a ramp beside an earlier one, and the finding when it has fallen.

Two answers are comparable if both ramps vary the same parameter of the same experiment, and a dose that both could run has
the same definition hash: then nothing of the experiment differs but its dose. Range, resolution, method and number of
repetitions of the ramps may differ. What isn't comparable is said and not compared. The policy of the environment is not
part of a definition, and not compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from squall.domain.campaign.plan import CampaignPlan
from squall.domain.campaign.result import Compared
from squall.domain.documents.finding import Finding, FindingEvidence, StoredFinding
from squall.domain.result.finding_history import merge_findings
from squall.domain.result.finding_kinds import KINDS
from squall.domain.result.finding_rules import finding_id

FELL = "limit_fell"


@dataclass(frozen=True)
class Answer:
    """The answer of a ramp that ended with one."""

    campaign_id: str
    plan: CampaignPlan
    started_at: datetime
    holds_to: float | None
    fails_from: float | None
    findings: Sequence[Finding] = field(default=())
    """The findings of its result: its history."""


def compare_answers(before: Answer, now: Answer) -> Compared:
    """How the answer has moved since the last one; a finding if a dose that held then fails now. It stays one in later
    campaigns until that dose holds again."""
    if difference := _find_difference(before.plan, now.plan):
        return Compared(f"not compared with {before.campaign_id}: {difference}")
    open_before = [finding for finding in before.findings if finding.kind == FELL and finding.closed_by is None]
    held = open_before[0].evidence.threshold if open_before else before.holds_to
    fallen = held is not None and now.fails_from is not None and now.fails_from <= held
    mended = held is not None and now.holds_to is not None and now.holds_to >= held
    made = (_make_finding(before, now, held),) if fallen and held is not None else ()
    known = [StoredFinding(finding=finding, last_execution=before.campaign_id) for finding in open_before]
    closed = {finding.id for finding in open_before} if mended else set()
    return Compared(_describe(before, now), merge_findings(made, closed, known, now.campaign_id, now.started_at))


def _find_difference(before: CampaignPlan, now: CampaignPlan) -> str:
    """Why the plans of two ramps are not comparable; empty if they are."""
    then, this = before.campaign.ramp, now.campaign.ramp
    if then is None or this is None:
        return "it was no ramp"
    if before.campaign.experiment != now.campaign.experiment:
        return "it ran another experiment"
    if then.parameter != this.parameter:
        return f"it varied {then.parameter}"
    hashes = {step.name: step.definition_hash for step in before.steps}
    common = [step for step in now.steps if step.name in hashes]
    if not common:
        return "the two have no dose in common, so nobody knows whether the experiment is the same"
    if any(hashes[step.name] != step.definition_hash for step in common):
        return "the experiment has been changed since"
    return ""


def _describe(before: Answer, now: Answer) -> str:
    ramp = now.plan.campaign.ramp
    parameter = ramp.parameter if ramp else ""
    then = _say_bracket(before)
    if before.holds_to is not None and now.fails_from is not None and now.fails_from <= before.holds_to:
        return f"the limit has fallen: {parameter} {before.holds_to:g} held in {before.campaign_id}, and {now.fails_from:g} fails now"
    if before.fails_from is not None and now.holds_to is not None and now.holds_to >= before.fails_from:
        return f"the limit has risen: {parameter} {before.fails_from:g} failed in {before.campaign_id}, and {now.holds_to:g} holds now"
    return f"the limit is where it was as far as both answers tell: {before.campaign_id} {then}"


def _say_bracket(answer: Answer) -> str:
    parts = [
        f"held to {answer.holds_to:g}" if answer.holds_to is not None else "",
        f"failed from {answer.fails_from:g}" if answer.fails_from is not None else "",
    ]
    return ", ".join(part for part in parts if part)


def _make_finding(before: Answer, now: Answer, held: float) -> Finding:
    campaign, kind = now.plan.campaign, KINDS[FELL]
    parameter = campaign.ramp.parameter if campaign.ramp else ""
    experiment = campaign.experiment or ""
    fails = f"{now.fails_from:g}" if now.fails_from is not None else ""
    return Finding(
        id=finding_id(FELL, experiment, f"{campaign.name}/{parameter}"),
        kind=FELL,
        title=f"The limit of {parameter} has fallen",
        detail=f"{experiment} held at {parameter} {held:g}, and fails from {fails} now; the campaign before was {before.campaign_id}",
        severity=kind.severity,
        practice=kind.practice,
        improvements=kind.improvements,
        evidence=FindingEvidence(metric=parameter, value=now.fails_from, threshold=held, at=now.started_at),
    )
