"""The result document: the seed's keys, filled from evidence only."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from squall.domain.cost import of_template
from squall.domain.documents import (
    Baseline,
    Definition,
    Discovery,
    FaultReport,
    FaultTemplate,
    Judgement,
    Recovery,
    Refusal,
    Result,
    RollbackReport,
    Safety,
    SafetyCheck,
    TimelineEvent,
)
from squall.domain.record import ExecutionRecord
from squall.domain.timing import spoken
from squall.domain.verdict import Decision
from squall.domain.vocabulary import AbortSource, CheckOutcome, CriterionOutcome, FaultType, RollbackOutcome, Status, Verdict


@dataclass(frozen=True)
class Evidence:
    """The documents a run left, as far as it got."""

    definition: Definition | None = None
    refusal: Refusal | None = None
    discovery: Discovery | None = None
    safety: Safety | None = None
    final_check: Safety | None = None
    baseline: Baseline | None = None
    template: FaultTemplate | None = None
    fault: FaultReport | None = None
    rollback: RollbackReport | None = None
    recovery: Recovery | None = None
    judgement: Judgement | None = None

    @property
    def failed_checks(self) -> tuple[SafetyCheck, ...]:
        """Of both checks, each name once."""
        failures = [failure for safety in (self.safety, self.final_check) if safety for failure in safety.failures]
        return tuple({failure.name: failure for failure in failures}.values())


def build_result(record: ExecutionRecord, decision: Decision, evidence: Evidence, end_time: datetime) -> Result:
    """`decision` is how the run ends (`verdict.decide`, or `verdict.ending` of what a state decided)."""
    definition, checks = evidence.definition, evidence.final_check or evidence.safety
    return Result(
        execution_id=record.id,
        experiment_name=definition.experiment.name if definition else record.experiment,
        status=decision.status,
        start_time=record.started_at,
        end_time=end_time,
        hypothesis_validated=decision.hypothesis_validated,
        observations=tuple(_observations(record, decision, evidence)),
        issues_discovered=tuple(_issues(record, decision, evidence)),
        improvements_identified=tuple(_improvements(record, decision, evidence)),
        metrics_collected=_metrics(evidence),
        verdict=decision.verdict,
        reason=decision.reason,
        criteria=evidence.judgement.criteria if evidence.judgement else (),
        safety_checks=checks.checks if checks else (),
        problems=evidence.refusal.problems if evidence.refusal else (),
        targets=tuple(_targets(evidence)),
        findings=tuple(_findings(record, evidence)),
        timeline=tuple(TimelineEvent(at=event.at, event=event.event, detail=event.detail) for event in _ordered(record)),
        recovery=evidence.recovery,
        rollback=evidence.rollback,
        cost=_cost(evidence),
        environment=(definition.environment.name if definition else record.environment) or None,
        experiment_type=(definition.experiment.type.value if definition else record.fault_type) or None,
        definition_hash=(definition.definition_hash if definition else record.definition_hash) or None,
        requested_by=(definition.requested_by if definition else record.requested_by) or None,
    )


def _ordered(record: ExecutionRecord) -> list[Any]:
    return sorted(record.events, key=lambda event: event.at)


def _observations(record: ExecutionRecord, decision: Decision, evidence: Evidence) -> Iterable[str]:
    yield from _before(evidence)
    yield from _during(record, evidence)
    if evidence.rollback:
        yield f"After the fault: {_ROLLBACK_SAID[evidence.rollback.outcome]}"
    if evidence.recovery:
        yield _recovery_said(evidence.recovery)
    if evidence.judgement:
        for criterion in evidence.judgement.criteria:
            yield f"{criterion.text}: {_OUTCOME_SAID[criterion.outcome]}, {criterion.reason}"
    if record.abort:
        yield f"Aborted at {record.abort.at:%H:%M:%S} UTC by {record.abort.by or record.abort.source.value}: {record.abort.reason}"
    if decision.verdict is Verdict.VALIDATED:
        yield "Hypothesis validated - system behaved as expected"
    elif decision.verdict is Verdict.REFUTED:
        yield "Hypothesis not validated - unexpected system behavior"
    else:
        yield f"The hypothesis was not decided: {decision.reason}"


def _before(evidence: Evidence) -> Iterable[str]:
    if evidence.discovery and evidence.discovery.pinned:
        pinned = evidence.discovery.pinned
        known = len(evidence.discovery.workload.instances)
        named = ", ".join(f"{instance.id} in {instance.zone}" for instance in pinned)
        yield f"Targeting {named}: {len(pinned)} pinned of {known} candidate{'' if known == 1 else 's'}"
    if evidence.baseline:
        rate = evidence.baseline.requests_per_second
        traffic = f" at {rate:.3g} requests per second" if rate is not None else ""
        steady = "held" if evidence.baseline.steady else f"did not hold: {'; '.join(evidence.baseline.violations)}"
        yield f"Over {evidence.baseline.window.periods} periods of baseline{traffic} the steady state {steady}"


def _during(record: ExecutionRecord, evidence: Evidence) -> Iterable[str]:
    if record.fault_started_at and evidence.definition:
        length = spoken(evidence.definition.experiment.length)
        yield f"Fault {evidence.definition.experiment.type.value} started at {record.fault_started_at:%H:%M:%S} UTC for {length}"
    if evidence.fault:
        code = f" ({evidence.fault.error_code})" if evidence.fault.error_code else ""
        yield f"FIS experiment {evidence.fault.experiment_id} ended {evidence.fault.status}{code}"
    if evidence.rollback:
        for proof in evidence.rollback.proofs:
            yield f"{'Proven' if proof.proven else 'Not proven'} by {proof.kind}: {proof.detail}"


def _recovery_said(recovery: Recovery) -> str:
    if recovery.recovered and recovery.seconds_to_recover is not None:
        return f"Recovered {recovery.seconds_to_recover:.0f} s after the fault took effect: {recovery.detail}"
    return f"Did not recover while watched: {recovery.detail}"


def _issues(record: ExecutionRecord, decision: Decision, evidence: Evidence) -> Iterable[str]:
    """What is wrong, with the workload or with the run; never what merely wasn't needed."""
    for criterion in evidence.judgement.criteria if evidence.judgement else ():
        if criterion.outcome is not CriterionOutcome.MET:
            said = "Success criteria not met" if criterion.outcome is CriterionOutcome.NOT_MET else "Success criterion can't be told"
            yield f"{said}: {criterion.text} ({criterion.reason})"
    yield from _workload_issues(record, evidence)
    for failure in evidence.failed_checks:
        yield f"Safety check {failure.name} {failure.outcome.value.replace('_', ' ')}: {failure.detail}"
    for problem in evidence.refusal.problems if evidence.refusal else ():
        yield f"Refused: {problem}"
    if decision.status is Status.FAILED:
        yield decision.reason


