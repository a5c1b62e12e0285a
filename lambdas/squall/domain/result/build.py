"""The result document: the keys of REL12-BP05 and those that Squall adds, filled from evidence only."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from squall.domain.approval import votes as approval
from squall.domain.base.vocabulary import CriterionOutcome, RollbackOutcome, Status, Verdict
from squall.domain.documents.definition import Definition
from squall.domain.documents.evidence import Evidence
from squall.domain.documents.finding import Finding, StoredFinding
from squall.domain.documents.metrics.signal_reading import Reading
from squall.domain.documents.metrics.statistics import Times
from squall.domain.documents.plan import Approvals
from squall.domain.documents.recovery import Recovery
from squall.domain.documents.result import Result, TimelineEvent
from squall.domain.experiment.published import DefinitionSource
from squall.domain.judging.fault_times import describe_fault_times
from squall.domain.judging.verdict import Decision
from squall.domain.metrics.periods import describe_lengths
from squall.domain.recovery.rollback_document import describe_run
from squall.domain.result.finding_history import merge_findings
from squall.domain.result.finding_rules import inspect_run, list_disproved, list_findings
from squall.domain.result.inspection import Inspection
from squall.domain.run.record import Event, ExecutionRecord
from squall.domain.safety.cost import count_billed_metrics, estimate_cost


def build_result(
    record: ExecutionRecord, decision: Decision, evidence: Evidence, end_time: datetime, known: Sequence[StoredFinding] | None = None
) -> Result:
    """The result of a run.

    `decision` is how the run ends, from `verdict.decide_ending` or `verdict.make_decision`. `known` are the findings of
    the experiment's earlier runs; None if they could not be read.
    """
    definition, checks = evidence.definition, evidence.final_check or evidence.safety
    experiment = definition.experiment.name if definition else record.experiment
    inspections = inspect_run(record, decision, evidence)
    findings = list_findings(inspections, experiment)
    return Result(
        execution_id=record.id,
        experiment_name=experiment,
        status=decision.status,
        start_time=record.started_at,
        end_time=end_time,
        hypothesis_validated=decision.hypothesis_validated,
        observations=tuple(_list_observations(record, decision, evidence)),
        issues_discovered=tuple(_list_issues(inspections, decision, evidence)),
        improvements_identified=tuple(_list_improvements(findings, decision)),
        metrics_collected=_collect_metrics(evidence),
        verdict=decision.verdict,
        reason=decision.reason,
        criteria=evidence.judgement.criteria if evidence.judgement else (),
        safety_checks=checks.checks if checks else (),
        false_aborts=checks.false_aborts if checks else (),
        problems=evidence.refusal.problems if evidence.refusal else (),
        targets=tuple(_list_targets(evidence)),
        statistics=evidence.statistics.statistics if evidence.statistics else (),
        findings=merge_findings(findings, list_disproved(inspections, experiment), known, record.id, record.started_at),
        times=evidence.judgement.times if evidence.judgement else Times(fault_started_at=record.fault_started_at),
        faults=evidence.judgement.faults if evidence.judgement else (),
        timeline=tuple(TimelineEvent(at=event.at, event=str(event.event), detail=event.detail) for event in _sorted_events(record)),
        recovery=evidence.recovery,
        rollback=evidence.rollback,
        signals=evidence.judgement.signals if evidence.judgement else (),
        cost=_collect_cost(evidence),
        environment=(definition.environment.name if definition else record.environment) or None,
        experiment_type=(definition.experiment.kind if definition else record.fault_type) or None,
        definition_hash=(definition.definition_hash if definition else record.definition_hash) or None,
        source=_find_source(record, definition),
        requested_by=(definition.requested_by if definition else record.requested_by) or None,
        approval=_make_approvals(record),
    )


def _find_source(record: ExecutionRecord, definition: Definition | None) -> DefinitionSource | None:
    """Where the definition comes from. Only what the record of the run says counts: it is written by Admit alone."""
    if not record.source:
        return None
    stored = definition.source if definition else DefinitionSource()
    facts = {"kind": record.source, "version": record.source_version, "hash": record.source_hash}
    return DefinitionSource.model_validate({**stored.model_dump(), **facts})


def _make_approvals(record: ExecutionRecord) -> Approvals | None:
    if record.ask is None:
        return None
    votes = tuple(
        {"arn": v.arn, "decision": v.decision.value, "comment": v.comment, "at": v.at.isoformat()} for v in record.confirmed_votes
    )
    return Approvals(plan=record.ask.plan, asked_at=record.ask.at, expires_at=record.ask.expires_at, votes=votes)


def _sorted_events(record: ExecutionRecord) -> list[Event]:
    return sorted(record.events, key=lambda event: event.at)


def _list_observations(record: ExecutionRecord, decision: Decision, evidence: Evidence) -> Iterable[str]:
    yield from _describe_votes(record)
    yield from _describe_preparation(evidence)
    yield from _describe_fault(record, evidence)
    if evidence.rollback:
        yield f"After the fault: {_ROLLBACK_SENTENCES[evidence.rollback.outcome]}"
        if evidence.rollback.automation:
            yield f"Rollback of the experiment: {describe_run(evidence.rollback.automation)}"
    if evidence.recovery:
        yield _describe_recovery(evidence.recovery)
    if evidence.judgement:
        for criterion in evidence.judgement.criteria:
            yield f"{criterion.text}: {_OUTCOME_WORDS[criterion.outcome]}, {criterion.reason}"
    if record.abort:
        yield f"Aborted at {record.abort.at:%H:%M:%S} UTC by {record.abort.by or record.abort.source.value}: {record.abort.why}"
    if decision.verdict is Verdict.VALIDATED:
        yield "Hypothesis validated - system behaved as expected"
    elif decision.verdict is Verdict.REFUTED:
        yield "Hypothesis not validated - unexpected system behavior"
    else:
        yield f"The hypothesis was not decided: {decision.reason}"


def _describe_votes(record: ExecutionRecord) -> Iterable[str]:
    verbs = {approval.Decision.APPROVE: "Approved", approval.Decision.REJECT: "Rejected", approval.Decision.REQUEST: "Requested"}
    for vote in record.confirmed_votes:
        yield f"{verbs[vote.decision]} at {vote.at:%H:%M:%S} UTC by {vote.arn}" + (f": {vote.comment}" if vote.comment else "")


def _describe_preparation(evidence: Evidence) -> Iterable[str]:
    if evidence.discovery and evidence.discovery.pinned:
        pinned = evidence.discovery.pinned
        candidates = evidence.discovery.candidates
        named = ", ".join(f"{resource.id} in {resource.zone}" if resource.zone else resource.id for resource in pinned)
        yield f"Targeting {named}: {len(pinned)} pinned of {candidates} candidate{'' if candidates == 1 else 's'}"
        if touched := evidence.discovery.touched:
            yield f"Felt by {', '.join(resource.id for resource in touched)}, too, as the policy says of the command"
    if evidence.baseline:
        rate = evidence.baseline.requests_per_second
        traffic = f" at {rate:.3g} requests per second" if rate is not None else ""
        steady = "held" if evidence.baseline.steady else f"did not hold: {'; '.join(evidence.baseline.violations)}"
        yield f"Over {evidence.baseline.window.periods} periods of baseline{traffic} the steady state {steady}"
        yield from (f"Baseline: {cut.said}" for cut in evidence.baseline.cut)
    if evidence.statistics:
        yield from (f"Earlier days: {cut.said}" for cut in evidence.statistics.cut)


def _describe_fault(record: ExecutionRecord, evidence: Evidence) -> Iterable[str]:
    if record.fault_started_at and evidence.definition:
        experiment = evidence.definition.experiment
        if record.ended_in_lead:
            yield f"Fault {experiment.words} never began: FIS was stopped before"
        else:
            yield f"Fault {experiment.words} started at {record.begins_at:%H:%M:%S} UTC for {describe_lengths(experiment)}"
    if evidence.fault:
        code = f" ({evidence.fault.error_code})" if evidence.fault.error_code else ""
        yield f"FIS experiment {evidence.fault.experiment_id} ended {evidence.fault.status}{code}"
    if evidence.rollback:
        for proof in evidence.rollback.proofs:
            yield f"{'Proven' if proof.proven else 'Not proven'} by {proof.kind}: {proof.detail}"
        yield from (f"{name} never began: the run was aborted before" for name in evidence.rollback.not_begun)
    yield from (describe_fault_times(times) for times in (evidence.judgement.faults if evidence.judgement else ()))
    for signal in evidence.judgement.signals if evidence.judgement else ():
        yield f"{SIGNAL_SENTENCES[signal.reading]}: {signal.detail}"


def _describe_recovery(recovery: Recovery) -> str:
    if recovery.recovered and recovery.seconds_to_recover is not None:
        return f"Recovered {recovery.seconds_to_recover:.0f} s after the fault took effect: {recovery.detail}"
    return f"Did not recover while watched: {recovery.detail}"


def _list_issues(inspections: Sequence[Inspection], decision: Decision, evidence: Evidence) -> Iterable[str]:
    """What was wrong with the workload or with the run."""
    yield from dict.fromkeys(inspection.issue for inspection in inspections if inspection.wrong)
    for problem in evidence.refusal.problems if evidence.refusal else ():
        yield f"Refused: {problem}"
    if decision.status is Status.FAILED:
        yield decision.reason


def _list_improvements(findings: Sequence[Finding], decision: Decision) -> Iterable[str]:
    """The recommendations of REL12-BP05, each only if a finding of this run supports it."""
    if decision.hypothesis_validated is False:
        yield "System resilience needs improvement"
    yield from dict.fromkeys(improvement for finding in findings for improvement in finding.improvements)


def _collect_metrics(evidence: Evidence) -> dict[str, Any]:
    """`baseline` and `final` of REL12-BP05, and every window by name; values in each metric's unit."""
    baseline: Mapping[str, float | None] = evidence.baseline.measurements if evidence.baseline else {}
    judged = evidence.judgement.values if evidence.judgement else {}
    windows = {"baseline": dict(baseline), **{name: dict(values) for name, values in _by_window(judged).items()}}
    metrics: dict[str, Any] = {name: values for name, values in windows.items() if values}
    if "recovery" in metrics or "fault" in metrics:
        metrics["final"] = metrics.get("recovery") or metrics.get("observation") or metrics["fault"]
    faults = evidence.definition.experiment.faults if evidence.definition else {}
    if of_faults := {name: dict(values) for name, values in judged.items() if name in faults}:
        metrics["faults"] = of_faults
    if evidence.discovery and metrics:
        metrics["units"] = {binding.name: binding.unit for binding in evidence.discovery.bindings}
    return metrics


