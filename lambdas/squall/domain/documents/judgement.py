"""`judgement.json`: each criterion with its outcome, and the verdict."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import (
    CriterionOutcome,
    Status,
    Verdict,
)
from squall.domain.documents.document import Document
from squall.domain.documents.fault_times import FaultTimes
from squall.domain.documents.metrics.metric_models import Window
from squall.domain.documents.metrics.signal_reading import SignalReading
from squall.domain.documents.metrics.statistics import Times


class CriterionResult(Model):
    text: str
    kind: str
    """threshold, alarm, recovery, replacement or members."""
    critical: bool
    outcome: CriterionOutcome
    measured: float | None = None
    threshold: float | None = None
    comparator: str | None = None
    unit: str = "none"
    metric: str | None = None
    """Name of the binding that measured it."""
    low: float | None = None
    """Lower end, in `unit`, of the interval that decides a criterion relative to the baseline."""
    high: float | None = None
    """Upper end of that interval."""
    window: Window | None = None
    points: tuple[tuple[int, float], ...] = ()
    """(start of period in epoch seconds, value in the metric's own unit, also where the criterion is in percent of the
    baseline)."""
    expected_points: int = 0
    reason: str


class Judgement(Document):
    """`judgement.json`, by Judge: each criterion with its outcome, and the verdict."""

    NAME = "judgement"

    at: datetime
    criteria: tuple[CriterionResult, ...]
    status: Status
    verdict: Verdict | None
    hypothesis_validated: bool | None
    reason: str
    values: dict[str, dict[str, float | None]] = {}
    """Name of each window to metric to its value over the whole window."""
    times: Times = Times()
    signals: tuple[SignalReading, ...] = ()
    """Whether metrics confirm what the fault's mechanism reported."""
    faults: Annotated[tuple[FaultTimes, ...], Field(exclude_if=lambda faults: not faults)] = ()
    """What is known about each fault of a scenario alone."""