def _workload_issues(record: ExecutionRecord, evidence: Evidence) -> Iterable[str]:
    if record.abort and record.abort.source is AbortSource.GUARD:
        yield f"A guard aborted the fault: {record.abort.reason}"
    if record.abort and record.abort.source is AbortSource.BLIND_GUARD:
        yield f"A guard went blind during the fault: {record.abort.reason}"
    if evidence.rollback and evidence.rollback.outcome is RollbackOutcome.NOT_RESTORED:
        yield f"Rollback failed: {'; '.join(evidence.rollback.differences) or 'the workload is not as before'}"
    if evidence.recovery and not evidence.recovery.recovered:
        yield f"The workload did not recover: {evidence.recovery.detail}"
    if evidence.baseline and not evidence.baseline.steady:
        yield f"The steady state did not hold before the fault: {'; '.join(evidence.baseline.violations)}"


def _improvements(record: ExecutionRecord, decision: Decision, evidence: Evidence) -> Iterable[str]:
    """The seed's recommendations, each only where this run's evidence supports it."""
    outcomes = {criterion.outcome for criterion in evidence.judgement.criteria} if evidence.judgement else set()
    blind = record.abort is not None and record.abort.source is AbortSource.BLIND_GUARD
    if CriterionOutcome.CANNOT_TELL in outcomes or blind or decision.verdict is Verdict.INVALID:
        yield "Implement additional monitoring and alerting"
    if decision.hypothesis_validated is False:
        yield "System resilience needs improvement"
        yield "Strengthen system resilience mechanisms"
        yield "Consider additional redundancy"
        yield "Review and improve incident response procedures"
    if record.fault_type == FaultType.INSTANCE_TERMINATION or _type(evidence) is FaultType.INSTANCE_TERMINATION:
        yield from _termination(decision, evidence)
    if evidence.rollback and evidence.rollback.outcome is RollbackOutcome.NOT_RESTORED:
        yield "Restore by hand what is listed under rollback, then run the experiment again"
    for failure in evidence.failed_checks:
        if failure.outcome is CheckOutcome.NOT_EVALUATED:
            yield f"Make it possible to evaluate {failure.name}: what can't be evaluated is refused"


