"""Findings from evidence: what a run saw go wrong, and what it saw go right that went wrong before.

Nothing is a finding without something that was measured, and nothing is taken for fixed that wasn't looked at.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from squall.domain.documents.evidence import Evidence
from squall.domain.documents.finding import Finding, FindingEvidence, Severity
from squall.domain.documents.judgement import CriterionResult
from squall.domain.documents.recovery import Recovery
from squall.domain.documents.safety import SafetyCheck
from squall.domain.experiment.sentences import Parsed, sentences
from squall.domain.judging.verdict import Decision
from squall.domain.language.metric_table import METRICS, Shows
from squall.domain.language.sentences import AlarmFires, Recovers, Replacement, Threshold
from squall.domain.recovery.recovery import REPLACED
from squall.domain.result.finding_kinds import AUTO_SCALING, KINDS, REDUNDANCY, SHUTDOWN
from squall.domain.run.record import Abort, ExecutionRecord
from squall.domain.vocabulary import AbortSource, CheckOutcome, CriterionOutcome, FaultType, RollbackOutcome, Verdict

_JUDGED = frozenset({Verdict.VALIDATED, Verdict.REFUTED, Verdict.INCONCLUSIVE})
_NOT_MET_MEANS: Mapping[Shows, str] = {"errors": "availability_lost", "capacity": "capacity_lost", "performance": "degraded"}
"""The kind of finding when a criterion on a metric is not met."""


@dataclass(frozen=True)
class Probe:
    """One thing looked at, and whether it was wrong."""

    kind: str
    about: str
    """The metric, alarm, check or failure domain: with the kind and the experiment it makes the finding's identity."""
    wrong: bool
    title: str = ""
    detail: str = ""
    issue: str = ""
    """The sentence for `issues_discovered`."""
    critical: bool = False
    more: tuple[str, ...] = ()
    """Improvements beside the kind's."""
    evidence: FindingEvidence = field(default_factory=FindingEvidence)


def finding_id(kind: str, experiment: str, about: str) -> str:
    """Stable over runs: of no value, time or execution."""
    return f"{kind}-{hashlib.sha256(chr(0).join((kind, experiment, about)).encode()).hexdigest()[:12]}"


def probes(record: ExecutionRecord, decision: Decision, evidence: Evidence) -> tuple[Probe, ...]:
    """Everything this run can say, in the order a person wants to read it."""
    return tuple(
        probe
        for part in (_criteria(evidence), _aborts(record, decision, evidence), _fault(evidence), _aftermath(evidence), _before(evidence))
        for probe in part
    )


def findings(found: tuple[Probe, ...], experiment: str) -> tuple[Finding, ...]:
    """What was wrong, each identity once."""
    made: dict[str, Finding] = {}
    for probe in found:
        if probe.wrong:
            one = _finding(probe, experiment)
            made.setdefault(one.id, one)
    return tuple(made.values())


def disproved(found: tuple[Probe, ...], experiment: str) -> frozenset[str]:
    """Ids of what this run looked at and found right everywhere."""
    right = {finding_id(probe.kind, experiment, probe.about) for probe in found if not probe.wrong}
    return frozenset(right - {finding.id for finding in findings(found, experiment)})


def _finding(probe: Probe, experiment: str) -> Finding:
    kind = KINDS[probe.kind]
    return Finding(
        id=finding_id(probe.kind, experiment, probe.about),
        kind=probe.kind,
        title=probe.title,
        detail=probe.detail,
        severity=Severity.CRITICAL if probe.critical else kind.severity,
        practice=kind.practice,
        improvements=tuple(dict.fromkeys((*kind.improvements, *probe.more))),
        evidence=probe.evidence,
    )


def _criteria(evidence: Evidence) -> Iterator[Probe]:
    if evidence.judgement is None or evidence.definition is None:
        return
    parsed = [sentence for _, _, sentence in sentences(evidence.definition.experiment).criteria]
    for sentence, criterion in zip(parsed, evidence.judgement.criteria, strict=False):
        about = _about(sentence, criterion)
        told = criterion.outcome is not CriterionOutcome.CANNOT_TELL
        said = f"{criterion.text} ({criterion.reason})"
        yield Probe(
            kind="unmeasured",
            about=about,
            wrong=not told,
            title=f"Success criterion can't be told: {criterion.text}",
            detail=criterion.reason,
            issue=f"Success criterion can't be told: {said}",
            evidence=FindingEvidence(metric=criterion.metric, mechanism="monitoring", target=_targets(evidence)),
        )
        if told:
            yield from _told(sentence, criterion, about, evidence)


