"""A period's report: keys and thresholds of REL12-BP05, coverage, score, findings, trend; in memory that does not grow with the runs."""

import tracemalloc
from datetime import UTC, datetime, timedelta
from itertools import permutations
from math import isclose
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.history.period import MESSAGE, Period
from squall.domain.history.period_report import Filters, PeriodReport
from squall.domain.history.quantiles import RELATIVE_ERROR, Quantiles
from squall.domain.history.summary import FindingSeen, RunSummary, workload_of

END = datetime(2026, 11, 1, tzinfo=UTC)
START = END - timedelta(days=30)
REL12_KEYS = {
    "report_period_days",
    "total_experiments",
    "successful_experiments",
    "success_rate",
    "hypothesis_validation_rate",
    "experiment_type_distribution",
    "total_issues_discovered",
    "common_issues",
    "recommendations",
}
_VALIDATED = {Verdict.VALIDATED: True, Verdict.REFUTED: False}


def run(number: int = 1, *, days_ago: float = 1, verdict: Verdict | None = Verdict.VALIDATED, **more: Any) -> RunSummary:
    inputs: dict[str, Any] = {
        "execution_id": f"run-{number}",
        "started_at": END - timedelta(days=days_ago),
        "status": Status.COMPLETED,
        "experiment": "EC2 Instance Termination Test",
        "environment": "staging",
        "fault_type": "instance_termination",
        "verdict": verdict,
        "hypothesis_validated": _VALIDATED.get(verdict) if verdict else None,
        "workload": "asg/web",
    }
    return RunSummary(**{**inputs, **more})


def report(*runs: RunSummary, **more: Any) -> PeriodReport:
    period = Period(START, END, **more)
    for entry in runs:
        period.add(entry)
    return period.report()


def finding(number: int = 1, *, closed: bool = False) -> FindingSeen:
    return FindingSeen(f"f-{number}", f"Finding {number}", "high", closed)


def test_all_of_the_seeds_keys_are_there() -> None:
    assert set(PeriodReport.model_fields) >= REL12_KEYS
    assert report().message == MESSAGE
    assert report(run()).message is None


def test_the_seeds_numbers() -> None:
    result = report(
        run(1),
        run(2, verdict=Verdict.REFUTED, fault_type="cpu_stress", findings=(finding(1), finding(2))),
        run(3, verdict=Verdict.ABORTED, status=Status.ABORTED, hypothesis_validated=False, findings=(finding(1),)),
        run(4, verdict=None, status=Status.REJECTED),
    )
    assert (result.total_experiments, result.successful_experiments, result.success_rate) == (4, 2, 50.0)
    assert result.hypothesis_validation_rate == 25.0
    assert result.experiment_type_distribution == {"instance_termination": 3, "cpu_stress": 1}
    assert result.total_issues_discovered == 3
    assert result.common_issues == ("Finding 1 (2 occurrences)", "Finding 2 (1 occurrence)")


def test_plans_and_runs_that_go_on_are_no_experiments() -> None:
    result = report(run(1, status=Status.PLANNED, verdict=None), run(2, status=Status.RUNNING, verdict=None), run(3))
    assert (result.total_experiments, result.planned, result.running) == (1, 1, 1)


def test_a_plan_that_was_refused_or_invalid_is_no_run() -> None:
    """It injected nothing: it neither fails nor succeeds, and covers nothing."""
    invalid = run(1, plan=True, status=Status.COMPLETED, verdict=Verdict.INVALID)
    refused = run(2, plan=True, status=Status.REJECTED, verdict=None)
    result = report(invalid, refused)
    assert (result.total_experiments, result.planned, result.by_status, result.workloads) == (0, 2, {}, ())


