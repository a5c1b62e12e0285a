"""A guard that would abort healthy runs is warned of, and refused above the policy's limit."""

from typing import Any

import pytest
from pydantic import ValidationError

from squall.domain.base.vocabulary import CheckOutcome
from squall.domain.documents.safety import Safety, SafetyCheck
from squall.domain.experiment.sentences import parse_sentences
from squall.domain.safety.evaluate import evaluate_checks
from tests.unit.builders import NOW, definition, environment, experiment
from tests.unit.domain.safety.test_safety import harmless, safe

PASSED, FAILED, WARNED, UNKNOWN = CheckOutcome.PASSED, CheckOutcome.FAILED, CheckOutcome.WARNED, CheckOutcome.NOT_EVALUATED
AVAILABILITY, LATENCY = (condition for _, condition in parse_sentences(experiment()).conditions)
NOISY: dict[str, Any] = {
    "aborted": 262,
    "percent": 13.0,
    "low": 11.2,
    "high": 15.1,
    "instead": ("Response time > 7 seconds",),
    "instead_high": 0.9,
}


def check(limit: float | None = None, **latency: Any) -> SafetyCheck:
    policy = {} if limit is None else {"guard_quality": {"false_abort": limit}}
    forecasts = [harmless(AVAILABILITY), harmless(LATENCY, **latency)]
    value = safe(definition=definition(env=environment(**policy)), false_aborts=forecasts)
    return next(entry for entry in evaluate_checks(value) if entry.name == "guards_spare_healthy_runs")


def test_a_guard_that_hardly_ever_fires_passes_and_its_share_is_said() -> None:
    result = check(limit=1)
    assert result.outcome is PASSED
    assert (
        f'"{LATENCY.text}" would have aborted 2 of 2015 healthy runs of 10 min in the last 14 days: 0.1 % (0.0 to 0.3 %)' in result.detail
    )


@pytest.mark.parametrize(
    ("limit", "percent", "outcome"),
    [
        (None, 1.0, PASSED),
        (None, 1.1, WARNED),
        (None, 90.0, WARNED),
        (5, 1.1, WARNED),
        (5, 5.0, WARNED),
        (5, 5.1, FAILED),
        (0.5, 0.6, FAILED),
    ],
)
def test_above_one_percent_it_is_warned_of_and_above_the_policys_limit_refused(
    limit: float | None, percent: float, outcome: CheckOutcome
) -> None:
    assert check(limit, **{**NOISY, "percent": percent}).outcome is outcome


def test_what_would_abort_less_is_proposed() -> None:
    assert check(**NOISY).detail.endswith(
        "13 % (11 to 15 %), more than the 1 % advised; `Response time > 7 seconds` would have aborted at most 1 %"
    )
    refused = check(5, **{**NOISY, "instead_high": 1.5}).detail
    assert "more than the 5 % that the policy allows" in refused
    assert refused.endswith("would have aborted none of them (at most 1.5 %)")
    assert check(**{**NOISY, "instead": (), "instead_high": None}).detail.endswith("watch another metric or statistic")


def test_a_metric_that_is_too_new_is_warned_of_whatever_the_limit() -> None:
    result = check(1, told="too_little_history", percent=None, low=None, high=None, why="CloudWatch has 0.2 days of its metric")
    assert (result.outcome, result.detail.endswith("can't be told: CloudWatch has 0.2 days of its metric")) == (WARNED, True)


def test_a_metric_that_can_have_no_history_is_said_and_nobody_is_warned() -> None:
    result = check(1, told="no_history", percent=None, low=None, high=None, why="the sentinel's metrics begin with the run")
    assert (result.outcome, result.detail.endswith("can't be told: the sentinel's metrics begin with the run")) == (PASSED, True)


def test_a_guard_that_was_not_counted_is_warned_of() -> None:
    value = safe(false_aborts=[harmless(AVAILABILITY)])
    result = next(entry for entry in evaluate_checks(value) if entry.name == "guards_spare_healthy_runs")
    assert (result.outcome, f'"{LATENCY.text}" can\'t be told' in result.detail) == (WARNED, True)


def test_a_history_that_could_not_be_read_is_not_evaluated() -> None:
    result = next(entry for entry in evaluate_checks(safe(false_aborts=None)) if entry.name == "guards_spare_healthy_runs")
    assert result.outcome is UNKNOWN


@pytest.mark.parametrize("limit", [0, 0.05, 101, -1])
def test_a_limit_is_a_share_in_percent(limit: float) -> None:
    with pytest.raises(ValidationError):
        environment(guard_quality={"false_abort": limit})


def test_a_document_of_an_earlier_version_has_no_forecast() -> None:
    assert Safety.model_validate({"at": NOW, "checks": []}).false_aborts == ()
