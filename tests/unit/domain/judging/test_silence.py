"""Periods without requests where there had always been some are never taken for good."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from squall.domain.base.vocabulary import CriterionOutcome
from squall.domain.documents.judgement import CriterionResult
from tests.unit.builders import HEALTHY, discovery, experiment, series
from tests.unit.domain.judging.test_beginning import AVAILABLE, BEFORE, RUN, judge

MET, NOT_MET, UNKNOWN = CriterionOutcome.MET, CriterionOutcome.NOT_MET, CriterionOutcome.CANNOT_TELL
WELL = [600.0] * 10


def name_of(criterion: str) -> str:
    found = discovery(exp=experiment(success_criteria=[criterion]))
    return next(each.name for each in found.bindings if each.name not in {"availability", "request_rate", "healthy_hosts"})


def available(
    during: Sequence[float | None], before: Sequence[float | None] = (600.0,), failed: float | None = None, criterion: str = AVAILABLE
) -> CriterionResult:
    """`during`: requests of the ten periods of the fault; `before` is repeated over the baseline."""
    counted = [*(before[number % len(before)] for number in range(BEFORE)), 600.0, *during]
    points = {"requests": counted, "target_5xx": [None] * (BEFORE + 1) + [failed] * 10}
    binding = next(each for each in discovery(exp=experiment(success_criteria=[criterion])).bindings if each.name == "availability")
    read = {"availability": series(binding, RUN, points)}
    value = {"fault": {**HEALTHY, "availability": 100 - (failed or 0.0) / 6}}
    return judge(criterion, "availability", {}, run_series=read, series={"fault": read}, values=value)


@pytest.mark.parametrize("silent", [1, 2])
@pytest.mark.parametrize("at", [0, 4, 7])
def test_minutes_without_any_request_are_no_evidence_of_availability(silent: int, at: int) -> None:
    during: list[float | None] = [*WELL]
    during[at : at + silent] = [None] * silent
    result = available(during)
    assert result.outcome is UNKNOWN
    assert result.reason.startswith(f"nothing was counted in {silent} of 10 periods, and the baseline was not as silent")


def test_a_workload_that_is_often_silent_is_judged_by_what_it_has() -> None:
    assert available([None, *WELL[1:]], before=[600.0, 600.0, None, 600.0]).outcome is MET
    assert available([None, None, *WELL[2:]], before=[600.0] * 19 + [None]).outcome is MET, "one of twenty before, two of ten now"


def test_one_silent_period_where_the_data_ends_may_not_be_published_yet() -> None:
    assert available([*WELL[1:], None]).outcome is MET


def test_silence_excuses_no_failures_and_acquits_where_it_could_not_matter() -> None:
    assert available([None, *WELL[1:]], failed=300.0).outcome is NOT_MET
    assert available([None, *WELL[1:]], criterion="System availability > 85%").outcome is MET


@pytest.mark.parametrize("criterion", ["Error count < 50", "HTTPCode_Target_5XX_Count < 50"])
def test_no_errors_are_no_evidence_where_nobody_could_ask(criterion: str) -> None:
    """CloudWatch publishes error counts only where there are some, and nobody who is not answered is counted."""
    found = discovery(exp=experiment(success_criteria=[criterion]))
    requests = next(each for each in found.bindings if each.name == "request_rate")
    name = name_of(criterion)
    binding = next(each for each in found.bindings if each.name == name)

    def count(during: Sequence[float | None]) -> CriterionResult:
        counted = series(requests, RUN, {"requests": [*[600.0] * (BEFORE + 1), *during]})
        nothing = series(binding, RUN, {})
        return judge(criterion, name, {}, run_series={name: nothing, "request_rate": counted}, values={"fault": {**HEALTHY, name: 0.0}})

    assert count(WELL).outcome is MET
    silent = count([None] * 10)
    assert silent.outcome is UNKNOWN
    assert "nothing was counted in 10 of 10 periods" in silent.reason
    assert "they count as zero" not in silent.reason
    assert count([600.0] * 6 + [None] * 2 + [600.0] * 2).outcome is UNKNOWN