def _type(evidence: Evidence) -> FaultType | None:
    return evidence.definition.experiment.type if evidence.definition else None


def _termination(decision: Decision, evidence: Evidence) -> Iterable[str]:
    replaced = evidence.recovery.replaced_at if evidence.recovery else None
    suspended = any(failure.name == "replacement_possible" for failure in evidence.failed_checks)
    if suspended or (evidence.recovery is not None and replaced is None):
        yield "Verify auto-scaling configuration"
    criteria = evidence.judgement.criteria if evidence.judgement else ()
    lost = [c for c in criteria if c.kind == "threshold" and c.outcome is CriterionOutcome.NOT_MET]
    if lost or (decision.verdict is Verdict.ABORTED and decision.hypothesis_validated is False):
        yield "Test application graceful shutdown"


def _metrics(evidence: Evidence) -> dict[str, Any]:
    """The seed's `baseline` and `final`, and every window by name; values in each metric's unit."""
    baseline: Mapping[str, float | None] = evidence.baseline.measurements if evidence.baseline else {}
    judged = evidence.judgement.values if evidence.judgement else {}
    windows = {"baseline": dict(baseline), **{name: dict(values) for name, values in _by_window(judged).items()}}
    found: dict[str, Any] = {name: values for name, values in windows.items() if values}
    if "recovery" in found or "fault" in found:
        found["final"] = found.get("recovery") or found["fault"]
    if evidence.discovery and found:
        found["units"] = {binding.name: binding.unit for binding in evidence.discovery.bindings}
    return found


def _by_window(values: Mapping[str, Mapping[str, float | None]]) -> dict[str, dict[str, float | None]]:
    """Judge writes window name to metric to value."""
    return {window: dict(metrics) for window, metrics in values.items() if window in {"baseline", "fault", "recovery"}}


def _targets(evidence: Evidence) -> Iterable[dict[str, Any]]:
    if evidence.discovery is None:
        return
    proofs = {proof.target: proof for proof in evidence.rollback.proofs} if evidence.rollback else {}
    for instance in evidence.discovery.pinned:
        proof = proofs.get(instance.id)
        yield {
            "id": instance.id,
            "arn": instance.arn,
            "zone": instance.zone,
            "group": instance.group,
            "proven": proof.proven if proof else None,
            "evidence": proof.detail if proof else "",
        }


def _findings(record: ExecutionRecord, evidence: Evidence) -> Iterable[dict[str, Any]]:
    """Issues with what they are about, for machines; the strings of `issues_discovered` are for people."""
    for criterion in evidence.judgement.criteria if evidence.judgement else ():
        if criterion.outcome is not CriterionOutcome.MET:
            kind = f"criterion_{criterion.outcome.value}"
            yield {"kind": kind, "about": criterion.text, "measured": criterion.measured, "detail": criterion.reason}
    if record.abort:
        yield {"kind": f"abort_{record.abort.source.value}", "about": record.abort.by, "measured": None, "detail": record.abort.reason}
    if evidence.rollback and evidence.rollback.outcome is RollbackOutcome.NOT_RESTORED:
        for difference in evidence.rollback.differences:
            yield {"kind": "not_restored", "about": "rollback", "measured": None, "detail": difference}
    for failure in evidence.failed_checks:
        yield {"kind": f"check_{failure.outcome.value}", "about": failure.name, "measured": None, "detail": failure.detail}


def _cost(evidence: Evidence) -> dict[str, float]:
    if evidence.template is None:
        return {}
    metrics = sum(len(guard.metrics) for guard in evidence.template.guards)
    if evidence.fault is None or evidence.fault.started_at is None:
        return of_template({}, alarm_metrics=metrics)  # nothing ran: FIS bills nothing
    ended = evidence.fault.ended_at
    return of_template(evidence.template.body, ended - evidence.fault.started_at if ended else None, alarm_metrics=metrics)


_ROLLBACK_SAID = {
    RollbackOutcome.RESTORED: "everything is as it was before (restored)",
    RollbackOutcome.RECOVERED: "what was taken away can't be put back; the workload has replaced it (recovered)",
    RollbackOutcome.NOT_RESTORED: "the workload is not as it was before (not restored)",
    RollbackOutcome.NOT_NEEDED: "nothing had changed, nothing had to be undone",
}
_OUTCOME_SAID = {CriterionOutcome.MET: "met", CriterionOutcome.NOT_MET: "not met", CriterionOutcome.CANNOT_TELL: "can't be told"}
