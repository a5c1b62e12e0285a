"""`result.json`: what people and machines read about a run that ended. Times are ISO 8601 in UTC."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from squall.domain.base.model import Model
from squall.domain.base.problems import Problem
from squall.domain.base.vocabulary import (
    Status,
    Verdict,
)
from squall.domain.documents.document import Document
from squall.domain.documents.false_aborts import FalseAborts
from squall.domain.documents.fault_times import FaultTimes
from squall.domain.documents.finding import Finding
from squall.domain.documents.judgement import CriterionResult
from squall.domain.documents.metrics.signal_reading import SignalReading
from squall.domain.documents.metrics.statistics import MetricStatistics, Times
from squall.domain.documents.plan import Approvals
from squall.domain.documents.recovery import Recovery
from squall.domain.documents.rollback import RollbackReport
from squall.domain.documents.safety import SafetyCheck
from squall.domain.experiment.published import DefinitionSource


class TimelineEvent(Model):
    at: datetime
    event: str
    """A word in snake_case, such as admitted, guards_armed, fault_started, alarm, stop_requested or fis_stopped."""
    detail: str = ""


class Result(Document):
    """`result.json`, by Record: the keys of REL12-BP05 first, then those that Squall adds."""

    NAME = "result"

    execution_id: str
    experiment_name: str
    status: Status
    start_time: datetime
    end_time: datetime | None
    hypothesis_validated: bool | None
    observations: tuple[str, ...]
    issues_discovered: tuple[str, ...]
    improvements_identified: tuple[str, ...]
    metrics_collected: dict[str, Any]

    verdict: Verdict | None
    reason: str
    """Why, in one sentence."""
    criteria: tuple[CriterionResult, ...] = ()
    safety_checks: tuple[SafetyCheck, ...] = ()
    false_aborts: tuple[FalseAborts, ...] = ()
    """How often each guard would have aborted healthy runs, counted in the last days before the run."""
    problems: tuple[Problem, ...] = ()
    targets: tuple[dict[str, Any], ...] = ()
    statistics: tuple[MetricStatistics, ...] = ()
    findings: tuple[Finding, ...] = ()
    """Findings of this run, then the findings of earlier runs that it proved fixed, as `closed`."""
    times: Times = Times()
    faults: Annotated[tuple[FaultTimes, ...], Field(exclude_if=lambda faults: not faults)] = ()
    """What is known about each fault of a scenario alone; left out of runs with one fault."""
    timeline: tuple[TimelineEvent, ...] = ()
    recovery: Recovery | None = None
    rollback: RollbackReport | None = None
    signals: tuple[SignalReading, ...] = ()
    """Whether metrics confirm what the fault's mechanism reported; empty if the state of the targets is the proof."""
    cost: dict[str, float] = {}
    environment: str | None = None
    experiment_type: str | None = None
    definition_hash: str | None = None
    source: DefinitionSource | None = None
    """Where the definition comes from: deployed, inline, or a version of a published experiment, with its hash. Null for
    runs that were refused before they had one, and for those of earlier versions."""
    requested_by: str | None = None
    approval: Approvals | None = None