def _by_window(values: Mapping[str, Mapping[str, float | None]]) -> dict[str, dict[str, float | None]]:
    """Window name to metric to value, without windows of other names."""
    return {window: dict(metrics) for window, metrics in values.items() if window in {"baseline", "fault", "observation", "recovery"}}


def _list_targets(evidence: Evidence) -> Iterable[dict[str, Any]]:
    if evidence.discovery is None:
        return
    every = evidence.rollback.proofs if evidence.rollback else ()
    for resource in evidence.discovery.pinned:
        proofs = [proof for proof in every if proof.target == resource.id]
        yield {
            "type": resource.type.value,
            "id": resource.id,
            "arn": resource.arn,
            "zone": resource.zone,
            "group": resource.belongs_to,
            "proven": all(proof.proven for proof in proofs) if proofs else None,
            "evidence": "; ".join(proof.detail for proof in proofs),
        }


def _collect_cost(evidence: Evidence) -> dict[str, float]:
    if evidence.template is None:
        return {}
    metrics = count_billed_metrics(evidence.template.guards)
    sentinel = evidence.definition is not None and evidence.definition.experiment.sentinel is not None
    if evidence.fault is None or evidence.fault.started_at is None:
        return estimate_cost({}, alarm_metrics=metrics, sentinel=sentinel)  # no experiment ran, so FIS bills nothing
    ended = evidence.fault.ended_at
    elapsed = ended - evidence.fault.started_at if ended else None
    return estimate_cost(evidence.template.body, elapsed, alarm_metrics=metrics, sentinel=sentinel)


SIGNAL_SENTENCES: Mapping[Reading, str] = {
    "moved": "Confirmed by a metric of the mechanism",
    "contradicted": "Contradicted by a metric of the mechanism",
    "not_told": "Confirmed by no metric of the mechanism",
}
_ROLLBACK_SENTENCES = {
    RollbackOutcome.RESTORED: "everything is as it was before (restored)",
    RollbackOutcome.RECOVERED: "what the fault removed can't be put back; the workload has replaced it (recovered)",
    RollbackOutcome.NOT_RESTORED: "the workload is not as it was before (not restored)",
    RollbackOutcome.NOT_NEEDED: "nothing had changed, so nothing had to be undone",
}
_OUTCOME_WORDS = {CriterionOutcome.MET: "met", CriterionOutcome.NOT_MET: "not met", CriterionOutcome.CANNOT_TELL: "could not be decided"}