@pytest.mark.parametrize(
    ("runs", "sentence"),
    [
        ([run(n, status=Status.FAILED, verdict=None) for n in range(3)] + [run(9)] * 7, "Review experiment safety checks"),
        ([run(n, verdict=Verdict.REFUTED) for n in range(4)] + [run(9)] * 6, "Strengthen system resilience"),
        ([run(n) for n in range(3)], "Increase frequency"),
        ([run(1), run(2, fault_type="cpu_stress", workload="asg/other")], "Expand chaos experiments"),
        ([run(1)], "Integrate chaos engineering into CI/CD"),
    ],
)
def test_each_recommendation_where_the_numbers_say_so(runs: list[RunSummary], sentence: str) -> None:
    assert any(recommendation.startswith(sentence) for recommendation in report(*runs).recommendations)


def test_no_recommendation_where_they_do_not() -> None:
    """Exactly 20 % failed, exactly 30 % unvalidated, four a month, all covered, run by a schedule."""
    runs = [run(n, trigger="schedule") for n in range(7)] + [run(7, verdict=Verdict.REFUTED, days_ago=9, trigger="schedule")]
    runs += [run(n, verdict=None, status=Status.FAILED, trigger="schedule") for n in (8, 9)]
    assert report(*runs).recommendations == ()


def test_a_longer_period_wants_more_runs() -> None:
    long = Period(END - timedelta(days=90), END)
    for number in range(11):
        long.add(run(number))
    assert "Increase frequency of chaos engineering experiments" in long.report().recommendations
    long.add(run(12))
    assert "Increase frequency of chaos engineering experiments" not in long.report().recommendations


@pytest.mark.parametrize(
    ("name", "value"), [("environment", "production"), ("workload", "asg/db"), ("type", "cpu_stress"), ("owner", "payments")]
)
def test_filters(name: str, value: str) -> None:
    field = {"type": "fault_type"}.get(name, name)
    other: dict[str, Any] = {field: value}
    result = report(run(1), run(2, **other), filters=Filters(**{name: value}))
    assert result.total_experiments == 1
    assert result.filters == Filters(**{name: value})


def score(*runs: RunSummary) -> float:
    (workload,) = report(*runs).workloads
    return workload.score


def test_a_recent_validation_is_worth_most_and_fades() -> None:
    scores = [score(run(days_ago=days)) for days in (0.01, 10, 29)]
    assert scores == sorted(scores, reverse=True)
    assert isclose(scores[0], 100, abs_tol=0.1)
    assert isclose(score(run(days_ago=45)), 50, abs_tol=0.1)


def test_refuted_never_run_and_stale_are_different_things() -> None:
    result = report(
        run(1, workload="asg/a"),
        run(2, workload="asg/a", fault_type="cpu_stress", verdict=Verdict.REFUTED),
        run(3, workload="asg/b"),
        run(4, workload="asg/c", days_ago=89.9),
        run(5, workload="asg/d", verdict=Verdict.INVALID),
        stale_days=89,
    )
    states = {workload.workload: {kind: cell.state for kind, cell in workload.types.items()} for workload in result.workloads}
    assert states == {
        "asg/a": {"instance_termination": "validated", "cpu_stress": "refuted"},
        "asg/b": {"instance_termination": "validated", "cpu_stress": "never"},
        "asg/d": {"instance_termination": "undecided", "cpu_stress": "never"},
    }, "89.9 days are beyond the lookback of 89"
    points = {workload.workload: workload.score for workload in result.workloads}
    assert points["asg/b"] > points["asg/a"], "a known weakness is worth less than what was never tried"


def test_what_is_older_than_the_period_still_covers() -> None:
    result = report(run(1, days_ago=60))
    assert result.total_experiments == 0
    assert result.workloads[0].types["instance_termination"].state == "validated"


def test_a_refutation_does_not_fade_and_a_later_validation_ends_it() -> None:
    refuted = run(1, verdict=Verdict.REFUTED, days_ago=29)
    assert score(refuted) == 0
    assert score(refuted, run(2, days_ago=1)) > 95
    assert score(run(2, days_ago=29), run(1, verdict=Verdict.REFUTED, days_ago=1)) == 0


def test_an_undecided_run_takes_nothing_away() -> None:
    assert score(run(1, days_ago=5)) == score(run(1, days_ago=5), run(2, days_ago=1, verdict=Verdict.INCONCLUSIVE))


