"""Guards arm without errors, breach without traffic, and are named so that they can always be found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.domain.documents.guards import Guards, GuardSpec
from squall.domain.documents.metrics.metric_models import Point
from squall.domain.experiment.sentences import parse_sentences
from squall.domain.metrics.guard_alarms import UnguardableError, guard_name, guard_specs, stop_guard
from squall.domain.metrics.guard_breach import guard_breaches, list_guard_values
from squall.domain.policy.environment import Timing
from tests.unit.builders import bindings, experiment


def specs(**changes: object) -> tuple[GuardSpec, ...]:
    exp = experiment(**changes)
    return guard_specs("run-1", "Squall", [t for _, t in parse_sentences(exp).conditions], bindings(exp), Timing())


def test_the_seeds_guards() -> None:
    availability, slow = specs()
    assert (availability.name, slow.name) == ("squall-Squall-run-1-1", "squall-Squall-run-1-2")
    assert (availability.comparison, availability.threshold) == ("LessThanThreshold", 95.0)
    assert (slow.comparison, slow.threshold, slow.metrics[0].statistic) == ("GreaterThanThreshold", 5.0, "Average")
    assert (availability.datapoints_to_alarm, availability.evaluation_periods) == (2, 3)
    assert availability.reaction_seconds == 360


def test_sparse_counts_are_filled_and_the_denominator_never_is() -> None:
    availability = specs()[0]
    expression = next(metric.expression for metric in availability.metrics if metric.return_data)
    assert expression == "100*(1-(FILL(m1,0)+FILL(m2,0))/(m5+FILL(m2,0)-FILL(m3,0)-FILL(m4,0)))"
    assert [metric.metric_name for metric in availability.metrics if metric.expression is None][-1] == "RequestCount"


def test_missing_traffic_breaches_and_missing_errors_do_not() -> None:
    result = specs(abort_conditions=["System availability < 95%", "Response time > 5 s", "Error count > 10", "CPU utilization > 99%"])
    assert [spec.treat_missing_data for spec in result] == ["breaching", "breaching", "notBreaching", "missing"]


def test_every_alarm_returns_exactly_one_value_of_at_most_ten_metrics() -> None:
    for spec in specs(abort_conditions=["Error rate > 5%", "Request rate < 1 rps", "Error count > 10", "p99 response time > 2 s"]):
        assert sum(metric.return_data for metric in spec.metrics) == 1
        assert len(spec.metrics) <= 10
        assert len({metric.id for metric in spec.metrics}) == len(spec.metrics)


def test_a_rate_is_compared_per_second() -> None:
    (rate,) = specs(abort_conditions=["Request rate < 1 rps"])
    assert next(metric.expression for metric in rate.metrics if metric.return_data) == "m1/60"


def test_an_alarm_compares_in_the_unit_of_the_language_whatever_cloudwatchs_is() -> None:
    declared = {"checkout": {"namespace": "Shop", "metric_name": "Checkout", "unit": "milliseconds"}}
    (guard,) = specs(metrics=declared, abort_conditions=["checkout > 2 seconds"])
    assert guard.threshold == 2
    assert next(metric.expression for metric in guard.metrics if metric.return_data) == "(m1)/1000"


@pytest.mark.parametrize("minutes", [1, 2, 4])
def test_a_guard_that_names_a_time_fires_after_all_of_it_without_interruption(minutes: int) -> None:
    (guard,) = specs(abort_conditions=[f"System availability < 95% for {minutes} minutes"])
    assert (guard.datapoints_to_alarm, guard.evaluation_periods) == (minutes, minutes)


def test_equality_guards_nothing() -> None:
    with pytest.raises(UnguardableError):
        specs(abort_conditions=["Healthy hosts == 1"])


@given(
    run=st.text("abcXYZ019_-", min_size=1, max_size=80), stack=st.text("abcXYZ019-", min_size=1, max_size=255), number=st.integers(1, 99)
)
def test_names_are_legal_and_keep_their_number(run: str, stack: str, number: int) -> None:
    name = guard_name(run, stack, number)
    assert len(name) <= 255
    assert name.startswith("squall-")
    assert name.endswith(f"-{number}")


def test_stop_alarms_become_one_composite_alarm() -> None:
    result = stop_guard("squall-Squall-run-1-3", ["pager", 'odd "name" \\ here'])
    assert result is not None
    assert (result.name, result.alarms) == ("squall-Squall-run-1-3", ("pager", 'odd "name" \\ here'))
    assert result.rule == 'ALARM("pager") OR ALARM("odd \\"name\\" \\\\ here")'
    assert stop_guard("squall-Squall-run-1-3", []) is None


def test_guards_and_their_composite_are_named_together() -> None:
    stop = stop_guard("squall-Squall-run-1-3", ["pager"])
    guards = Guards(guards=(), stop=stop)
    assert guards.names == ("squall-Squall-run-1-3",)
    assert guards.words == {"squall-Squall-run-1-3": "guard of the stop alarms (pager)"}
    assert Guards(guards=()).names == ()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_is_no_number_is_missing(value: float) -> None:
    guard = next(guard for guard in specs() if guard.treat_missing_data == "breaching")
    points = [Point.model_construct(at=at, value=value) for at in range(0, 60 * guard.evaluation_periods, 60)]
    values = list_guard_values(guard, points, 60 * guard.evaluation_periods, 60)
    assert values == []
    assert guard_breaches(guard, values)
