"""Inspections of the fault and of what followed it.

Whether a guard ended it, whether it hit every target, what it left, and whether the workload recovered.
"""

from collections.abc import Iterator

from squall.domain.base.vocabulary import AbortSource, CriterionOutcome, RollbackOutcome, Verdict
from squall.domain.documents.evidence import Evidence
from squall.domain.documents.finding import FindingEvidence
from squall.domain.documents.judgement import CriterionResult
from squall.domain.documents.recovery import Recovery
from squall.domain.experiment.sentences import parse_sentences
from squall.domain.judging.verdict import Decision
from squall.domain.language.sentences import Replacement
from squall.domain.result.inspection import Inspection, domain_of, targets_of
from squall.domain.run.record import Abort, ExecutionRecord

_JUDGED = frozenset({Verdict.VALIDATED, Verdict.REFUTED, Verdict.INCONCLUSIVE})


def inspect_abort(record: ExecutionRecord, decision: Decision, evidence: Evidence) -> Iterator[Inspection]:
    """Whether a guard aborted the fault. Only a run that was judged shows that none did."""
    if record.abort and record.abort.source is AbortSource.GUARD:
        yield _inspect_abort_of("guard_fired", record.abort, "A guard aborted the fault", evidence)
    elif record.abort and record.abort.source is AbortSource.BLIND_GUARD:
        yield _inspect_abort_of("guard_blind", record.abort, "A guard went blind during the fault", evidence)
    elif record.abort is None and decision.verdict in _JUDGED and evidence.template:
        for guard in evidence.template.guards:
            yield Inspection(kind="guard_fired", about=guard.metric, wrong=False)
            yield Inspection(kind="guard_blind", about=guard.metric, wrong=False)


def _inspect_abort_of(kind: str, abort: Abort, title: str, evidence: Evidence) -> Inspection:
    guards = evidence.template.guards if evidence.template else ()
    guard = next((guard for guard in guards if guard.name == abort.by), None)
    return Inspection(
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
            target=targets_of(evidence),
            mechanism=guard.condition if guard else abort.by or None,
        ),
    )


def inspect_proofs(evidence: Evidence) -> Iterator[Inspection]:
    """Whether the fault hit every target, by the proofs and by metrics of the mechanism that contradict them."""
    if evidence.rollback is None or evidence.judgement is None or not evidence.rollback.proofs:
        return
    unproven = {(proof.fault, proof.target): proof.detail for proof in evidence.rollback.proofs if not proof.proven}
    contradictions = [signal for signal in evidence.judgement.signals if signal.reading == "contradicted"]
    contradicted = {(signal.fault, target): signal.detail for signal in contradictions for target in signal.targets}
    missed, total = {**unproven, **contradicted}, len(evidence.rollback.proofs)
    detail = "; ".join(dict.fromkeys(_describe_miss(fault, target, why) for (fault, target), why in missed.items()))
    faults = list(dict.fromkeys(fault for fault, _ in missed if fault))
    targets = ", ".join(dict.fromkeys(target for _, target in missed))
    which = f"fault {', '.join(faults)}" if faults else "fault"
    title = f"The {which} is not proven on {len(missed)} of {total} target{'s' if total != 1 else ''}"
    yield Inspection(
        kind="fault_unproven",
        about=domain_of(evidence),
        wrong=bool(missed),
        title=title,
        detail=detail,
        issue=f"{title}: {detail}",
        evidence=FindingEvidence(at=evidence.rollback.at, target=targets or None, mechanism="fault"),
    )


def _describe_miss(fault: str, target: str, why: str) -> str:
    known = why if target in why else f"{target}: {why}"
    return known if not fault or known.startswith(fault) else f"{fault}: {known}"


def inspect_aftermath(evidence: Evidence) -> Iterator[Inspection]:
    """Whether the workload was restored, recovered, and replaced what it lost."""
    domain, targets = domain_of(evidence), targets_of(evidence)
    rollback, recovery = evidence.rollback, evidence.recovery
    if rollback and rollback.outcome is not RollbackOutcome.NOT_NEEDED:
        left = "; ".join(rollback.differences) or "the workload is not as before"
        yield Inspection(
            kind="not_restored",
            about=domain,
            wrong=rollback.outcome is RollbackOutcome.NOT_RESTORED,
            title="Rollback failed",
            detail=left,
            issue=f"Rollback failed: {left}",
            evidence=FindingEvidence(at=rollback.at, target=targets, mechanism="rollback"),
        )
    if recovery:
        yield Inspection(
            kind="not_recovered",
            about=domain,
            wrong=not recovery.recovered,
            title="The workload did not recover",
            detail=recovery.detail,
            issue=f"The workload did not recover: {recovery.detail}",
            evidence=FindingEvidence(at=recovery.observed_until, target=targets, mechanism="recovery"),
        )
        yield from _inspect_replacement(recovery, evidence, domain, targets)


def _inspect_replacement(recovery: Recovery, evidence: Evidence, domain: str, targets: str | None) -> Iterator[Inspection]:
    if evidence.definition is None:
        return
    experiment = evidence.definition.experiment
    criterion = any(isinstance(sentence, Replacement) for _, _, sentence in parse_sentences(experiment).criteria)
    if not evidence.traits.targets_are_replaced and not criterion:
        return
    failed = _failed_replacement(evidence)
    title = f"Success criteria not met: {failed.text}" if failed else "The lost targets were not replaced"
    detail = failed.reason if failed else recovery.detail
    yield Inspection(
        kind="not_replaced",
        about=domain,
        wrong=recovery.replaced_at is None,
        title=title,
        detail=detail,
        issue=f"{title} ({detail})",
        critical=failed.critical if failed else False,
        evidence=FindingEvidence(at=recovery.looked_at, target=targets, mechanism=_replacing_mechanism(evidence)),
    )


def _replacing_mechanism(evidence: Evidence) -> str:
    """A phrase for what should have replaced the targets, such as the Auto Scaling group."""
    if evidence.discovery is None:
        return "Auto Scaling"
    names = {target.belongs_to for target in evidence.discovery.pinned}
    return next((group.words for group in evidence.discovery.workload.groups if group.name in names), "Auto Scaling")


def _failed_replacement(evidence: Evidence) -> CriterionResult | None:
    criteria = evidence.judgement.criteria if evidence.judgement else ()
    failed = (criterion for criterion in criteria if criterion.kind == "replacement" and criterion.outcome is CriterionOutcome.NOT_MET)
    return next(failed, None)
