"""Findings from evidence: what went wrong in a run, and what went right in it that went wrong in earlier runs.

Every finding rests on a measurement, and only what a run looked at counts as fixed. This module contains the
inspections of criteria; `fault_findings` and `safety_findings` contain the others.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping

from squall.domain.base.vocabulary import CriterionOutcome
from squall.domain.documents.evidence import Evidence
from squall.domain.documents.finding import Finding, FindingEvidence, Severity
from squall.domain.documents.judgement import CriterionResult
from squall.domain.documents.recovery import Recovery
from squall.domain.experiment.sentences import Parsed, parse_sentences
from squall.domain.judging.verdict import Decision
from squall.domain.language.metric_table import METRICS, Shows
from squall.domain.language.sentences import AlarmFires, AlarmOk, MembersRun, Recovers, Replacement, Threshold
from squall.domain.result.fault_findings import inspect_abort, inspect_aftermath, inspect_proofs
from squall.domain.result.finding_kinds import KINDS
from squall.domain.result.inspection import Inspection, targets_of
from squall.domain.result.safety_findings import inspect_preparation
from squall.domain.run.record import ExecutionRecord

_MECHANISMS: Mapping[type[Parsed], str] = {
    AlarmFires: "alarm",
    AlarmOk: "alarm",
    Recovers: "recovery",
    Replacement: "Auto Scaling",
    MembersRun: "recovery",
}
"""What should have acted, by the kind of criterion; thresholds name no mechanism."""
_NOT_MET_MEANS: Mapping[Shows, str] = {"errors": "availability_lost", "capacity": "capacity_lost", "performance": "degraded"}
"""The kind of finding when a criterion on a metric is not met."""


def finding_id(kind: str, experiment: str, about: str) -> str:
    """An id made without values, times or execution ids, so that it is the same in every run."""
    return f"{kind}-{hashlib.sha256(chr(0).join((kind, experiment, about)).encode()).hexdigest()[:12]}"


def inspect_run(record: ExecutionRecord, decision: Decision, evidence: Evidence) -> tuple[Inspection, ...]:
    """Everything the run looked at, in the order in which people want to read it."""
    return (
        *_inspect_criteria(evidence),
        *inspect_abort(record, decision, evidence),
        *inspect_proofs(evidence),
        *inspect_aftermath(evidence),
        *inspect_preparation(evidence),
    )


def list_findings(inspections: Iterable[Inspection], experiment: str) -> tuple[Finding, ...]:
    """One finding for everything that was wrong and lasts. If several have the same id, the first counts."""
    findings: dict[str, Finding] = {}
    for inspection in inspections:
        if inspection.wrong and inspection.lasts:
            finding = _make_finding(inspection, experiment)
            findings.setdefault(finding.id, finding)
    return tuple(findings.values())


def list_disproved(inspections: Iterable[Inspection], experiment: str) -> frozenset[str]:
    """Ids of the findings that this run disproves: it looked at the subject, and found it in order everywhere."""
    ids = {wrong: set[str]() for wrong in (False, True)}
    for inspection in inspections:
        ids[inspection.wrong].add(finding_id(inspection.kind, experiment, inspection.about))
    return frozenset(ids[False] - ids[True])


def _make_finding(inspection: Inspection, experiment: str) -> Finding:
    kind = KINDS[inspection.kind]
    return Finding(
        id=finding_id(inspection.kind, experiment, inspection.about),
        kind=inspection.kind,
        title=inspection.title,
        detail=inspection.detail,
        severity=Severity.CRITICAL if inspection.critical else kind.severity,
        practice=kind.practice,
        improvements=tuple(dict.fromkeys((*kind.improvements, *inspection.more))),
        evidence=inspection.evidence,
    )


def _inspect_criteria(evidence: Evidence) -> Iterator[Inspection]:
    if evidence.judgement is None or evidence.definition is None:
        return
    parsed = [sentence for _, _, sentence in parse_sentences(evidence.definition.experiment).criteria]
    for sentence, criterion in zip(parsed, evidence.judgement.criteria, strict=False):
        about = _subject_of(sentence, criterion)
        decided = criterion.outcome is not CriterionOutcome.CANNOT_TELL
        yield Inspection(
            kind="unmeasured",
            about=about,
            wrong=not decided,
            title=f"Success criterion could not be decided: {criterion.text}",
            detail=criterion.reason,
            issue=f"Success criterion could not be decided: {criterion.text} ({criterion.reason})",
            evidence=FindingEvidence(metric=criterion.metric, mechanism="monitoring", target=targets_of(evidence)),
        )
        if decided:
            yield from _inspect_criterion(sentence, criterion, about, evidence)


def _inspect_criterion(sentence: Parsed, criterion: CriterionResult, about: str, evidence: Evidence) -> Iterator[Inspection]:
    wrong = criterion.outcome is CriterionOutcome.NOT_MET
    for kind in _list_kinds(sentence, wrong, evidence.recovery):
        yield Inspection(
            kind=kind,
            about=about,
            wrong=wrong,
            title=f"Success criteria not met: {criterion.text}",
            detail=criterion.reason,
            issue=f"Success criteria not met: {criterion.text} ({criterion.reason})",
            critical=criterion.critical,
            more=_of_the_loss(sentence, evidence),
            evidence=_evidence_of(sentence, criterion, evidence),
        )


def _list_kinds(sentence: Parsed, wrong: bool, recovery: Recovery | None) -> tuple[str, ...]:
    """The kind of finding if the criterion is not met. If it is met: every kind that it disproves."""
    match sentence:
        case Threshold():
            shows: Shows = METRICS[sentence.metric].shows if sentence.metric in METRICS else "performance"
            return (_NOT_MET_MEANS[shows],)
        case AlarmFires():
            return ("not_detected",)
        case AlarmOk():
            return (_NOT_MET_MEANS["performance"],)
        case Recovers():
            return ("slow_recovery",)
        case Replacement():
            late = not wrong or (recovery is not None and recovery.replaced_at is not None)
            return ("slow_replacement",) if late else ()  # otherwise the finding is `not_replaced`
        case MembersRun():
            return _list_kinds_of_members(sentence, wrong, recovery)


def _list_kinds_of_members(sentence: MembersRun, wrong: bool, recovery: Recovery | None) -> tuple[str, ...]:
    """Too few members are lost capacity; enough of them, but too late, are a slow recovery."""
    lost = _NOT_MET_MEANS["capacity"]
    if not wrong:
        return (lost, "slow_recovery")
    running = recovery.running.get(sentence.text) if recovery else None
    return ("slow_recovery",) if running and running.since else (lost,)


def _subject_of(sentence: Parsed, criterion: CriterionResult) -> str:
    match sentence:
        case Threshold():
            side = "below" if sentence.comparator in {">", ">="} else "above"
            return f"{criterion.metric or sentence.metric} {side} {sentence.window}"
        case AlarmFires():
            return f"alarm {sentence.alarm}"
        case AlarmOk():
            return f"alarm {sentence.alarm} OK"
        case Recovers():
            return f"recovery {sentence.metric or 'everything'}"
        case Replacement():
            return "replacement"
        case MembersRun():
            return f"{sentence.members} running"


def _of_the_loss(sentence: Parsed, evidence: Evidence) -> tuple[str, ...]:
    """What the fault recommends when a metric shows that users noticed it."""
    return evidence.traits.improvements_on_loss if isinstance(sentence, Threshold) else ()


def _evidence_of(sentence: Parsed, criterion: CriterionResult, evidence: Evidence) -> FindingEvidence:
    mechanism = _MECHANISMS.get(type(sentence))
    named = f"alarm {sentence.alarm}" if isinstance(sentence, AlarmFires | AlarmOk) else mechanism
    at = None
    if isinstance(sentence, Threshold) and sentence.relative is None:
        at = next((moment for moment, value in criterion.points if not sentence.holds(value)), None)
    return FindingEvidence.model_validate(
        {
            "metric": criterion.metric,
            "value": criterion.measured,
            "unit": criterion.unit,
            "threshold": criterion.threshold,
            "at": at if at is not None else evidence.judgement.times.effect_at if evidence.judgement else None,
            "target": targets_of(evidence),
            "mechanism": named,
        }
    )