def _told(sentence: Parsed, criterion: CriterionResult, about: str, evidence: Evidence) -> Iterator[Probe]:
    wrong = criterion.outcome is CriterionOutcome.NOT_MET
    for kind in _kinds(sentence, wrong, evidence.recovery):
        yield Probe(
            kind=kind,
            about=about,
            wrong=wrong,
            title=f"Success criteria not met: {criterion.text}",
            detail=criterion.reason,
            issue=f"Success criteria not met: {criterion.text} ({criterion.reason})",
            critical=criterion.critical,
            more=_of_the_loss(sentence, evidence),
            evidence=_seen(sentence, criterion, evidence),
        )


def _kinds(sentence: Parsed, wrong: bool, recovery: Recovery | None) -> tuple[str, ...]:
    """The kind a failed criterion is; of a met one, every kind it proves not to be there."""
    match sentence:
        case Threshold():
            shows: Shows = METRICS[sentence.metric].shows if sentence.metric in METRICS else "performance"
            return (_NOT_MET_MEANS[shows],)
        case AlarmFires():
            return ("not_detected",)
        case Recovers():
            return ("slow_recovery",)
        case Replacement():
            if not wrong:
                return ("slow_replacement",)
            return ("slow_replacement",) if recovery and recovery.replaced_at else ()  # else `not_replaced` says it


def _about(sentence: Parsed, criterion: CriterionResult) -> str:
    match sentence:
        case Threshold():
            side = "below" if sentence.comparator in {">", ">="} else "above"
            return f"{criterion.metric or sentence.metric} {side} {sentence.window}"
        case AlarmFires():
            return f"alarm {sentence.alarm}"
        case Recovers():
            return f"recovery {sentence.metric or 'everything'}"
        case Replacement():
            return "replacement"


def _of_the_loss(sentence: Parsed, evidence: Evidence) -> tuple[str, ...]:
    """An instance was lost and users saw it: too little was left, or it did not take its leave."""
    lost = evidence.definition is not None and evidence.definition.experiment.type is FaultType.INSTANCE_TERMINATION
    return (REDUNDANCY, SHUTDOWN) if lost and isinstance(sentence, Threshold) else ()


def _seen(sentence: Parsed, criterion: CriterionResult, evidence: Evidence) -> FindingEvidence:
    mechanism = {AlarmFires: "alarm", Recovers: "recovery", Replacement: "Auto Scaling"}.get(type(sentence))
    named = f"alarm {sentence.alarm}" if isinstance(sentence, AlarmFires) else mechanism
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
            "target": _targets(evidence),
            "mechanism": named,
        }
    )


def _aborts(record: ExecutionRecord, decision: Decision, evidence: Evidence) -> Iterator[Probe]:
    if record.abort and record.abort.source is AbortSource.GUARD:
        yield _abort("guard_fired", record.abort, "A guard aborted the fault", evidence)
    elif record.abort and record.abort.source is AbortSource.BLIND_GUARD:
        yield _abort("guard_blind", record.abort, "A guard went blind during the fault", evidence)
    elif record.abort is None and decision.verdict in _JUDGED and evidence.template:
        for guard in evidence.template.guards:
            yield Probe(kind="guard_fired", about=guard.metric, wrong=False)
            yield Probe(kind="guard_blind", about=guard.metric, wrong=False)


def _abort(kind: str, abort: Abort, title: str, evidence: Evidence) -> Probe:
    guards = evidence.template.guards if evidence.template else ()
    guard = next((guard for guard in guards if guard.name == abort.by), None)
    return Probe(
        kind=kind,
        about=guard.metric if guard else "guards",
        wrong=True,
        title=title,
        detail=abort.reason,
        issue=f"{title}: {abort.reason}",
        evidence=FindingEvidence(
            metric=guard.metric if guard else None,
            threshold=guard.threshold if guard else None,
            at=abort.at,
            target=_targets(evidence),
            mechanism=guard.condition if guard else abort.by or None,
        ),
    )


def _fault(evidence: Evidence) -> Iterator[Probe]:
    """Whether the fault happened to every target: by the proofs, and by metrics of the mechanism that contradict them."""
    if evidence.rollback is None or evidence.judgement is None or not evidence.rollback.proofs:
        return
    unproven = {proof.target: proof.detail for proof in evidence.rollback.proofs if not proof.proven}
    contradicted = {target: one.detail for one in evidence.judgement.signals if one.reading == "contradicted" for target in one.targets}
    missed, known = {**unproven, **contradicted}, len(evidence.rollback.proofs)
    detail = "; ".join(dict.fromkeys(said if target in said else f"{target}: {said}" for target, said in missed.items()))
    title = f"The fault is not proven on {len(missed)} of {known} target{'s' if known != 1 else ''}"
    yield Probe(
        kind="fault_unproven",
        about=_domain(evidence),
        wrong=bool(missed),
        title=title,
        detail=detail,
        issue=f"{title}: {detail}",
        evidence=FindingEvidence(at=evidence.rollback.at, target=", ".join(missed) or None, mechanism="fault"),
    )


