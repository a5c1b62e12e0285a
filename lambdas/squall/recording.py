"""From what a run left behind to its result: shared by Record and by whoever closes a run that died."""

from datetime import datetime
from typing import TypeVar

from squall.domain.documents import (
    Baseline,
    Definition,
    Discovery,
    FaultTemplate,
    Judgement,
    Recovery,
    Refusal,
    Result,
    RollbackReport,
    Safety,
)
from squall.domain.message import message
from squall.domain.model import Model
from squall.domain.record import ExecutionRecord
from squall.domain.result import build_result
from squall.domain.verdict import Decision, decide
from squall.domain.verdict import hypothesis_validated as validated
from squall.domain.vocabulary import Status
from squall.wiring import Wiring

M = TypeVar("M", bound=Model)


def decision_of(record: ExecutionRecord, judgement: Judgement | None, failure: str) -> Decision:
    """How the run ends: Squall's own failure, else the judgement, else an abort before anything was injected, else what was decided."""
    if failure:
        return Decision(Status.FAILED, None, None, f"Squall failed: {failure}")
    if judgement is not None:
        return Decision(judgement.status, judgement.verdict, judgement.hypothesis_validated, judgement.reason)
    if record.abort is not None:
        return decide(criteria=(), abort=record.abort, injected=False, proven=False)
    if record.decided_status is None:
        return Decision(Status.FAILED, None, None, "the workflow ended without a decision")
    return Decision(record.decided_status, record.decided_verdict, validated(record.decided_verdict, None), record.reason)


def write_result(w: Wiring, record: ExecutionRecord, decision: Decision, ended_at: datetime) -> Result:
    """Assemble `result.json` from the documents that exist."""

    def find(name: str, model: type[M]) -> M | None:
        return w.documents.get(record.id, name, model)

    judgement = find("judgement", Judgement)
    refusal = find("refusal", Refusal)
    result = build_result(
        record,
        decision,
        end_time=ended_at,
        definition=find("definition", Definition),
        discovery=find("discovery", Discovery),
        safety=find("final_check", Safety) or find("safety", Safety),
        baseline=find("baseline", Baseline),
        template=find("template", FaultTemplate),
        criteria=judgement.criteria if judgement else (),
        rollback=find("rollback", RollbackReport),
        recovery=find("recovery", Recovery),
        fis=w.faults.get(record.fis_experiment_id) if record.fis_experiment_id else None,
        problems=refusal.problems if refusal else (),
        metrics_collected=judgement.values if judgement else None,
    )
    w.documents.put(record.id, "result", result)
    return result


def tell(w: Wiring, record: ExecutionRecord, more: str = "") -> None:
    """Notify people (SNS) and machines (EventBridge) of a final record. `more` is what a person has to do by hand."""
    result = w.documents.get(record.id, "result", Result)
    if result is None:
        decision = Decision(record.status, record.verdict, record.hypothesis_validated, record.reason)
        result = write_result(w, record, decision, record.ended_at or w.clock.now())
    region = record.execution_arn.split(":")[3]
    subject, body, attributes = message(result, record, region, w.settings.bucket)
    w.notifier.publish(subject, f"{more}\n\n{body}" if more else body, attributes)
    w.lifecycle.emit(record, record.reason)