def test_a_rejected_run_covers_nothing() -> None:
    assert report(run(1, status=Status.REJECTED, verdict=None)).workloads == ()


def test_findings_are_grouped_by_id_and_closed_by_the_run_that_proves_it() -> None:
    result = report(
        run(1, days_ago=9, findings=(finding(1), finding(2))),
        run(2, days_ago=8, findings=(finding(1),), experiment="Other"),
        run(3, days_ago=7, findings=(finding(1, closed=True),)),
    )
    assert [(entry.id, entry.occurrences, entry.open) for entry in result.findings] == [("f-2", 1, True), ("f-1", 2, False)]
    assert result.findings[1].experiments == ("EC2 Instance Termination Test", "Other")


def test_a_finding_seen_again_is_open_again() -> None:
    result = report(
        run(1, days_ago=9, findings=(finding(1),)),
        run(2, days_ago=8, findings=(finding(1, closed=True),)),
        run(3, days_ago=7, findings=(finding(1),)),
    )
    assert [(entry.occurrences, entry.open) for entry in result.findings] == [(2, True)]


def test_the_trend_has_every_day_and_counts_every_run_once() -> None:
    result = report(run(1, days_ago=30), run(2, days_ago=0.5, recovery_seconds=10.0), run(3, days_ago=0.4, recovery_seconds=30.0))
    assert len(result.trend) == 30
    assert [bucket.runs for bucket in result.trend if bucket.runs] == [1, 2]
    assert isclose(result.trend[-1].recovery_median_seconds or 0, 10, rel_tol=0.02)
    assert sum(bucket.runs for bucket in result.trend) == result.total_experiments


def test_experiments_of_the_catalogue_that_never_ran() -> None:
    catalogue = {"EC2 Instance Termination Test": "instance_termination", "CPU": "cpu_stress"}
    result = report(run(1), catalogue=catalogue)
    assert result.never_run == ("CPU",)
    assert result.workloads[0].types["cpu_stress"].state == "never"


def test_the_order_of_reading_changes_nothing() -> None:
    runs = [
        run(1, days_ago=9, findings=(finding(1),)),
        run(2, days_ago=8, findings=(finding(1, closed=True),)),
        run(3, days_ago=7, verdict=Verdict.REFUTED, recovery_seconds=3.0),
        run(4, days_ago=6, status=Status.ABORTED, verdict=Verdict.ABORTED, hypothesis_validated=None),
    ]
    assert len({report(*order).model_dump_json() for order in permutations(runs)}) == 1


def test_an_empty_period_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        Period(END, END)


def test_memory_does_not_grow_with_the_runs() -> None:
    def peak(number: int) -> int:
        tracemalloc.start()
        period = Period(START, END)
        for index in range(number):
            period.add(run(index, days_ago=index % 30 + 0.5, recovery_seconds=float(index % 900), findings=(finding(index % 7),)))
        assert period.report().total_experiments == number
        result = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return result

    peak(500)
    assert peak(8000) < 1.5 * peak(2000)


@given(st.lists(st.floats(min_value=0.01, max_value=1e7), min_size=1, max_size=200), st.floats(min_value=0, max_value=1))
def test_quantiles_are_off_by_one_percent_at_most(values: list[float], share: float) -> None:
    sketch = Quantiles()
    for value in values:
        sketch.add(value)
    rank = int(share * (len(values) - 1))
    exact = sorted(values)[rank]
    result = sketch.at(share)
    assert result is not None
    assert isclose(result, exact, rel_tol=RELATIVE_ERROR * 1.001)


def test_quantiles_of_nothing_and_of_nonsense() -> None:
    assert Quantiles().at(0.5) is None
    with pytest.raises(ValueError, match="not a duration"):
        Quantiles().add(float("nan"))


def test_a_workload_is_its_tag_or_its_first_failure_domain() -> None:
    assert workload_of({"workload": "shop"}, ["asg/web"]) == "shop"
    assert workload_of({}, ["tg/x", "asg/web"]) == "asg/web"
    assert workload_of({}, []) == ""
