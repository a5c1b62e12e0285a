"""The result document: the seed's keys, filled from evidence only."""

from dataclasses import dataclass
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
from squall.domain.record import ExecutionRecord
from squall.domain.verdict import Decision


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


def build_result(record: ExecutionRecord, decision: Decision, evidence: Evidence, end_time: datetime) -> Result:
    """`decision` is how the run ends (`verdict.decide`, or `verdict.ending` of what a state decided)."""
    raise NotImplementedError