def _aftermath(evidence: Evidence) -> Iterator[Probe]:
    domain, targets = _domain(evidence), _targets(evidence)
    rollback, recovery = evidence.rollback, evidence.recovery
    if rollback and rollback.outcome is not RollbackOutcome.NOT_NEEDED:
        left = "; ".join(rollback.differences) or "the workload is not as before"
        yield Probe(
            kind="not_restored",
            about=domain,
            wrong=rollback.outcome is RollbackOutcome.NOT_RESTORED,
            title="Rollback failed",
            detail=left,
            issue=f"Rollback failed: {left}",
            evidence=FindingEvidence(at=rollback.at, target=targets, mechanism="rollback"),
        )
    if recovery:
        yield Probe(
            kind="not_recovered",
            about=domain,
            wrong=not recovery.recovered,
            title="The workload did not recover",
            detail=recovery.detail,
            issue=f"The workload did not recover: {recovery.detail}",
            evidence=FindingEvidence(at=recovery.observed_until, target=targets, mechanism="recovery"),
        )
        yield from _replacement(recovery, evidence, domain, targets)


def _replacement(recovery: Recovery, evidence: Evidence, domain: str, targets: str | None) -> Iterator[Probe]:
    if evidence.definition is None:
        return
    experiment = evidence.definition.experiment
    asked = any(isinstance(sentence, Replacement) for _, _, sentence in sentences(experiment).criteria)
    if experiment.type not in REPLACED and not asked:
        return
    failed = _replacement_criterion(evidence)
    title = f"Success criteria not met: {failed.text}" if failed else "What was lost was not replaced"
    detail = failed.reason if failed else recovery.detail
    yield Probe(
        kind="not_replaced",
        about=domain,
        wrong=recovery.replaced_at is None,
        title=title,
        detail=detail,
        issue=f"{title} ({detail})",
        critical=failed.critical if failed else False,
        evidence=FindingEvidence(at=recovery.looked_at, target=targets, mechanism=_replacing(evidence)),
    )


def _replacing(evidence: Evidence) -> str:
    """What should have replaced the targets."""
    found = evidence.discovery
    around = {one.belongs_to for one in found.pinned} if found else set()
    return next((group.words for group in (found.workload.groups if found else ()) if group.name in around), "Auto Scaling")


def _replacement_criterion(evidence: Evidence) -> CriterionResult | None:
    criteria = evidence.judgement.criteria if evidence.judgement else ()
    return next((one for one in criteria if one.kind == "replacement" and one.outcome is CriterionOutcome.NOT_MET), None)


def _before(evidence: Evidence) -> Iterator[Probe]:
    if evidence.baseline:
        violations = "; ".join(evidence.baseline.violations)
        yield Probe(
            kind="unsteady_before",
            about="baseline",
            wrong=not evidence.baseline.steady,
            title="The steady state did not hold before the fault",
            detail=violations,
            issue=f"The steady state did not hold before the fault: {violations}",
            evidence=FindingEvidence(target=_targets(evidence)),
        )
    yield from _checks(evidence)


def _checks(evidence: Evidence) -> Iterator[Probe]:
    wrong = (*evidence.failed_checks, *evidence.warned_checks)
    seen = {(check.name, _KIND_OF_CHECK[check.outcome]) for check in wrong}
    failed = {failure.name for failure in evidence.failed_checks}
    for safety in (evidence.safety, evidence.final_check):
        for check in safety.checks if safety else ():
            if check.name not in failed:
                right = [kind for kind in _KIND_OF_CHECK.values() if (check.name, kind) not in seen]
                yield from (Probe(kind=kind, about=check.name, wrong=False) for kind in right)
    for check in wrong:
        yield _check(check)


_KIND_OF_CHECK = {
    CheckOutcome.FAILED: "check_failed",
    CheckOutcome.NOT_EVALUATED: "check_not_evaluated",
    CheckOutcome.WARNED: "check_warned",
}


def _check(failure: SafetyCheck) -> Probe:
    title = f"Safety check {failure.name} {failure.outcome.value.replace('_', ' ')}"
    blind = failure.outcome is CheckOutcome.NOT_EVALUATED
    make_it = f"Make it possible to evaluate {failure.name}: what can't be evaluated is refused"
    return Probe(
        kind=_KIND_OF_CHECK[failure.outcome],
        about=failure.name,
        wrong=True,
        title=title,
        detail=failure.detail,
        issue=f"{title}: {failure.detail}",
        more=(make_it,) if blind else (AUTO_SCALING,) if failure.name == "replacement_possible" else (),
        evidence=FindingEvidence(mechanism=failure.name),
    )


def _domain(evidence: Evidence) -> str:
    return " ".join(evidence.discovery.failure_domains) if evidence.discovery else "workload"


def _targets(evidence: Evidence) -> str | None:
    return ", ".join(instance.id for instance in evidence.discovery.pinned) or None if evidence.discovery else None
