"""A run with everything a report can show, and the same run with one text in every place where a person or an account writes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from squall.domain.base.problems import Problem
from squall.domain.base.vocabulary import AbortSource, CheckOutcome, CriterionOutcome, RollbackOutcome, Status, Verdict
from squall.domain.documents.false_aborts import FalseAborts
from squall.domain.documents.fault import FaultReport, FaultTemplate
from squall.domain.documents.finding import Finding, FindingEvidence, Severity
from squall.domain.documents.judgement import CriterionResult
from squall.domain.documents.metrics.metric_models import Window
from squall.domain.documents.metrics.signal_reading import SignalReading
from squall.domain.documents.metrics.statistics import Band, Comparison, MeasuredSeries, MetricStatistics, Times, WindowStatistics
from squall.domain.documents.recovery import Recovery
from squall.domain.documents.result import Result, TimelineEvent
from squall.domain.documents.rollback import Proof, RollbackReport
from squall.domain.documents.safety import SafetyCheck
from squall.domain.documents.series import SeriesDocument
from squall.domain.run.record import Abort
from squall.reporting.run_facts import Facts
from tests.unit.builders import NOW, REL12, baseline, before, definition, discovery, experiment, record, window, workload

EFFECT = NOW + timedelta(minutes=4)
ENDED = NOW + timedelta(minutes=14)
BASELINE = window("baseline", NOW - timedelta(hours=1), 60)
FAULT = window("fault", EFFECT, 10)
RECOVERY = window("recovery", ENDED, 5)
SPAN = range(BASELINE.start, RECOVERY.end, 60)


def wave(at: int, usual: float, during: float) -> float:
    return (during if FAULT.start <= at < FAULT.end else usual) + 0.004 * usual * ((at // 60) % 5)


def measured(missing: Iterable[int] = ()) -> tuple[MeasuredSeries, ...]:
    """Three metrics over the whole run, a value a minute."""
    times = [at for at in SPAN if at not in set(missing)]
    shapes = {"availability": ("percent", 98.0, 96.0), "response_time": ("seconds", 0.1, 1.4), "request_rate": ("per_second", 10.0, 9.0)}
    return tuple(
        MeasuredSeries(metric=name, unit=unit, period_seconds=60, points=tuple((at, wave(at, usual, during)) for at in times))
        for name, (unit, usual, during) in shapes.items()
    )


def statistics(sentence: str = "Response time is higher during the fault by 1.3 s.") -> MetricStatistics:
    def over(span: Window, mean: float) -> WindowStatistics:
        return WindowStatistics(
            window=span,
            points=span.periods,
            expected_points=span.periods,
            missing=0,
            missing_policy="ignore",
            of="periods",
            n=span.periods,
            mean=mean,
            median=mean,
            p95=mean,
            p99=mean,
            minimum=mean,
            maximum=mean,
        )

    return MetricStatistics(
        metric="response_time",
        unit="seconds",
        baseline=over(BASELINE, 0.1),
        fault=over(FAULT, 1.4),
        recovery=over(RECOVERY, 0.1),
        comparisons=(
            Comparison(
                windows=("baseline", "fault"),
                n=(60, 10),
                effective_n=(31.5, 6.0),
                p_value=0.0002,
                p_adjusted=0.0004,
                shift=1.3,
                low=1.2,
                high=None,
                effect_size=0.98,
                conclusion="higher",
                sentence=sentence,
            ),
        ),
        band=Band(low=0.09, high=0.12),
        left_band_at=EFFECT,
        recovered_at=ENDED,
        time_to_recover_seconds=600,
    )


def facts(**changes: Any) -> Facts:
    """A refuted run; changes are of its result."""
    return hostile("", **changes)


def hostile(text: str, **changes: Any) -> Facts:
    """The same with `text` added wherever somebody may write: definition, tags, alarms, FIS, agents, comments."""
    result = discovery(workload())
    (shop,) = result.pinned
    shop = shop.model_copy(
        update={"tags": {"squall:environment": "staging", f"Name{text}": text}, "group": f"shop{text}", "zone": f"eu-west-1a{text}"}
    )
    result = result.model_copy(update={"pinned": (shop,)})
    wanted = experiment(type="network_latency", description=f"d{text}", rollback_plan=f"plan{text}")
    wanted = wanted.model_copy(update={"hypothesis": f"h{text}", "tags": {f"k{text}": text}})
    value = definition(wanted)
    run = record(
        status=Status.COMPLETED,
        experiment=f"Shop{text}",
        fault_started_at=EFFECT - timedelta(seconds=4),
        fault_ended_at=ENDED,
        fis_experiment_id="EXP1",
        requested_by=f"ops{text}",
        abort=Abort(AbortSource.GUARD, f"guard{text}", EFFECT + timedelta(minutes=9), f"alarm{text}"),
        closed_by="",
    )
    return Facts(
        record=run,
        result=_result(text, **changes),
        bucket="results-bucket",
        definition=value,
        discovery=result,
        baseline=baseline(window=BASELINE),
        template=FaultTemplate(body={"actions": {}}, before=before(result), guards=()),
        fault=FaultReport(experiment_id="EXP1", status="stopped", reason=f"because{text}", error_code=f"Code{text}"),
        series=SeriesDocument(windows=(BASELINE, FAULT, RECOVERY), series={}, measured=measured()),
    )


def _result(text: str, **changes: Any) -> Result:
    values = {"availability": 98.0, "response_time": 0.1, "request_rate": 10.0}
    inputs: dict[str, Any] = {
        "execution_id": "run-1",
        "experiment_name": f"Shop{text}",
        "status": Status.COMPLETED,
        "start_time": NOW,
        "end_time": ENDED + timedelta(minutes=8),
        "hypothesis_validated": False,
        "observations": (f"seen{text}",),
        "issues_discovered": (f"issue{text}",),
        "improvements_identified": (f"improve{text}",),
        "metrics_collected": {"baseline": values, "fault": {**values, "response_time": 1.4}, "recovery": values},
        "verdict": Verdict.REFUTED,
        "reason": f"1 of 3 criteria met{text}",
        "criteria": _criteria(text),
        "safety_checks": (
            SafetyCheck(name="opt_in_tag", outcome=CheckOutcome.PASSED, detail=f"tagged{text}"),
            SafetyCheck(name="alarms_ready", outcome=CheckOutcome.NOT_EVALUATED, detail=f"unreadable{text}"),
        ),
        "false_aborts": (
            FalseAborts(
                condition=f"Response time > 2 s{text}",
                metric="response_time",
                told="told",
                days=14.0,
                run_seconds=600,
                runs=2015,
                aborted=262,
                percent=13.0,
                low=11.2,
                high=15.1,
                instead=(f"Response time > 3 seconds{text}",),
                instead_high=0.9,
            ),
            FalseAborts(condition="Sentinel availability < 90 %", metric="s", told="no_history", run_seconds=600, why=f"new{text}"),
        ),
        "problems": (Problem(path=f"target{text}", message=f"unknown{text}"),) if text else (),
        "targets": (
            {
                "id": f"{REL12['target_resources'][0]}{text}",
                "zone": "eu-west-1a",
                "group": f"shop{text}",
                "proven": True,
                "evidence": f"gone{text}",
            },
        ),
        "statistics": (statistics(f"Higher{text}."),),
        "findings": (_finding(text),),
        "times": Times(
            effect_at=EFFECT,
            fault_ended_at=ENDED,
            to_effect_seconds=4.0,
            to_detect_seconds=61.0,
            detected_by=f"alarm{text}",
            to_recover_seconds=600.0,
        ),
        "timeline": (
            TimelineEvent(at=NOW, event="admitted", detail=text),
            TimelineEvent(at=EFFECT - timedelta(seconds=4), event="fault_started", detail="EXP1"),
            TimelineEvent(at=EFFECT + timedelta(seconds=61), event="alarm", detail=f"alarm{text}"),
            TimelineEvent(at=ENDED, event="fis_stopped", detail=text),
        ),
        "recovery": Recovery(
            recovered=True,
            recovered_at=ENDED,
            seconds_to_recover=600.0,
            replacement_ids=(f"i-2{text}",),
            replaced_at=ENDED,
            detail=f"back{text}",
        ),
        "rollback": RollbackReport(
            at=ENDED,
            proofs=(Proof(target="i-1", proven=True, kind="mechanism", detail=f"command{text}", at=EFFECT),),
            outcome=RollbackOutcome.NOT_RESTORED,
            differences=(f"differs{text}",),
            leftovers=(f"left{text}",),
            could_have_lasted_until=ENDED,
        ),
        "signals": (
            SignalReading(
                targets=(f"{REL12['target_resources'][0]}{text}",), metric=f"Shop RoundTrip{text}", reading="moved", detail=f"moved{text}"
            ),
        ),
        "cost": {"action_minutes": 10.0, "fis_usd": 1.0, "total_usd": 1.0007},
        "environment": "staging",
        "experiment_type": "network_latency",
        "definition_hash": "a" * 64,
        "requested_by": f"ops{text}",
    }
    return Result.model_validate({**inputs, **changes})


def _criteria(text: str) -> tuple[CriterionResult, ...]:
    return (
        CriterionResult(
            text="System availability > 99%",
            kind="threshold",
            critical=True,
            outcome=CriterionOutcome.NOT_MET,
            measured=96.0,
            threshold=99.0,
            comparator=">",
            unit="percent",
            window=FAULT,
            points=((FAULT.start, 96.0),),
            expected_points=10,
            reason=f"too low{text}",
        ),
        CriterionResult(
            text=f"Replaced{text}", kind="replacement", critical=False, outcome=CriterionOutcome.CANNOT_TELL, reason=text or "no data"
        ),
    )


def _finding(text: str) -> Finding:
    return Finding(
        id="f-0123456789ab",
        kind="criterion_not_met",
        title=f"Too slow{text}",
        detail=f"1.4 s{text}",
        severity=Severity.HIGH,
        practice="REL11-BP03 Automate healing on all layers",
        improvements=(f"Add redundancy{text}",),
        evidence=FindingEvidence(metric="response_time", value=1.4, unit="seconds", at=EFFECT),
        first_seen=NOW - timedelta(days=9),
        seen_count=3,
    )
