"""The result document: the seed's keys, filled from evidence only."""

from collections.abc import Sequence
from datetime import datetime

from squall.domain.documents import (
    Baseline,
    CriterionResult,
    Definition,
    Discovery,
    FaultTemplate,
    Recovery,
    Result,
    RollbackReport,
    Safety,
)
from squall.domain.observed import FisExperiment
from squall.domain.problems import Problem
from squall.domain.record import ExecutionRecord
from squall.domain.verdict import Decision


def build_result(
    record: ExecutionRecord,
    decision: Decision,
    *,
    end_time: datetime,
    definition: Definition | None = None,
    discovery: Discovery | None = None,
    safety: Safety | None = None,
    baseline: Baseline | None = None,
    template: FaultTemplate | None = None,
    criteria: Sequence[CriterionResult] = (),
    rollback: RollbackReport | None = None,
    recovery: Recovery | None = None,
    fis: FisExperiment | None = None,
    problems: Sequence[Problem] = (),
    metrics_collected: dict[str, dict[str, float | None]] | None = None,
) -> Result:
    raise NotImplementedError
