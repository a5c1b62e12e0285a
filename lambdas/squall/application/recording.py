"""From what a run left behind to its result: shared by Record and by whoever closes a run that died."""

from datetime import datetime

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
)
from squall.domain.message import message
from squall.domain.record import ExecutionRecord
from squall.domain.result import Evidence, build_result
from squall.domain.verdict import Decision, decide, ending
from squall.domain.vocabulary import Status
from squall.errors import Refused, Unavailable
from squall.wiring import Wiring


def decision_of(record: ExecutionRecord, judgement: Judgement | None, failure: str) -> Decision:
    """How the run ends: Squall's own failure, else the judgement, else an abort before anything was injected, else what was decided."""
    if failure:
        return ending(Status.FAILED, None, f"Squall failed: {failure}")
    if judgement is not None:
        return Decision(judgement.status, judgement.verdict, judgement.hypothesis_validated, judgement.reason)
    if record.abort is not None:
        return decide(criteria=(), abort=record.abort, injected=False, proven=False)
    if record.decided_status is None:
        return ending(Status.FAILED, None, "the workflow ended without a decision")
    return ending(record.decided_status, record.decided_verdict, record.reason)


def write_result(w: Wiring, record: ExecutionRecord, decision: Decision, ended_at: datetime) -> Result:
    """Assemble `result.json` from the documents that exist."""
    find = w.documents.get
    evidence = Evidence(
        definition=find(record.id, "definition", Definition),
        refusal=find(record.id, "refusal", Refusal),
        discovery=find(record.id, "discovery", Discovery),
        safety=find(record.id, "safety", Safety),
        final_check=find(record.id, "final_check", Safety),
        baseline=find(record.id, "baseline", Baseline),
        template=find(record.id, "template", FaultTemplate),
        fault=find(record.id, "fault", FaultReport),
        rollback=find(record.id, "rollback", RollbackReport),
        recovery=find(record.id, "recovery", Recovery),
        judgement=find(record.id, "judgement", Judgement),
    )
    result = build_result(record, decision, evidence, ended_at)
    w.documents.put(record.id, "result", result)
    return result


def tell(w: Wiring, record: ExecutionRecord, more: str = "") -> None:
    """Notify people (SNS) and machines (EventBridge) of a final record. `more` is what a person has to do by hand.

    Documents that can't be read or written keep nobody from hearing of it: then the message says what the record knows.
    """
    result = _result_of(w, record)
    region = record.execution_arn.split(":")[3]
    subject, body, attributes = message(result, record, region, w.settings.bucket)
    w.notifier.publish(subject, f"{more}\n\n{body}" if more else body, attributes)
    w.lifecycle.emit(record, record.reason)


def _result_of(w: Wiring, record: ExecutionRecord) -> Result:
    decision = Decision(record.status, record.verdict, record.hypothesis_validated, record.reason)
    ended_at = record.ended_at or w.clock.now()
    try:
        return w.documents.get(record.id, "result", Result) or write_result(w, record, decision, ended_at)
    except (Unavailable, Refused):
        return build_result(record, decision, Evidence(), ended_at)
